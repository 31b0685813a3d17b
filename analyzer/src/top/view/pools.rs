//! Pools against their limits: the container's, the JVM's, Flink's.

use super::{Means, Pace};
use crate::budget::off_heap_by_time;
use crate::case::{Case, Moment, PoolUse, seconds};
use crate::finding::{Finding, Forecast};
use crate::forecast::forecast;
use crate::report::Report;
use crate::statistics::{Point, Reading, growth, troughs};
use crate::units::to_bytes;
use flinkmem_trace::{FlinkInside, Slot};

/// What a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// Bytes.
    #[default]
    Bytes,
    /// Things, such as threads.
    Count,
}

/// When a limit is exhausted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exhaustion {
    /// Something did not fit already.
    Met,
    /// As the analyzer forecasts.
    In(Forecast),
}

/// One pool.
#[derive(Debug, Clone, Default)]
pub struct PoolRow {
    /// Its name, as in `flinkmem model` where that has it.
    pub name: String,
    /// It is a part of the pool above.
    pub is_part: bool,
    /// It holds garbage, so it may be full without being short.
    pub has_garbage: bool,
    /// What is counted.
    pub unit: Unit,
    /// In use now, as the limit counts it.
    pub used: Option<u64>,
    /// The limit.
    pub limit: Option<u64>,
    /// How fast it grows.
    pub pace: Option<Pace>,
    /// When it is exhausted: as a rule says, or, of a process without the agent, by its growth alone.
    pub exhaustion: Option<Exhaustion>,
}

impl PoolRow {
    /// Use as a share of the limit; absent where nothing is meant to be used.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        Some(self.used? as f64 / limit as f64)
    }
}

/// The row for the live set of the heap.
const AFTER_COLLECTIONS: &str = "after collections";

/// Seconds of growth without which nothing is forecast: a JVM that starts grows, and then does not.
const LEAST_FORECAST_S: f64 = 60.0;

/// Parts of native memory that are shown where the JVM tracks it.
const MOST_NATIVE: usize = 4;

/// All rows that have a figure.
pub(super) fn rows(
    case: &Case,
    recent: &[Moment],
    report: &Report,
    means: Means<'_>,
) -> Vec<PoolRow> {
    let figures = Figures {
        case,
        recent,
        report,
        means,
    };
    let mut rows = vec![
        figures.container(),
        figures.resident(),
        figures.heap(),
        figures.heap_after_collections(),
        figures.direct(),
        figures.network(),
        figures.off_heap("framework_off_heap", false),
        figures.off_heap("task_off_heap", true),
        figures.managed(),
        figures.metaspace(),
        figures.class_space(),
        figures.code_cache(),
        figures.threads(),
    ];
    rows.extend(figures.native_memory());
    rows.retain(|row| row.used.is_some() || (row.limit.is_some() && !row.is_part));
    for row in &mut rows {
        row.exhaustion = exhaustion(&row.name, &report.findings).or(row.exhaustion);
    }
    rows
}

/// What the first finding about a pool's limit says; the pool is the limit's, under the name that it has here.
fn exhaustion(pool: &str, findings: &[Finding]) -> Option<Exhaustion> {
    let is_about = |finding: &&Finding| pool_of(finding.limit.name) == pool;
    let mut about = findings.iter().filter(is_about);
    about.find_map(|finding| match finding.forecast {
        _ if finding.limit.reached => Some(Exhaustion::Met),
        forecast => forecast.map(Exhaustion::In),
    })
}

/// The row of a limit, by the limit's name in findings.
fn pool_of(limit: &str) -> &str {
    match limit {
        "heap" => AFTER_COLLECTIONS,
        "direct" => "jvm_direct",
        "metaspace" => "jvm_metaspace",
        "network_buffers" => "network",
        other => other,
    }
}

struct Figures<'a> {
    case: &'a Case,
    recent: &'a [Moment],
    report: &'a Report,
    means: Means<'a>,
}

