//! What is given up of a long life in memory, so that a process can be followed for weeks.
//!
//! Of each series the newest part stays whole. What is older is divided into so many even stretches of time, however long it is, and of each stretch
//! one entry stays, with every peak of a figure that is held against a limit. Trends look at medians of such stretches anyway.
//! What led to the first and the last incident of each kind stays at one entry a second.
//! ```text
//!   |·   ·   ·   ▲   ·   ·|||·   ·   ▲   ·   ·|··············|
//!    one a stretch, peaks  └ an incident       the newest, whole
//! ```
//! Incidents and call sites are not thinned: the agent keeps them within a quarter of the trace's budget on disk.

use super::history::{AFTER_MS, BEFORE_MS, moments_that_matter};
use super::{Case, Inside, Moment, SiteSnapshot};
use flinkmem_trace::{Event, EventKind, FlinkInside, Occasion, Pause, Record};
use std::mem::{Discriminant, discriminant};
use std::ops::RangeInclusive;

/// How long a series may become, and what stays then.
#[derive(Clone, Copy)]
struct Bound {
    most: usize,
    newest: usize,
    stretches: u64,
}

/// A moment has about one KiB: an hour at one sample a second stays whole, and of a fortnight one in ten to twenty minutes.
const MOMENTS: Bound = Bound {
    most: 10_000,
    newest: 3_600,
    stretches: 2_048,
};

/// Call sites and what is inside, with one to some KiB each.
const SNAPSHOTS: Bound = Bound {
    most: 2_400,
    newest: 900,
    stretches: 512,
};

/// Of each kind of evidence, which comes every ten seconds at most, with up to some ten KiB.
const EVIDENCE: Bound = Bound {
    most: 240,
    newest: 80,
    stretches: 64,
};

/// Peaks are kept one in so many stretches.
const STRETCHES_OF_A_PEAK: u64 = 64;

const MOST_PAUSES: usize = 6_000;
const NEWEST_PAUSES: usize = 2_000;
/// Of the older ones the longest: only those can hold a heartbeat back.
const LONGEST_PAUSES: usize = 1_000;

const MOST_EVENTS: usize = 10_000;
const NEWEST_EVENTS: usize = 4_000;
/// Of the older ones those that tell of a job or an error.
const TELLING_EVENTS: usize = 2_000;

/// Gives up what is too much; true if anything was.
pub(super) fn thin(case: &mut Case) -> bool {
    let matters = Matters::of(case);
    let timeline = &mut case.timeline;
    let moments = thin_series(&mut timeline.moments, MOMENTS, &matters);
    let snapshots = thin_series(&mut timeline.snapshots, SNAPSHOTS, &matters);
    let inside = thin_series(&mut timeline.inside, SNAPSHOTS, &matters);
    let events = thin_events(&mut case.events);
    let evidence = thin_evidence(case.evidence.records_mut(), &matters);
    moments || snapshots || inside || events || evidence
}

/// Stretches of time that stay at one entry a second.
struct Matters(Vec<RangeInclusive<u64>>);

impl Matters {
    fn of(case: &Case) -> Self {
        let around = |up_ms: u64| up_ms.saturating_sub(BEFORE_MS)..=up_ms.saturating_add(AFTER_MS);
        let times = moments_that_matter(&case.incidents);
        Self(times.into_iter().map(around).collect())
    }

    fn includes(&self, up_ms: u64) -> bool {
        self.0.iter().any(|span| span.contains(&up_ms))
    }
}

/// An entry of a series that can be thinned.
trait Entry {
    fn up_ms(&self) -> u64;
    /// What may be held against a limit, or tells how long nothing ran.
    fn figures(&self) -> Vec<Option<u64>>;
}

fn thin_series<T: Entry>(series: &mut Vec<T>, bound: Bound, matters: &Matters) -> bool {
    if series.len() <= bound.most {
        return false;
    }
    let old = series.len().saturating_sub(bound.newest);
    let mut stays = stays(&series[..old], bound.stretches, matters);
    stays.resize(series.len(), true);
    let mut stays = stays.into_iter();
    series.retain(|_| stays.next().unwrap_or(true));
    // A history of days was longer when it was read first.
    series.shrink_to(bound.most);
    true
}

