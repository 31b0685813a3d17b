//! Who else is in the container, and how much of it they hold. The kernel's account of the container less that of the process tells it at every
//! sample, also for what lived too short to be seen; who it is, is looked up more rarely.

use super::super::container::Container;
use crate::case::{Moment, seconds, share};
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Remedy, Severity, two_digits,
};
use crate::forecast::{Forecast, forecast};
use crate::statistics::{Growth, Point, Shape, growth};
use crate::units::{bytes, to_bytes};
use flinkmem_trace::{OtherProcess, Relation};

/// Processes that hold less of the container did not fill it.
const SMALLEST_SHARE: f64 = 0.2;
/// Of what the container has more than at the start, they have this share at least, or somebody else filled it.
const SMALLEST_SHARE_OF_GROWTH: f64 = 0.5;
/// Before the limit is met, this much of it must be held.
const NEAR: f64 = 0.9;
/// The kernel counts whole groups, and stacks and page tables of the process are in its figure.
const MOST_CONFIDENCE: f64 = 0.95;
/// Nothing has failed: those who plan with a container that is nearly full exist.
const NOT_FAILED: f64 = 0.7;

/// What other processes hold.
pub(in crate::rules) struct Beside<'a> {
    pub(in crate::rules) container: &'a Container<'a>,
    /// What the container holds and the process does not.
    points: Vec<Point>,
    /// The most of it.
    peak: u64,
    /// When, milliseconds since the agent started.
    peak_ms: u64,
    /// What the container held more then than at the first sample.
    held_growth: u64,
    /// The same of what is beside the process.
    growth: u64,
    trend: Option<Growth>,
    /// Whether the kernel killed somebody in it.
    somebody_was_killed: bool,
}

/// Whose memory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Whose {
    /// A Python worker's.
    Python,
    /// Another program's, or not known.
    Other,
}

impl<'a> Beside<'a> {
    pub(in crate::rules) fn of(container: &'a Container<'a>) -> Self {
        let moments = &container.case.timeline.moments;
        let values = values(moments);
        let most = values.iter().max_by_key(|value| value.beside);
        // The process fills its own pools first; that is over when the others come.
        let alone = values
            .iter()
            .take_while(|value| value.is_alone(container.limit));
        let first = alone.last().or(values.first());
        let grown = |value: fn(&Value) -> u64| {
            let both = most.zip(first);
            both.map_or(0, |(most, first)| value(most).saturating_sub(value(first)))
        };
        let points: Vec<Point> = values
            .iter()
            .map(|value| Point::new(seconds(value.up_ms), value.beside as f64))
            .collect();
        let kills = |moment: &Moment| moment.cgroup?.oom_kill;
        let first_kills = moments.iter().find_map(kills);
        Self {
            peak: most.map_or(0, |value| value.beside),
            peak_ms: most.map_or(0, |value| value.up_ms),
            held_growth: grown(|value| value.held),
            growth: grown(|value| value.beside),
            trend: growth(&points),
            points,
            somebody_was_killed: moments.iter().rev().find_map(kills) > first_kills,
            container,
        }
    }

    /// Whose it is, if other processes fill the container or are about to; else why not.
    pub(in crate::rules) fn fills_it(&self) -> Result<Whose, String> {
        let Some(limit) = self.container.limit else {
            return Err("the process has no container with a limit".to_owned());
        };
        if share(self.peak, limit) < SMALLEST_SHARE {
            return Err(format!(
                "other processes in the container held {} at most",
                bytes(self.peak)
            ));
        }
        if share(self.growth, self.held_growth) < SMALLEST_SHARE_OF_GROWTH {
            return Err("the process itself filled the container".to_owned());
        }
        let near = share(self.container.held.peak.unwrap_or(0), limit) >= NEAR;
        let steady = self
            .trend
            .is_some_and(|growth| matches!(growth.shape, Shape::Steady));
        if !(self.failed() || near && steady) {
            return Err("the container has room for the other processes in it".to_owned());
        }
        Ok(match self.largest() {
            Some(process) if is_python(process) => Whose::Python,
            _ => Whose::Other,
        })
    }

