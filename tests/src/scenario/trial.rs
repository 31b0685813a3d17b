//! One scenario, played and judged.

use super::{End, Expected, Scenario, Stage};
use crate::flink::Role;
use crate::verdict::{Finding, Remedy, Verdict};
use crate::{Cgroup, Cluster, Jdk};
use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A scenario on one version of Flink and one Java.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// Version of Flink.
    pub flink: String,
    /// The Java.
    pub jdk: Jdk,
}

/// A scenario that was played to its end. The cluster still runs.
#[derive(Debug)]
pub struct Played {
    /// The cluster and its jobs.
    pub stage: Stage,
    /// How it ended.
    pub end: End,
    /// Where the trace is.
    pub traces: PathBuf,
    // Removed after the cluster.
    _cgroups: Vec<Cgroup>,
}

/// What came of a trial.
#[derive(Debug, Clone, Serialize)]
pub struct Judgement {
    /// The scenario.
    pub scenario: String,
    /// Version of Flink.
    pub flink: String,
    /// Feature release of Java.
    pub java: u32,
    /// What the first finding had to be; empty for healthy.
    pub expected: Vec<String>,
    /// The first finding's label; absent without a finding.
    pub label: Option<String>,
    /// Its confidence.
    pub confidence: Option<f64>,
    /// Its consumer.
    pub consumer: Option<String>,
    /// Whether the first label is right.
    pub label_right: bool,
    /// Whether the consumer is right; absent where none can be expected.
    pub consumer_right: Option<bool>,
    /// Whether the remedy's configuration held; absent where it proposes none.
    pub remedy_held: Option<bool>,
    /// What is wrong, in words; empty when all is right.
    pub wrong: Vec<String>,
    /// How long the trial took, seconds.
    pub seconds: f64,
}

impl Trial {
    /// Plays it, the trace in `traces`. `tell` is told what happens.
    ///
    /// # Errors
    /// When Flink does not come up or the plot cannot be played.
    pub fn play(&self, traces: &Path, tell: &dyn Fn(&str)) -> Result<Played> {
        self.play_with(
            &BTreeMap::new(),
            &[],
            self.scenario.setup.memory_mib,
            traces,
            tell,
        )
    }

    /// Plays it, judges the verdict, and tries the remedy if there is one to try.
    ///
    /// # Errors
    /// When it cannot be played or does not end as it must, so that nothing is to be judged.
    pub fn judge(&self, traces: &Path, tell: &dyn Fn(&str)) -> Result<Judgement> {
        let began = Instant::now();
        let played = self.play(traces, tell)?;
        let verdict = played.verdict(self.scenario)?;
        let end = played.end;
        drop(played);
        anyhow::ensure!(
            self.scenario.ends.contains(&end),
            "it ended {end:?}, which is none of {:?}",
            self.scenario.ends
        );
        let mut judgement = self.compare(&verdict);
        let remedy = verdict
            .findings
            .first()
            .and_then(|finding| finding.remedy.as_ref());
        let to_try = remedy.filter(|remedy| judgement.label_right && !remedy.config.is_empty());
        if let Some(remedy) = to_try {
            tell(&format!("once more with {:?}", remedy.config));
            let replay = self.replay(remedy, &traces.join("replay"), tell);
            let failed = replay
                .err()
                .map(|error| format!("the remedy did not hold: {error:#}"));
            judgement.remedy_held = Some(failed.is_none());
            judgement.wrong.extend(failed);
        }
        judgement.seconds = began.elapsed().as_secs_f64();
        Ok(judgement)
    }

    /// What is written down where nothing could be judged.
    #[must_use]
    pub fn failed(&self, error: &anyhow::Error) -> Judgement {
        Judgement {
            scenario: self.scenario.name.to_owned(),
            flink: self.flink.clone(),
            java: self.jdk.feature,
            expected: labels(self.scenario),
            label: None,
            confidence: None,
            consumer: None,
            label_right: false,
            consumer_right: None,
            remedy_held: None,
            wrong: vec![format!("not judged: {}", first_line(error))],
            seconds: 0.0,
        }
    }

    fn compare(&self, verdict: &Verdict) -> Judgement {
        let expected = &self.scenario.expected;
        let first = verdict.findings.first();
        let wrong = wrong(expected, verdict);
        let label_right = match first {
            None => expected.is_healthy(),
            Some(finding) => expected.labels.contains(&finding.label.as_str()),
        };
        Judgement {
            scenario: self.scenario.name.to_owned(),
            flink: self.flink.clone(),
            java: self.jdk.feature,
            expected: labels(self.scenario),
            label: first.map(|finding| finding.label.clone()),
            confidence: first.map(|finding| finding.confidence),
            consumer: first.and_then(|finding| finding.consumer.name.clone()),
            label_right,
            consumer_right: first
                .filter(|_| !expected.is_healthy())
                .map(|finding| consumer_is_right(expected, finding)),
            remedy_held: None,
            wrong,
            seconds: 0.0,
        }
    }