impl Figures<'_> {
    /// What the kernel may kill for: the cgroup's usage without page cache, which it takes back first.
    fn container(&self) -> PoolRow {
        let mut cache = 0;
        let used = |moment: &Moment| {
            let cgroup = moment.cgroup?;
            // Told with some samples only, under version 1.
            cache = cgroup.file_bytes.unwrap_or(cache);
            Some(cgroup.usage_bytes.saturating_sub(cache))
        };
        let limit = self.last(|moment| moment.cgroup?.limit_bytes);
        match limit {
            Some(_) => self.plain("container", limit, used),
            None => PoolRow::default(),
        }
    }

    /// Page cache that is mapped is in it, so how full it is is no reason for alarm: the container's row tells that.
    fn resident(&self) -> PoolRow {
        let limit = self.last(|moment| moment.cgroup?.limit_bytes);
        let row = self.plain("resident", limit, |moment| {
            Some(moment.process?.vm_rss_bytes)
        });
        PoolRow {
            exhaustion: None,
            ..row
        }
    }

    /// Garbage included, so how full it is says little.
    fn heap(&self) -> PoolRow {
        let used = |moment: &Moment| Some(moment.heap?.used_bytes);
        let limit = self
            .configured("jvm_heap")
            .or_else(|| self.last(|moment| Some(moment.heap?.max_bytes)))
            .or(self.case.observed.jvm_limits.heap);
        // What the JVM says is newer than what it publishes, mostly when it collects.
        let said = match self.means {
            Means::Outside { answers, .. } => answers.and_then(|answers| answers.heap_used_bytes),
            Means::Agent => None,
        };
        PoolRow {
            has_garbage: true,
            ..self.row("jvm_heap", limit, said.or_else(|| self.last(used)))
        }
    }

    /// What collections leave. Where the JVM does not tell, or not yet, the least that was in use between two.
    fn heap_after_collections(&self) -> PoolRow {
        let used = |moment: &Moment| Some(moment.heap?.used_bytes);
        let told = self.last(|moment| moment.heap?.after_gc_bytes);
        let least = || {
            self.after_collections(used)
                .last()
                .map(|point| to_bytes(point.bytes))
        };
        let limit = self.heap().limit;
        PoolRow {
            is_part: true,
            pace: Pace::of(&self.after_collections(used)),
            exhaustion: self.forecast(&self.after_collections(used), limit),
            ..self.row(AFTER_COLLECTIONS, limit, told.or_else(least))
        }
    }

    /// Growth is that of what collections leave, where there are enough: buffers are freed by them only.
    fn direct(&self) -> PoolRow {
        let used = Moment::direct_bytes;
        let limit = self
            .case
            .direct_limit()
            .or_else(|| self.configured("jvm_direct"));
        // A JVM without the option allows as much as the heap's maximum.
        let unset = || match self.means {
            Means::Outside { .. } => self.heap().limit,
            Means::Agent => None,
        };
        PoolRow {
            pace: Pace::of(&self.after_collections(used)).or_else(|| self.pace(used)),
            ..self.row("jvm_direct", limit.or_else(unset), self.last(used))
        }
    }

    /// Committed is what the JVM holds against the limit.
    fn metaspace(&self) -> PoolRow {
        let limit = self
            .case
            .observed
            .jvm_limits
            .metaspace
            .or_else(|| self.configured("jvm_metaspace"));
        self.plain("jvm_metaspace", limit, |moment| {
            Some(moment.metaspace?.committed_bytes)
        })
    }

    fn class_space(&self) -> PoolRow {
        let limit = self
            .last(|moment| moment.class_space?.max_bytes)
            .or_else(|| self.flag("CompressedClassSpaceSize"));
        self.plain("class_space", limit, |moment| {
            Some(moment.class_space?.committed_bytes)
        })
    }

    fn code_cache(&self) -> PoolRow {
        let of =
            |value: fn(PoolUse) -> Option<u64>| move |moment: &Moment| value(moment.code_cache?);
        self.plain(
            "code_cache",
            self.last(of(|pool| pool.max_bytes)),
            of(|pool| Some(pool.used_bytes)),
        )
    }

    /// Buffers that are lent to tasks; the pool itself is allocated whole at the start.
    fn network(&self) -> PoolRow {
        let used = |flink: &FlinkInside| {
            let pool = flink.network?;
            let lent = pool.segments_total.saturating_sub(pool.segments_available?);
            lent.checked_mul(pool.segment_bytes)
        };
        let total = |flink: &FlinkInside| {
            let pool = flink.network?;
            pool.segments_total.checked_mul(pool.segment_bytes)
        };
        let limit = self.inside(total).last().map(|(_, bytes)| *bytes);
        PoolRow {
            is_part: true,
            ..self.told(
                "network",
                limit.or_else(|| self.configured("network")),
                used,
            )
        }
    }

    /// What slots have reserved.
    fn managed(&self) -> PoolRow {
        let reserved = |slot: &Slot| {
            Some(
                slot.managed_bytes?
                    .saturating_sub(slot.managed_available_bytes?),
            )
        };
        let used = |flink: &FlinkInside| {
            flink.slots_total?;
            Some(flink.slots.iter().filter_map(reserved).sum())
        };
        self.told("managed", self.configured("managed"), used)
    }

    fn off_heap(&self, name: &str, for_tasks: bool) -> PoolRow {
        let Some(limit) = self.configured(name) else {
            return PoolRow {
                is_part: true,
                ..PoolRow::default()
            };
        };
        let since_ms = self.recent.first().map_or(0, |moment| moment.up_ms);
        let series = off_heap_by_time(self.case, for_tasks, since_ms);
        PoolRow {
            is_part: true,
            pace: pace_of(&series),
            ..self.row(name, Some(limit), series.last().map(|(_, bytes)| *bytes))
        }
    }

    /// All threads of the container where it has a limit, otherwise those of the process.
    fn threads(&self) -> PoolRow {
        let limit = self.last(|moment| Some(moment.pids?.max));
        let used = |moment: &Moment| match limit {
            Some(_) => Some(moment.pids?.current),
            None => Some(moment.process?.threads),
        };
        PoolRow {
            unit: Unit::Count,
            ..self.plain("threads", limit, used)
        }
    }

    /// What the JVM's own tracking says beside heap and metaspace, which have rows of their own.
    fn native_memory(&self) -> Vec<PoolRow> {
        let Means::Outside {
            answers: Some(answers),
            ..
        } = self.means
        else {
            return Vec::new();
        };
        let is_other = |(name, _): &&(String, u64)| {
            !matches!(name.as_str(), "Java Heap" | "Class" | "Metaspace")
        };
        let largest = answers
            .native_memory
            .iter()
            .filter(is_other)
            .take(MOST_NATIVE);
        let row = |(name, committed): &(String, u64)| {
            let name = match name.as_str() {
                // Under JDK 11 and later; direct buffers are in it.
                "Other" => "nmt Other (Unsafe)".to_owned(),
                name => format!("nmt {name}"),
            };
            self.row(&name, None, Some(*committed))
        };
        largest.map(row).collect()
    }

    fn plain(
        &self,
        name: &str,
        limit: Option<u64>,
        mut used: impl FnMut(&Moment) -> Option<u64>,
    ) -> PoolRow {
        let value = |moment: &Moment| Some((moment.up_ms, used(moment)?));
        let series: Vec<(u64, u64)> = self.recent.iter().filter_map(value).collect();
        PoolRow {
            pace: pace_of(&series),
            exhaustion: self.forecast(&points(&series), limit),
            ..self.row(name, limit, series.last().map(|(_, bytes)| *bytes))
        }
    }

    /// Where there is an agent it is for rules to say whether a limit will be met. Where there is none, they lack what they ask for.
    fn forecast(&self, points: &[Point], limit: Option<u64>) -> Option<Exhaustion> {
        let (first, last) = (points.first()?, points.last()?);
        let is_long_enough = last.s - first.s >= LEAST_FORECAST_S;
        let is_asked_for = matches!(self.means, Means::Outside { .. }) && is_long_enough;
        let growth = is_asked_for.then(|| growth(points)).flatten()?;
        let now = self
            .recent
            .last()
            .map_or(last.s, |moment| seconds(moment.up_ms));
        forecast(&growth, *last, limit?, now).map(Exhaustion::In)
    }

    fn told(
        &self,
        name: &str,
        limit: Option<u64>,
        used: impl Fn(&FlinkInside) -> Option<u64>,
    ) -> PoolRow {
        let series = self.inside(used);
        PoolRow {
            pace: pace_of(&series),
            ..self.row(name, limit, series.last().map(|(_, bytes)| *bytes))
        }
    }

    fn row(&self, name: &str, limit: Option<u64>, used: Option<u64>) -> PoolRow {
        PoolRow {
            name: name.to_owned(),
            limit,
            used,
            ..PoolRow::default()
        }
    }

    fn last(&self, value: impl Fn(&Moment) -> Option<u64>) -> Option<u64> {
        self.recent.iter().rev().find_map(value)
    }

    fn configured(&self, component: &str) -> Option<u64> {
        let mut lines = self.report.budget.iter();
        lines.find(|line| line.component == component)?.configured
    }

    fn flag(&self, name: &str) -> Option<u64> {
        self.case.header.jvm.flags.get(name)?.parse().ok()
    }

    fn pace(&self, used: impl Fn(&Moment) -> Option<u64>) -> Option<Pace> {
        let point = |moment: &Moment| Some((moment.up_ms, used(moment)?));
        pace_of(&self.recent.iter().filter_map(point).collect::<Vec<_>>())
    }

    /// The least that was in use after each collection.
    fn after_collections(&self, used: impl Fn(&Moment) -> Option<u64>) -> Vec<Point> {
        let reading = |moment: &Moment| {
            Some(Reading {
                point: Point::new(seconds(moment.up_ms), used(moment)? as f64),
                collections: moment.collections?,
            })
        };
        let readings: Vec<Reading> = self.recent.iter().filter_map(reading).collect();
        troughs(&readings)
    }

    /// A figure of Flink's at every moment; it is written down when it changes.
    fn inside(&self, figure: impl Fn(&FlinkInside) -> Option<u64>) -> Vec<(u64, u64)> {
        let all = &self.case.timeline.inside;
        let at = |moment: &Moment| {
            let known = all.partition_point(|inside| inside.up_ms <= moment.up_ms);
            let inside = all.get(known.checked_sub(1)?)?;
            Some((moment.up_ms, figure(inside.flink.as_ref()?)?))
        };
        self.recent.iter().filter_map(at).collect()
    }
}

