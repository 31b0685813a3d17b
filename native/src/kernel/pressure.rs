//! Pressure stall information: how long tasks waited for a resource, of the cgroup (version 2) or else of the host.
//! Fields as in the kernel's Documentation/accounting/psi.rst; totals since boot or since the cgroup was made.

use super::kept::KeptFile;
use std::path::Path;

/// Time in which tasks waited, microseconds so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stall {
    /// At least one waited.
    pub some_us: u64,
    /// All that were not idle waited; absent where the kernel does not tell (`cpu` of the host before Linux 5.13).
    pub full_us: Option<u64>,
}

/// One reading; absent is what this kernel does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Waiting for a processor.
    pub cpu: Option<Stall>,
    /// Waiting for memory: reclaim, swap-in, refault.
    pub memory: Option<Stall>,
    /// Waiting for input or output.
    pub io: Option<Stall>,
}

/// Where the figures come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The process's cgroup.
    Cgroup,
    /// The whole machine.
    Host,
}

/// The three files, open.
#[derive(Debug)]
pub struct PressureFiles {
    scope: Scope,
    cpu: Option<KeptFile>,
    memory: Option<KeptFile>,
    io: Option<KeptFile>,
}

impl PressureFiles {
    /// Those of `cgroup` if it has them, else those of the host; `None` on a kernel without.
    #[must_use]
    pub fn open(cgroup: Option<&Path>) -> Option<Self> {
        let of_cgroup = cgroup.and_then(|directory| Self::within(directory, Scope::Cgroup));
        of_cgroup.or_else(|| Self::within(Path::new("/proc/pressure"), Scope::Host))
    }

    fn within(directory: &Path, scope: Scope) -> Option<Self> {
        let file = |resource: &str| {
            let name = match scope {
                Scope::Cgroup => format!("{resource}.pressure"),
                Scope::Host => resource.to_owned(),
            };
            // Where accounting is switched off the files are there, and refuse to be read.
            KeptFile::open(&directory.join(name)).filter(|file| file.read(parse).is_some())
        };
        let [cpu, memory, io] = ["cpu", "memory", "io"].map(file);
        (cpu.is_some() || memory.is_some() || io.is_some()).then_some(Self {
            scope,
            cpu,
            memory,
            io,
        })
    }

    /// Whose figures these are.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Reads what they say now.
    #[must_use]
    pub fn read(&self) -> Reading {
        let stall = |file: &Option<KeptFile>| file.as_ref()?.read(parse);
        Reading {
            cpu: stall(&self.cpu),
            memory: stall(&self.memory),
            io: stall(&self.io),
        }
    }
}

fn parse(text: &str) -> Option<Stall> {
    let total = |kind: &str| {
        let line = text.lines().find(|line| line.starts_with(kind))?;
        let total = line
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix("total="))?;
        total.parse().ok()
    };
    Some(Stall {
        some_us: total("some ")?,
        full_us: total("full "),
    })
}

#[cfg(fuzzing)]
pub(super) fn fuzz(text: &str) {
    let _ = parse(text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_cgroups_own_files_come_before_the_hosts() {
        let directory = tempfile::tempdir().unwrap();
        for (file, text) in [
            (
                "cpu.pressure",
                "some avg10=6.35 avg60=4.53 avg300=10.89 total=3204323831\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
            ),
            (
                "memory.pressure",
                "some avg10=0.00 avg60=0.00 avg300=0.04 total=631171\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=257334\n",
            ),
            // As of a kernel before 5.13 for cpu; and one whose accounting is off cannot be parsed.
            ("io.pressure", ""),
        ] {
            fs::write(directory.path().join(file), text).unwrap();
        }
        let files = PressureFiles::open(Some(directory.path())).unwrap();
        assert_eq!(files.scope(), Scope::Cgroup);
        let expected = Reading {
            cpu: Some(Stall {
                some_us: 3_204_323_831,
                full_us: Some(0),
            }),
            memory: Some(Stall {
                some_us: 631_171,
                full_us: Some(257_334),
            }),
            io: None,
        };
        assert_eq!(files.read(), expected);
    }

    #[test]
    fn an_old_kernel_tells_no_full_stall_of_processors() {
        let line = "some avg10=0.00 avg60=0.00 avg300=0.00 total=12\n";
        let expected = Stall {
            some_us: 12,
            full_us: None,
        };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("some avg10=0.00\n"), None);
    }
}
