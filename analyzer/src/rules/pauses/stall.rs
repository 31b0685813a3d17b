//! A stretch of time, and what took it: differences of the samples' counters at both ends.

use crate::case::{Case, Moment};
use flinkmem_trace::Pause;

/// What took a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::rules) struct Stall {
    /// Begin, wall clock, milliseconds since the epoch.
    pub(in crate::rules) from_ms: i64,
    /// End, likewise.
    pub(in crate::rules) to_ms: i64,
    /// Time in pauses for collections, milliseconds.
    pub(in crate::rules) collecting_ms: f64,
    /// Pauses.
    pub(in crate::rules) pauses: u64,
    /// Time in safepoints of any kind, collections among them, and the wait for them; where the JVM counts it.
    pub(in crate::rules) stopped_ms: f64,
    /// Time in which the cgroup was held back by its processor quota.
    pub(in crate::rules) throttled_ms: f64,
    /// Time by which the agent's own thread, which no collection stops, slept too long.
    pub(in crate::rules) overslept_ms: f64,
    /// Time in which all tasks waited for memory.
    pub(in crate::rules) memory_stall_ms: f64,
    /// Faults that had to wait for a disk.
    pub(in crate::rules) major_faults: u64,
}

impl Stall {
    /// The time before a moment, of at most that length.
    pub(super) fn before(moments: &[Moment], end_ms: i64, length_ms: u64) -> Option<Self> {
        let from = end_ms.saturating_sub(i64::try_from(length_ms).ok()?);
        // A process that stood still wrote its sample when it went on: just before the begin, and just after the end.
        let first = moments
            .iter()
            .rposition(|moment| moment.t_ms <= from)
            .unwrap_or(0);
        let last = moments.iter().position(|moment| moment.t_ms >= end_ms);
        let last = last.unwrap_or(moments.len().checked_sub(1)?);
        (first < last).then(|| Self::of(&moments[first..=last]))
    }

    /// The stretch of that length in which most time went into collections.
    pub(super) fn worst(moments: &[Moment], length_ms: u64) -> Option<Self> {
        let paused = |moment: &Moment| moment.pauses.map(|pauses| pauses.total_us);
        let mut worst: Option<(u128, usize, usize)> = None;
        let mut first = 0;
        for (last, moment) in moments.iter().enumerate() {
            while moment.up_ms.saturating_sub(moments[first].up_ms) > length_ms {
                first += 1;
            }
            // One sample earlier, so that the stretch is not shorter than asked for.
            let from = first.saturating_sub(1);
            let (Some(before), Some(after)) = (paused(&moments[from]), paused(moment)) else {
                continue;
            };
            // Samples of thinned history may be further apart than the stretch is long.
            let apart_ms = moment.up_ms.saturating_sub(moments[from].up_ms);
            let taken = u128::from(after.saturating_sub(before)) * u128::from(length_ms)
                / u128::from(apart_ms.max(length_ms).max(1));
            if from < last && worst.is_none_or(|(most, ..)| most < taken) {
                worst = Some((taken, from, last));
            }
        }
        worst.map(|(_, from, to)| Self::of(&moments[from..=to]))
    }

    /// The same by the pauses that were written one by one, where these tell of more: a sample that was begun just before a pause tells
    /// what had passed by its end, so samples around a short time may miss a pause in it.
    pub(super) fn or_by_records(self, case: &Case, end_ms: i64, length_ms: u64) -> Self {
        let from_ms = end_ms.saturating_sub(i64::try_from(length_ms).unwrap_or(i64::MAX));
        let overlaps = case.evidence.all::<Pause>().filter_map(|pause| {
            let overlap = super::stall::end_ms(pause)
                .min(end_ms)
                .saturating_sub(pause.t_ms.max(from_ms));
            (overlap > 0).then_some(overlap as f64)
        });
        let (pauses, collecting_ms) =
            overlaps.fold((0, 0.0), |(count, sum), ms| (count + 1, sum + ms));
        if collecting_ms / length_ms.max(1) as f64 <= self.collecting() {
            return self;
        }
        Self {
            from_ms,
            to_ms: end_ms,
            collecting_ms,
            pauses,
            ..self
        }
    }

    fn of(moments: &[Moment]) -> Self {
        let grown = |value: &dyn Fn(&Moment) -> Option<u64>| {
            let first = moments.iter().find_map(value);
            let last = moments.iter().rev().find_map(value);
            last.zip(first)
                .map_or(0, |(last, first)| last.saturating_sub(first))
        };
        let overslept: u64 = moments
            .iter()
            .skip(1)
            .map(|moment| moment.agent.overslept_us)
            .sum();
        let us = |value: u64| value as f64 / 1000.0;
        Self {
            from_ms: moments.first().map_or(0, |moment| moment.t_ms),
            to_ms: moments.last().map_or(0, |moment| moment.t_ms),
            collecting_ms: us(grown(&|moment| Some(moment.pauses?.total_us))),
            pauses: grown(&|moment| Some(moment.pauses?.count)),
            stopped_ms: grown(&|moment| {
                let safepoints = moment.safepoints?;
                Some(safepoints.stopped_ms.saturating_add(safepoints.sync_ms))
            }) as f64,
            throttled_ms: us(grown(&|moment| moment.cpu?.throttled_us)),
            overslept_ms: us(overslept),
            memory_stall_ms: us(grown(&|moment| moment.psi?.memory?.full_us)),
            major_faults: grown(&|moment| Some(moment.paging?.major_faults)),
        }
    }

