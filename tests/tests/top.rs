//! `flinkmem top`: what it shows is what the JVM was given and what the kernel says; and the terminal is given back.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::cgroup::Cgroup;
use flinkmem_tests::process::Process;
use flinkmem_tests::skip::skipped;
use flinkmem_tests::terminal::{Program, Screen};
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Jdk, Jvm, Running, artefacts, on_every_jdk};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};
use std::time::Duration;

const MIB: u64 = 1 << 20;

/// Limits of the JVMs here, all different and of sizes that no part of the JVM rounds.
const LIMITS: [&str; 3] = [
    "-Xmx256m",
    "-XX:MaxDirectMemorySize=48m",
    "-XX:MaxMetaspaceSize=96m",
];

#[test]
fn without_the_agent_it_shows_the_limits_that_the_jvm_was_given() -> Result<()> {
    on_every_jdk(|jdk| {
        let jvm = idle(jdk, None)?;
        let frame = Frame::of(&jvm.id().to_string(), &["--interval", "100ms"])?;
        frame.has_limit("jvm_heap", "256 MiB");
        frame.has_limit("jvm_direct", "48.0 MiB");
        frame.has_limit("jvm_metaspace", "96.0 MiB");
        frame.says(&format!(
            "Idle on {}, pid {}, JDK {}",
            host()?,
            jvm.id(),
            jdk.version
        ));
        frame.says(&format!("flinkmem attach {}", jvm.id()));
        frame.says("unknown without the agent");
        // The JVM's threads do not change while it idles.
        let threads = status(jvm.id(), "Threads")?;
        assert_eq!(frame.used("threads"), threads.to_string(), "{}", frame.text);
        let resident = frame.used_bytes("resident")?;
        let by_kernel = status(jvm.id(), "VmRSS")? * 1024;
        assert!(
            resident.abs_diff(by_kernel) < by_kernel / 10,
            "{resident} {by_kernel}"
        );
        Ok(())
    })
}

#[test]
fn the_heap_in_use_is_known_with_every_collector() -> Result<()> {
    /// Threads, classes and the program's own class path take at least that much of any heap.
    const LEAST: u64 = 256 << 10;
    for feature in [17, 25] {
        let jdk = Jdk::find(feature)?;
        for collector in ["Serial", "Parallel", "G1", "Z", "Shenandoah"] {
            let option = format!("-XX:+Use{collector}GC");
            if !jdk.accepts(&["-XX:+UnlockExperimentalVMOptions", &option])? {
                skipped("the heap in use", format!("{jdk} has no {collector}"));
                continue;
            }
            let mut jvm = Jvm::new(&jdk, "Idle")
                .options(LIMITS)
                .options(["-XX:+UnlockExperimentalVMOptions", &option])
                .start()?;
            jvm.step("idle")?;
            let frame = Frame::of(&jvm.id().to_string(), &["--interval", "100ms"])?;
            let used = frame.used_bytes("jvm_heap")?;
            assert!(
                (LEAST..256 * MIB).contains(&used),
                "{collector}: {used} in\n{}",
                frame.text
            );
        }
    }
    Ok(())
}

#[test]
fn native_memory_tracking_is_shown_where_the_jvm_does_it() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "DirectHold")
            .options(LIMITS)
            .options(["-XX:NativeMemoryTracking=summary"])
            .arguments(["30"])
            .start()?;
        let held = jvm.step("held")?.number(0)?;
        let frame = Frame::of(&jvm.id().to_string(), &["--interval", "100ms"])?;
        let unsafe_memory = frame.used_bytes("nmt Other (Unsafe)")?;
        // Beside the program the JDK takes a little.
        assert!(
            (held..held + 2 * MIB).contains(&unsafe_memory),
            "{unsafe_memory} of {held}"
        );
        Ok(())
    })
}

