//! The agent for half an hour in a TaskManager that is not left alone: an allocation storm, a job that restarts all the
//! time, every signal on, snapshots asked for. What must not happen: that the agent grows, that it comes late, that
//! the process dies.

use crate::trace::Trace;
use crate::{Cluster, Jdk};
use anyhow::{Context, Result, ensure};
use flinkmem_trace::Sample;
use std::fmt;
use std::time::{Duration, Instant};

/// Seconds that the job lives before it fails.
const LIFE_SECONDS: &str = "15";

/// Distance of the snapshots that are asked for.
const BETWEEN_SNAPSHOTS: Duration = Duration::from_secs(120);

/// Ticks that may be late: one in twenty. Near a limit a tick is late by 50 ms, and this process spends that much in many of
/// its collections, some twenty a second, in which the agent waits like every thread.
const MOST_LATE: f64 = 0.05;

/// What the agent may have grown by from the second tenth of the run to the last, bytes: the tables of names and
/// schedules settle, they do not grow.
const MOST_GROWTH_BYTES: f64 = 512.0 * 1024.0;

/// What was seen.
#[derive(Debug)]
pub struct Soak {
    /// How long it ran.
    pub length: Duration,
    /// Restarts of the job.
    pub restarts: u64,
    /// Samples in the trace.
    pub samples: usize,
    /// Evidence in the trace, pauses not counted.
    pub evidence: usize,
    /// Ticks that came late.
    pub late_ticks: u64,
    /// The longest time between two samples, milliseconds.
    pub longest_gap_ms: u64,
    /// The agent's own memory, tables and heap, median of the second tenth of the samples, bytes.
    pub early_bytes: f64,
    /// The same of the last tenth.
    pub late_bytes: f64,
    /// CPU time of the agent's thread, share of one core.
    pub cpu_share: f64,
    /// Records, samples, stacks, sizes that found no room, and readings that failed.
    pub losses: u64,
    /// Whether the trace ends with the JVM's orderly end.
    pub orderly_end: bool,
}

impl Soak {
    /// Runs for `length`; `tell` is told of the progress.
    ///
    /// # Errors
    /// When Flink does not come up, or the TaskManager dies.
    pub fn run(jdk: &Jdk, length: Duration, tell: impl Fn(&str)) -> Result<Self> {
        let mut cluster = Cluster::builder(jdk)
            .agent("native=on")
            .configure("state.backend.type", "rocksdb")
            .configure("taskmanager.memory.process.size", "1280m")
            .configure("taskmanager.memory.task.off-heap.size", "64m")
            .configure("restart-strategy.type", "fixed-delay")
            .configure("restart-strategy.fixed-delay.attempts", "1000000")
            .configure("restart-strategy.fixed-delay.delay", "1 s")
            .start()?;
        let job = cluster.submit("com.acme.StormJob", &[LIFE_SECONDS])?;
        let (began, mut asked) = (Instant::now(), Instant::now());
        while began.elapsed() < length {
            std::thread::sleep(Duration::from_secs(10));
            let ended = cluster.taskmanager().status()?;
            ensure!(ended.is_none(), "the TaskManager died: {ended:?}");
            if asked.elapsed() >= BETWEEN_SNAPSHOTS {
                asked = Instant::now();
                let trace = Trace::open(cluster.traces())?;
                std::fs::write(trace.directory.join("snapshot.request"), "")?;
                tell(&progress(began.elapsed(), &trace));
            }
        }
        let restarts = cluster.rest().restarts(&job)?;
        let length = began.elapsed();
        cluster.rest().cancel(&job)?;
        cluster.stop_taskmanager()?;
        Self::of(&Trace::open(cluster.traces())?, length, restarts)
    }

    fn of(trace: &Trace, length: Duration, restarts: u64) -> Result<Self> {
        let samples = &trace.samples;
        let last = samples.last().context("no sample")?;
        let tenth = samples.len() / 10;
        ensure!(tenth > 0, "too few samples: {}", samples.len());
        let gaps = samples.windows(2).map(|pair| pair[1].up_ms - pair[0].up_ms);
        let cost = last.agent;
        Ok(Self {
            length,
            restarts,
            samples: samples.len(),
            evidence: trace
                .evidence
                .iter()
                .filter(|r| r.taken().is_some())
                .count(),
            late_ticks: cost.late_ticks,
            longest_gap_ms: gaps.max().unwrap_or(0),
            early_bytes: median_bytes(&samples[tenth..2 * tenth]),
            late_bytes: median_bytes(&samples[samples.len() - tenth..]),
            cpu_share: cost.cpu_us as f64 / (last.up_ms as f64 * 1e3),
            losses: cost.dropped_records
                + cost.dropped_samples
                + cost.dropped_stacks
                + cost.dropped_sizes
                + cost.failed_reads,
            orderly_end: trace.end.is_some(),
        })
    }

    /// What must not have happened, and did.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let late = self.late_ticks as f64 / self.samples as f64;
        if late > MOST_LATE {
            complaints.push(format!("{:.1} % of the ticks were late", late * 100.0));
        }
        let growth = self.late_bytes - self.early_bytes;
        if growth > MOST_GROWTH_BYTES {
            complaints.push(format!("the agent grew by {:.0} KiB", growth / 1024.0));
        }
        if !self.orderly_end {
            complaints.push("the trace has no end".to_owned());
        }
        complaints
    }
}

impl fmt::Display for Soak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "length            {:.0} s", self.length.as_secs_f64())?;
        writeln!(f, "job restarts      {}", self.restarts)?;
        writeln!(f, "samples           {}", self.samples)?;
        writeln!(f, "evidence records  {}", self.evidence)?;
        writeln!(f, "late ticks        {}", self.late_ticks)?;
        writeln!(f, "longest gap       {} ms", self.longest_gap_ms)?;
        writeln!(
            f,
            "agent's memory    {:.0} KiB early, {:.0} KiB late",
            self.early_bytes / 1024.0,
            self.late_bytes / 1024.0
        )?;
        writeln!(
            f,
            "agent's CPU       {:.3} % of a core",
            self.cpu_share * 100.0
        )?;
        writeln!(f, "losses            {}", self.losses)?;
        write!(f, "orderly end       {}", self.orderly_end)
    }
}

fn progress(elapsed: Duration, trace: &Trace) -> String {
    let last = trace.samples.last();
    let cost = last.map(|sample| sample.agent).unwrap_or_default();
    format!(
        "{:>5.0} s: {} samples, {} evidence, {} late, agent {} KiB, RSS {} MiB",
        elapsed.as_secs_f64(),
        trace.samples.len(),
        trace.evidence.len(),
        cost.late_ticks,
        (cost.memory_bytes + cost.heap_bytes) >> 10,
        last.and_then(|sample| sample.process)
            .map_or(0, |process| process.vm_rss_bytes >> 20),
    )
}

fn median_bytes(samples: &[Sample]) -> f64 {
    let mut bytes: Vec<u64> = samples
        .iter()
        .map(|sample| sample.agent.memory_bytes + sample.agent.heap_bytes)
        .collect();
    bytes.sort_unstable();
    bytes
        .get(bytes.len() / 2)
        .map_or(0.0, |&bytes| bytes as f64)
}
