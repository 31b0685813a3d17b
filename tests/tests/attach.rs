//! The agent loaded into JVMs that run already, and snapshots on demand.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::process::Process;
use flinkmem_tests::skip::skipped;
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Cluster, Jdk, Jvm, Running, Trace, artefacts, javac, on_every_jdk};
use flinkmem_trace::{Accounting, IncidentKind, OffHeap, Record};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const UNUSABLE: i32 = 2;

#[test]
fn blocks_of_before_the_attach_are_not_held_against_those_of_since() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "EarlyBlocks").start()?;
        jvm.step("early")?;
        let said = attach(&jvm, "interval=50ms")?;
        assert!(said.contains("; the trace is /"), "{said}");
        jvm.go_on()?;
        let mut first = None;
        for name in ["attached", "freed", "grown", "late", "after"] {
            let step = jvm.step(name)?;
            let now = account_after(&mut jvm, step.t_ms)?;
            let before = *first.get_or_insert(now);
            assert_eq!(now.accounting, Accounting::Table);
            assert_eq!(
                now.live_count - before.live_count,
                step.number(0)?,
                "{step:?}"
            );
            assert_eq!(
                now.live_bytes - before.live_bytes,
                step.number(1)?,
                "{step:?}"
            );
            if name == "late" {
                let again = attach(&jvm, "interval=1s")?;
                assert!(again.contains("nothing was changed"), "{again}");
                inflaters_are_counted(&json(&snapshot(&jvm.id().to_string(), &[])?)?)?;
            }
            jvm.go_on()?;
        }
        let finished = jvm.finish()?;
        assert!(finished.status.success(), "{}", finished.stderr);
        assert!(finished.trace()?.header.attached_late);
        is_quiet(jdk, &finished.stdout, &finished.stderr);
        Ok(())
    })
}

/// A hundred were created since the attach and one disposed of; the JVM may have used some of its own.
fn inflaters_are_counted(snapshot: &Value) -> Result<()> {
    let records = snapshot["evidence"].as_array().context("no evidence")?;
    let classes = records
        .iter()
        .find(|record| record["kind"] == "native_objects")
        .and_then(|record| record["classes"].as_array())
        .context("no native objects")?;
    let inflaters = classes
        .iter()
        .find(|class| class["class"] == "java.util.zip.Inflater")
        .context("no inflaters")?;
    let count = |key: &str| inflaters[key].as_u64().unwrap_or(0);
    assert!((100..110).contains(&count("created")), "{inflaters}");
    assert_eq!(count("created") - count("disposed"), 99, "{inflaters}");
    assert_eq!(inflaters["incomplete"], true);
    Ok(())
}

/// Nothing but the program's own steps on stdout; on stderr nothing but what the JVM has to say about any agent, and JDK 25
/// about `sun.misc.Unsafe`.
fn is_quiet(jdk: &Jdk, stdout: &str, stderr: &str) {
    for line in stdout.lines() {
        assert!(flinkmem_tests::Step::parse(line).is_some(), "{line:?}");
    }
    let of_the_jvm = |line: &&str| line.starts_with("WARNING: ") && jdk.feature >= 21;
    let other: Vec<&str> = stderr.lines().filter(|line| !of_the_jvm(line)).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn who_starts_threads_after_the_attach_is_known() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "ThreadLeak").arguments(["10", "0"]).start()?;
        jvm.step("ready")?;
        attach(&jvm, "interval=20ms")?;
        jvm.go_on()?;
        jvm.step("leaked")?;
        let live = jvm.wait_for_trace("a census with creators", |trace| {
            let sites = trace.sites_through("ThreadLeak.leak");
            trace.evidence.iter().find_map(|record| match record {
                Record::ThreadCensus(census) => {
                    let mut creators = census.creators.iter();
                    let found = creators.find(|each| each.live > 0 && sites.contains(&each.site));
                    found.map(|creator| creator.live)
                }
                _ => None,
            })
        })?;
        let trace = jvm.trace()?;
        assert!(live <= 10, "{live}");
        assert!(trace.header.attached_late);
        Ok(())
    })
}

