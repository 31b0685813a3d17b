//! Does a suspect's growth matter to the container? It does when the process was killed and much of what grew was the suspect's, or while it lives
//! and the suspect rises steadily.

use super::Series;
use crate::case::Case;
use crate::finding::{Severity, two_digits};
use crate::forecast::{Forecast, forecast};
use crate::rules::container::Container;
use crate::statistics::Point;
use crate::units::{bytes, duration};

/// How a suspect stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Standing {
    /// The process was killed, and this share of what grew was the suspect's.
    Killed { share: f64 },
    /// It rises, and nothing has happened yet.
    Rising {
        /// Its share of what grew.
        share: f64,
        /// When the container is full; absent where its limit is not known.
        forecast: Option<Forecast>,
    },
    /// It does not, because of that.
    Not(String),
}

/// Of what grew before a kill, a suspect has at least this share: with two culprits each has a good part, and the JVM's warm-up is less.
const LEAST_SHARE: f64 = 0.25;

/// Growth below this share of the limit does not fill a container.
const LEAST_OF_LIMIT: f64 = 0.04;

/// Growth below this is warm-up: class metadata, compiled code and thread caches take as much in their first minutes.
const LEAST_GROWTH: u64 = 24 << 20;

/// A rise counts before the end from this many base intervals on, ten minutes at the usual one a second: until then caches fill and code is compiled.
const LEAST_INTERVALS: f64 = 600.0;

/// A forecast further away than this is none that anybody acts upon: what rises so slowly is often bounded.
const FURTHEST_S: f64 = 30.0 * 86_400.0;

/// A forecast below this is an emergency.
const SOON_S: f64 = 3600.0;

impl Standing {
    /// How a suspect stands whose bytes are those of `series`.
    pub(super) fn of(container: &Container<'_>, series: &Series) -> Self {
        let grown = series.grown();
        if grown < LEAST_GROWTH {
            return Self::Not(format!("it grew by {} only", bytes(grown)));
        }
        let share = share_of_growth(container, series);
        if container.killed() {
            let of_limit = container
                .limit
                .map_or(1.0, |limit| grown as f64 / limit as f64);
            return match share >= LEAST_SHARE && of_limit >= LEAST_OF_LIMIT {
                true => Self::Killed { share },
                false => Self::Not(format!(
                    "its growth of {} was {:.0} % of what grew before the kill",
                    bytes(grown),
                    share * 100.0
                )),
            };
        }
        let Some(growth) = series.growth.filter(|_| series.is_steady()) else {
            return Self::Not(format!("its growth of {} did not go on", bytes(grown)));
        };
        let watched = series.rising_s();
        if watched < LEAST_INTERVALS * base_interval_s(container.case) {
            return Self::Not(format!(
                "it rose for {} only, as what warms up does",
                duration(watched)
            ));
        }
        let forecast = container
            .left()
            .zip(series.points.last())
            .filter(|_| container.may_run())
            .map(|(left, last)| {
                let now = container.held.points.last().map_or(last.s, |point| point.s);
                let full = series.last().saturating_add(left);
                forecast(&growth, Point::new(last.s, last.bytes), full, now)
            });
        match forecast {
            // Slowing, and settled before the limit.
            Some(None) => Self::Not("it slows down before the container is full".to_owned()),
            Some(Some(far)) if far.exhausted_in_s > FURTHEST_S => {
                Self::Not("at its pace the container lasts for more than a month".to_owned())
            }
            Some(found) => Self::Rising {
                share,
                forecast: found,
            },
            None => Self::Rising {
                share,
                forecast: None,
            },
        }
    }

    pub(super) fn stands(&self) -> bool {
        !matches!(self, Self::Not(_))
    }

    pub(super) fn share(&self) -> f64 {
        match self {
            Self::Killed { share } | Self::Rising { share, .. } => *share,
            Self::Not(_) => 0.0,
        }
    }

    pub(super) fn forecast(&self) -> Option<Forecast> {
        match self {
            Self::Rising { forecast, .. } => *forecast,
            _ => None,
        }
    }

    pub(super) fn severity(&self) -> Severity {
        let soon = self
            .forecast()
            .is_some_and(|forecast| forecast.exhausted_in_s < SOON_S);
        match self {
            Self::Killed { .. } => Severity::Critical,
            _ if soon => Severity::Critical,
            _ => Severity::Warning,
        }
    }

    /// How sure a label is that explains the growth: what is counted exactly is surer than what is concluded.
    pub(super) fn confidence(&self, series: &Series, exact: bool) -> f64 {
        let points = if series.points.len() >= 20 { 0.1 } else { 0.0 };
        let counted = if exact { 0.1 } else { 0.0 };
        let to_the_end = if series.rises_at_the_end() {
            0.08
        } else {
            -0.15
        };
        let base = match self {
            Self::Killed { share } => 0.5 + 0.25 * (share / 0.7).min(1.0),
            Self::Rising { share, .. } => 0.45 + 0.2 * (share / 0.5).min(1.0),
            Self::Not(_) => 0.0,
        };
        two_digits((base + points + counted + to_the_end).min(0.96))
    }
}

