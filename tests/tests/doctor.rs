//! `flinkmem doctor` on installations that work and on such that do not.

use anyhow::{Context, Result};
use flinkmem_tests::mount::{Overlay, Tmpfs};
use flinkmem_tests::skip::skipped;
use flinkmem_tests::{Jdk, Jvm, artefacts, on_every_jdk};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ALL_WELL: i32 = 0;
const WARNINGS: i32 = 1;
const PROBLEMS: i32 = 2;

/// How names of glibc's versions begin.
const GLIBC_2: &[u8] = b"GLIBC_2.";

/// Somebody without rights; no such user needs to exist.
const NOBODY: u32 = 65_534;

fn doctor(jdk: &Jdk, agent: &Path, arguments: &[&OsStr]) -> Result<Command> {
    let mut command = Command::new(artefacts::flinkmem()?);
    command
        .args(["doctor", "--format", "json", "--agent"])
        .arg(agent)
        .args(arguments)
        .arg("--")
        .arg(jdk.tool("java"));
    for name in ["JAVA_TOOL_OPTIONS", "FLINK_CONF_DIR", "FLINK_LOG_DIR"] {
        command.env_remove(name);
    }
    Ok(command)
}

/// The exit status, and what was said of one matter: outcome, detail, next step.
fn answer(output: &Output, name: &str) -> Result<(i32, String, String, String)> {
    let json: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let checks = json["checks"].as_array().context("no checks")?;
    let check = checks
        .iter()
        .find(|check| check["name"] == name)
        .with_context(|| format!("nothing about {name}: {json}"))?;
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    let status = output.status.code().context("no exit status")?;
    Ok((status, text("outcome"), text("detail"), text("next")))
}

fn agent() -> Result<PathBuf> {
    artefacts::agent()
}

#[test]
fn an_installation_that_works_is_well_on_every_jdk() -> Result<()> {
    let traces = tempfile::tempdir()?;
    on_every_jdk(|jdk| {
        let arguments = [OsStr::new("--dir"), traces.path().as_os_str()];
        let output = doctor(jdk, &agent()?, &arguments)?.output()?;
        let (status, outcome, detail, _) = answer(&output, "library")?;
        assert_eq!(
            (status, outcome.as_str()),
            (ALL_WELL, "ok"),
            "{jdk}: {detail}"
        );
        let (.., vm, _) = answer(&output, "vm")?;
        assert!(vm.contains(&jdk.version), "{vm}");
        let left = std::fs::read_dir(traces.path())?.count();
        assert_eq!(left, 0, "the directory stays as it was");
        Ok(())
    })
}

#[test]
fn a_library_that_does_not_load_is_a_problem_with_its_cause() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let good = std::fs::read(agent()?)?;
    let mut foreign = good.clone();
    // The machine in the ELF header: 183 is aarch64, 62 x86-64.
    foreign[18] = if foreign[18] == 62 { 183 } else { 62 };
    // As if it had been built where glibc is newer than anywhere.
    let mut newer = good.clone();
    for at in 0..newer.len().saturating_sub(GLIBC_2.len()) {
        if newer[at..].starts_with(GLIBC_2) {
            newer[at + GLIBC_2.len() - 2] = b'9';
        }
    }
    let cases: [(&str, Option<&[u8]>, &str); 5] = [
        ("newer.so", Some(&newer), "newer glibc"),
        ("missing.so", None, "it is not there"),
        ("garbage.so", Some(b"garbage"), "does not load"),
        (
            "foreign.so",
            Some(&foreign),
            "another processor architecture",
        ),
        ("short.so", Some(&good[..good.len() / 2]), "cut short"),
    ];
    on_every_jdk(|jdk| {
        for (name, content, says) in cases {
            let path = folder.path().join(name);
            if let Some(content) = content {
                std::fs::write(&path, content)?;
            }
            let output = doctor(jdk, &path, &[])?.output()?;
            let (status, outcome, detail, next) = answer(&output, "library")?;
            assert_eq!((status, outcome.as_str()), (PROBLEMS, "problem"), "{name}");
            assert!(
                detail.contains(says) && detail.contains(name),
                "{jdk}: {detail}"
            );
            assert!(!next.is_empty(), "{name}");
        }
        Ok(())
    })
}