#[test]
fn a_leak_that_begins_after_the_attach_is_named_before_its_error() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "DirectOom")
            .options(["-XX:MaxDirectMemorySize=16m"])
            .arguments(["1048576"])
            .start()?;
        jvm.step("ready")?;
        // From JDK 24 on the protocol takes more than a kilobyte.
        let long = if jdk.feature >= 24 { 200 } else { 0 };
        attach(
            &jvm,
            &("interval=100ms".to_owned() + &",log=warn".repeat(long)),
        )?;
        jvm.go_on()?;
        let finished = jvm.finish()?;
        let refused = finished.steps().pop().context("not refused")?;
        let trace = finished.trace()?;
        let incident = trace
            .incidents_of(IncidentKind::DirectSlowPath)
            .last()
            .context("no incident")?;
        assert!(incident.t_ms <= refused.t_ms, "told after the error");
        let top = incident.sites.first().context("no site")?;
        assert!(
            trace.sites_through("DirectOom.hoard").contains(&top.id),
            "{top:?}"
        );
        let made = trace.incidents_of(IncidentKind::OutOfMemoryError);
        let classes: Vec<_> = made.map(|incident| incident.error_class.clone()).collect();
        assert!(
            classes.contains(&Some("java.lang.OutOfMemoryError".to_owned())),
            "{classes:?}"
        );
        let report = json(&flinkmem(
            ["diagnose", "--format", "json"],
            &trace.directory,
        )?)?;
        let consumer = &report["findings"][0]["consumer"]["name"];
        assert_eq!(consumer, "DirectOom.hoard", "{report}");
        Ok(())
    })
}

#[test]
fn who_cannot_bear_it_is_left_alone_and_told_apart() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let mut sleep = Process::start(Command::new("sleep").arg("600"), Vec::new())?;
    is_refused(&attach_to(sleep.id(), &[])?, "is not a JVM");
    assert!(sleep.status()?.is_none(), "it was harmed");

    let gone = Process::start(&mut Command::new("true"), Vec::new())?.id();
    is_refused(&attach_to(gone, &[])?, "no process");

    for (option, words) in [
        (
            "-XX:+DisableAttachMechanism",
            "DisableAttachMechanism; remove",
        ),
        (
            "-XX:-EnableDynamicAgentLoading",
            "Dynamic agent loading is not enabled",
        ),
    ] {
        let mut jvm = Jvm::new(&jdk, "Idle").options([option]).start()?;
        jvm.step("idle")?;
        is_refused(&attach_to(jvm.id(), &[])?, words);
        jvm.go_on()?;
        let finished = jvm.finish()?;
        assert!(finished.status.success(), "{option}: {}", finished.stderr);
        is_quiet(&jdk, &finished.stdout, &finished.stderr);
    }

    // Handles no signals, and listens from the start instead.
    let mut jvm = Jvm::new(&jdk, "Idle").options(["-Xrs"]).start()?;
    jvm.step("idle")?;
    is_refused(
        &attach_to(jvm.id(), &["--agent", "/nowhere/libflinkmem.so"])?,
        "/nowhere/libflinkmem.so does not exist",
    );
    is_refused(
        &attach_to(jvm.id(), &["--agent", "/proc/version"])?,
        "/proc/version is not flinkmem's agent",
    );
    // Options longer than version 1 of the protocol takes.
    let long = format!("log=off,dir=/{}", "x".repeat(2000));
    is_refused(&attach_to(jvm.id(), &["-o", &long])?, "takes 1024");
    is_refused(&snapshot(&jvm.id().to_string(), &[])?, "flinkmem attach");
    attach(&jvm, "")?;
    jvm.go_on()?;
    let finished = jvm.finish()?;
    assert!(finished.status.success(), "{}", finished.stderr);
    is_quiet(&jdk, &finished.stdout, &finished.stderr);
    Ok(())
}

