//! Derivations per second, and beside them Flink's own.
//!
//! `cargo bench -p flinkmem --bench derive`. With `FLINK_LIB` set to the `lib` folder of a Flink distribution and
//! `BASH_JAVA_UTILS` to its `bash-java-utils.jar`, the same configuration is also given to Flink's own BashJavaUtils, as
//! the start script does, and to the `flinkmem` command: what a caller waits for in either case.

#![allow(clippy::unwrap_used, reason = "a bench may fail loudly")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use flinkmem_analyzer::configuration::parse_config_yaml;
use flinkmem_analyzer::model::{FlinkVersion, Process, Question, Settings, derive, to_json};
use flinkmem_analyzer::overview::accepted_changes;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CONFIG: &str = "taskmanager:\n  memory:\n    process:\n      size: 4g\n    managed.fraction: 0.3\n  numberOfTaskSlots: 4\n\
                      jobmanager.memory.process.size: 1600m\nstate.backend.type: rocksdb\n";
const VERSION: FlinkVersion = FlinkVersion::release(1, 20, 5);

fn main() {
    divan::main();
    if let Err(missing) = beside_flink() {
        println!("not compared with Flink's own BashJavaUtils: {missing}");
    }
}

fn question(process: Process) -> Question {
    let settings = parse_config_yaml(CONFIG, "config.yaml").unwrap().settings;
    Question::new(VERSION, process, settings)
}

#[divan::bench(args = ["tm", "jm"])]
fn derivation(bencher: Bencher, process: &str) {
    let question = question(if process == "tm" {
        Process::TaskManager
    } else {
        Process::JobManager
    });
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| derive(black_box(&question)));
}

#[divan::bench]
fn derivation_as_json(bencher: Bencher) {
    let question = question(Process::TaskManager);
    bencher
        .counter(ItemsCount::new(1_u32))
        .bench(|| to_json(&derive(black_box(&question))));
}

#[divan::bench]
fn config_yaml_and_derivation(bencher: Bencher) {
    bencher.counter(ItemsCount::new(1_u32)).bench(|| {
        let settings = parse_config_yaml(black_box(CONFIG), "config.yaml")
            .unwrap()
            .settings;
        derive(&Question::new(VERSION, Process::TaskManager, settings))
    });
}

#[divan::bench]
fn smallest_accepted_changes(bencher: Bencher) {
    let settings = Settings::new().with("taskmanager.memory.process.size", "300m");
    let question = Question::new(VERSION, Process::TaskManager, settings);
    let refused = derive(&question).unwrap_err();
    bencher.bench(|| accepted_changes(black_box(&question), &refused.refusal));
}

/// Runs of each command; the median counts.
const RUNS: usize = 11;

fn beside_flink() -> Result<(), String> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
    let (lib, utils) = (variable("FLINK_LIB")?, variable("BASH_JAVA_UTILS")?);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.yaml"), CONFIG).unwrap();
    let java = || {
        let mut command = Command::new("java");
        command
            .args([
                "-cp",
                &format!("{utils}:{lib}/*"),
                "org.apache.flink.runtime.util.bash.BashJavaUtils",
            ])
            .args(["GET_TM_RESOURCE_PARAMS", "--configDir"])
            .arg(folder.path());
        command
    };
    let ours = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flinkmem"));
        command
            .args([
                "model",
                "--flink-version",
                "1.20.5",
                "--format",
                "json",
                "--conf",
            ])
            .arg(folder.path());
        command
    };
    check_same_answer(&mut java(), folder.path())?;
    let (java, ours) = (median(java)?, median(ours)?);
    let question = question(Process::TaskManager);
    let started = Instant::now();
    let count: u32 = 10_000;
    for _ in 0..count {
        black_box(derive(black_box(&question)).is_ok());
    }
    let derivation = started.elapsed() / count;
    println!(
        "one answer: BashJavaUtils {java:?}, flinkmem model {ours:?}, derive() {derivation:?}"
    );
    println!(
        "ratio to BashJavaUtils: flinkmem model {:.0}x, derive() {:.0}x",
        java.as_secs_f64() / ours.as_secs_f64(),
        java.as_secs_f64() / derivation.as_secs_f64()
    );
    Ok(())
}

/// A ratio of two different answers would mean nothing.
fn check_same_answer(java: &mut Command, folder: &Path) -> Result<(), String> {
    let output = java.output().map_err(|error| format!("java: {error}"))?;
    let settings = parse_config_yaml(CONFIG, &folder.display().to_string())
        .unwrap()
        .settings;
    let answer = derive(&Question::new(VERSION, Process::TaskManager, settings)).unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    match printed.contains(&answer.model.jvm_args()) {
        true => Ok(()),
        false => Err(format!("it answers otherwise: {printed}")),
    }
}

fn median(command: impl Fn() -> Command) -> Result<Duration, String> {
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let started = Instant::now();
        let status = command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        times.push(started.elapsed());
        status.map_err(|error| error.to_string())?;
    }
    times.sort();
    times
        .get(RUNS / 2)
        .copied()
        .ok_or_else(|| "no run".to_owned())
}