#[test]
fn a_java_that_does_not_start_is_told_from_a_library_that_does_not_load() -> Result<()> {
    let mut jdk = Jdk::find(17)?;
    jdk.home = PathBuf::from("/no/such/java");
    let output = doctor(&jdk, &agent()?, &[])?.output()?;
    let (status, outcome, detail, _) = answer(&output, "java")?;
    assert_eq!((status, outcome.as_str()), (PROBLEMS, "problem"));
    assert!(detail.contains("/no/such/java"), "{detail}");

    let jdk = Jdk::find(17)?;
    let mut command = doctor(&jdk, &agent()?, &[])?;
    let output = command.arg("-XX:+NoSuchFlag").output()?;
    let (_, outcome, detail, _) = answer(&output, "java")?;
    assert_eq!(outcome, "problem");
    assert!(detail.contains("NoSuchFlag"), "{detail}");
    Ok(())
}

#[test]
fn options_that_the_agent_does_not_understand_are_named() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let arguments = ["--options", "colour=red,interval=fast"].map(OsStr::new);
    let output = doctor(&jdk, &agent()?, &arguments)?.output()?;
    let (status, outcome, detail, next) = answer(&output, "options")?;
    assert_eq!((status, outcome.as_str()), (PROBLEMS, "problem"));
    assert!(
        detail.contains("\"colour\"") && detail.contains("interval=fast"),
        "{detail}"
    );
    assert!(next.contains("docs/options.md"), "{next}");
    Ok(())
}

#[test]
fn a_directory_of_somebody_else_is_a_problem_with_its_owner() -> Result<()> {
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        skipped(
            "a_directory_of_somebody_else",
            "only root can act as somebody else",
        );
        return Ok(());
    }
    let jdk = Jdk::find(17)?;
    let traces = tempfile::tempdir()?;
    std::fs::set_permissions(traces.path(), Permissions::from_mode(0o755))?;
    let copies = tempfile::tempdir()?;
    std::fs::set_permissions(copies.path(), Permissions::from_mode(0o755))?;
    // Where the tests were built, somebody else may not look.
    let (program, library) = (
        copies.path().join("flinkmem"),
        copies.path().join("libflinkmem.so"),
    );
    std::fs::copy(artefacts::flinkmem()?, &program)?;
    std::fs::copy(agent()?, &library)?;
    let output = Command::new(program)
        .args(["doctor", "--format", "json", "--dir"])
        .arg(traces.path())
        .arg("--")
        .arg(jdk.tool("java"))
        .uid(NOBODY)
        .gid(NOBODY)
        .output()?;
    let (status, outcome, detail, next) = answer(&output, "directory")?;
    assert_eq!(
        (status, outcome.as_str()),
        (PROBLEMS, "problem"),
        "{detail}"
    );
    assert!(
        detail.contains("belongs to uid 0") && detail.contains("uid 65534"),
        "{detail}"
    );
    assert!(next.contains("fsGroup"), "{next}");
    let (_, outcome, ..) = answer(&output, "library")?;
    assert_eq!(outcome, "ok", "the library beside the program is found");
    Ok(())
}

#[test]
fn a_directory_in_memory_in_a_layer_too_small_or_read_only_is_told() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let small = match Tmpfs::mount("size=2m") {
        Ok(small) => small,
        Err(error) => {
            skipped("a_directory_in_memory", format!("{error:#}"));
            return Ok(());
        }
    };
    let on = |directory: &Path| {
        doctor(
            &jdk,
            &agent()?,
            &[OsStr::new("--dir"), directory.as_os_str()],
        )?
        .output()
        .context("doctor")
    };
    let output = on(&small.path().join("not/there/yet"))?;
    let (status, outcome, detail, _) = answer(&output, "volume")?;
    assert_eq!(
        (status, outcome.as_str()),
        (WARNINGS, "warning"),
        "{detail}"
    );
    assert!(detail.contains("tmpfs"), "{detail}");
    let (_, outcome, detail, next) = answer(&output, "room")?;
    assert_eq!(outcome, "warning");
    assert!(
        detail.contains("64.0 MiB") && next.contains("max_disk"),
        "{detail}"
    );

    match Overlay::mount() {
        Ok(layered) => {
            let output = on(&layered.path())?;
            let (status, outcome, detail, next) = answer(&output, "volume")?;
            assert_eq!(
                (status, outcome.as_str()),
                (WARNINGS, "warning"),
                "{detail}"
            );
            assert!(detail.contains("container's own layer"), "{detail}");
            assert!(next.contains("emptyDir"), "{next}");
        }
        Err(error) => skipped("a_directory_in_a_layer", format!("{error:#}")),
    }

    let read_only = Tmpfs::mount("ro")?;
    let (status, outcome, detail, _) = answer(&on(read_only.path())?, "directory")?;
    assert_eq!((status, outcome.as_str()), (PROBLEMS, "problem"));
    assert!(detail.contains("read-only"), "{detail}");
    Ok(())
}