    /// The finding, with what to do about it.
    pub(in crate::rules) fn finding(&self, label: Label, remedy: Remedy) -> Finding {
        let of_growth = share(self.growth, self.held_growth);
        let sure = MOST_CONFIDENCE * of_growth.max(SMALLEST_SHARE_OF_GROWTH);
        let forecast = self.forecast();
        let consumer = self.consumer(of_growth, sure);
        Finding {
            label,
            severity: match self.failed() {
                true => Severity::Critical,
                false => Severity::Warning,
            },
            confidence: two_digits(if self.failed() { sure } else { sure.min(NOT_FAILED) }),
            alternatives: Vec::new(),
            limit: LimitClaim {
                reached: self.failed(),
                ..self.container.limit_claim()
            },
            forecast,
            evidence: self.evidence(),
            remedy,
            collect: match consumer.kind {
                ConsumerKind::Unknown => vec![
                    "which processes run in the container (ps -eo pid,ppid,rss,comm), for none of them was seen while it held the memory".to_owned(),
                ],
                _ => Vec::new(),
            },
            consumer,
            told_ms: None,
        }
    }

    /// Something was killed for want of memory: the process, or one beside it.
    fn failed(&self) -> bool {
        self.container.killed() || self.somebody_was_killed
    }

    fn largest(&self) -> Option<&OtherProcess> {
        self.container.others.largest.as_ref()
    }

    fn consumer(&self, share: f64, sure: f64) -> Consumer {
        match self.largest() {
            None => Consumer::unknown(),
            Some(process) => Consumer {
                kind: ConsumerKind::Process,
                name: Some(process.comm.clone()),
                line: None,
                share: Some(two_digits(share)),
                confidence: two_digits(sure),
            },
        }
    }

    fn forecast(&self) -> Option<Forecast> {
        let open = !self.failed() && self.container.may_run();
        let growth = self.trend.filter(|_| open)?;
        let last = *self.points.last()?;
        // What the process itself holds is taken off the limit.
        let room = to_bytes(last.bytes).saturating_add(self.container.left()?);
        forecast(&growth, last, room, last.s)
    }

    fn evidence(&self) -> Vec<Evidence> {
        let facts = [self.growth_evidence(), self.who(), self.kill()];
        let met = self.container.met_evidence();
        facts.into_iter().flatten().chain(met).collect()
    }

    fn growth_evidence(&self) -> Option<Evidence> {
        let wall = |up_ms| self.container.case.wall_ms(up_ms);
        let first = self.container.case.timeline.moments.first()?;
        let text = format!(
            "of the container's memory {} lay beside the JVM's at the most, which is {:.0} % of what it held more than before they came",
            bytes(self.peak),
            share(self.growth, self.held_growth) * 100.0,
        );
        let fact = Evidence::new(text, "cgroup.usage_bytes", first.t_ms, wall(self.peak_ms));
        Some(fact.with_value(self.peak))
    }

    fn who(&self) -> Option<Evidence> {
        let process = self.largest()?;
        let others = &self.container.others;
        let relation = match process.relation {
            Relation::Descendant => "started by this process",
            Relation::Neighbour => "not started by this process, but in the same container",
        };
        let held = process
            .rss_anon_bytes
            .saturating_add(process.rss_shmem_bytes);
        let text = format!(
            "{} (pid {}), {relation}, held {} when it was last looked at, and cannot give that back",
            process.comm,
            process.pid,
            bytes(held)
        );
        let wall = |up_ms| self.container.case.wall_ms(up_ms);
        let (from, to) = (wall(others.from_ms), wall(others.to_ms));
        Some(Evidence::new(text, "surroundings.processes", from, to).with_value(held))
    }

    fn kill(&self) -> Option<Evidence> {
        let survived = self.somebody_was_killed && !self.container.killed();
        let last = self.container.case.timeline.moments.last()?;
        survived.then(|| {
            let text = "the kernel killed a process of the container for want of memory, and it was not the JVM: Kubernetes does not call the pod OOMKilled then".to_owned();
            Evidence::new(text, "cgroup.oom_kill", last.t_ms, last.t_ms)
        })
    }
}

/// PyFlink's workers are Python's interpreter, under this or a longer name.
fn is_python(process: &OtherProcess) -> bool {
    process.comm.starts_with("python") || process.comm.starts_with("pyflink")
}

struct Value {
    up_ms: u64,
    held: u64,
    beside: u64,
}