#[test]
fn the_limits_of_the_container_are_those_of_its_cgroups() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let (memory, pids) = match (Cgroup::memory(700 * MIB), Cgroup::pids(500)) {
        (Ok(memory), Ok(pids)) => (memory, pids),
        (Err(error), _) | (_, Err(error)) => {
            skipped("the limits of the container", format!("{error:#}"));
            return Ok(());
        }
    };
    let mut jvm = Jvm::new(&jdk, "Idle")
        .options(LIMITS)
        .within(&memory)?
        .within(&pids)?
        .start()?;
    jvm.step("idle")?;
    let frame = Frame::of(&jvm.id().to_string(), &["--interval", "100ms"])?;
    frame.has_limit("container", "700 MiB");
    frame.has_limit("resident", "700 MiB");
    frame.has_limit("threads", "500");
    jvm.go_on()?;
    jvm.finish()?;
    Ok(())
}

#[test]
fn a_jvm_that_says_little_is_shown_with_what_is_left() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let mut jvm = Jvm::new(&jdk, "Idle")
        .options(LIMITS)
        .options(["-XX:+DisableAttachMechanism", "-XX:-UsePerfData"])
        .start()?;
    jvm.step("idle")?;
    let frame = Frame::of(&jvm.id().to_string(), &["--interval", "100ms"])?;
    frame.has_limit("jvm_heap", "256 MiB");
    frame.has_limit("jvm_direct", "48.0 MiB");
    assert_eq!(frame.used("jvm_heap"), "-");
    assert!(frame.used_bytes("resident")? > MIB);
    Ok(())
}

#[test]
fn no_attach_leaves_the_jvm_as_it_is() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let jvm = idle(&jdk, None)?;
    let listens = |jvm: &Running| {
        thread_names(jvm.id()).map(|names| names.iter().any(|name| name == "Attach Listener"))
    };
    let frame = Frame::of(
        &jvm.id().to_string(),
        &["--no-attach", "--interval", "100ms"],
    )?;
    frame.has_limit("jvm_metaspace", "96.0 MiB");
    assert!(!listens(&jvm)?, "it was asked");
    Frame::of(&jvm.id().to_string(), &["--interval", "100ms"])?;
    assert!(listens(&jvm)?, "the check cannot tell");
    Ok(())
}

#[test]
fn with_the_agent_it_shows_who_holds_what_by_pid_and_by_trace() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "DirectHold")
            .options(LIMITS)
            .arguments(["40"])
            .agent("interval=100ms")
            .start()?;
        let held = jvm.step("held")?;
        let bytes = held.number(0)?;
        let directory = jvm.wait_for_trace("a sample with sites", |trace| {
            let after = trace
                .samples
                .iter()
                .filter(|sample| sample.t_ms > held.t_ms);
            let mut with_sites = after.filter(|sample| !sample.sites.is_empty());
            with_sites.next().map(|_| trace.directory.clone())
        })?;
        let trace = directory.to_string_lossy();
        for subject in [jvm.id().to_string().as_str(), &trace] {
            let frame = Frame::of(subject, &[])?;
            frame.has_limit("jvm_heap", "256 MiB");
            frame.has_limit("jvm_direct", "48.0 MiB");
            frame.has_limit("jvm_metaspace", "96.0 MiB");
            let used = frame.used_bytes("jvm_direct")?;
            assert!((bytes..bytes + MIB).contains(&used), "{used} of {bytes}");
            frame.says("DirectHold.hold");
            assert!(!frame.text.contains("no agent"), "{}", frame.text);
        }
        Ok(())
    })
}

#[test]
fn what_cannot_be_looked_at_is_told_with_the_next_step() -> Result<()> {
    let sleep = Process::start(Command::new("sleep").arg("600"), Vec::new())?;
    is_refused(&top(&sleep.id().to_string(), &["--once"])?, "is not a JVM");
    let gone = Process::start(&mut Command::new("true"), Vec::new())?.id();
    is_refused(&top(&gone.to_string(), &["--once"])?, "no process");
    is_refused(&top("/nowhere", &["--once"])?, "cannot read /nowhere");
    let empty = tempfile::tempdir()?;
    is_refused(
        &top(&empty.path().to_string_lossy(), &["--once"])?,
        "holds no trace",
    );
    is_refused(&top("1", &["--interval", "1h"])?, "500ms");
    Ok(())
}