/// The suspect's share of what grew while it was watched.
fn share_of_growth(container: &Container<'_>, series: &Series) -> f64 {
    let from_s = series.points.first().map_or(0.0, |point| point.s);
    let held = &container.held.points;
    let at_begin = held.iter().find(|point| point.s >= from_s);
    let of_container = at_begin
        .zip(held.last())
        .map_or(0.0, |(first, last)| last.bytes - first.bytes);
    match of_container > 0.0 {
        true => (series.grown() as f64 / of_container).min(1.0),
        false => 0.0,
    }
}

/// The agent's base interval, as it wrote it down.
fn base_interval_s(case: &Case) -> f64 {
    const USUAL_S: f64 = 1.0;
    let written = case.header.agent_options.get("interval");
    written.and_then(|text| in_seconds(text)).unwrap_or(USUAL_S)
}

fn in_seconds(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Moment, Outcome, OutcomeKind};
    use crate::rules::Facts;
    use flinkmem_trace::{Cgroup, Header};

    const MIB: u64 = 1 << 20;
    const LIMIT: u64 = 1000 * MIB;

    /// One sample every ten seconds, `held` MiB in a container of 1000.
    fn case(samples: u64, held: impl Fn(u64) -> u64) -> Case {
        let mut case = Case::default();
        case.timeline.moments = (0..samples)
            .map(|i| Moment {
                up_ms: i * 10_000,
                cgroup: Some(Cgroup {
                    usage_bytes: held(i) * MIB,
                    limit_bytes: Some(LIMIT),
                    ..Cgroup::default()
                }),
                ..Moment::default()
            })
            .collect();
        case
    }

    fn standing(case: &Case, kind: OutcomeKind, series: &Series) -> Standing {
        let outcome = Outcome {
            kind,
            detail: String::new(),
        };
        let container = Container::of(Facts {
            case,
            outcome: &outcome,
            budget: None,
        });
        Standing::of(&container, series)
    }

    fn mib(points: u64, value: impl Fn(u64) -> u64) -> Series {
        Series::of((0..points).map(|i| (i * 10_000, value(i) * MIB)))
    }

    #[test]
    fn half_of_what_grew_before_a_kill_stands() {
        let case = case(50, |i| 200 + 16 * i);
        let stands = standing(&case, OutcomeKind::Killed, &mib(50, |i| 8 * i));
        assert!(matches!(stands, Standing::Killed { share } if (share - 0.5).abs() < 0.01));
        assert_eq!(stands.severity(), Severity::Critical);
    }

    #[test]
    fn a_tenth_of_what_grew_before_a_kill_does_not() {
        let case = case(50, |i| 200 + 16 * i);
        let stands = standing(&case, OutcomeKind::Killed, &mib(50, |i| 8 * i / 5));
        assert!(!stands.stands());
    }

    #[test]
    fn a_steady_rise_is_told_when_the_container_will_be_full() {
        // 1 MiB every ten seconds, 600 MiB to go.
        let case = case(100, |i| 301 + i);
        let stands = standing(&case, OutcomeKind::Running, &mib(100, |i| i));
        let forecast = stands.forecast().unwrap();
        assert!(
            (forecast.exhausted_in_s - 6000.0).abs() < 1.0,
            "{forecast:?}"
        );
        assert_eq!(stands.severity(), Severity::Warning);
    }

    #[test]
    fn what_rose_for_some_minutes_only_warms_up() {
        let case = case(30, |i| 300 + i);
        let stands = standing(&case, OutcomeKind::Running, &mib(30, |i| i));
        assert!(matches!(stands, Standing::Not(reason) if reason.contains("warms up")));
    }

    #[test]
    fn a_cache_that_is_full_does_not_stand() {
        let case = case(300, |i| 300 + i.min(100));
        let stands = standing(&case, OutcomeKind::Running, &mib(300, |i| i.min(100)));
        assert!(!stands.stands());
    }

    #[test]
    fn the_interval_is_read_as_the_agent_writes_it() {
        let mut case = Case::default();
        assert_eq!(base_interval_s(&case), 1.0);
        for (text, seconds) in [("50ms", 0.05), ("2s", 2.0), ("1min", 60.0), ("?", 1.0)] {
            let options = [("interval".to_owned(), text.to_owned())];
            case.header = Header {
                agent_options: options.into(),
                ..Header::default()
            };
            assert_eq!(base_interval_s(&case), seconds);
        }
    }
}