/// Which entries of the old part of a series stay.
fn stays<T: Entry>(old: &[T], stretches: u64, matters: &Matters) -> Vec<bool> {
    let begin = old.first().map_or(0, Entry::up_ms);
    let span = old.last().map_or(0, Entry::up_ms).saturating_sub(begin);
    // Doubled from one time to the next, so that stretches never lie across those of before, whose entries are all that is left.
    let stretch_ms = (span / stretches).max(1).next_power_of_two();
    let mut stays = vec![false; old.len()];
    let mut last = None;
    let mut peaks = Peaks::default();
    for (index, entry) in old.iter().enumerate() {
        let up_ms = entry.up_ms();
        let stretch = up_ms / stretch_ms;
        let cell = match matters.includes(up_ms) {
            true => (stretch, up_ms / 1000),
            false => (stretch, 0),
        };
        stays[index] = last.replace(cell) != Some(cell);
        if peaks.group != stretch / STRETCHES_OF_A_PEAK {
            peaks.mark(&mut stays);
            peaks = Peaks {
                group: stretch / STRETCHES_OF_A_PEAK,
                ..Peaks::default()
            };
        }
        peaks.note(index, &entry.figures());
    }
    peaks.mark(&mut stays);
    stays
}

/// The highest of each figure in some stretches, and which entry has it.
#[derive(Default)]
struct Peaks {
    group: u64,
    of_figures: Vec<Option<(u64, usize)>>,
}

impl Peaks {
    fn note(&mut self, index: usize, figures: &[Option<u64>]) {
        self.of_figures.resize(figures.len(), None);
        for (peak, figure) in self.of_figures.iter_mut().zip(figures) {
            let Some(figure) = *figure else { continue };
            if peak.is_none_or(|(highest, _)| figure > highest) {
                *peak = Some((figure, index));
            }
        }
    }

    fn mark(&self, stays: &mut [bool]) {
        for (_, index) in self.of_figures.iter().flatten() {
            stays[*index] = true;
        }
    }
}

impl Entry for Moment {
    fn up_ms(&self) -> u64 {
        self.up_ms
    }

    fn figures(&self) -> Vec<Option<u64>> {
        let pools = [self.metaspace, self.class_space, self.code_cache];
        let pools = pools.map(|pool| pool.map(|pool| pool.used_bytes));
        let others = [
            self.direct_bytes(),
            self.off_heap.map(|off_heap| off_heap.live_bytes),
            self.heap.map(|heap| heap.used_bytes),
            self.heap.and_then(|heap| heap.after_gc_bytes),
            self.process.map(|process| process.vm_rss_bytes),
            self.process.map(|process| process.rss_anon_bytes),
            self.process.map(|process| process.vm_swap_bytes),
            self.cgroup.map(|cgroup| cgroup.usage_bytes),
            self.cgroup.and_then(|cgroup| cgroup.anon_bytes),
            self.pids.map(|pids| pids.current),
            self.threads.map(|threads| threads.live),
            self.rocksdb.and_then(|rocksdb| rocksdb.cache_usage_bytes),
            self.rocksdb.and_then(|rocksdb| rocksdb.memtables_bytes),
            self.pauses.map(|pauses| pauses.longest_us),
            Some(self.agent.overslept_us),
            // The sample of an incident is the nearest to the moment that matters.
            self.incident.map(u64::from),
        ];
        pools.into_iter().chain(others).collect()
    }
}

impl Entry for SiteSnapshot {
    fn up_ms(&self) -> u64 {
        self.up_ms
    }

    fn figures(&self) -> Vec<Option<u64>> {
        let live = self.uses.iter().map(|site| site.live_bytes);
        vec![
            live.reduce(u64::saturating_add),
            self.incident.map(u64::from),
        ]
    }
}

impl Entry for Inside {
    fn up_ms(&self) -> u64 {
        self.up_ms
    }