fn pace_of(series: &[(u64, u64)]) -> Option<Pace> {
    Pace::of(&points(series))
}

fn points(series: &[(u64, u64)]) -> Vec<Point> {
    let point = |(up_ms, value): &(u64, u64)| Point::new(seconds(*up_ms), *value as f64);
    series.iter().map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Surroundings;
    use flinkmem_trace::{Cgroup, Record, Sample};

    const MIB: u64 = 1 << 20;
    const OUTSIDE: Means<'_> = Means::Outside {
        answers: None,
        huge_pages_bytes: None,
    };

    /// In a container of 1 GiB, from 100 MiB on a MiB a second.
    fn growing(seconds: u64) -> Case {
        let mut case = Case::default();
        for second in 0..seconds {
            let sample = Sample {
                up_ms: second * 1000,
                cgroup: Some(Cgroup {
                    usage_bytes: (100 + second) * MIB,
                    limit_bytes: Some(1024 * MIB),
                    ..Cgroup::default()
                }),
                ..Sample::default()
            };
            case.take(Record::Sample(Box::new(sample)));
        }
        case
    }

    fn container(case: &Case, means: Means<'_>) -> PoolRow {
        let report = Report::of(case, &Surroundings::default());
        let rows = rows(case, &case.timeline.moments, &report, means);
        rows.into_iter()
            .find(|row| row.name == "container")
            .unwrap()
    }

    #[test]
    fn without_the_agent_growth_alone_is_carried_on() {
        let row = container(&growing(124), OUTSIDE);
        let Some(Exhaustion::In(forecast)) = row.exhaustion else {
            panic!("no forecast: {row:?}");
        };
        // 100 + 123 MiB of 1024, one more a second.
        assert!(
            (forecast.exhausted_in_s - 801.0).abs() < 5.0,
            "{forecast:?}"
        );
    }

    #[test]
    fn a_start_is_not_carried_on() {
        assert_eq!(container(&growing(40), OUTSIDE).exhaustion, None);
    }

    #[test]
    fn with_the_agent_it_is_for_rules_to_say() {
        assert_eq!(container(&growing(124), Means::Agent).exhaustion, None);
    }
}
