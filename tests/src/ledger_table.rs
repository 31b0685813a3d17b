//! The agent's ledger of resident memory against what is known otherwise, in a real Flink: Native Memory Tracking's map of
//! addresses with the pages that the kernel says are in memory, and the allocator.
//!
//! Native Memory Tracking knows what the JVM mapped and for what; the ledger does not ask it. What of a category is
//! resident is counted here, page by page, from `/proc/<pid>/pagemap`. Both are read one after the other while Flink goes
//! on, so what grows meanwhile shows as an error.

use crate::trace::Trace;
use crate::wait::{PATIENCE, wait_for};
use crate::{Cluster, Jdk};
use anyhow::{Context, Result, ensure};
use flinkmem_trace::{Ledger, Occasion, Owner, Record};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const MIB: f64 = (1 << 20) as f64;

/// Samples of a second that a job runs before it is looked at.
const WARM_SAMPLES: usize = 20;

/// A job with what it needs of the cluster.
#[derive(Debug)]
pub struct Workload {
    /// What it is called on the command line and in the table.
    pub name: &'static str,
    configuration: &'static [(&'static str, &'static str)],
    /// Main class and arguments; without, nothing runs.
    job: Option<(&'static str, &'static [&'static str])>,
}

/// All of them.
pub const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "idle",
        configuration: &[],
        job: None,
    },
    Workload {
        name: "heap",
        configuration: &[("state.backend.type", "hashmap")],
        job: Some(("com.acme.RocksDbJob", &["20000", "100000000"])),
    },
    Workload {
        name: "rocksdb",
        configuration: &[("state.backend.type", "rocksdb")],
        job: Some(("com.acme.RocksDbJob", &["20000", "100000000"])),
    },
    Workload {
        name: "network",
        configuration: &[
            ("taskmanager.memory.network.min", "128m"),
            ("taskmanager.memory.managed.fraction", "0.1"),
        ],
        job: Some(("com.acme.ShuffleLoad", &["1000000000"])),
    },
];

/// One workload, measured.
#[derive(Debug)]
pub struct Measured {
    name: &'static str,
    ledger: Ledger,
    /// Resident bytes by category of Native Memory Tracking.
    tracked: BTreeMap<String, u64>,
    /// Committed in all, as it says.
    committed_bytes: u64,
}

/// Owners that Native Memory Tracking has a category for, or several.
const COMPARED: [(&str, &[Owner], &[&str]); 6] = [
    ("java_heap", &[Owner::JavaHeap], &["Java Heap"]),
    (
        "metaspace, class_space",
        &[Owner::Metaspace, Owner::ClassSpace],
        &["Metaspace", "Class"],
    ),
    ("cds_archive", &[Owner::CdsArchive], &["Shared class space"]),
    ("code_cache", &[Owner::CodeCache], &["Code"]),
    (
        "gc_structures",
        &[Owner::GcStructures],
        &["GC", "Safepoint"],
    ),
    (
        "java and jvm thread stacks",
        &[Owner::JavaThreadStacks, Owner::JvmThreadStacks],
        &["Thread Stack"],
    ),
];

/// Runs a workload in a cluster of its own.
///
/// # Errors
/// When Flink does not come up, the job does not run, or the JDK has no `jcmd`.
pub fn measure(jdk: &Jdk, workload: &Workload) -> Result<Measured> {
    let mut builder = Cluster::builder(jdk)
        .configure("parallelism.default", "2")
        .taskmanager_option("-XX:NativeMemoryTracking=detail")
        .agent("");
    for (key, value) in workload.configuration {
        builder = builder.configure(key, value);
    }
    let mut cluster = builder.start()?;
    if let Some((class, arguments)) = workload.job {
        let job = cluster.submit(class, arguments)?;
        cluster.wait_for_job(&job, &["RUNNING"], PATIENCE)?;
    }
    warm_up(&cluster)?;
    let process = cluster.taskmanager().id();
    let report = native_memory(jdk, process)?;
    let tracked = resident_by_category(process, &report)?;
    let ledger = ledger_now(&cluster)?;
    let committed_bytes = total_committed(&report).context("no total in the report")?;
    Ok(Measured {
        name: workload.name,
        ledger,
        tracked,
        committed_bytes,
    })
}