#[test]
fn an_agent_of_another_version_is_attached_and_told_of() -> Result<()> {
    let mut jvm = Jvm::new(&Jdk::find(17)?, "EarlyBlocks").start()?;
    jvm.step("early")?;
    let version = env!("CARGO_PKG_VERSION");
    let other = version.replace(|letter: char| letter.is_ascii_digit(), "9");
    let library = jvm.directory().join("libflinkmem.so");
    let mut content = std::fs::read(artefacts::agent()?)?;
    let mark = format!("flinkmem agent {version} (");
    let mut parts = content.windows(mark.len());
    let at = parts.position(|part| part == mark.as_bytes());
    let at = at.context("the library does not tell its version")?;
    content[at..at + mark.len()].copy_from_slice(mark.replace(version, &other).as_bytes());
    std::fs::write(&library, content)?;
    let library = library.to_str().context("no text")?;
    let output = attach_to(
        jvm.id(),
        &["--agent", library, "-o", &dir(&jvm, "interval=1s")?],
    )?;
    assert!(succeeded(&output)?.contains("; the trace is /"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains(&format!("is of version {other} (")),
        "{stderr}"
    );
    Ok(())
}

#[test]
fn a_copy_of_the_library_finds_the_one_that_is_at_work() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let mut jvm = Jvm::new(&jdk, "EarlyBlocks")
        .agent("interval=50ms")
        .start()?;
    jvm.step("early")?;
    jvm.wait_for_trace("a sample", |trace| trace.samples.first().map(|_| ()))?;
    let copy = jvm.directory().join("copy-of-libflinkmem.so");
    std::fs::copy(artefacts::agent()?, &copy)?;
    // The JDK's own tool: ours would see the trace and not even try.
    let loaded = Command::new(jdk.tool("jcmd"))
        .arg(jvm.id().to_string())
        .arg("JVMTI.agent_load")
        .arg(&copy)
        .output()?;
    let said = String::from_utf8_lossy(&loaded.stdout);
    assert!(said.contains("return code: 7001"), "{said}");
    jvm.go_on()?;
    for name in ["attached", "freed", "grown", "late", "after"] {
        jvm.step(name)?;
        jvm.go_on()?;
    }
    let finished = jvm.finish()?;
    assert!(finished.status.success(), "{}", finished.stderr);
    assert!(!finished.trace()?.header.attached_late);
    is_quiet(&jdk, &finished.stdout, &finished.stderr);
    Ok(())
}

