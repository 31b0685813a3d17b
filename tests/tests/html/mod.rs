//! The page of `diagnose --format html`, opened from disk in a real browser.

mod hostile; // what a trace says stays text
mod model; // the page's memory model answers as Flink and as the command line do
mod real; // of a real TaskManager: looked at, hovered, zoomed, changed, printed, without scripts

use anyhow::{Context, Result, ensure};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Browser, artefacts, browser};
use flinkmem_trace::{DirectMemory, DiskBudget, FlinkFacts, Header, Record, Sample, TraceWriter};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A browser with a window of a usual size; `None`, and said so, where there is none on this machine.
fn opened(test: &str) -> Result<Option<Browser>> {
    let Some(program) = browser::installed() else {
        skipped(
            test,
            "no Chromium on this machine (Debian: apt-get install chromium)",
        );
        return Ok(None);
    };
    Browser::start(&program, 1280, 900).map(Some)
}

/// The page of what lies in `traces`.
fn page_of(traces: &Path) -> Result<PathBuf> {
    let page = traces.join("report.html");
    let output = Command::new(artefacts::flinkmem()?)
        .args(["diagnose", "--format", "html", "-o"])
        .args([&page, traces])
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.stdout.is_empty() && stderr.is_empty(), "{stderr}");
    let status = output.status.code().context("killed")?;
    ensure!(status <= 1, "exit status {status}");
    Ok(page)
}

/// The header of a TaskManager of a release, of 1 GiB with the pools that Flink gives it.
fn header(version: &str) -> Header {
    let options = [
        ("taskmanager.memory.network.min", "67108864b"),
        ("taskmanager.memory.network.max", "67108864b"),
        ("taskmanager.memory.task.off-heap.size", "0b"),
        ("taskmanager.memory.jvm-metaspace.size", "268435456b"),
        ("taskmanager.memory.jvm-overhead.min", "201326592b"),
        ("taskmanager.memory.jvm-overhead.max", "201326592b"),
        ("taskmanager.memory.framework.off-heap.size", "134217728b"),
        ("taskmanager.memory.framework.heap.size", "134217728b"),
        ("taskmanager.memory.managed.size", "241591914b"),
        ("taskmanager.memory.task.heap.size", "26843542b"),
    ];
    let options = options.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Header {
        t_ms: 1_767_225_600_000,
        host: "tm-0".to_owned(),
        pid: 4711,
        flink: Some(FlinkFacts {
            process: "tm".to_owned(),
            version: Some(version.to_owned()),
            options: options.into(),
        }),
        ..Header::default()
    }
}

/// Writes a trace of half a minute with further records, by the agent's own writer.
fn write_trace(traces: &Path, name: &str, header: &Header, more: &[Record]) -> Result<()> {
    let directory = traces.join(format!("flinkmem-{name}-4711-20260101T000000Z"));
    let mut writer = TraceWriter::create(&directory, header, DiskBudget::new(8 << 20))?;
    for record in more {
        writer.write(record)?;
    }
    for second in 0..30 {
        let sample = Sample {
            t_ms: header.t_ms + i64::try_from(second * 1000)?,
            up_ms: second * 1000,
            direct: Some(DirectMemory {
                capacity_bytes: (64 << 20) + second * 65_536,
                max_bytes: Some(201_326_592),
                ..DirectMemory::default()
            }),
            ..Sample::default()
        };
        writer.write(&Record::Sample(Box::new(sample)))?;
    }
    Ok(())
}

/// What must hold of every page when a test is done with it.
fn nothing_to_complain_of(browser: &Browser, pages: usize) -> Result<()> {
    let complaints = browser.complaints();
    ensure!(complaints.is_empty(), "the page complained: {complaints:?}");
    let requests = browser.requests();
    ensure!(requests.is_empty(), "the page asked for {requests:?}");
    let files = browser.files();
    ensure!(
        files.len() == pages,
        "{pages} pages, and {files:?} were read"
    );
    Ok(())
}
