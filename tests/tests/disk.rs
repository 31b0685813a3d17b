//! Directories that cannot be written, full disks, and the disk budget.

use anyhow::{Context, Result};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::trace::disk_bytes;
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Finished, Jdk, Jvm, Running, Tmpfs, Trace, on_every_jdk};
use flinkmem_trace::layout::Segment;
use std::path::Path;

#[test]
fn a_directory_that_cannot_be_written_leaves_the_agent_inert() -> Result<()> {
    let file = tempfile::NamedTempFile::new()?;
    let below_a_file = file.path().join("traces");
    on_every_jdk(|jdk| {
        for directory in [
            file.path(),
            &below_a_file,
            Path::new("/proc/none"),
            Path::new("/dev/null"),
        ] {
            let finished = hello_with_traces_in(jdk, directory)?;
            inert_with_one_line(&finished, directory)?;
        }
        Ok(())
    })
}

#[test]
fn a_read_only_file_system_leaves_the_agent_inert() -> Result<()> {
    let read_only = match Tmpfs::mount("size=64k,ro") {
        Ok(tmpfs) => tmpfs,
        Err(why) => {
            skipped("a_read_only_file_system_leaves_the_agent_inert", why);
            return Ok(());
        }
    };
    let finished = hello_with_traces_in(&Jdk::find(17)?, read_only.path())?;
    inert_with_one_line(&finished, read_only.path())
}

#[test]
fn a_disk_that_is_full_from_the_start_hurts_nobody() -> Result<()> {
    let disk = match Tmpfs::mount("size=64k") {
        Ok(tmpfs) => tmpfs,
        Err(why) => {
            skipped("a_disk_that_is_full_from_the_start_hurts_nobody", why);
            return Ok(());
        }
    };
    let filled = std::fs::write(disk.path().join("filler"), vec![b'x'; 1 << 20]);
    assert!(filled.is_err(), "64 KiB do not hold 1 MiB");
    let finished = hello_with_traces_in(&Jdk::find(17)?, disk.path())?;
    inert_with_one_line(&finished, disk.path())
}

#[test]
fn a_disk_that_fills_up_stops_the_recording_only() -> Result<()> {
    let disk = match Tmpfs::mount("size=256k") {
        Ok(tmpfs) => tmpfs,
        Err(why) => {
            skipped("a_disk_that_fills_up_stops_the_recording_only", why);
            return Ok(());
        }
    };
    let filler = disk.path().join("filler");
    let options = format!("dir={},interval=10ms", disk.path().display());
    let mut jvm = Jvm::new(&Jdk::find(17)?, "Progress")
        .agent_exactly(&options)
        .start()?;
    wait_for("a sample", PATIENCE, || {
        Ok(Trace::open(disk.path())
            .ok()
            .filter(|trace| !trace.samples.is_empty()))
    })?;
    // Somebody else takes the rest.
    let filled = std::fs::write(&filler, vec![b'x'; 1 << 20]);
    assert!(filled.is_err(), "256 KiB do not hold 1 MiB");
    let before = progress(&jvm)?;
    goes_on_until(&mut jvm, before + 2_000)?;
    let full = Trace::open(disk.path())?;
    assert!(!full.samples.is_empty(), "what was recorded before is gone");
    std::fs::remove_file(&filler)?;
    goes_on_until(&mut jvm, before + 4_000)?;
    let finished = jvm.kill()?;
    let lines = agent_lines(&finished);
    assert!(
        lines.len() <= 5,
        "a full disk is told once, not {} times",
        lines.len()
    );
    Ok(())
}

#[test]
fn the_trace_never_outgrows_its_budget() -> Result<()> {
    const BUDGET: u64 = 1 << 20;
    const SEGMENTS_WRITTEN: u32 = 20; // of a sixteenth of the budget each
    let mut jvm = Jvm::new(&Jdk::find(17)?, "Progress")
        .agent("interval=10ms,max_disk=1m")
        .start()?;
    let traces = jvm.directory().join("traces");
    let mut largest = 0;
    wait_for("more to be written than the budget holds", PATIENCE, || {
        assert_eq!(jvm.process().status()?, None, "the JVM ended");
        largest = largest.max(disk_bytes(&traces));
        assert!(largest <= BUDGET, "{largest} bytes on disk");
        Ok(newest_segment(&traces).filter(|&index| index >= SEGMENTS_WRITTEN))
    })?;
    let finished = jvm.kill()?;
    let trace = finished.trace()?;
    assert_eq!(trace.header.jvm.main_class.as_deref(), Some("Progress"));
    assert_eq!(trace.damage.bad_lines, 0, "{:?}", trace.damage);
    assert_eq!(trace.last_sample()?.agent.dropped_records, 0);
    Ok(())
}

/// Runs a program until the agent has said something, and then to its end.
fn hello_with_traces_in(jdk: &Jdk, directory: &Path) -> Result<Finished> {
    let options = format!("dir={}", directory.display());
    let mut jvm = Jvm::new(jdk, "Hello").agent_exactly(&options).start()?;
    wait_for("the agent to say that it is inert", PATIENCE, || {
        assert_eq!(jvm.process().status()?, None, "the JVM ended");
        Ok(jvm.stderr()?.contains("flinkmem").then_some(()))
    })?;
    jvm.go_on()?;
    jvm.finish()
}

fn inert_with_one_line(finished: &Finished, directory: &Path) -> Result<()> {
    assert_eq!(finished.status.code(), Some(7), "{}", finished.stderr);
    assert_eq!(finished.stdout, "hello \n");
    let lines = agent_lines(finished);
    assert_eq!(lines.len(), 1, "{}", finished.stderr);
    let named = directory.to_str().context("not a text")?;
    assert!(
        lines[0].contains(named),
        "{named} is not named in: {}",
        lines[0]
    );
    Ok(())
}

fn agent_lines(finished: &Finished) -> Vec<&str> {
    finished
        .stderr
        .lines()
        .filter(|line| line.contains("flinkmem"))
        .collect()
}

fn progress(jvm: &Running) -> Result<u64> {
    let stdout = jvm.stdout()?;
    let whole = stdout.rfind('\n').map_or("", |end| &stdout[..end]);
    let last = whole.lines().last().and_then(flinkmem_tests::Step::parse);
    last.map_or(Ok(0), |step| step.number(0))
}

fn goes_on_until(jvm: &mut Running, wanted: u64) -> Result<()> {
    wait_for("the program to go on", PATIENCE, || {
        assert_eq!(jvm.process().status()?, None, "the JVM ended");
        Ok((progress(jvm)? >= wanted).then_some(()))
    })
}

fn newest_segment(traces: &Path) -> Option<u32> {
    let trace = std::fs::read_dir(traces).ok()?.flatten().next()?;
    Some(Segment::list(&trace.path()).ok()?.last()?.index)
}