#[test]
fn another_users_process_is_told_to_be_that() -> Result<()> {
    const NOBODY: u32 = 65534;
    let jdk = Jdk::find(17)?;
    let mut jvm = Jvm::new(&jdk, "Idle").start()?;
    jvm.step("idle")?;
    let program = tempfile::Builder::new().prefix("flinkmem-top-").tempdir()?;
    let copy = program.path().join("flinkmem");
    std::fs::copy(artefacts::flinkmem()?, &copy)?;
    Command::new("chmod")
        .arg("755")
        .arg(program.path())
        .status()?;
    let output = Command::new(&copy)
        .args(["top", "--once", &jvm.id().to_string()])
        .uid(NOBODY)
        .gid(NOBODY)
        .output();
    match output {
        Ok(output) => is_refused(
            &output,
            "run this as that user or as root, in the process's container or on its host",
        ),
        Err(error) => skipped("another user's process", error),
    }
    Ok(())
}

#[test]
fn q_quits_and_the_terminal_is_as_it_was() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let jvm = idle(&jdk, None)?;
    let mut program = watching(
        &jvm,
        Screen {
            columns: 80,
            lines: 24,
        },
    )?;
    program.wait_for("jvm_metaspace")?;
    assert!(program.is_raw()?, "keys would not be seen");
    program.resize(Screen {
        columns: 60,
        lines: 15,
    })?;
    program.press("?")?;
    program.wait_for("Keys")?;
    program.press("q")?;
    program.press("q")?;
    let end = program.finish()?;
    assert!(end.status.success(), "{end:?}");
    end.gave_the_terminal_back();
    Ok(())
}

#[test]
fn it_ends_with_the_process_and_says_what_became_of_it() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let size = Screen {
        columns: 100,
        lines: 30,
    };

    let jvm = idle(&jdk, None)?;
    let mut program = watching(&jvm, size)?;
    program.wait_for("jvm_metaspace")?;
    jvm.kill()?;
    let end = program.finish()?;
    assert!(end.status.success(), "{end:?}");
    assert!(
        end.last_words().contains("has ended: the process is gone"),
        "{end:?}"
    );
    end.gave_the_terminal_back();

    let mut jvm = idle(&jdk, Some("interval=100ms"))?;
    let mut program = watching(&jvm, size)?;
    program.wait_for("jvm_metaspace")?;
    jvm.go_on()?;
    let end = program.finish()?;
    assert!(end.status.success(), "{end:?}");
    assert!(
        end.last_words()
            .contains("has ended: the JVM ended in an orderly way"),
        "{end:?}"
    );
    end.gave_the_terminal_back();
    jvm.finish()?;
    Ok(())
}

#[test]
fn of_several_traces_one_is_opened() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let traces = tempfile::tempdir()?;
    let agent = format!("dir={},interval=100ms", traces.path().display());
    let ended = Jvm::new(&jdk, "DirectOom")
        .options(["-Xmx64m", "-XX:MaxDirectMemorySize=16m"])
        .arguments(["100000"])
        .agent_exactly(&agent)
        .run()?;
    assert!(!ended.steps().is_empty(), "{}", ended.stderr);
    let mut jvm = Jvm::new(&jdk, "Idle")
        .options(LIMITS)
        .agent_exactly(&agent)
        .start()?;
    jvm.step("idle")?;
    let directory = traces.path().to_string_lossy();
    let list = wait_for("both traces", PATIENCE, || {
        let text = String::from_utf8(top(&directory, &["--once"])?.stdout)?;
        Ok((text.contains("DirectOom on ") && text.contains("Idle on ")).then_some(text))
    })?;
    let (first, second) = list.split_once("Idle on ").context("no second")?;
    assert!(
        first.contains("DirectOom on ") && first.contains("CRITICAL") && first.contains("ended"),
        "{list}"
    );
    assert!(
        second.contains("running") && second.contains("Nothing found"),
        "{list}"
    );

    let mut command = Command::new(artefacts::flinkmem()?);
    command
        .args(["top", &directory])
        .env("TERM", "xterm-256color");
    let mut program = Program::start(
        &mut command,
        Screen {
            columns: 90,
            lines: 30,
        },
    )?;
    program.wait_for("CRITICAL")?;
    program.press("\r")?;
    program.wait_for("DirectOom.hoard")?;
    program.press("\t\r")?;
    program.wait_for("Why")?;
    program.press("qq")?;
    let end = program.finish()?;
    assert!(end.status.success(), "{end:?}");
    end.gave_the_terminal_back();
    Ok(())
}