    /// How long it is, milliseconds.
    pub(in crate::rules) fn length_ms(&self) -> f64 {
        self.to_ms.saturating_sub(self.from_ms).max(1) as f64
    }

    /// Share of the time that collections took.
    pub(in crate::rules) fn collecting(&self) -> f64 {
        (self.collecting_ms / self.length_ms()).min(1.0)
    }
}

/// When a pause was over, wall clock.
pub(super) fn end_ms(pause: &Pause) -> i64 {
    let length = i64::try_from(pause.duration_us / 1000).unwrap_or(i64::MAX);
    pause.t_ms.saturating_add(length)
}

/// The end of the pause before which, for that length, most time went into pauses. Samples cannot tell where the time is short:
/// they are taken between pauses.
pub(super) fn busiest_end_ms(case: &Case, length_ms: u64) -> Option<i64> {
    let length_ms = i64::try_from(length_ms).ok()?;
    let pauses: Vec<&Pause> = case.evidence.all().collect();
    let length = |pause: &Pause| end_ms(pause).saturating_sub(pause.t_ms);
    let (mut first, mut sum_ms) = (0, 0_i64);
    let mut busiest: Option<(i64, i64)> = None;
    for pause in &pauses {
        sum_ms = sum_ms.saturating_add(length(pause));
        let until_ms = end_ms(pause);
        let from_ms = until_ms.saturating_sub(length_ms);
        while end_ms(pauses[first]) <= from_ms && pauses[first].t_ms < pause.t_ms {
            sum_ms = sum_ms.saturating_sub(length(pauses[first]));
            first += 1;
        }
        let cut_ms = from_ms.saturating_sub(pauses[first].t_ms).max(0);
        let within_ms = sum_ms.saturating_sub(cut_ms);
        if busiest.is_none_or(|(most_ms, _)| within_ms > most_ms) {
            busiest = Some((within_ms, until_ms));
        }
    }
    busiest.map(|(_, until_ms)| until_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::Pauses;

    /// At second `s`, `paused_ms` so far.
    fn moment(s: u64, paused_ms: u64) -> Moment {
        Moment {
            up_ms: s * 1000,
            t_ms: i64::try_from(s).unwrap() * 1000,
            pauses: Some(Pauses {
                count: s,
                total_us: paused_ms * 1000,
                ..Pauses::default()
            }),
            ..Moment::default()
        }
    }

    #[test]
    fn the_time_before_a_line_is_taken_from_the_samples_around_it() {
        let moments: Vec<Moment> = (0..20)
            .map(|s| moment(s, s.saturating_sub(10) * 900))
            .collect();
        let stall = Stall::before(&moments, 17_500, 5_000).unwrap();
        assert_eq!((stall.from_ms, stall.to_ms), (12_000, 18_000));
        assert!((stall.collecting() - 0.9).abs() < 1e-9);
    }

    #[test]
    fn a_pause_that_a_sample_had_told_already_counts_where_it_lay() {
        let moments = [moment(0, 0), moment(10, 2500), moment(13, 2500)];
        let pause = Pause {
            t_ms: 10_100,
            duration_us: 2_400_000,
            ..Pause::default()
        };
        let mut case = Case::default();
        case.evidence = crate::case::Evidence::of_records([flinkmem_trace::Record::Pause(pause)]);
        let stall = Stall::before(&moments, 12_500, 2_000).unwrap();
        assert!(stall.collecting() < 0.1, "{stall:?}");
        let stall = stall.or_by_records(&case, 12_500, 2_000);
        assert!((stall.collecting_ms - 2_000.0).abs() < 1.0, "{stall:?}");
        assert_eq!(stall.pauses, 1);
    }

    #[test]
    fn the_worst_stretch_is_found() {
        let paused = |s: u64| s.clamp(30, 36).saturating_sub(30) * 1000;
        let moments: Vec<Moment> = (0..60).map(|s| moment(s, paused(s))).collect();
        let stall = Stall::worst(&moments, 6_000).unwrap();
        assert!(stall.collecting_ms >= 6_000.0, "{stall:?}");
        assert!(
            stall.from_ms >= 29_000 && stall.to_ms <= 37_000,
            "{stall:?}"
        );
    }

    #[test]
    fn pauses_in_a_row_are_busier_than_the_longest_alone() {
        let pause = |t_ms, duration_ms: u64| {
            flinkmem_trace::Record::Pause(Pause {
                t_ms,
                duration_us: duration_ms * 1000,
                ..Pause::default()
            })
        };
        let mut case = Case::default();
        case.evidence = crate::case::Evidence::of_records([
            pause(10_000, 1_600),
            pause(20_000, 1_300),
            pause(21_320, 1_300),
            pause(30_000, 1_400),
        ]);
        assert_eq!(busiest_end_ms(&case, 2_000), Some(22_620));
        // Whatever the length, a pause that is longer than it fills it.
        assert_eq!(busiest_end_ms(&case, 1_000), Some(11_600));
        assert_eq!(busiest_end_ms(&Case::default(), 2_000), None);
    }

    #[test]
    fn without_samples_there_is_nothing() {
        assert_eq!(Stall::worst(&[], 1000), None);
        assert_eq!(Stall::before(&[], 1000, 1000), None);
    }
}
