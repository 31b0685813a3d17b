//! Traces of earlier lives in the same directory: how the last one ended, and how many stay.

use anyhow::{Context, Result};
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Jdk, Jvm, Running, Trace};
use flinkmem_trace::{Ending, IncidentKind, PreviousLife, find_traces};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[test]
fn a_life_knows_how_the_one_before_it_ended() -> Result<()> {
    let traces = tempfile::tempdir()?;
    let (first, running) = life(traces.path(), "Idle", "")?;
    assert_eq!(first.header.previous, None, "there was none");
    running.kill()?;
    let first = reopen(&first)?;

    let (second, mut running) = life(traces.path(), "Idle", "")?;
    let previous = previous(&second)?;
    assert_eq!(previous.directory, name(&first.directory));
    assert_eq!(previous.ended, Ending::KilledOrCrashed, "{previous:?}");
    assert!(previous.same_host && previous.lives == 1, "{previous:?}");
    let last = first.last_sample()?;
    assert_eq!(previous.last_seen_ms, last.t_ms);
    let (process, heap, direct) = (last.process, last.heap, last.direct);
    assert_eq!(previous.vm_rss_bytes, process.map(|it| it.vm_rss_bytes));
    assert_eq!(previous.heap_bytes, heap.map(|it| it.used_bytes));
    assert_eq!(previous.direct_bytes, direct.map(|it| it.capacity_bytes));
    assert_eq!(previous.last_incident, None);
    running.go_on()?;
    running.finish()?;

    let (third, running) = life(traces.path(), "Idle", "")?;
    let previous = self::previous(&third)?;
    assert_eq!(previous.directory, name(&second.directory));
    assert_eq!(previous.ended, Ending::Orderly, "{previous:?}");
    assert_eq!(previous.lives, 2, "{previous:?}");

    // Another program, and one whose process lives, are nobody's previous life.
    let (other, _other) = life(traces.path(), "DirectOom", "")?;
    assert_eq!(other.header.previous, None);
    let (fourth, _fourth) = life(traces.path(), "Idle", "")?;
    assert_eq!(self::previous(&fourth)?.directory, name(&second.directory));
    drop(running);
    Ok(())
}

#[test]
fn the_last_incident_of_the_life_before_is_noted() -> Result<()> {
    let traces = tempfile::tempdir()?;
    let jvm = || -> Result<Jvm> {
        let jvm = jvm(traces.path(), "DirectOom", "")?;
        Ok(jvm
            .options(["-XX:MaxDirectMemorySize=16m"])
            .arguments(["1048576"]))
    };
    let first = jvm()?.run()?;
    assert!(first.stdout.contains("refused"), "{}", first.stdout);
    let first = Trace::open(traces.path())?;
    let incident = first.incidents.last().context("no incident")?;
    assert_eq!(incident.incident, IncidentKind::OutOfMemoryError);

    let second = jvm()?.start()?;
    let trace = wait_for_trace(traces.path(), second.id())?;
    let previous = previous(&trace)?;
    assert_eq!(previous.last_incident, Some(incident.incident));
    assert_eq!(previous.last_incident_ms, Some(incident.t_ms));
    Ok(())
}

#[test]
fn only_so_many_traces_of_earlier_lives_stay() -> Result<()> {
    let traces = tempfile::tempdir()?;
    let mut left = Vec::new();
    for _ in 0..3 {
        let (trace, running) = life(traces.path(), "Idle", "")?;
        running.kill()?;
        age(&trace.directory)?;
        left.push(trace.directory);
    }
    let foreign = traces.path().join("flinkmem-notes");
    std::fs::create_dir(&foreign)?;
    let (living, running) = life(traces.path(), "Idle", "keep=1")?;
    wait_for("the oldest to be gone", PATIENCE, || {
        Ok((find(traces.path()).len() == 2).then_some(()))
    })?;
    // Those that began in one second may go in either order.
    assert!(living.directory.is_dir() && foreign.is_dir());
    assert_eq!(left.iter().filter(|trace| trace.is_dir()).count(), 1);
    drop(running);
    Ok(())
}

/// A JVM that runs `program`, from when it was sampled, with its trace among those in `traces`.
fn life(traces: &Path, program: &str, options: &str) -> Result<(Trace, Running)> {
    let running = jvm(traces, program, options)?.start()?;
    let trace = wait_for_trace(traces, running.id())?;
    Ok((trace, running))
}

fn jvm(traces: &Path, program: &str, options: &str) -> Result<Jvm> {
    let options = format!("dir={},interval=50ms,{options}", traces.display());
    Ok(Jvm::new(&Jdk::find(17)?, program).agent_exactly(&options))
}

fn wait_for_trace(traces: &Path, pid: u32) -> Result<Trace> {
    wait_for("a sample", PATIENCE, || {
        let opened = find(traces)
            .into_iter()
            .filter_map(|path| Trace::open(&path).ok());
        let mut ours = opened.filter(|trace| trace.header.pid == pid);
        Ok(ours.find(|trace| !trace.samples.is_empty()))
    })
}

fn find(traces: &Path) -> Vec<PathBuf> {
    let found = find_traces(traces).unwrap_or_default();
    found
        .into_iter()
        .filter(|path| path.join("facts.jsonl").is_file())
        .collect()
}

fn reopen(trace: &Trace) -> Result<Trace> {
    Trace::open(&trace.directory)
}

fn previous(trace: &Trace) -> Result<&PreviousLife> {
    trace.header.previous.as_ref().context("no previous life")
}

fn name(directory: &Path) -> String {
    directory
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// As if it had been written an hour ago.
fn age(directory: &Path) -> Result<()> {
    let then = SystemTime::now() - Duration::from_secs(3600);
    for entry in std::fs::read_dir(directory)? {
        File::options()
            .append(true)
            .open(entry?.path())?
            .set_modified(then)?;
    }
    Ok(())
}
