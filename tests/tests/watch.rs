//! `flinkmem watch` beside a real JVM.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::process::Process;
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Jdk, Jvm, Running, artefacts};
use serde_json::Value;
use std::fs::{File, read_to_string};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A watch that runs. Its events are lines of a file, so none is lost whenever one looks.
struct Watch {
    process: Process,
    output: PathBuf,
    began: Instant,
}

impl Watch {
    fn start(traces: &Path, output: PathBuf) -> Result<Self> {
        let mut command = Command::new(artefacts::flinkmem()?);
        command
            .args(["watch", "--format", "json", "--interval", "500ms"])
            .arg(traces)
            .stdin(Stdio::null())
            .stdout(File::create(&output)?);
        let process = Process::start(&mut command, Vec::new())?;
        Ok(Self {
            process,
            output,
            began: Instant::now(),
        })
    }

    fn events(&self) -> Result<Vec<Value>> {
        let text = read_to_string(&self.output)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let events = whole.lines().map(serde_json::from_str);
        Ok(events.collect::<serde_json::Result<_>>()?)
    }

    fn wait_for(&self, kind: &str, patience: Duration) -> Result<Value> {
        wait_for(&format!("the event {kind}"), patience, || {
            let events = self.events()?;
            Ok(events.into_iter().find(|event| event["event"] == kind))
        })
    }
}

/// Until a leak is told that begins with the JVM: what grows for less than a minute may be a warm-up.
const A_LEAKS_TIME: Duration = Duration::from_secs(120);

/// What the watch itself took.
#[derive(Debug)]
struct Cost {
    /// Of one core, since it began.
    cpu_share: f64,
    most_resident_bytes: u64,
}

impl Watch {
    fn cost(&self) -> Result<Cost> {
        let read = |file: &str| read_to_string(format!("/proc/{}/{file}", self.process.id()));
        let stat = read("stat")?;
        let (_, stat) = stat.rsplit_once(')').context("no name in stat")?;
        let fields: Vec<&str> = stat.split_whitespace().collect();
        // user and system time, fields 14 and 15 of proc_pid_stat(5), in hundredths of a second.
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        let status = read("status")?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let most = most.context("no VmHWM")?.trim().trim_end_matches(" kB");
        Ok(Cost {
            cpu_share: ticks / 100.0 / self.began.elapsed().as_secs_f64(),
            most_resident_bytes: most.parse::<u64>()? << 10,
        })
    }
}

#[test]
fn a_leak_is_told_before_the_jvm_runs_out_of_direct_memory() -> Result<()> {
    let mut running = leaking(&Jdk::find(17)?)?;
    let traces = running.directory().join("traces");
    let mut watch = Watch::start(&traces, running.directory().join("events"))?;
    watch.wait_for("started", PATIENCE)?;
    running.step("ready")?;
    running.go_on()?;
    let appeared = watch.wait_for("appeared", A_LEAKS_TIME)?;
    let cost = watch.cost()?;
    let finished = running.finish()?;
    ensure!(finished.status.code() == Some(1), "{}", finished.stderr);
    let refused = finished.steps().pop().context("it was not refused")?;

    let finding = &appeared["finding"];
    assert_eq!(finding["label"], "direct_leak", "{appeared}");
    assert_eq!(finding["consumer"]["name"], "DirectLeak.leak");
    assert_eq!(finding["limit"]["reached"], false);
    let time = appeared["time"].as_str().context("no time")?;
    let told_ms = time.parse::<jiff::Timestamp>()?.as_millisecond();
    eprintln!("told {} ms before the error", refused.t_ms - told_ms);
    ensure!(told_ms < refused.t_ms, "told after the error: {appeared}");

    eprintln!("{cost:?}");
    // docs/watch.md has a tenth of this; a busy machine makes reading dearer.
    ensure!(cost.cpu_share < 0.01, "{cost:?}");
    ensure!(cost.most_resident_bytes < 48 << 20, "{cost:?}");

    // What becomes of it is told as well, each once.
    let ended = watch.wait_for("ended", PATIENCE)?;
    let kinds: Vec<String> = watch.events()?.iter().map(kind).collect();
    assert_eq!(kinds, ["started", "appeared", "limit_reached", "ended"]);
    assert_eq!(ended["outcome"]["kind"], "java_oom");
    assert_eq!(ended["standing"], serde_json::json!(["direct_leak"]));

    watch.process.terminate()?;
    assert_eq!(watch.process.wait(PATIENCE)?.code(), Some(0));
    Ok(())
}

/// What happened; of what got worse, how.
fn kind(event: &Value) -> String {
    let kind = event.get("reason").unwrap_or(&event["event"]);
    kind.as_str().unwrap_or_default().to_owned()
}

/// Leaks 128 KiB every 200 ms up to a limit of 56 MiB, which takes a minute and a half.
fn leaking(jdk: &Jdk) -> Result<Running> {
    Jvm::new(jdk, "DirectLeak")
        .options(["-Xmx64m", "-XX:MaxDirectMemorySize=56m"])
        .arguments(["131072", "200"])
        .agent("interval=200ms")
        .start()
}
