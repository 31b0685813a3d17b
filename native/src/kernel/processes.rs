//! Other processes: what descends from one, and who shares its cgroup. Names only, never arguments, which may hold
//! secrets.

use super::cgroup::Cgroup;
use super::status::Status;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

/// What a process is to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// A child, or a child's child.
    Descendant,
    /// In the same memory cgroup, and no descendant.
    Neighbour,
}

/// A process other than this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherProcess {
    /// Its id, as this process sees it.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// The kernel's name for it, at most 15 letters of its program's name.
    pub comm: String,
    /// What it is to this one.
    pub relation: Relation,
    /// Its memory; `None` when it is ending, or this one may not look.
    pub status: Option<Status>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OtherProcesses {
    /// Those that were read.
    pub processes: Vec<OtherProcess>,
    /// Descendants that have ended and that nobody has waited for. They hold a process id and no memory.
    pub zombies: usize,
    /// Processes beyond the number that was to be read.
    pub unread: usize,
}

/// A line of `/proc/<pid>/stat`, as far as it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stat {
    parent: u32,
    comm: String,
    is_zombie: bool,
}

impl OtherProcesses {
    /// Looks at no more than `most` processes, those that were started after this one first, as its descendants are.
    #[must_use]
    pub fn read(cgroup: Option<&Cgroup>, most: usize) -> Option<Self> {
        Self::around(std::process::id(), cgroup, most)
    }

    /// The same around the process `pid`, whose `cgroup` is given.
    #[must_use]
    pub fn around(pid: u32, cgroup: Option<&Cgroup>, most: usize) -> Option<Self> {
        let procs = cgroup
            .and_then(Cgroup::directory)
            .map(|directory| directory.join("cgroup.procs"));
        Self::below(Path::new("/proc"), procs.as_deref(), pid, most)
    }

    fn below(proc: &Path, procs: Option<&Path>, own: u32, most: usize) -> Option<Self> {
        let pids = pids(proc, own)?;
        let stat = |pid: &u32| Some((*pid, Stat::read(proc, *pid)?));
        let stats: HashMap<u32, Stat> = pids.iter().take(most).filter_map(stat).collect();
        let neighbours: HashSet<u32> = procs
            .and_then(super::read)
            .map(|text| text.lines().filter_map(|line| line.parse().ok()).collect())
            .unwrap_or_default();
        let mut found = Self {
            unread: pids.len().saturating_sub(most),
            ..Self::default()
        };
        for (&pid, stat) in &stats {
            let relation = if descends(pid, own, &stats) {
                Relation::Descendant
            } else if neighbours.contains(&pid) {
                Relation::Neighbour
            } else {
                continue;
            };
            if stat.is_zombie {
                found.zombies += usize::from(relation == Relation::Descendant);
                continue;
            }
            found.processes.push(OtherProcess {
                pid,
                parent: stat.parent,
                comm: stat.comm.clone(),
                relation,
                status: Status::of(&proc.join(pid.to_string())),
            });
        }
        Some(found)
    }
}

/// All but `own`, those with greater ids first, in the order of their ids.
fn pids(proc: &Path, own: u32) -> Option<Vec<u32>> {
    let entries = fs::read_dir(proc).ok()?.flatten();
    let pid = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    let mut pids: Vec<u32> = entries.filter_map(pid).filter(|&pid| pid != own).collect();
    pids.sort_by_key(|&pid| (pid < own, pid));
    Some(pids)
}

/// Whether one of the parents is `own`. Ids may be given anew while they are read, so a circle is possible.
fn descends(pid: u32, own: u32, stats: &HashMap<u32, Stat>) -> bool {
    const DEEPEST: usize = 64;
    let parents = std::iter::successors(stats.get(&pid), |stat| stats.get(&stat.parent));
    parents.take(DEEPEST).any(|stat| stat.parent == own)
}

impl Stat {
    fn read(proc: &Path, pid: u32) -> Option<Self> {
        let bytes = fs::read(proc.join(pid.to_string()).join("stat")).ok()?;
        Self::parse(&String::from_utf8_lossy(&bytes))
    }

    /// The name may hold blanks and parentheses. See proc_pid_stat(5).
    fn parse(text: &str) -> Option<Self> {
        let (before, behind) = text.rsplit_once(')')?;
        let (_, comm) = before.split_once('(')?;
        let mut fields = behind.split_ascii_whitespace();
        let state = fields.next()?;
        Some(Self {
            parent: fields.next()?.parse().ok()?,
            comm: comm.to_owned(),
            is_zombie: matches!(state, "Z" | "X"),
        })
    }
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = Stat::parse(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(proc: &Path, pid: u32, comm: &str, state: char, parent: u32) {
        let directory = proc.join(pid.to_string());
        fs::create_dir(&directory).unwrap();
        let stat = format!("{pid} ({comm}) {state} {parent} 1 1 0 -1 4194304 0\n");
        fs::write(directory.join("stat"), stat).unwrap();
        let status = format!("Name:\t{comm}\nVmRSS:\t{pid} kB\nRssAnon:\t1 kB\nThreads:\t3\n");
        fs::write(directory.join("status"), status).unwrap();
    }

    #[test]
    fn descendants_and_neighbours_are_found_and_strangers_are_not() {
        let proc = tempfile::tempdir().unwrap();
        let proc = proc.path();
        for (pid, comm, state, parent) in [
            (1, "init", 'S', 0),
            (7, "sidecar", 'S', 1),
            (8, "java", 'S', 1),
            (9, "python (x) 3", 'S', 8),
            (10, "worker", 'R', 9),
            (11, "gone", 'Z', 8),
            (12, "stranger", 'S', 1),
        ] {
            process(proc, pid, comm, state, parent);
        }
        fs::write(proc.join("procs"), "7\n8\n9\n").unwrap();
        let procs = proc.join("procs");
        let mut found = OtherProcesses::below(proc, Some(&procs), 8, 100).unwrap();
        found.processes.sort_by_key(|process| process.pid);
        let told: Vec<_> = found
            .processes
            .iter()
            .map(|process| {
                (
                    process.comm.as_str(),
                    process.relation,
                    process.status.unwrap().vm_rss_bytes,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("sidecar", Relation::Neighbour, 7 * 1024),
                ("python (x) 3", Relation::Descendant, 9 * 1024),
                ("worker", Relation::Descendant, 10 * 1024),
            ]
        );
        assert_eq!((found.zombies, found.unread), (1, 0));
        let few = OtherProcesses::below(proc, None, 8, 2).unwrap();
        let pids: HashSet<u32> = few.processes.iter().map(|process| process.pid).collect();
        assert_eq!(pids, HashSet::from([9, 10]), "the younger ones first");
        assert_eq!(few.unread, 4);
    }

    #[test]
    fn a_child_of_this_process_is_found() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let found = OtherProcesses::read(None, 100_000).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let found = found
            .processes
            .iter()
            .find(|process| process.pid == child.id())
            .unwrap();
        assert_eq!(found.parent, std::process::id());
        assert_eq!(found.relation, Relation::Descendant);
    }
}
