//! What the kernel's OOM killer reports in dmesg or the journal.

use super::fact::{Fact, Kill};
use super::figures::number_after;

pub(super) const NEEDLES: &[&str] = &["Killed process ", "Kill process ", "oom-kill:constraint="];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    // Kernels up to 5.2 announce a kill before they tell of it; the second line has the figures.
    let Some((before, rest)) = line.split_once("Killed process ") else {
        return;
    };
    let kib = |name: &str| number_after(rest, name)?.checked_mul(1024);
    let (anon, file) = (kib("anon-rss:"), kib("file-rss:"));
    let shmem = kib("shmem-rss:").unwrap_or(0);
    let used = anon.map(|anon| anon.saturating_add(file.unwrap_or(0)).saturating_add(shmem));
    let name = rest
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let kill = Kill {
        by: "kernel",
        what: name.map(|(name, _)| name.to_owned()),
        limit: None,
        used,
        file,
    };
    facts.push(match before.contains("emory cgroup out of memory") {
        true => Fact::ContainerKilled(kill),
        false => Fact::HostKilled(kill),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroups_kill_and_the_hosts() {
        let tail = "Killed process 4711 (java), UID 1000, total-vm:9000000kB, anon-rss:1024kB, file-rss:16kB, shmem-rss:0kB, UID:0";
        let mut facts = Vec::new();
        read(
            &format!("[1.5] Memory cgroup out of memory: {tail}"),
            &mut facts,
        );
        read(&format!("[1.5] Out of memory: {tail}"), &mut facts);
        let kill = Kill {
            by: "kernel",
            what: Some("java".to_owned()),
            limit: None,
            used: Some(1040 * 1024),
            file: Some(16 * 1024),
        };
        assert_eq!(
            facts,
            [Fact::ContainerKilled(kill.clone()), Fact::HostKilled(kill)]
        );
    }
}
