//! `flinkmem serve` with a real Prometheus, a real Flink and a real leak.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::flink::Role;
use flinkmem_tests::prometheus::{Prometheus, Tools};
use flinkmem_tests::serve::Serve;
use flinkmem_tests::skip::skipped;
use flinkmem_tests::wait::{PATIENCE, wait_for};
use flinkmem_tests::{Cgroup, Cluster, Jdk, artefacts};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

const CONSUMER: &str = "com.acme.DirectLeakJob$Enricher.lookUp";

/// What has no data in this test, and why. Everything else that the dashboard asks for must have some.
const WITHOUT_DATA: &[(&str, &str)] = &[
    (
        "flinkmem_finding_exhausted_in_seconds",
        "the limit is met within half a minute, and then there is nothing to forecast",
    ),
    ("flinkmem_rocksdb_", "the job has no state"),
    (
        "flinkmem_pids_limit",
        "the process is under no limit on threads that is sure to be there",
    ),
    ("flinkmem_native_objects_live", "nothing is sure to be open"),
];

fn rules() -> PathBuf {
    artefacts::root().join("deploy/prometheus/flinkmem-alerts.yaml")
}

fn tools(test: &str) -> Option<Tools> {
    Tools::fetch()
        .inspect_err(|error| skipped(test, format!("no Prometheus: {error:#}")))
        .ok()
}

#[test]
fn the_alert_rules_are_valid_and_pass_their_own_tests() -> Result<()> {
    let Some(tools) = tools("the_alert_rules_are_valid_and_pass_their_own_tests") else {
        return Ok(());
    };
    let rules = rules();
    let tests = rules.with_file_name("flinkmem-alerts.test.yaml");
    for (what, file) in [("check", &rules), ("test", &tests)] {
        let output = tools.promtool(&[what, "rules", &file.display().to_string()], None)?;
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        ensure!(
            output.status.success() && said.contains("SUCCESS"),
            "promtool {what} rules: {said}"
        );
    }
    // A rule without a test is one that nobody saw firing.
    let (rules, tests) = (fs::read_to_string(&rules)?, fs::read_to_string(&tests)?);
    for alert in rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        ensure!(
            tests.contains(&format!("alertname: {alert}\n")),
            "{alert} has no test"
        );
    }
    Ok(())
}

#[test]
fn a_real_prometheus_sees_a_real_leak_and_answers_the_whole_dashboard() -> Result<()> {
    const NAME: &str = "a_real_prometheus_sees_a_real_leak_and_answers_the_whole_dashboard";
    let Some(tools) = tools(NAME) else {
        return Ok(());
    };
    let traces = tempfile::tempdir()?;
    // Before the cluster, so that it outlives it.
    let container = Cgroup::memory(2 << 30);
    let mut builder = Cluster::builder(&Jdk::find(17)?)
        .configure("taskmanager.memory.framework.off-heap.size", "96m")
        .configure("restart-strategy.type", "none")
        .agent("interval=500ms")
        .jobmanager_agent("interval=500ms")
        .traces_of(Role::TaskManager, traces.path())
        .traces_of(Role::JobManager, traces.path());
    match &container {
        Ok(container) => builder = builder.within(Role::TaskManager, container)?,
        Err(error) => skipped(
            &format!("{NAME}, the container's metrics"),
            format!("{error:#}"),
        ),
    }
    let begin = jiff::Timestamp::now().as_second();
    let mut cluster = builder.start()?;
    let serve = Serve::start(traces.path(), &["--every", "1s"])?;
    let prometheus = Prometheus::start(&tools, serve.address(), &rules())?;
    cluster.submit("com.acme.DirectLeakJob", &["3000000"])?;

    the_limit_is_flinks(&prometheus)?;
    the_alert_names_the_consumer(&prometheus)?;
    the_text_is_clean(&tools, &serve)?;
    the_dashboard_is_answered(&prometheus, begin, container.is_ok())?;
    the_questions_of_the_document_are_answered(&prometheus)?;

    cluster.taskmanager().kill()?;
    wait_for(
        "the figures of the process that ended to be gone",
        PATIENCE,
        || {
            let figures = prometheus.query("flinkmem_direct_limit_bytes{process=\"tm\"}")?;
            let up = prometheus.query("flinkmem_process_up{process=\"tm\"} == 0")?;
            Ok((figures.is_empty() && up.len() == 1).then_some(()))
        },
    )?;
    let stays = prometheus.query("flinkmem_finding{process=\"tm\",label=\"direct_leak\"} == 1")?;
    ensure!(stays.len() == 1, "its findings are gone with it: {stays:?}");
    ensure!(serve.stderr()?.lines().count() == 1, "{}", serve.stderr()?);
    Ok(())
}