/// Below this share of the limit others do not count: page tables and stacks of the process itself are as much.
const NOBODY: f64 = 0.05;

impl Value {
    fn is_alone(&self, limit: Option<u64>) -> bool {
        limit.is_some_and(|limit| share(self.beside, limit) < NOBODY)
    }
}

/// What the container holds, and what of it is not the process's, at each sample.
fn values(moments: &[Moment]) -> Vec<Value> {
    let mut cache = 0;
    let mut found = Vec::new();
    for moment in moments {
        let (Some(cgroup), Some(process)) = (moment.cgroup, moment.process) else {
            continue;
        };
        // Version 1 tells its page cache with every fifth sample only.
        cache = cgroup.file_bytes.unwrap_or(cache);
        let held = cgroup.usage_bytes.saturating_sub(cache);
        found.push(Value {
            up_ms: moment.up_ms,
            held,
            beside: held.saturating_sub(process.rss_anon_bytes),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::Facts;
    use super::*;
    use crate::case::{Case, Outcome, OutcomeKind};
    use flinkmem_trace::{Cgroup, Process, ProcessTotals, Record, Surroundings, Taken};

    const MIB: u64 = 1 << 20;

    /// A container of 1000 MiB: what the JVM holds and what others hold, every second, and how often the kernel killed.
    fn case(samples: &[(u64, u64, u64)], comm: &str) -> Case {
        let mut case = Case::default();
        for (second, &(jvm, others, oom_kill)) in (0_u64..).zip(samples) {
            let up_ms = second * 1000;
            case.timeline.moments.push(Moment {
                up_ms,
                cgroup: Some(Cgroup {
                    usage_bytes: (jvm + others) * MIB,
                    limit_bytes: Some(1000 * MIB),
                    oom_kill: Some(oom_kill),
                    ..Cgroup::default()
                }),
                process: Some(Process {
                    rss_anon_bytes: jvm * MIB,
                    ..Process::default()
                }),
                ..Moment::default()
            });
            let process = OtherProcess {
                comm: comm.to_owned(),
                rss_anon_bytes: others * MIB,
                ..OtherProcess::default()
            };
            case.evidence
                .push(Record::Surroundings(Box::new(Surroundings {
                    taken: Taken {
                        up_ms,
                        ..Taken::default()
                    },
                    descendants: Some(ProcessTotals {
                        unreclaimable_bytes: others * MIB,
                        ..ProcessTotals::default()
                    }),
                    processes: vec![process],
                    ..Surroundings::default()
                })));
        }
        case
    }

    fn whose(case: &Case) -> Result<Whose, String> {
        let outcome = Outcome {
            kind: OutcomeKind::Running,
            detail: String::new(),
        };
        let container = Container::of(Facts {
            case,
            outcome: &outcome,
            budget: None,
        });
        Beside::of(&container).fills_it()
    }

    /// The others grow to their end, and are killed; the JVM lives.
    fn killed_child(comm: &str) -> Case {
        let growth = (0..20_u64).map(|second| (300, second * 36, 0));
        let samples: Vec<_> = growth.chain([(300, 2, 1), (300, 2, 1)]).collect();
        case(&samples, comm)
    }

    #[test]
    fn a_child_that_was_killed_is_named_by_what_it_is() {
        assert_eq!(whose(&killed_child("tail")), Ok(Whose::Other));
        assert_eq!(whose(&killed_child("python3.11")), Ok(Whose::Python));
    }

    #[test]
    fn a_child_that_keeps_its_size_is_left_alone() {
        let samples = [(500, 300, 0); 30];
        assert!(whose(&case(&samples, "python3")).is_err());
    }

    #[test]
    fn a_jvm_that_fills_the_container_beside_a_small_child_is_not_the_childs_fault() {
        let samples: Vec<_> = (0..30_u64)
            .map(|second| (300 + second * 24, 10, 0))
            .collect();
        assert!(whose(&case(&samples, "sh")).is_err());
    }

    #[test]
    fn a_child_that_grows_towards_the_limit_is_told_before_the_end() {
        let samples: Vec<_> = (0..60_u64).map(|second| (300, second * 11, 0)).collect();
        assert_eq!(whose(&case(&samples, "tail")), Ok(Whose::Other));
    }
}