    fn figures(&self) -> Vec<Option<u64>> {
        let network = self.flink.as_ref().and_then(|flink| flink.network.as_ref());
        let taken = network.and_then(|pool| {
            let available = pool.segments_available?;
            Some(pool.segments_total.saturating_sub(available))
        });
        let netty = self.netty.iter().filter_map(|copy| copy.used_bytes).max();
        vec![
            taken,
            network.and_then(|pool| pool.segments_required),
            self.flink.as_ref().map(managed_bytes),
            netty,
        ]
    }
}

/// Managed memory that the slots have given away.
fn managed_bytes(flink: &FlinkInside) -> u64 {
    let slots = flink.slots.iter().filter_map(|slot| {
        let available = slot.managed_available_bytes?;
        Some(slot.managed_bytes?.saturating_sub(available))
    });
    slots.fold(0, u64::saturating_add)
}

fn thin_events(events: &mut Vec<Event>) -> bool {
    if events.len() <= MOST_EVENTS {
        return false;
    }
    let newest = events.split_off(events.len().saturating_sub(NEWEST_EVENTS));
    events.retain(|event| {
        !matches!(
            event.event,
            EventKind::Checkpoint
                | EventKind::TaskStarted
                | EventKind::TaskEnded
                | EventKind::SamplingFaster
                | EventKind::SamplingSlower
                | EventKind::SlowPathSucceeded
        )
    });
    events.drain(..events.len().saturating_sub(TELLING_EVENTS));
    events.extend(newest);
    true
}