#[test]
fn a_jvm_of_another_user_in_another_container_is_reached_from_the_host() -> Result<()> {
    if !may_make_namespaces() {
        skipped(
            "a JVM in a container",
            "needs root, unshare(1) and setpriv(1)",
        );
        return Ok(());
    }
    let jdk = Jdk::find(17)?;
    let outside = tempfile::tempdir_in("/tmp")?;
    let library = outside.path().join("libflinkmem.so");
    std::fs::copy(artefacts::agent()?, &library)?;
    let programs = outside.path().join("programs");
    copy_files(&javac::programs()?, &programs)?;
    // Its /tmp is its own, with only the programs in it, and so is its view of process ids. Its user is nobody.
    let script = "mount -t tmpfs -o mode=1777 none /mnt && cp -r \"$1\" /mnt/programs && mount --move /mnt /tmp && cd /tmp \
                  && exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$2\" -cp /tmp/programs Idle";
    let said = outside.path().join("said");
    let mut container = Process::start(
        Command::new("unshare")
            .args([
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                script,
                "sh",
            ])
            .arg(&programs)
            .arg(jdk.tool("java"))
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(&said)?),
        Vec::new(),
    )?;
    let _stdin = container.take_stdin();
    let pid = wait_for("the JVM in the container", PATIENCE, || {
        ensure!(container.status()?.is_none(), "the container has ended");
        // A JVM that is still starting cannot be attached to.
        let is_up = std::fs::read_to_string(&said)?.starts_with("idle");
        Ok(child_of(container.id()).filter(|&pid| is_up && handles_sigquit(pid)))
    })?;
    let top = || succeeded(&flinkmem(["top", "--once"], pid.to_string())?);
    let seen = top()?;
    assert!(
        seen.starts_with("Idle on ") && seen.contains(&format!("flinkmem attach {pid}")),
        "{seen}"
    );
    let path = library.to_str().context("no text")?;
    is_refused(&attach_to(pid, &["--agent", path])?, "repeat with --copy");
    let options = [
        "--agent",
        path,
        "--copy",
        "-o",
        "dir=/tmp/traces,interval=50ms",
    ];
    let said = succeeded(&attach_to(pid, &options)?)?;
    assert!(said.contains("the trace is /tmp/traces/"), "{said}");
    assert!(top()?.contains("the agent was attached late"), "{}", top()?);
    let snapshot = json(&snapshot(&pid.to_string(), &[])?)?;
    assert_eq!(snapshot["attached_late"], true);
    assert_ne!(snapshot["pid"], pid, "its own view of process ids");
    assert!(snapshot["sample"]["process"]["vm_rss_bytes"].as_u64() > Some(0));
    Ok(())
}

