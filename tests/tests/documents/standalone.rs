//! The configuration in `docs/flink/standalone.md`, read by Flink, in JVMs started as its scripts start them.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::documents::Page;
use flinkmem_tests::flink::Home;
use flinkmem_tests::{Cluster, Jdk, artefacts};
use flinkmem_trace::{Record, TraceReader, find_traces};
use std::path::Path;

const PAGE: &str = "docs/flink/standalone.md";

#[test]
fn the_lines_for_flink_conf_yaml_load_the_agent_in_both_processes() -> Result<()> {
    agent_is_in_both("1.20.5", "flink-conf.yaml", 17)
}

#[test]
fn the_lines_for_config_yaml_load_the_agent_in_both_processes() -> Result<()> {
    agent_is_in_both("1.20.5", "config.yaml", 11)?;
    agent_is_in_both("2.3.0", "config.yaml", 21)
}

/// What the page says about characters that the scripts give to a shell.
#[test]
fn a_dollar_sign_that_is_escaped_survives_the_scripts() -> Result<()> {
    let lines = Page::open(PAGE)?.block_below("Characters that the scripts change", "yaml")?;
    let (_, value) = lines.trim().split_once(": ").context("one option")?;
    assert_eq!(
        as_the_scripts_give_it(value)?,
        "-agentpath:/opt/flinkmem/libflinkmem.so=native_objects=com.acme.Model$Session"
    );
    assert!(!as_the_scripts_give_it(&value.replace('\\', ""))?.contains("Session"));
    Ok(())
}

/// The lines below the heading `file`, in a file of that name, in a cluster of that version.
fn agent_is_in_both(version: &str, file: &str, feature: u32) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let traces = directory.path().join("traces");
    let jdk = Jdk::find(feature)?;
    let mut builder = Cluster::builder(&jdk).version(version);
    for (key, value) in java_options(version, file, &jdk, &traces)? {
        builder = builder.configure(&key, &as_the_scripts_give_it(&value)?);
    }
    let mut cluster = builder.start()?;
    let both = [cluster.taskmanager().id(), cluster.jobmanager().id()];
    for pid in both {
        let name = format!("-{pid}-");
        let found = find_traces(&traces)?;
        let trace = found
            .into_iter()
            .find(|path| path.to_string_lossy().contains(&name));
        let trace = trace.with_context(|| format!("{version}: process {pid} has left no trace"))?;
        let (records, _) = TraceReader::open(&trace)?.records();
        let samples = records
            .iter()
            .filter(|record| matches!(record, Record::Sample(_)));
        ensure!(
            samples.count() > 0,
            "{version}: process {pid} has left no sample"
        );
    }
    Ok(())
}

/// The options that the page's lines set, in the words of Flink's own parser, with the places that are here.
fn java_options(
    version: &str,
    file: &str,
    jdk: &Jdk,
    traces: &Path,
) -> Result<Vec<(String, String)>> {
    let lines = Page::open(PAGE)?.block_below(&format!("`{file}`"), "yaml")?;
    let lines = lines
        .replace(
            "/opt/flinkmem/libflinkmem.so",
            &artefacts::agent()?.display().to_string(),
        )
        .replace("/var/lib/flinkmem", &traces.display().to_string());
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(file), lines)?;
    let options = Home::fetch(version)?.configuration(jdk, folder.path())?;
    let java: Vec<_> = options
        .into_iter()
        .filter(|(key, _)| key.starts_with("env.java.opts"))
        .collect();
    ensure!(java.len() >= 2, "{file}: {java:?}");
    Ok(java)
}

/// `flink-console.sh` and `flink-daemon.sh` have the shell expand the options before the JVM gets them.
fn as_the_scripts_give_it(options: &str) -> Result<String> {
    let mut shell = std::process::Command::new("bash");
    let output = shell
        .args(["-c", "eval echo ${OPTIONS}"])
        .env("OPTIONS", options)
        .output()?;
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