#[test]
fn an_agent_that_is_attached_meanwhile_is_noticed() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let jvm = idle(&jdk, None)?;
    let mut program = watching(
        &jvm,
        Screen {
            columns: 100,
            lines: 30,
        },
    )?;
    program.wait_for("no agent")?;
    let traces = format!(
        "dir={},interval=100ms",
        jvm.directory().join("traces").display()
    );
    let mut attach = Command::new(artefacts::flinkmem()?);
    attach.arg("attach").arg("--agent").arg(artefacts::agent()?);
    let attached = attach
        .args(["-o", &traces, &jvm.id().to_string()])
        .output()?;
    ensure!(attached.status.success(), "{attached:?}");
    program.wait_for("attached")?;
    program.press("q")?;
    program.finish()?.gave_the_terminal_back();
    Ok(())
}

#[test]
fn a_signal_ends_it_and_the_terminal_is_as_it_was() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let jvm = idle(&jdk, None)?;
    let mut program = watching(
        &jvm,
        Screen {
            columns: 80,
            lines: 24,
        },
    )?;
    program.wait_for("jvm_metaspace")?;
    program.terminate()?;
    program.finish()?.gave_the_terminal_back();
    Ok(())
}

#[test]
fn it_ends_when_its_terminal_is_gone() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let jvm = idle(&jdk, None)?;
    let screen = Screen {
        columns: 80,
        lines: 24,
    };
    let mut program = watching(&jvm, screen)?;
    program.wait_for("jvm_metaspace")?;
    // Its own group has another terminal or none, so no signal tells it.
    program.lose_the_terminal()?;
    Ok(())
}

#[test]
fn once_a_second_it_costs_little() -> Result<()> {
    /// Of one processor; a debug build takes several times what a release build takes.
    const MOST: f64 = 0.05;
    let jdk = Jdk::find(17)?;
    let jvm = idle(&jdk, Some("interval=1s"))?;
    let mut program = watching(
        &jvm,
        Screen {
            columns: 80,
            lines: 24,
        },
    )?;
    program.wait_for("jvm_metaspace")?;
    let (before, time) = (program.cpu()?, Duration::from_secs(10));
    std::thread::sleep(time);
    let share = (program.cpu()? - before).as_secs_f64() / time.as_secs_f64();
    eprintln!(
        "flinkmem top at 1 Hz takes {:.2} % of a processor",
        share * 100.0
    );
    assert!(share < MOST, "{share}");
    program.press("q")?;
    program.finish()?;
    Ok(())
}

/// A frame of `--once`, taken apart.
struct Frame {
    text: String,
    /// Columns of each pool's row: used and limit.
    pools: BTreeMap<String, [String; 2]>,
}