/// 96 MiB of framework off-heap and 64 MiB of network memory: what Flink gives the JVM as its limit.
fn the_limit_is_flinks(prometheus: &Prometheus) -> Result<()> {
    let limit = wait_for("the limit on direct memory", PATIENCE, || {
        let series = prometheus.query("flinkmem_direct_limit_bytes{process=\"tm\"}")?;
        Ok(series.first().cloned())
    })?;
    let expected = ((96 + 64) << 20).to_string();
    ensure!(
        limit["value"][1] == expected.as_str(),
        "{limit} instead of {expected}"
    );
    let jobmanagers = prometheus.query("flinkmem_process_up{process=\"jm\"} == 1")?;
    ensure!(jobmanagers.len() == 1, "{jobmanagers:?}");
    Ok(())
}

/// The job leaks 3 MB a second and has some 90 MB.
fn the_alert_names_the_consumer(prometheus: &Prometheus) -> Result<()> {
    let fires = |alert: &&Value| {
        let labels = &alert["labels"];
        alert["state"] == "firing"
            && labels["alertname"] == "FlinkmemCriticalFinding"
            && labels["label"] == "direct_leak"
            && labels["limit"] == "direct"
            && labels["consumer"] == CONSUMER
    };
    let alert = wait_for("the alert to fire", Duration::from_secs(180), || {
        Ok(prometheus.alerts()?.iter().find(fires).cloned())
    })?;
    let summary = alert["annotations"]["summary"]
        .as_str()
        .context("no summary")?;
    ensure!(
        summary.starts_with(&format!("{CONSUMER} used up direct of tm ")),
        "{summary}"
    );
    Ok(())
}

/// `promtool check metrics` has nothing to say but that some of OpenTelemetry's names end in `_count`.
fn the_text_is_clean(tools: &Tools, serve: &Serve) -> Result<()> {
    let scraped = tempfile::NamedTempFile::new()?;
    fs::write(scraped.path(), serve.get("/metrics")?)?;
    let output = tools.promtool(&["check", "metrics"], Some(scraped.path()))?;
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let others = said.lines().filter(|line| {
        let is_opentelemetrys = ["jvm_", "process_", "container_"]
            .iter()
            .any(|prefix| line.starts_with(prefix));
        !(is_opentelemetrys && line.contains("should not have \"_count\" suffix"))
    });
    let others: Vec<&str> = others.collect();
    ensure!(others.is_empty(), "{others:#?}");
    Ok(())
}

fn the_dashboard_is_answered(
    prometheus: &Prometheus,
    begin: i64,
    in_container: bool,
) -> Result<()> {
    let path = artefacts::root().join("deploy/grafana/flinkmem.json");
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    let panels = dashboard["panels"].as_array().context("no panels")?;
    let now = jiff::Timestamp::now().as_second();
    let mut empty = Vec::new();
    let mut asked = 0;
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let expression = target["expr"]
                .as_str()
                .context("a target without an expression")?;
            let expression = expression
                .replace("$trace", ".*")
                .replace("$__rate_interval", "10s");
            ensure!(
                !expression.contains('$'),
                "a variable that this test does not know: {expression}"
            );
            let series = prometheus.query_range(&expression, begin, now);
            let series = series.with_context(|| format!("panel {}", panel["title"]))?;
            asked += 1;
            if series.is_empty() && !may_be_empty(&expression, in_container) {
                empty.push(format!("{}: {expression}", panel["title"]));
            }
        }
    }
    ensure!(
        asked > 30,
        "only {asked} queries were found in the dashboard"
    );
    ensure!(empty.is_empty(), "without data:\n{}", empty.join("\n"));
    Ok(())
}

/// Each line of docs/metrics.md's block of PromQL that is no comment.
fn the_questions_of_the_document_are_answered(prometheus: &Prometheus) -> Result<()> {
    let document = fs::read_to_string(artefacts::root().join("docs/metrics.md"))?;
    let block = document
        .split_once("```promql\n")
        .and_then(|(_, rest)| rest.split_once("```"));
    let (block, _) = block.context("no block of PromQL")?;
    let questions: Vec<&str> = block
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    ensure!(!questions.is_empty(), "no questions");
    for question in questions {
        prometheus.query(question)?;
    }
    Ok(())
}

fn may_be_empty(expression: &str, in_container: bool) -> bool {
    let of_container = expression.contains("container_memory");
    (of_container && !in_container)
        || WITHOUT_DATA
            .iter()
            .any(|(metric, _)| expression.contains(metric))
}
