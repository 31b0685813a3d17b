//! All signals of one process, read at once.

use super::identity::Identity;
use super::points::{Point, Points};
use super::signal::Definition;
use super::table::{process_signals, service_signals};
use super::view::{ServiceFigures, View};
use crate::case::Case;
use crate::report::Report;

/// One signal with its points.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// What it is.
    pub definition: &'static Definition,
    /// Its points; never empty.
    pub points: Vec<Point>,
}

/// All signals of one process or of the service, in the order of the table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Readings {
    /// The process; `None` for the service itself.
    pub identity: Option<Identity>,
    /// When they were true, milliseconds since the epoch.
    pub at_ms: i64,
    /// Where counters begin: the start of the process, milliseconds since the epoch.
    pub since_ms: i64,
    /// The signals that are known.
    pub families: Vec<Family>,
}

impl Readings {
    /// Everything that is known of a process whose samples are new enough (`fresh`); otherwise only what stays true: findings, and how it ended.
    #[must_use]
    pub fn of(case: &Case, report: &Report, fresh: bool) -> Self {
        let view = View::new(case, report);
        let stays = |group: &super::table::Group| group.outlives_the_process || fresh;
        let families = process_signals()
            .iter()
            .filter(|group| stays(group))
            .flat_map(|group| group.signals)
            .filter_map(|signal| family(&signal.definition, |points| (signal.read)(&view, points)));
        Self {
            since_ms: case.header.start_ms,
            identity: Some(Identity::of(case, report)),
            at_ms: view.last_sample_ms().unwrap_or(case.header.t_ms),
            families: families.collect(),
        }
    }

    /// What the service says of itself.
    #[must_use]
    pub fn of_service(figures: &ServiceFigures, now_ms: i64) -> Self {
        let families = service_signals().iter().filter_map(|signal| {
            family(&signal.definition, |points| (signal.read)(figures, points))
        });
        Self {
            since_ms: figures.since_ms,
            identity: None,
            at_ms: now_ms,
            families: families.collect(),
        }
    }

    /// The points of a signal; empty where it is not known.
    #[must_use]
    pub fn points(&self, name: &str) -> &[Point] {
        let found = self
            .families
            .iter()
            .find(|family| family.definition.name == name);
        found.map_or(&[], |family| &family.points)
    }
}

fn family(definition: &'static Definition, read: impl FnOnce(&mut Points)) -> Option<Family> {
    let mut points = Points::default();
    read(&mut points);
    let points = points.take();
    (!points.is_empty()).then_some(Family { definition, points })
}
