//! Does a suspect's growth matter to the container? It does when the process was killed and much of what grew was the suspect's, or while it lives
//! and the suspect rises steadily.

use super::Series;
use crate::finding::{Severity, two_digits};
use crate::forecast::{Forecast, forecast};
use crate::rules::container::Container;
use crate::statistics::Point;
use crate::units::bytes;

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
