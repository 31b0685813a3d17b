//! The last three quarters of the way to the limit: a burst takes them in one go, a leak takes its time.

use crate::case::{Moment, seconds};

/// A climb that is over within this time may be a burst: two samples at 1 Hz cannot show more.
const SUDDEN_S: f64 = 2.5;

/// A burst makes most of its height in one step. A fast climb in small steps, seen by an agent that samples often, is
/// either: a burst in slow motion or a leak in a hurry.
const SMALLEST_SUDDEN_STEP: f64 = 0.5;

/// A climb that takes longer, in many small steps, is gradual. Bursts of bulk loads take a few seconds.
const GRADUAL_S: f64 = 4.0;

/// A climb begins this share of the way up from the usual level, so that the usual ups and downs are not part of it.
const FOOT: f64 = 0.25;

/// Readings on the way, for a climb to be called gradual.
const GRADUAL_READINGS: usize = 5;

/// A gradual climb has no single step above this share of its height.
const LARGEST_GRADUAL_STEP: f64 = 0.5;

/// Flink rounds its network memory down to whole buffers and pages, so a little less than configured is all of it.
pub(super) const NETWORK_TAKEN: f64 = 0.8;

/// From a quarter of the way between the usual level and the limit, up to the limit.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct Climb {
    /// Begin, milliseconds since the agent started.
    pub(in crate::rules) from_ms: u64,
    /// End, likewise.
    pub(in crate::rules) to_ms: u64,
    /// The usual level before, bytes: the lower quartile of all readings, for a short trace may be mostly climb.
    pub(in crate::rules) usual: f64,
    /// Level at the end, bytes.
    pub(in crate::rules) top: f64,
    /// Level at the begin, bytes.
    foot: f64,
    readings: usize,
    largest_step: f64,
}

/// How fast a climb was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Pace {
    Sudden,
    Gradual,
    Unclear,
}

impl Climb {
    /// The climb to the last of these moments, at which the limit was met; `None` when the pool was as full from the
    /// start. What came before Flink had taken its `network` memory is no climb: that is one large step in every start.
    pub(in crate::rules) fn of(until: &[Moment], network: u64) -> Option<Self> {
        let taken = network as f64 * NETWORK_TAKEN;
        let levels: Vec<(u64, f64)> = until
            .iter()
            .filter_map(|moment| Some((moment.up_ms, moment.direct_bytes()? as f64)))
            .skip_while(|level| level.1 < taken)
            .collect();
        Self::to_the_last(&levels)
    }

    /// The same for any series of milliseconds since the agent started, and bytes.
    pub(in crate::rules) fn to_the_last(levels: &[(u64, f64)]) -> Option<Self> {
        let &(to_ms, top) = levels.last()?;
        let usual = lower_quartile(levels.iter().map(|level| level.1).collect())?;
        let foot_level = usual + FOOT * (top - usual);
        let start = levels.iter().rposition(|level| level.1 <= foot_level)?;
        let way = &levels[start..];
        let (from_ms, foot) = *way.first()?;
        let steps = way.windows(2).map(|pair| pair[1].1 - pair[0].1);
        let height = top - foot;
        (height > 0.0).then(|| Self {
            from_ms,
            to_ms,
            usual,
            top,
            foot,
            readings: way.len(),
            largest_step: steps.fold(0.0, f64::max) / height,
        })
    }

    pub(in crate::rules) fn seconds(&self) -> f64 {
        seconds(self.to_ms) - seconds(self.from_ms)
    }

    /// Bytes from begin to end.
    pub(in crate::rules) fn height(&self) -> f64 {
        self.top - self.foot
    }

    /// Bytes a second on the way.
    pub(in crate::rules) fn slope(&self) -> f64 {
        self.height() / self.seconds()
    }

    pub(in crate::rules) fn pace(&self) -> Pace {
        if self.seconds() <= SUDDEN_S && self.largest_step >= SMALLEST_SUDDEN_STEP {
            Pace::Sudden
        } else if self.seconds() >= GRADUAL_S
            && self.readings >= GRADUAL_READINGS
            && self.largest_step <= LARGEST_GRADUAL_STEP
        {
            Pace::Gradual
        } else {
            Pace::Unclear
        }
    }
}

fn lower_quartile(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 4).copied()
}
