//! One scenario, played and judged.

use super::judgement::first_line;
use super::{End, Judgement, Kept, Scenario, Stage};
use crate::flink::Role;
use crate::verdict::{Remedy, Verdict};
use crate::{Cgroup, Cluster, Jdk};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long after the end of the plot a verdict is asked for.
const SETTLED: Duration = Duration::from_secs(4);

/// How long a subject may take to end when it is asked to.
const FAREWELL: Duration = Duration::from_secs(10);

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
        // What the agent takes at an incident is on disk within seconds.
        std::thread::sleep(SETTLED);
        let mut kept = self.keep(&played)?;
        let verdict = kept.verdict()?;
        let end = played.end;
        played.end_in_order();
        anyhow::ensure!(
            self.scenario.ends.contains(&end),
            "it ended {end:?}, which is none of {:?}",
            self.scenario.ends
        );
        let mut judgement = Judgement::of(self.scenario, &self.flink, self.jdk.feature, &verdict);
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
                .map(|error| format!("the remedy did not hold: {}", first_line(&error)));
            judgement.remedy_held = Some(failed.is_none());
            kept.tried(remedy, failed.is_none())?;
            judgement.wrong.extend(failed);
        }
        judgement.seconds = began.elapsed().as_secs_f64();
        Ok(judgement)
    }

    /// What is written down where nothing could be judged.
    #[must_use]
    pub fn failed(&self, error: &anyhow::Error) -> Judgement {
        Judgement::none(self.scenario, &self.flink, self.jdk.feature, error)
    }

    fn keep(&self, played: &Played) -> Result<Kept> {
        let setup = &self.scenario.setup;
        let logs = if setup.with_logs {
            played.stage.cluster.logs_of(setup.subject)?
        } else {
            Vec::new()
        };
        let run = (self.flink.as_str(), self.jdk.feature);
        Kept::keep(&played.traces, self.scenario, run, played.end, &logs)
    }

    /// The same again with the remedy: nothing may fail, and nothing critical may be found.
    fn replay(&self, remedy: &Remedy, traces: &Path, tell: &dyn Fn(&str)) -> Result<()> {
        let container = remedy.process_mib().or(self.scenario.setup.memory_mib);
        let memory_mib = self.scenario.setup.memory_mib.and(container);
        let played = self.play_with(&remedy.config, &remedy.remove, memory_mib, traces, tell)?;
        let held = matches!(played.end, End::JobFinished | End::JobCanceled | End::Alive);
        anyhow::ensure!(held, "it ended {:?}", played.end);
        let verdict = self.keep(&played)?.verdict()?;
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
    pub fn verdict(&self) -> Result<Verdict> {
        Verdict::of(std::slice::from_ref(&self.traces))
    }

    /// Ends it all, the subject by its own will if it is alive: a trace that just stops near a limit is that of a killed process, and
    /// the trace may be judged again.
    fn end_in_order(mut self) {
        let subject = self.stage.subject();
        // One that does not listen is killed with the cluster.
        if subject.terminate().is_ok() {
            let _ = subject.wait(FAREWELL);
        }
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
