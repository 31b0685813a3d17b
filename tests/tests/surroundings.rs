//! What is outside the JVM: children, other processes in the container, page cache, host.

use anyhow::{Context, Result};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Cgroup, Jdk, Jvm, Running, Trace, on_every_jdk};
use flinkmem_trace::{OtherProcess, Record, Relation, Surroundings};

const MIB: u64 = 1 << 20;
const HELD: u64 = 50 * MIB;

#[test]
fn a_childs_child_is_seen_with_its_memory_and_without_its_arguments() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "Parent")
            .arguments([HELD.to_string().as_str()])
            .agent("interval=20ms")
            .start()?;
        jvm.step("started")?;
        let found = wait_for(&mut jvm, |found| {
            holder(found).is_some_and(|holder| holder.rss_anon_bytes >= HELD)
        })?;
        let holder = holder(&found).context("no holder")?;
        assert_eq!(holder.relation, Relation::Descendant);
        assert!(holder.vm_rss_bytes < 2 * HELD, "{holder:?}");
        let shell = found
            .processes
            .iter()
            .find(|process| process.pid == holder.parent);
        assert_eq!(shell.context("no shell")?.parent, jvm.id());
        let totals = found.descendants.context("no totals")?;
        assert!(
            totals.count >= 3 && totals.unreclaimable_bytes >= HELD,
            "{found:?}"
        );
        assert!(!format!("{found:?}").contains("secret-argument"));
        let host = found.host.context("no host")?;
        assert!(host.available_bytes <= Some(host.total_bytes), "{host:?}");
        jvm.go_on()?;
        let ended = jvm.step("ended")?;
        wait_for(&mut jvm, |found| {
            let none = found.descendants.is_some_and(|totals| totals.count == 0);
            found.taken.t_ms > ended.t_ms && none
        })?;
        Ok(())
    })
}

#[test]
fn whoever_shares_the_container_is_seen() -> Result<()> {
    let group = match Cgroup::memory(1024 * MIB) {
        Ok(group) => group,
        Err(why) => {
            skipped("whoever_shares_the_container_is_seen", format!("{why:#}"));
            return Ok(());
        }
    };
    let jdk = Jdk::find(17)?;
    let other = Jvm::new(&jdk, "Idle").within(&group)?.start()?;
    let mut jvm = Jvm::new(&jdk, "Idle")
        .within(&group)?
        .agent("interval=20ms")
        .start()?;
    let found = wait_for(&mut jvm, |found| {
        found.neighbours.is_some_and(|totals| totals.count > 0)
    })?;
    let neighbour = found
        .processes
        .iter()
        .find(|process| process.pid == other.id());
    let neighbour = neighbour.with_context(|| format!("not seen: {found:?}"))?;
    assert_eq!(
        (neighbour.relation, neighbour.comm.as_str()),
        (Relation::Neighbour, "java")
    );
    let cgroup = found.cgroup.context("no cgroup")?;
    let anon = cgroup.anon_bytes.context("no anonymous memory")?;
    assert!(anon >= neighbour.rss_anon_bytes / 2, "{cgroup:?}");
    assert!(
        cgroup.file_bytes.is_some() && cgroup.shmem_bytes.is_some(),
        "{cgroup:?}"
    );
    Ok(())
}

/// The process that holds the memory.
fn holder(found: &Surroundings) -> Option<&OtherProcess> {
    found
        .processes
        .iter()
        .find(|process| process.comm == "tail")
}

fn wait_for(jvm: &mut Running, wanted: impl Fn(&Surroundings) -> bool) -> Result<Surroundings> {
    jvm.wait_for_trace("the surroundings", |trace: &Trace| {
        let found = trace.evidence.iter().filter_map(|record| match record {
            Record::Surroundings(found) => Some(&**found),
            _ => None,
        });
        found.filter(|found| wanted(found)).last().cloned()
    })
}