impl Frame {
    fn of(subject: &str, arguments: &[&str]) -> Result<Self> {
        let once: Vec<&str> = ["--once"].iter().chain(arguments).copied().collect();
        let output = top(subject, &once)?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success() && stderr.is_empty(),
            "{}: {stderr}",
            output.status
        );
        let text = String::from_utf8(output.stdout)?;
        let too_wide = text.lines().find(|line| line.chars().count() > 80);
        ensure!(too_wide.is_none(), "wider than 80 columns: {too_wide:?}");
        ensure!(
            !text.contains('\x1b'),
            "there is an escape sequence in {text:?}"
        );
        let (_, table) = text.split_once("\nPools").context("no pools")?;
        let (table, _) = table
            .split_once("\nFindings")
            .context("no end of the pools")?;
        let pools = table.lines().skip(1).filter_map(row).collect();
        Ok(Self { text, pools })
    }

    fn says(&self, words: &str) {
        assert!(self.text.contains(words), "no {words:?} in\n{}", self.text);
    }

    fn has_limit(&self, pool: &str, limit: &str) {
        let found = self.pools.get(pool).map(|[_, limit]| limit.as_str());
        assert_eq!(found, Some(limit), "{pool} in\n{}", self.text);
    }

    fn used(&self, pool: &str) -> &str {
        self.pools.get(pool).map_or("", |[used, _]| used)
    }

    /// To the digits that are shown.
    fn used_bytes(&self, pool: &str) -> Result<u64> {
        let used = self.used(pool);
        let (figure, unit) = used
            .split_once(' ')
            .with_context(|| format!("{pool} is {used:?} in\n{}", self.text))?;
        let factor = match unit {
            "B" => 1.0,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            other => anyhow::bail!("unexpected unit {other}"),
        };
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "sizes of a small JVM"
        )]
        Ok((figure.parse::<f64>()? * factor).round() as u64)
    }
}

/// The name comes first, then used and limit, eight columns each.
fn row(line: &str) -> Option<(String, [String; 2])> {
    let columns: Vec<char> = line.chars().collect();
    let cut = |from: usize, to: usize| -> String {
        let cells = columns.get(from..to.min(columns.len())).unwrap_or_default();
        cells.iter().collect::<String>().trim().to_owned()
    };
    const NAME: usize = 20;
    let used = cut(NAME + 1, NAME + 9);
    let limit = cut(NAME + 10, NAME + 18);
    Some((cut(0, NAME), [used, limit]))
}

fn top(subject: &str, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(artefacts::flinkmem()?);
    command.arg("top").args(arguments).arg(subject);
    command.output().context("cannot start flinkmem")
}

/// A JVM that does nothing, with the agent where its options are given; it ends when it is dropped.
fn idle(jdk: &Jdk, agent: Option<&str>) -> Result<Running> {
    let jvm = Jvm::new(jdk, "Idle").options(LIMITS);
    let mut jvm = match agent {
        Some(options) => jvm.agent(options),
        None => jvm,
    }
    .start()?;
    jvm.step("idle")?;
    if agent.is_some() {
        jvm.wait_for_trace("a sample", |trace| {
            (!trace.samples.is_empty()).then_some(())
        })?;
    }
    Ok(jvm)
}

fn watching(jvm: &Running, size: Screen) -> Result<Program> {
    let mut command = Command::new(artefacts::flinkmem()?);
    command
        .args(["top", &jvm.id().to_string()])
        .env("TERM", "xterm-256color");
    Program::start(&mut command, size)
}

fn is_refused(output: &Output, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(words), "{stderr}");
    assert!(output.stdout.is_empty());
}

fn host() -> Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/hostname")?
        .trim()
        .to_owned())
}

/// A figure of `/proc/<pid>/status`, as the kernel writes it.
fn status(pid: u32, key: &str) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines
        .find(|(name, _)| *name == key)
        .with_context(|| key.to_owned())?;
    let figure = value.split_ascii_whitespace().next().context("no figure")?;
    Ok(figure.parse()?)
}

fn thread_names(pid: u32) -> Result<Vec<String>> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    tasks
        .map(|task| {
            Ok(std::fs::read_to_string(task?.path().join("comm"))?
                .trim()
                .to_owned())
        })
        .collect()
}
