//! The configuration in `docs/flink/yarn.md`, made into a container's command by Flink and run as YARN's NodeManager runs it: by a shell, in a
//! directory of its own that has the shipped files.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::documents::Page;
use flinkmem_tests::flink::Home;
use flinkmem_tests::process::Process;
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Jdk, artefacts, javac};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_container_s_command_loads_the_shipped_library() -> Result<()> {
    for version in ["1.20.5", "2.3.0"] {
        let home = Home::fetch(version)?;
        let jdk = Jdk::find(17)?;
        let container = tempfile::tempdir()?;
        let traces = container.path().join("outlives/flinkmem");
        let command = command(&home, &jdk, &traces)?;
        ensure!(
            command.contains("-agentpath:./libflinkmem.so=dir="),
            "{command}"
        );
        is_loaded_by(&command, &home, &jdk, container.path(), &traces)
            .with_context(|| format!("{version}: {command}"))?;
    }
    Ok(())
}

/// What Flink's own code has YARN run.
fn command(home: &Home, jdk: &Jdk, traces: &Path) -> Result<String> {
    let lines = Page::open("docs/flink/yarn.md")?.block_below("The lines", "yaml")?;
    let lines = lines.replace("/var/lib/flinkmem", &traces.display().to_string());
    let folder = tempfile::tempdir()?;
    let text =
        format!("taskmanager.memory.process.size: 1g\njobmanager.rpc.address: 127.0.0.1\n{lines}");
    std::fs::write(folder.path().join("config.yaml"), text)?;
    // Flink's class for YARN names classes of Hadoop, which is not here, in methods that are not called: so it must not be verified.
    let output = Command::new(jdk.tool("java"))
        .args([
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:-BytecodeVerificationRemote",
            "--add-opens=java.base/java.util=ALL-UNNAMED",
            "-classpath",
        ])
        .arg(javac::of_flink(home)?)
        .arg("YarnCommand")
        .arg(folder.path())
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let stdout = String::from_utf8(output.stdout)?;
    let command = stdout.lines().find(|line| line.starts_with("$JAVA_HOME"));
    command.map(str::to_owned).context("no command was printed")
}

fn is_loaded_by(
    command: &str,
    home: &Home,
    jdk: &Jdk,
    container: &Path,
    traces: &Path,
) -> Result<()> {
    std::fs::copy(artefacts::agent()?, container.join("libflinkmem.so"))?;
    std::fs::create_dir(container.join("log"))?;
    let mut shell = Command::new("bash");
    shell
        .args([
            "-c",
            &format!("exec {}", command.replace("<LOG_DIR>", "log")),
        ])
        .current_dir(container)
        .env("JAVA_HOME", &jdk.home)
        .env("CLASSPATH", home.class_path()?)
        .stdin(Stdio::null());
    let mut process = Process::start(&mut shell, Vec::new())?;
    let pid = format!("-{}-", process.id());
    wait_for("the process's trace", PATIENCE, || {
        let found = flinkmem_trace::find_traces(traces).unwrap_or_default();
        Ok(found
            .into_iter()
            .find(|trace| trace.to_string_lossy().contains(&pid)))
    })?;
    process.kill()?;
    Ok(())
}
