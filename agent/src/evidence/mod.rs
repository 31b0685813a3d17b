//! Evidence that is too dear for every tick: each signal says how often it is worth taking, and for which incidents.
//!
//! Runs in the agent's thread, after the sample of the tick is on disk. At most one signal is taken at a time, so that what
//! they cost never adds up: a tick takes one as a matter of routine; what an incident or somebody asks for is taken in the
//! order of [`signals`], after the incident itself is on disk and whoever waited for it has gone on. Between two signals
//! the agent's thread looks after ticks, further incidents and the end of the JVM, for some signals take seconds.

mod heap_sites;
mod heap_walk;
mod histogram;
mod ledger;
mod libraries;
mod loaders;
mod native_objects;
mod root_path;
mod surroundings;
mod threads;

use crate::agent::{Agent, Moment};
use flinkmem_native::jvm::jni;
use flinkmem_trace::control::USUAL_PATIENCE;
use flinkmem_trace::{Incident, IncidentKind, Occasion, Record, Sample, Taken};
use std::time::{Duration, Instant};

/// The signals, in the order in which they are taken when several are.
fn signals() -> Vec<Box<dyn Signal>> {
    vec![
        Box::new(native_objects::NativeObjects::default()),
        Box::new(libraries::OfLibraries),
        Box::new(threads::Threads::default()),
        Box::new(surroundings::SurroundingsSignal::open()),
        Box::new(heap_sites::Sites::default()),
        Box::new(ledger::LedgerSignal::open()),
        // What stops Java threads comes last.
        Box::new(loaders::LoadersSignal::default()),
        Box::new(histogram::Histograms::default()),
    ]
}

/// Something that can be told of the process, but not at every tick.
pub(crate) trait Signal {
    /// Time between two readings at an interval of a second or more; shorter intervals shorten it in proportion. `near`:
    /// a limit is near. `None`: not as a matter of routine.
    fn interval(&self, near: bool) -> Option<Duration>;

    /// Whether it is worth taking when it is due, by the sample of this tick.
    fn is_worthwhile(&mut self, _sample: &Sample) -> bool {
        true
    }

    /// Whether it tells something about an incident of that kind.
    fn wants(&self, _incident: &IncidentFacts) -> bool {
        false
    }

    /// Reads, and hands the records over with [`Context::write`].
    fn take(&mut self, context: &mut Context<'_, '_>);
}

/// What a signal needs to know of an incident to decide whether it has to say something about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IncidentFacts {
    pub(crate) id: u32,
    pub(crate) kind: IncidentKind,
    /// JVMTI ResourceExhausted's flags.
    #[allow(
        dead_code,
        reason = "first used by signals that tell heap from threads"
    )]
    pub(crate) flags: Option<u32>,
    /// Whether the JVM's words name metaspace or its part for compressed class pointers; the flags do not tell it from an
    /// array that is too large.
    pub(crate) is_metaspace: bool,
}

/// What a signal may use, for one reading.
pub(crate) struct Context<'a, 'env> {
    pub(crate) agent: &'static Agent,
    pub(crate) env: &'a mut jni::Env<'env>,
    /// The sample of this tick.
    pub(crate) sample: &'a Sample,
    pub(crate) occasion: Occasion,
    incident: Option<u32>,
    /// On demand: how long Java threads may stand still for each walk over the heap.
    pub(crate) patience: Duration,
    began: Instant,
    sink: &'a mut dyn FnMut(Record),
}

impl<'a, 'env> Context<'a, 'env> {
    pub(crate) fn new(
        agent: &'static Agent,
        env: &'a mut jni::Env<'env>,
        sample: &'a Sample,
        sink: &'a mut dyn FnMut(Record),
    ) -> Self {
        Self {
            agent,
            env,
            sample,
            occasion: Occasion::Routine,
            incident: None,
            patience: USUAL_PATIENCE,
            began: Instant::now(),
            sink,
        }
    }