    /// The same again with the remedy: nothing may fail, and nothing critical may be found.
    fn replay(&self, remedy: &Remedy, traces: &Path, tell: &dyn Fn(&str)) -> Result<()> {
        let container = remedy.process_mib().or(self.scenario.setup.memory_mib);
        let memory_mib = self.scenario.setup.memory_mib.and(container);
        let played = self.play_with(&remedy.config, &remedy.remove, memory_mib, traces, tell)?;
        let held = matches!(played.end, End::JobFinished | End::JobCanceled | End::Alive);
        anyhow::ensure!(held, "it ended {:?}", played.end);
        let verdict = played.verdict(self.scenario)?;
        let critical = verdict
            .findings
            .iter()
            .find(|finding| finding.severity == "critical");
        anyhow::ensure!(critical.is_none(), "then there is {critical:?}");
        Ok(())
    }

    fn play_with(
        &self,
        more: &BTreeMap<String, String>,
        less: &[String],
        memory_mib: Option<u64>,
        traces: &Path,
        tell: &dyn Fn(&str),
    ) -> Result<Played> {
        let setup = &self.scenario.setup;
        let role = setup.subject;
        let mut builder = Cluster::builder(&self.jdk)
            .version(&self.flink)
            .agent_in(role, setup.agent)
            .traces_of(role, traces);
        for key in less {
            builder = builder.unset(key);
        }
        for (key, value) in configuration(setup.configuration, more, less) {
            builder = builder.configure(&key, &value);
        }
        for option in setup.java_options {
            builder = builder.java_option(role, option);
        }
        for (key, value) in setup.environment {
            builder = builder.environment(role, key, value);
        }
        let memory = memory_mib.map(|mib| Cgroup::memory(mib << 20));
        let threads = setup.threads.map(Cgroup::pids);
        let cgroups: Vec<Cgroup> = memory.into_iter().chain(threads).collect::<Result<_>>()?;
        for cgroup in &cgroups {
            builder = builder.within(role, cgroup)?;
        }
        let cluster = if setup.comes_up {
            builder.start()?
        } else {
            builder.launch()?
        };
        tell(&format!(
            "a real Flink {} is up on {}; its {} was started with",
            cluster.version(),
            self.jdk,
            match role {
                Role::TaskManager => "TaskManager",
                Role::JobManager => "JobManager",
            }
        ));
        tell(&format!("  {}", cluster.agent_argument()));
        tell(self.scenario.about);
        let mut stage = Stage::new(cluster, role);
        (self.scenario.plot)(&mut stage).with_context(|| stage.cluster.ends_of_logs())?;
        let end = stage.ended()?;
        tell(&format!("it ended: {end:?}"));
        Ok(Played {
            stage,
            end,
            traces: traces.to_owned(),
            _cgroups: cgroups,
        })
    }
}

impl Played {
    /// What flinkmem says about it.
    ///
    /// # Errors
    /// When it prints no report.
    pub fn verdict(&self, scenario: &Scenario) -> Result<Verdict> {
        let mut inputs = Vec::new();
        // A process that was refused never had one.
        if self.traces.read_dir()?.next().is_some() {
            inputs.push(self.traces.clone());
        }
        if scenario.setup.with_logs {
            inputs.extend(self.stage.cluster.logs_of(scenario.setup.subject)?);
        }
        Verdict::of(&inputs)
    }
}

/// The scenario's options, those of the remedy in the place of their own.
fn configuration(
    own: &[(&str, &str)],
    more: &BTreeMap<String, String>,
    less: &[String],
) -> BTreeMap<String, String> {
    let own = own
        .iter()
        .map(|&(key, value)| (key.to_owned(), value.to_owned()));
    let mut all: BTreeMap<_, _> = own.filter(|(key, _)| !less.contains(key)).collect();
    all.extend(more.clone());
    all
}

fn wrong(expected: &Expected, verdict: &Verdict) -> Vec<String> {
    let Some(first) = verdict.findings.first() else {
        return if expected.is_healthy() {
            Vec::new()
        } else {
            vec!["nothing was found".to_owned()]
        };
    };
    if expected.is_healthy() {
        return vec![format!("a false alarm: {}", first.label)];
    }
    let mut wrong = Vec::new();
    if !expected.labels.contains(&first.label.as_str()) {
        wrong.push(format!("{} is none of {:?}", first.label, expected.labels));
    }
    if first.limit.name != expected.limit {
        wrong.push(format!(
            "limit {} is not {}",
            first.limit.name, expected.limit
        ));
    }
    if !consumer_is_right(expected, first) {
        wrong.push(format!(
            "consumer {} {:?} is none of {:?}",
            first.consumer.kind, first.consumer.name, expected.consumer
        ));
    }
    for text in expected.evidence {
        if !first.evidence.iter().any(|fact| fact.text.contains(text)) {
            wrong.push(format!("no evidence says {text:?}"));
        }
    }
    let further = &verdict.findings[1..];
    let is_there = |finding: &Finding| expected.also.contains(&finding.label.as_str());
    if !expected.also.is_empty() && !further.iter().any(is_there) {
        wrong.push(format!("none of {:?} is found beside it", expected.also));
    }
    wrong
}

fn labels(scenario: &Scenario) -> Vec<String> {
    let labels = scenario.expected.labels.iter();
    labels.map(|&label| label.to_owned()).collect()
}

/// Errors carry the ends of logs.
fn first_line(error: &anyhow::Error) -> String {
    let text = format!("{error:#}");
    text.lines().next().unwrap_or_default().to_owned()
}

fn consumer_is_right(expected: &Expected, finding: &Finding) -> bool {
    match &finding.consumer.name {
        None => expected.consumer.is_empty(),
        Some(name) => expected.consumer.iter().any(|part| name.contains(part)),
    }
}