#[test]
fn a_configuration_without_the_agent_is_told_which_line_is_missing() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let conf = tempfile::tempdir()?;
    let examined = |file: &str, version: &str, content: &str| -> Result<Output> {
        let path = conf.path().join(file);
        std::fs::write(&path, content)?;
        let mut arguments: Vec<OsString> = vec!["--conf".into(), conf.path().into()];
        arguments.extend(["--flink-version".into(), version.into()]);
        let arguments: Vec<&OsStr> = arguments.iter().map(OsString::as_os_str).collect();
        let output = doctor(&jdk, &agent()?, &arguments)?.output()?;
        std::fs::remove_file(path)?;
        Ok(output)
    };
    for (file, version) in [("config.yaml", "2.0.0"), ("flink-conf.yaml", "1.18.1")] {
        let lacking = examined(file, version, "taskmanager.numberOfTaskSlots: 2\n")?;
        let (status, outcome, _, next) = answer(&lacking, "flink_tm")?;
        assert_eq!((status, outcome.as_str()), (PROBLEMS, "problem"), "{file}");
        assert!(
            next.contains(file) && next.contains("env.java.opts.taskmanager"),
            "{next}"
        );
        let (_, outcome, ..) = answer(&lacking, "flink_jm")?;
        assert_eq!(outcome, "warning");
    }
    let line = "env.java.opts.all: -agentpath:/opt/flinkmem/libflinkmem.so=dir=/traces,keep=few -javaagent:/opt/other.jar=secret\n";
    let loading = examined("config.yaml", "2.0.0", line)?;
    for name in ["flink_tm", "flink_jm"] {
        let (_, outcome, detail, _) = answer(&loading, name)?;
        assert_eq!(outcome, "ok", "{detail}");
    }
    let (.., detail, _) = answer(&loading, "flink_agents")?;
    assert!(
        detail.contains("/opt/other.jar") && !detail.contains("secret"),
        "{detail}"
    );
    let (_, outcome, detail, _) = answer(&loading, "options")?;
    assert_eq!(
        outcome, "problem",
        "options are taken from the configuration: {detail}"
    );
    assert!(detail.contains("keep=few"), "{detail}");
    Ok(())
}

#[test]
fn a_process_with_the_agent_is_told_from_one_without() -> Result<()> {
    let jdk = Jdk::find(17)?;
    let examined = |pid: u32| -> Result<Output> {
        let mut command = Command::new(artefacts::flinkmem()?);
        command.args(["doctor", "--format", "json", &pid.to_string()]);
        command
            .env_remove("FLINK_CONF_DIR")
            .output()
            .context("doctor")
    };
    let mut with = Jvm::new(&jdk, "Idle").agent("interval=100ms").start()?;
    with.step("idle")?;
    with.wait_for_trace("a sample", |trace| {
        (!trace.samples.is_empty()).then_some(())
    })?;
    let output = examined(with.id())?;
    for name in ["inside", "writing", "version", "same_user", "cgroup"] {
        let (_, outcome, detail, next) = answer(&output, name)?;
        assert_eq!(outcome, "ok", "{name}: {detail} {next}");
    }
    with.kill()?;

    let mut without = Jvm::new(&jdk, "Idle").start()?;
    without.step("idle")?;
    let (status, outcome, _, next) = answer(&examined(without.id())?, "inside")?;
    assert_eq!((status, outcome.as_str()), (PROBLEMS, "problem"));
    assert!(
        next.contains(&format!("flinkmem attach {}", without.id())),
        "{next}"
    );
    without.kill()?;

    let (status, outcome, ..) = answer(&examined(i32::MAX as u32)?, "process")?;
    assert_eq!((status, outcome.as_str()), (PROBLEMS, "problem"));
    Ok(())
}