fn thin_evidence(records: &mut Vec<Record>, matters: &Matters) -> bool {
    let mut kinds: Vec<(Discriminant<Record>, usize)> = Vec::new();
    for record in &*records {
        let kind = discriminant(record);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    let pauses = discriminant(&Record::Pause(Pause::default()));
    let most = |kind| {
        if kind == pauses {
            MOST_PAUSES
        } else {
            EVIDENCE.most
        }
    };
    kinds.retain(|(kind, count)| *count > most(*kind));
    for (kind, _) in &kinds {
        let is_of_kind = |record: &mut Record| discriminant(record) == *kind;
        let mut of_kind: Vec<Record> = records.extract_if(.., is_of_kind).collect();
        if *kind == pauses {
            thin_pauses(&mut of_kind);
        } else {
            thin_series(&mut of_kind, EVIDENCE, matters);
        }
        records.extend(of_kind);
    }
    // In the order that `Evidence` promises.
    records.sort_by_key(Record::t_ms);
    !kinds.is_empty()
}

fn thin_pauses(pauses: &mut Vec<Record>) {
    let newest = pauses.split_off(pauses.len().saturating_sub(NEWEST_PAUSES));
    let shortest_first = |record: &Record| match record {
        Record::Pause(pause) => pause.duration_us,
        _ => 0,
    };
    pauses.sort_by_key(shortest_first);
    pauses.drain(..pauses.len().saturating_sub(LONGEST_PAUSES));
    pauses.extend(newest);
}

impl Entry for Record {
    fn up_ms(&self) -> u64 {
        self.taken().map_or(0, |taken| taken.up_ms)
    }

    fn figures(&self) -> Vec<Option<u64>> {
        // What was asked for is not to be had again.
        let asked_for = self.taken().filter(|it| it.occasion == Occasion::Demand);
        vec![asked_for.map(|taken| taken.up_ms)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Evidence, Kind};
    use flinkmem_trace::{AgentCost, Incident, Ledger, Taken};

    /// A moment a second.
    fn moments(seconds: u64) -> Vec<Moment> {
        let moment = |second| Moment {
            up_ms: second * 1000,
            ..Moment::default()
        };
        (0..seconds).map(moment).collect()
    }

    fn case(moments: Vec<Moment>) -> Case {
        let mut case = Case::default();
        case.timeline.moments = moments;
        case
    }

    fn up_s(case: &Case) -> Vec<u64> {
        let moments = case.timeline.moments.iter();
        moments.map(|moment| moment.up_ms / 1000).collect()
    }

    #[test]
    fn a_short_life_stays_whole() {
        let mut case = case(moments(10_000));
        assert!(!thin(&mut case));
        assert_eq!(case.timeline.moments.len(), 10_000);
    }

    #[test]
    fn of_a_fortnight_the_last_hour_stays_whole_and_the_rest_in_even_steps() {
        const FORTNIGHT: u64 = 14 * 86_400;
        let mut case = case(Vec::new());
        for moment in moments(FORTNIGHT) {
            case.timeline.moments.push(moment);
            thin(&mut case);
            assert!(case.timeline.moments.len() <= MOMENTS.most);
        }
        let kept = up_s(&case);
        assert_eq!((kept[0], kept[kept.len() - 1]), (0, FORTNIGHT - 1));
        let last_hour = FORTNIGHT - 3_600;
        let (old, new) = kept.split_at(kept.partition_point(|second| *second < last_hour));
        assert_eq!(new.len(), 3_600);
        // What was thinned before is on a grid that was finer, and need not fit this one.
        let longest = old.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(
            longest <= Some(3 * FORTNIGHT / MOMENTS.stretches),
            "{longest:?}"
        );
    }

    #[test]
    fn peaks_and_what_led_to_an_incident_stay() {
        let mut case = case(moments(20_000));
        case.timeline.moments[777].agent = AgentCost {
            overslept_us: 9_000_000,
            ..AgentCost::default()
        };
        case.incidents.push(Incident {
            up_ms: 5_000_000,
            ..Incident::default()
        });
        assert!(thin(&mut case));
        let kept = up_s(&case);
        assert!(kept.contains(&777));
        let near = kept
            .iter()
            .filter(|second| (4_880..=5_060).contains(*second));
        assert_eq!(near.count(), 181);
        let before = kept
            .iter()
            .filter(|second| (3_000..4_800).contains(*second));
        assert!(before.count() < 400);
    }

    #[test]
    fn of_evidence_what_was_asked_for_stays_and_of_pauses_the_long_ones() {
        let ledger = |second: u64| {
            let occasion = match second {
                77 => Occasion::Demand,
                _ => Occasion::Routine,
            };
            let taken = Taken {
                up_ms: second * 1000,
                t_ms: i64::try_from(second * 1000).unwrap(),
                occasion,
                ..Taken::default()
            };
            Record::Ledger(Box::new(Ledger {
                taken,
                ..Ledger::default()
            }))
        };
        let pause = |second: u64| {
            Record::Pause(Pause {
                up_ms: second * 1000,
                t_ms: i64::try_from(second * 1000).unwrap(),
                duration_us: if second == 5 { 8_000_000 } else { second },
                ..Pause::default()
            })
        };
        let mut case = Case {
            evidence: Evidence::of_records((0..1_000).map(ledger).chain((0..7_000).map(pause))),
            ..Case::default()
        };
        assert!(thin(&mut case));
        let ledgers: Vec<u64> = case.evidence.all::<Ledger>().map(Kind::up_ms).collect();
        assert!(ledgers.len() <= EVIDENCE.most, "{}", ledgers.len());
        assert!(ledgers.contains(&77_000) && ledgers.is_sorted());
        assert_eq!(ledgers.last(), Some(&999_000));
        let pauses: Vec<u64> = case.evidence.all::<Pause>().map(Kind::up_ms).collect();
        assert_eq!(pauses.len(), NEWEST_PAUSES + LONGEST_PAUSES);
        assert_eq!(pauses[0], 5_000);
    }

    #[test]
    fn of_events_those_of_jobs_outlive_checkpoints() {
        let event = |number: u64| Event {
            up_ms: number,
            event: match number % 100 {
                0 => EventKind::JobGone,
                _ => EventKind::Checkpoint,
            },
            ..Event::default()
        };
        let mut case = Case {
            events: (0..12_000).map(event).collect(),
            ..Case::default()
        };
        assert!(thin(&mut case));
        assert_eq!(case.events.len(), NEWEST_EVENTS + 80);
        assert_eq!(case.events[0].up_ms, 0);
    }
}
