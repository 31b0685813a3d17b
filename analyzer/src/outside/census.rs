//! Threads by name, and processes around the JVM.

use flinkmem_native::kernel::cgroup::Cgroup;
use flinkmem_native::kernel::processes::{self, OtherProcesses};
use flinkmem_native::kernel::tasks::Tasks;
use flinkmem_trace::{
    OtherProcess, ProcessTotals, Relation, Surroundings, Taken, ThreadCensus, ThreadGroup,
};
use std::collections::BTreeMap;
use std::path::Path;

/// Threads and processes that are looked at; a busy host has some thousands.
const MOST: usize = 10_000;

/// Threads by the kernel's names for them, of at most 15 letters, all threads of the JVM among them.
pub(super) fn threads(process: &Path, taken: Taken) -> Option<ThreadCensus> {
    let tasks = Tasks::of(process, MOST)?;
    let mut groups: BTreeMap<String, u64> = BTreeMap::new();
    for name in &tasks.names {
        *groups.entry(pattern(name)).or_default() += 1;
    }
    let group = |(pattern, live): (String, u64)| ThreadGroup {
        pattern,
        live,
        appeared: live,
        ..ThreadGroup::default()
    };
    let mut groups: Vec<ThreadGroup> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.live));
    Some(ThreadCensus {
        taken,
        live: count(tasks.names.len() + tasks.unread),
        groups,
        others: count(tasks.unread),
        ..ThreadCensus::default()
    })
}

/// Children of the process, and others in its container where that has a limit.
pub(super) fn processes(pid: u32, cgroup: Option<&Cgroup>, taken: Taken) -> Option<Surroundings> {
    let is_container = |cgroup: &&Cgroup| {
        cgroup
            .read(false)
            .is_some_and(|reading| reading.limit_bytes.is_some())
    };
    let container = cgroup.filter(is_container);
    let found = OtherProcesses::around(pid, container, MOST)?;
    let mut processes: Vec<OtherProcess> = found.processes.iter().map(recorded).collect();
    processes.sort_by_key(|process| std::cmp::Reverse(process.vm_rss_bytes));
    let totals = |relation| {
        let of_kind = processes
            .iter()
            .filter(|process| process.relation == relation);
        of_kind.fold(ProcessTotals::default(), |sum, process| ProcessTotals {
            count: sum.count + 1,
            vm_rss_bytes: sum.vm_rss_bytes.saturating_add(process.vm_rss_bytes),
            unreclaimable_bytes: sum
                .unreclaimable_bytes
                .saturating_add(process.rss_anon_bytes)
                .saturating_add(process.rss_shmem_bytes),
            threads: sum.threads.saturating_add(process.threads),
        })
    };
    Some(Surroundings {
        taken,
        descendants: Some(totals(Relation::Descendant)),
        neighbours: container.map(|_| totals(Relation::Neighbour)),
        zombies: count(found.zombies),
        unread_processes: count(found.unread),
        processes,
        ..Surroundings::default()
    })
}

fn recorded(process: &processes::OtherProcess) -> OtherProcess {
    let status = process.status.unwrap_or_default();
    OtherProcess {
        pid: process.pid,
        parent: process.parent,
        comm: process.comm.clone(),
        relation: match process.relation {
            processes::Relation::Descendant => Relation::Descendant,
            processes::Relation::Neighbour => Relation::Neighbour,
        },
        vm_rss_bytes: status.vm_rss_bytes,
        rss_anon_bytes: status.rss_anon_bytes,
        rss_shmem_bytes: status.rss_shmem_bytes,
        vm_swap_bytes: status.vm_swap_bytes,
        threads: status.threads,
    }
}

/// A name with `#` for each number, as in the censuses of the agent.
fn pattern(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '0'..='9' if pattern.ends_with('#') => {}
            '0'..='9' => pattern.push('#'),
            c => pattern.push(c),
        }
    }
    pattern
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_numbers_are_one() {
        assert_eq!(pattern("pool-12-thread-3"), "pool-#-thread-#");
        assert_eq!(pattern("GC Thread#0"), "GC Thread#");
    }

    #[test]
    fn the_threads_of_this_process_are_counted() {
        let census = threads(Path::new("/proc/self"), Taken::default()).unwrap();
        let sum: u64 = census.groups.iter().map(|group| group.live).sum();
        assert_eq!(sum, census.live);
        assert!(census.live >= 1);
    }
}