fn warm_up(cluster: &Cluster) -> Result<()> {
    let samples = || Trace::open(cluster.traces()).map_or(0, |trace| trace.samples.len());
    let wanted = samples() + WARM_SAMPLES;
    wait_for("the job to warm up", Duration::from_secs(120), || {
        Ok((samples() >= wanted).then_some(()))
    })
}

/// Asks the agent for a snapshot and waits for its ledger.
fn ledger_now(cluster: &Cluster) -> Result<Ledger> {
    let directory = Trace::open(cluster.traces())?.directory;
    std::fs::write(directory.join("snapshot.request"), "")?;
    wait_for("a ledger on demand", PATIENCE, || {
        let trace = Trace::open(cluster.traces())?;
        let mut ledgers = trace
            .evidence
            .into_iter()
            .filter_map(|record| match record {
                Record::Ledger(ledger) => Some(*ledger),
                _ => None,
            });
        Ok(ledgers.rfind(|ledger| ledger.taken.occasion == Occasion::Demand))
    })
}

fn native_memory(jdk: &Jdk, process: u32) -> Result<String> {
    let output = Command::new(jdk.tool("jcmd"))
        .arg(process.to_string())
        .args(["VM.native_memory", "detail"])
        .output()
        .context("cannot run jcmd")?;
    ensure!(output.status.success(), "jcmd failed");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `Total: reserved=…KB, committed=…KB`
fn total_committed(report: &str) -> Option<u64> {
    let total = report.lines().find(|line| line.starts_with("Total:"))?;
    let number = total.split("committed=").nth(1)?.split("KB").next()?;
    number.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Pages in memory of each reserved region, by what it was reserved for.
fn resident_by_category(process: u32, report: &str) -> Result<BTreeMap<String, u64>> {
    let pagemap = File::open(format!("/proc/{process}/pagemap"))?;
    let mut sums = BTreeMap::new();
    for (range, category) in report.lines().filter_map(region) {
        let sum: &mut u64 = sums.entry(category.to_owned()).or_default();
        *sum += resident_bytes(&pagemap, range)?;
    }
    ensure!(!sums.is_empty(), "no map of addresses in the report");
    Ok(sums)
}

/// `[0x00000000e0000000 - 0x0000000100000000] reserved 524288KB for Java Heap from`
fn region(line: &str) -> Option<(Range<u64>, &str)> {
    let (range, rest) = line.strip_prefix("[0x")?.split_once("] reserved")?;
    let (start, end) = range.split_once(" - 0x")?;
    let start = u64::from_str_radix(start, 16).ok()?;
    let end = u64::from_str_radix(end, 16).ok()?;
    let category = rest.split_once(" for ")?.1.split(" from").next()?;
    Some((start..end, category.trim()))
}

fn resident_bytes(pagemap: &File, range: Range<u64>) -> Result<u64> {
    const PAGE: u64 = 4096;
    const AT_ONCE: u64 = 1 << 16;
    let mut buffer = Vec::new();
    let mut resident = 0;
    let (mut page, end) = (range.start / PAGE, range.end / PAGE);
    while page < end {
        let count = (end - page).min(AT_ONCE);
        buffer.resize(usize::try_from(count * 8)?, 0);
        pagemap.read_exact_at(&mut buffer, page * 8)?;
        // Bit 63 of an entry: in memory.
        resident += buffer
            .chunks_exact(8)
            .filter(|entry| entry[7] & 0x80 != 0)
            .count() as u64;
        page += count;
    }
    Ok(resident * PAGE)
}

/// The figures as Markdown.
#[must_use]
pub fn table(jdk: &Jdk, measured: &[Measured]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "Flink {}, JDK {}, MiB. Tracked: pages in memory of what Native Memory Tracking has on its map.\n",
        crate::flink::DEFAULT_VERSION,
        jdk.version
    );
    let _ = writeln!(
        text,
        "| workload | owner | ledger | otherwise known | error |"
    );
    let _ = writeln!(text, "| --- | --- | ---: | ---: | ---: |");
    for one in measured {
        one.rows(&mut text);
    }
    text
}

impl Measured {
    fn rows(&self, text: &mut String) {
        let ledger = &self.ledger;
        let mut row = |owner: &str, bytes: u64, known: Option<(&str, u64)>| {
            let (bytes, name) = (bytes as f64 / MIB, self.name);
            let known = known.map(|(what, known)| (what, known as f64 / MIB));
            let _ = match known {
                Some((what, known)) => writeln!(
                    text,
                    "| {name} | {owner} | {bytes:.1} | {what} {known:.1} | {:+.1} |",
                    bytes - known
                ),
                None => writeln!(text, "| {name} | {owner} | {bytes:.1} |  |  |"),
            };
        };
        let status = ledger.status_rss_bytes.map(|bytes| ("VmRSS", bytes));
        row("**all**", ledger.rss_bytes, status);
        for (what, owners, categories) in COMPARED {
            let bytes = owners.iter().map(|&owner| ledger.bytes(owner)).sum();
            let tracked = |category: &&str| self.tracked.get(*category);
            let known = categories.iter().filter_map(tracked).sum();
            row(what, bytes, Some(("tracked", known)));
        }
        let others = ledger.parts.iter().filter(|part| !is_compared(part.owner));
        for part in others {
            let owner = serde_json::to_value(part.owner).unwrap_or_default();
            row(owner.as_str().unwrap_or_default(), part.bytes, None);
        }
        let _ = writeln!(
            text,
            "| {} | share with an owner | {:.2} % | NMT committed {:.1} | cost {:.1} ms, smaps {:.1} ms |",
            self.name,
            ledger.attributed() * 100.0,
            self.committed_bytes as f64 / MIB,
            ledger.taken.cost_us as f64 / 1e3,
            ledger.smaps_us as f64 / 1e3
        );
        if let Some(allocator) = &ledger.allocator
            && let (Some(found), Some(all)) =
                (allocator.mmapped_found_bytes, allocator.mmapped_bytes)
        {
            let _ = writeln!(
                text,
                "| {} | large malloc blocks found | {:.1} | mallinfo2 {:.1} | {:+.1} |",
                self.name,
                found as f64 / MIB,
                all as f64 / MIB,
                (found as f64 - all as f64) / MIB
            );
        }
    }
}

fn is_compared(owner: Owner) -> bool {
    COMPARED
        .iter()
        .any(|(_, owners, _)| owners.contains(&owner))
}

const BEGIN: &str = "<!-- ledger: begin -->\n";
const END: &str = "<!-- ledger: end -->";

/// Puts the table into a document, between its marks.
///
/// # Errors
/// When the document has no such marks.
pub fn put_into(document: &Path, table: &str) -> Result<()> {
    let text = std::fs::read_to_string(document)?;
    let (before, rest) = text
        .split_once(BEGIN)
        .context("no mark for the beginning")?;
    let (_, after) = rest.split_once(END).context("no mark for the end")?;
    std::fs::write(document, format!("{before}{BEGIN}{table}{END}{after}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_the_report_are_read() {
        let line = "[0x00000000e0000000 - 0x0000000100000000] reserved 524288KB for Java Heap from";
        assert_eq!(
            region(line),
            Some((0xE000_0000..0x1_0000_0000, "Java Heap"))
        );
        let both = "[0x0000000000001000 - 0x0000000000002000] reserved and committed 4KB for Thread Stack from";
        assert_eq!(region(both), Some((0x1000..0x2000, "Thread Stack")));
        let committed = "\t[0x00000000e0000000 - 0x00000000f0000000] committed 262144KB from";
        assert_eq!(region(committed), None);
        assert_eq!(
            total_committed("Total: reserved=1KB, committed=2KB"),
            Some(2048)
        );
    }
}