#[test]
fn a_snapshot_shows_who_holds_what_now() -> Result<()> {
    on_every_jdk(|jdk| {
        let mut jvm = Jvm::new(jdk, "Shares")
            .options(["-XX:MaxDirectMemorySize=256m"])
            .start()?;
        jvm.step("shared")?;
        let said = snapshot(
            &jvm.id().to_string(),
            &["--attach", "-o", &dir(&jvm, "interval=100ms")?],
        )?;
        let of_process = json(&said)?;
        assert!(String::from_utf8_lossy(&said.stderr).starts_with("attached to "));
        let trace = jvm.trace()?;
        let of_directory = json(&snapshot(&trace.directory.to_string_lossy(), &[])?)?;
        for snapshot in [&of_process, &of_directory] {
            assert_eq!(snapshot["schema"], 1);
            assert_eq!(snapshot["attached_late"], true);
            assert!(snapshot["sample"]["direct"]["capacity_bytes"].as_u64() > Some(0));
            let evidence = snapshot["evidence"].as_array().context("no evidence")?;
            assert!(!evidence.is_empty(), "{snapshot}");
            for record in evidence {
                assert_eq!(record["occasion"], "demand", "{record}");
            }
        }
        assert!(up_ms(&of_directory) > up_ms(&of_process), "an old answer");
        let left: Vec<_> = std::fs::read_dir(&trace.directory)?
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("snapshot"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        let text = flinkmem(["snapshot"], &trace.directory)?;
        let text = succeeded(&text)?;
        assert!(
            text.contains("The agent came late") && text.contains("taken in "),
            "{text}"
        );
        Ok(())
    })
}

/// Its RocksDB is loaded and busy when the agent comes, so what is seen of it is seen through natives that were bound before.
#[test]
fn a_taskmanager_with_a_running_job_is_understood_from_the_attach_on() -> Result<()> {
    let mut cluster = Cluster::builder(&Jdk::find(17)?)
        .configure("state.backend.type", "rocksdb")
        .configure("state.backend.incremental", "true")
        .start()?;
    let job = cluster.submit("com.acme.RocksDbJob", &["1000", "1000000"])?;
    cluster.wait_for_job(&job, &["RUNNING"], PATIENCE)?;
    let pid = cluster.taskmanager().id();
    let traces = cluster.traces().to_str().context("no text")?;
    let options = format!("dir={traces},interval=200ms");
    succeeded(&attach_to(pid, &["-o", &options])?)?;
    let rocksdb_objects = |snapshot: &Value| {
        let records = snapshot["evidence"].as_array().into_iter().flatten();
        let classes = records
            .filter(|record| record["kind"] == "native_objects")
            .flat_map(|record| record["classes"].as_array().into_iter().flatten());
        let made = classes
            .filter(|class| {
                class["class"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("org.rocksdb."))
            })
            .filter(|class| class["created"].as_u64() > Some(0));
        made.count()
    };
    let snapshot = wait_for(
        "objects of RocksDB that a checkpoint makes",
        PATIENCE,
        || {
            let snapshot = json(&snapshot(&pid.to_string(), &[])?)?;
            Ok((rocksdb_objects(&snapshot) > 0).then_some(snapshot))
        },
    )?;
    let ledger = snapshot["evidence"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|record| record["kind"] == "ledger")
        .context("no ledger")?;
    assert!(ledger["rss_bytes"].as_u64() > Some(100 << 20), "{ledger}");
    let report = json(&flinkmem(["diagnose", "--format", "json"], traces)?)?;
    assert_eq!(report["subject"]["process"], "tm", "{report}");
    assert!(
        report["rss"]["attributed"].as_f64() > Some(0.9),
        "{}",
        report["rss"]
    );
    eprintln!(
        "{} of the resident memory has an owner",
        report["rss"]["attributed"]
    );
    cluster.wait_for_job(&job, &["RUNNING"], PATIENCE)?;
    assert!(cluster.taskmanager().status()?.is_none());
    Ok(())
}

fn up_ms(snapshot: &Value) -> u64 {
    snapshot["sample"]["up_ms"].as_u64().unwrap_or(0)
}

/// Options with the trace in the JVM's own directory, where the lab looks for it.
fn dir(jvm: &Running, options: &str) -> Result<String> {
    let traces = jvm.directory().join("traces");
    let traces = traces.to_str().context("no text")?;
    Ok(format!("dir={traces},{options}"))
}

fn attach(jvm: &Running, options: &str) -> Result<String> {
    succeeded(&attach_to(jvm.id(), &["-o", &dir(jvm, options)?])?)
}

fn attach_to(pid: u32, arguments: &[&str]) -> Result<Output> {
    let pid = pid.to_string();
    let mut all = vec!["attach"];
    all.extend(arguments);
    flinkmem(all, &pid)
}

fn snapshot(subject: &str, arguments: &[&str]) -> Result<Output> {
    let mut all = vec!["snapshot", "--format", "json"];
    all.extend(arguments);
    flinkmem(all, subject)
}

fn flinkmem<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
    subject: impl AsRef<OsStr>,
) -> Result<Output> {
    let mut command = Command::new(artefacts::flinkmem()?);
    command.args(arguments).arg(subject);
    command.output().context("cannot start flinkmem")
}

fn succeeded(output: &Output) -> Result<String> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {stderr}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn json(output: &Output) -> Result<Value> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).with_context(|| stderr.into_owned())
}

#[track_caller]
fn is_refused(output: &Output, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(UNUSABLE), "{stderr}");
    assert!(stderr.contains(words), "{stderr}");
    assert!(output.stdout.is_empty());
}

/// The account in the first sample that was begun after a moment.
fn account_after(jvm: &mut Running, t_ms: i64) -> Result<OffHeap> {
    jvm.wait_for_trace("a sample after the step", |trace: &Trace| {
        let after = trace.samples.iter().find(|sample| sample.t_ms > t_ms)?;
        after.off_heap
    })
}

fn may_make_namespaces() -> bool {
    let tried = Command::new("unshare")
        .args([
            "--mount", "--pid", "--fork", "setpriv", "--reuid", "65534", "true",
        ])
        .stderr(Stdio::null())
        .status();
    tried.is_ok_and(|status| status.success())
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn child_of(pid: u32) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_ascii_whitespace().next()?.parse().ok()
}

fn handles_sigquit(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & 4 != 0)
}