    /// When and why this reading was taken, and what it took until now: call it when the reading is complete.
    pub(crate) fn taken(&self) -> Taken {
        let now = Moment::now();
        Taken {
            t_ms: now.t_ms,
            up_ms: now.up_ms,
            occasion: self.occasion,
            incident: self.incident,
            cost_us: u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Writes a record: what is told is on disk before the next thing is looked for.
    pub(crate) fn write(&mut self, record: Record) {
        (self.sink)(record);
    }
}

/// All signals with their schedule.
pub(crate) struct Evidence {
    scheduled: Vec<Scheduled>,
    /// Share of the signals' intervals that holds here: 1, or less where the base interval is below a second.
    scale: f64,
    /// What was asked for and is not begun.
    waiting: Order,
    /// What is under way, and how many of the signals had their turn.
    under_way: Option<(Order, usize)>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    incident: Option<IncidentFacts>,
    /// How long Java threads may stand still for each walk over the heap, when somebody asked.
    demanded: Option<Duration>,
}

struct Scheduled {
    signal: Box<dyn Signal>,
    last: Instant,
    last_incident: Option<Instant>,
}

/// A signal is not taken for incidents more often than that: a restart loop meets its limit every second.
const BETWEEN_INCIDENTS: Duration = Duration::from_secs(60);

impl Evidence {
    pub(crate) fn new(base_interval: Duration, now: Instant) -> Self {
        let scheduled = |signal| Scheduled {
            signal,
            last: now,
            last_incident: None,
        };
        Self {
            scheduled: signals().into_iter().map(scheduled).collect(),
            scale: base_interval.as_secs_f64().min(1.0),
            waiting: Order::default(),
            under_way: None,
        }
    }

    /// Remembers an incident: what is to be said about it is taken as soon as nobody waits. Of several the first counts.
    pub(crate) fn incident(&mut self, incident: &Incident) {
        self.waiting.incident.get_or_insert(IncidentFacts {
            id: incident.id,
            kind: incident.incident,
            flags: incident.flags,
            is_metaspace: matches!(
                incident.message.as_deref(),
                Some("Metaspace" | "Compressed class space")
            ),
        });
    }

    /// Whether something is to be taken before the next tick.
    pub(crate) fn is_awaited(&self) -> bool {
        self.under_way.is_some()
            || self.waiting.demanded.is_some()
            || self.waiting.incident.is_some()
    }

    /// Everything is to be taken; Java threads may stand still for `patience` for each walk over the heap.
    pub(crate) fn demand(&mut self, patience: Duration) {
        self.waiting.demanded = Some(patience);
    }

    /// Whether something that was demanded is not taken yet.
    pub(crate) fn is_demanded(&self) -> bool {
        let under_way = self
            .under_way
            .is_some_and(|(order, _)| order.demanded.is_some());
        under_way || self.waiting.demanded.is_some()
    }

    /// Takes one signal: the next that was asked for, else one that is due.
    pub(crate) fn gather(&mut self, context: &mut Context<'_, '_>, near: bool) {
        if !self.is_awaited() {
            return self.take_due(context, near);
        }
        let now = Instant::now();
        let (order, first) = self
            .under_way
            .take()
            .unwrap_or_else(|| (std::mem::take(&mut self.waiting), 0));
        for (index, scheduled) in self.scheduled.iter_mut().enumerate().skip(first) {
            let incident = order
                .incident
                .filter(|incident| scheduled.wants(incident, now));
            if order.demanded.is_some() || incident.is_some() {
                self.under_way = Some((order, index + 1));
                let occasion = match order.demanded {
                    Some(patience) => {
                        context.patience = patience;
                        Occasion::Demand
                    }
                    None => Occasion::Incident,
                };
                return scheduled.take(context, occasion, incident, now);
            }
        }
    }

    fn take_due(&mut self, context: &mut Context<'_, '_>, near: bool) {
        let now = Instant::now();
        let scale = self.scale;
        let due = self.scheduled.iter_mut().find_map(|scheduled| {
            let due = scheduled.is_due(near, scale, now);
            (due && scheduled.signal.is_worthwhile(context.sample)).then_some(scheduled)
        });
        let occasion = match near {
            true => Occasion::NearLimit,
            false => Occasion::Routine,
        };
        if let Some(scheduled) = due {
            scheduled.take(context, occasion, None, now);
        }
    }
}

impl Scheduled {
    fn take(
        &mut self,
        context: &mut Context<'_, '_>,
        occasion: Occasion,
        incident: Option<IncidentFacts>,
        now: Instant,
    ) {
        context.occasion = occasion;
        context.incident = incident.map(|incident| incident.id);
        context.began = now;
        self.last = now;
        if incident.is_some() {
            self.last_incident = Some(now);
        }
        self.signal.take(context);
    }

    fn wants(&self, incident: &IncidentFacts, now: Instant) -> bool {
        let rested = |last: Instant| now.duration_since(last) >= BETWEEN_INCIDENTS;
        self.last_incident.is_none_or(rested) && self.signal.wants(incident)
    }

    fn is_due(&self, near: bool, scale: f64, now: Instant) -> bool {
        let interval = self.signal.interval(near);
        interval.is_some_and(|interval| now.duration_since(self.last) >= interval.mul_f64(scale))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct EveryMinute;

    impl Signal for EveryMinute {
        fn interval(&self, near: bool) -> Option<Duration> {
            Some(Duration::from_secs(if near { 10 } else { 60 }))
        }

        fn take(&mut self, _: &mut Context<'_, '_>) {}
    }

    #[test]
    fn a_short_base_interval_shortens_that_of_the_signals() {
        let start = Instant::now();
        let scheduled = Scheduled {
            signal: Box::new(EveryMinute),
            last: start,
            last_incident: None,
        };
        let due = |near, scale, seconds| {
            scheduled.is_due(near, scale, start + Duration::from_secs(seconds))
        };
        assert!(!due(false, 1.0, 59) && due(false, 1.0, 60));
        assert!(!due(true, 1.0, 9) && due(true, 1.0, 10));
        assert!(!due(false, 0.1, 5) && due(false, 0.1, 6));
    }
}
