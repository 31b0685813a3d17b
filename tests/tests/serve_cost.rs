//! What `flinkmem serve` costs, for one process and for fifty: the figures of docs/serve.md.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::crowd::Crowd;
use flinkmem_tests::serve::Serve;
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Jdk, Jvm};
use std::fs::read_to_string;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Samples of the past: a quarter of an hour.
const SECONDS: u64 = 900;

/// How long is measured. Prometheus scrapes every 15 s unless told otherwise.
const MEASURED: Duration = Duration::from_secs(30);
const SCRAPED_EVERY: Duration = Duration::from_secs(15);

/// What it may cost on a busy machine; what it does is printed.
const MOST_PROCESSORS: f64 = 0.25;
const MOST_RESIDENT_BYTES: u64 = 400 << 20;

#[derive(Debug)]
struct Cost {
    /// Until everything was read and judged once.
    first_round: Duration,
    /// Processors in use, scrapes included.
    processors: f64,
    resident_bytes: u64,
    /// Size and time of one scrape.
    scrape_bytes: usize,
    scrape: Duration,
}

#[test]
fn one_process_and_fifty_cost_a_fraction_of_a_processor() -> Result<()> {
    let mut jvm = Jvm::new(&Jdk::find(17)?, "Idle")
        .agent("interval=100ms")
        .start()?;
    let trace = jvm.wait_for_trace("some samples", |trace| {
        (trace.samples.len() >= 20).then(|| trace.directory.clone())
    })?;
    for count in [1, 50] {
        let cost = measure(&trace, count)?;
        println!(
            "{count} processes: first round {:.2?}, {:.2} % of a processor, {:.1} MiB resident; a scrape {} bytes in {:.1?}",
            cost.first_round,
            cost.processors * 100.0,
            cost.resident_bytes as f64 / f64::from(1 << 20),
            cost.scrape_bytes,
            cost.scrape
        );
        ensure!(
            cost.processors < MOST_PROCESSORS && cost.resident_bytes < MOST_RESIDENT_BYTES,
            "{cost:?}"
        );
    }
    jvm.go_on()?;
    jvm.finish()?;
    Ok(())
}

fn measure(trace: &Path, count: u32) -> Result<Cost> {
    let directory = tempfile::tempdir()?;
    let _crowd = Crowd::start(trace, directory.path(), count, SECONDS)?;
    let began = Instant::now();
    let mut serve = Serve::start(directory.path(), &[])?;
    wait_for("the first round", PATIENCE, || {
        Ok(serve.get("/readyz").ok())
    })?;
    let first_round = began.elapsed();
    let running = format!("flinkmem_serve_processes{{state=\"running\"}} {count}\n");
    wait_for("all processes to be met", PATIENCE, || {
        Ok(serve.get("/metrics")?.contains(&running).then_some(()))
    })?;
    let pid = serve.process().id();
    let (start, cpu) = (Instant::now(), cpu_time(pid)?);
    let (mut scrape_bytes, mut scrape) = (0, Duration::ZERO);
    while start.elapsed() < MEASURED {
        let asked = Instant::now();
        let text = serve.get("/metrics")?;
        scrape = asked.elapsed();
        scrape_bytes = text.len();
        ensure!(
            text.contains(&running),
            "not all of {count} processes are seen to run"
        );
        sleep(SCRAPED_EVERY);
    }
    let processors = (cpu_time(pid)? - cpu).as_secs_f64() / start.elapsed().as_secs_f64();
    Ok(Cost {
        first_round,
        processors,
        resident_bytes: resident_bytes(pid)?,
        scrape_bytes,
        scrape,
    })
}

/// Fields 14 and 15 of `/proc/<pid>/stat`, in ticks of 10 ms.
fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, after_name) = stat.rsplit_once(')').context("no name")?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    let ticks =
        |index: usize| -> Result<u64> { Ok(fields.get(index).context("a short line")?.parse()?) };
    Ok(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}

fn resident_bytes(pid: u32) -> Result<u64> {
    let status = read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .context("no VmRSS")?
        .trim()
        .trim_end_matches(" kB")
        .parse()?;
    Ok(kib << 10)
}
