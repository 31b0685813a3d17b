//! Options are honoured; wrong ones are named, and the JVM lives in any case.

use anyhow::{Context, Result};
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Jdk, Jvm, Running, Trace};
use std::path::Path;

const KEYS: [&str; 6] = ["dir", "interval", "max_disk", "keep", "native", "log"];

#[test]
fn defaults_are_those_of_the_documentation() -> Result<()> {
    let trace = idle()?.agent("").run_observed()?.trace()?;
    for (key, value) in [
        ("interval", "1s"),
        ("max_disk", "64m"),
        ("keep", "20"),
        ("native", "off"),
        ("log", "warn"),
    ] {
        assert_eq!(
            trace.header.agent_options.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }
    Ok(())
}

#[test]
fn given_values_are_used() -> Result<()> {
    let options = "interval=250ms,max_disk=8m,log=debug";
    let trace = idle()?.agent(options).run_observed()?.trace()?;
    for (key, value) in [("interval", "250ms"), ("max_disk", "8m"), ("log", "debug")] {
        assert_eq!(
            trace.header.agent_options.get(key).map(String::as_str),
            Some(value),
            "{key}"
        );
    }
    Ok(())
}

#[test]
fn the_interval_is_that_of_the_samples() -> Result<()> {
    let mut jvm = idle()?.agent("interval=50ms").start()?;
    jvm.step("idle")?;
    let median = jvm.wait_for_trace("enough samples", |trace| {
        let times: Vec<u64> = trace.samples.iter().map(|sample| sample.up_ms).collect();
        let mut distances: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        distances.sort_unstable();
        (distances.len() >= 20).then(|| distances[distances.len() / 2])
    })?;
    // The machine may be busy; what must not happen is that the default of a second is used.
    assert!((25..500).contains(&median), "{median} ms between samples");
    Ok(())
}

#[test]
fn an_unknown_key_is_named_with_the_valid_ones() -> Result<()> {
    let finished = idle()?.agent("colour=red").run_observed()?;
    assert_eq!(finished.status.code(), Some(0));
    let line = agent_line(&finished.stderr, "colour")?;
    for key in KEYS {
        assert!(line.contains(key), "{key} is not named in: {line}");
    }
    finished.trace()?;
    Ok(())
}

#[test]
fn a_bad_value_is_named_and_its_default_used() -> Result<()> {
    let table = [
        ("interval", "soon", "1s"),
        ("interval", "0", "1s"),
        ("interval", "-5s", "1s"),
        ("interval", "99999999999999999999s", "1s"),
        ("max_disk", "plenty", "64m"),
        ("max_disk", "-1", "64m"),
        ("keep", "some", "20"),
        ("max_disk", "99999999999999999999g", "64m"),
        ("native", "maybe", "off"),
        ("log", "loud", "warn"),
    ];
    for (key, value, default) in table {
        let option = format!("{key}={value}");
        let finished = idle()?.agent(&option).run_observed()?;
        assert_eq!(finished.status.code(), Some(0), "{option}");
        let line = agent_line(&finished.stderr, key)?;
        assert!(line.contains(value), "{value} is not named in: {line}");
        let used = finished.trace()?.header.agent_options;
        assert_eq!(used.get(key).map(String::as_str), Some(default), "{option}");
    }
    Ok(())
}

#[test]
fn nonsense_does_not_hurt_the_program() -> Result<()> {
    let long = "x".repeat(20_000);
    let table = [
        "",
        ",",
        ",,,,",
        "=",
        "====",
        "dir",
        "dir=",
        "interval",
        "=,=",
        "dir=a=b",
        "\u{1f600}=\u{1f600}",
        "interval=1s,interval=2s",
        "%n%s%x",
        "help",
        &long,
    ];
    let bare = Jvm::new(&Jdk::find(17)?, "Hello").run()?;
    for options in table {
        let finished = Jvm::new(&Jdk::find(17)?, "Hello")
            .agent_exactly(options)
            .run()?;
        assert_eq!(finished.status, bare.status, "{options}");
        assert_eq!(finished.stdout, bare.stdout, "{options}");
    }
    Ok(())
}

#[test]
fn without_dir_the_trace_goes_beside_the_log() -> Result<()> {
    let logs = tempfile::tempdir()?;
    let log_file = format!("-Dlog.file={}/tm.log", logs.path().display());
    let jvm = idle()?
        .options([log_file.as_str()])
        .environment("FLINK_LOG_DIR", "/nonexistent");
    appears_in(logs.path(), &jvm.agent_exactly("").start()?)
}

#[test]
fn without_a_log_file_the_trace_goes_to_flinks_log_directory() -> Result<()> {
    let logs = tempfile::tempdir()?;
    let jvm = idle()?.environment("FLINK_LOG_DIR", logs.path());
    appears_in(logs.path(), &jvm.agent_exactly("").start()?)
}

#[test]
fn without_anything_the_trace_goes_to_the_working_directory() -> Result<()> {
    let jvm = idle()?.agent_exactly("").start()?;
    appears_in(jvm.directory(), &jvm)
}

#[test]
fn a_directory_that_is_not_there_is_made() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let wanted = parent.path().join("a/b");
    let jvm = idle()?.agent_exactly(&format!("dir={}", wanted.display()));
    appears_in(&wanted, &jvm.start()?)
}

fn idle() -> Result<Jvm> {
    Ok(Jvm::new(&Jdk::find(17)?, "Idle"))
}

/// Waits until the trace of that JVM is in `directory`.
fn appears_in(directory: &Path, jvm: &Running) -> Result<()> {
    let what = format!("a trace in {}", directory.display());
    let trace = wait_for(&what, PATIENCE, || Ok(Trace::open(directory).ok()))?;
    assert_eq!(trace.header.pid, jvm.id());
    Ok(())
}

/// The agent's line that has `word` in it.
fn agent_line<'a>(stderr: &'a str, word: &str) -> Result<&'a str> {
    let mut lines = stderr
        .lines()
        .filter(|line| line.contains("flinkmem") && line.contains(word));
    lines
        .next()
        .with_context(|| format!("no line of flinkmem names {word}:\n{stderr}"))
}
