//! Long pauses with their cause, one by one: a ring that the JVM's callbacks fill and the agent's thread empties.
//!
//! The callbacks run in the VM's thread at a safepoint, one after the other, so there is one writer. They load and store
//! atomics: also the cause and the collectors' counts are only loads, from the JVM's performance data. A pause that finds
//! the ring full is counted. Short pauses are in the sample's totals only.

use crate::agent::{Agent, Moment};
use crate::gc_clock;
use flinkmem_native::jvm::{PerfCounter, PerfData, PerfWord};
use flinkmem_trace::{Pause, Record};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// Pauses between two ticks that can be told one by one.
const SLOTS: usize = 64;

/// Letters of a cause that are kept. The JVM's longest has 41.
const LETTERS: usize = 48;

/// HotSpot numbers its collectors: 0 young, 1 full, 2 concurrent.
const COLLECTORS: usize = 3;

/// A pause is long from one part in this many of the sampling interval on, but not beyond [`LONG`].
const SHARE_OF_INTERVAL: u32 = 100;
const LONG: Duration = Duration::from_millis(10);

struct Slot {
    started_us: AtomicU64,
    duration_us: AtomicU64,
    collector: AtomicU8,
    cause: [AtomicU8; LETTERS],
}

static RING: [Slot; SLOTS] = [const {
    Slot {
        started_us: AtomicU64::new(0),
        duration_us: AtomicU64::new(0),
        collector: AtomicU8::new(0),
        cause: [const { AtomicU8::new(0) }; LETTERS],
    }
}; SLOTS];
/// Pauses put in and taken out so far.
static PUT: AtomicU64 = AtomicU64::new(0);
static TAKEN: AtomicU64 = AtomicU64::new(0);
static LOST: AtomicU64 = AtomicU64::new(0);
static LONG_US: AtomicU64 = AtomicU64::new(10_000);

/// What the JVM's performance data tells of a pause while it lasts.
struct Words {
    cause: Option<PerfWord>,
    last_cause: Option<PerfWord>,
    collectors: [Option<(PerfCounter, String)>; COLLECTORS],
}

static WORDS: OnceLock<Words> = OnceLock::new();
static COUNTS: [AtomicU64; COLLECTORS] = [const { AtomicU64::new(0) }; COLLECTORS];

/// Finds where the JVM tells causes. Until then, and in a JVM that does not tell them, pauses have none.
pub(crate) fn prepare(agent: &Agent) {
    let long = LONG.min(agent.options.interval / SHARE_OF_INTERVAL);
    LONG_US.store(
        u64::try_from(long.as_micros()).unwrap_or(u64::MAX),
        Ordering::Relaxed,
    );
    let Some(data) = PerfData::find() else { return };
    let collector = |index: usize| {
        let name = data.word(&format!("sun.gc.collector.{index}.name"))?.text();
        // Shenandoah counts every pause as one of "Shenandoah full", which it is not.
        let counter = data.counter(&format!("sun.gc.collector.{index}.invocations"))?;
        (!name.starts_with("Shenandoah")).then_some((counter, name))
    };
    WORDS.get_or_init(|| Words {
        cause: data.word("sun.gc.cause"),
        last_cause: data.word("sun.gc.lastCause"),
        collectors: std::array::from_fn(collector),
    });
}

/// A pause has ended. Called at a safepoint: loads and stores only.
pub(crate) fn ended(started_us: u64, duration_us: u64) {
    let words = WORDS.get();
    let collector = words.and_then(which_collected);
    if duration_us < LONG_US.load(Ordering::Relaxed) {
        return;
    }
    let put = PUT.load(Ordering::Relaxed);
    let waiting = put.wrapping_sub(TAKEN.load(Ordering::Acquire));
    let slot = usize::try_from(put)
        .ok()
        .and_then(|put| RING.get(put % SLOTS));
    let Some(slot) = slot.filter(|_| waiting < SLOTS as u64) else {
        LOST.fetch_add(1, Ordering::Relaxed);
        return;
    };
    slot.started_us.store(started_us, Ordering::Relaxed);
    slot.duration_us.store(duration_us, Ordering::Relaxed);
    slot.collector
        .store(collector.unwrap_or(u8::MAX), Ordering::Relaxed);
    let mut letters = words.and_then(cause).map(PerfWord::letters);
    for place in &slot.cause {
        let letter = letters.as_mut().and_then(Iterator::next);
        place.store(letter.unwrap_or(0), Ordering::Relaxed);
    }
    PUT.store(put + 1, Ordering::Release);
}

/// The cause of the pause that is just ending; the serial collector of JDK 11 has ended it already.
fn cause(words: &Words) -> Option<PerfWord> {
    let ended = |cause: &PerfWord| cause.letters().eq(*b"No GC");
    match words.cause {
        Some(cause) if !ended(&cause) => Some(cause),
        _ => words.last_cause,
    }
}

/// The collector whose count has changed since the last pause; of two the greater, for a full collection follows a young
/// one that was not enough.
fn which_collected(words: &Words) -> Option<u8> {
    let mut found = None;
    for ((index, collector), last) in (0..).zip(&words.collectors).zip(&COUNTS) {
        let Some((counter, _)) = collector else {
            continue;
        };
        let count = counter.read();
        if last.swap(count, Ordering::Relaxed) != count {
            found = Some(index);
        }
    }
    found
}

/// Takes the pauses that have ended since the last time.
pub(crate) fn take(mut write: impl FnMut(Record)) {
    let put = PUT.load(Ordering::Acquire);
    let taken = TAKEN.load(Ordering::Relaxed);
    if put == taken {
        return;
    }
    let (now, now_us) = (Moment::now(), gc_clock::now_us());
    for index in taken..put {
        let slot = usize::try_from(index)
            .ok()
            .and_then(|index| RING.get(index % SLOTS));
        if let Some(slot) = slot {
            write(Record::Pause(slot.pause(now, now_us)));
        }
    }
    TAKEN.store(put, Ordering::Release);
}

/// Pauses that found no room.
pub(crate) fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

impl Slot {
    fn pause(&self, now: Moment, now_us: u64) -> Pause {
        let ago_ms = now_us.saturating_sub(self.started_us.load(Ordering::Relaxed)) / 1000;
        let letters = self
            .cause
            .iter()
            .map(|letter| letter.load(Ordering::Relaxed));
        let cause: Vec<u8> = letters.take_while(|&letter| letter != 0).collect();
        let collector = usize::from(self.collector.load(Ordering::Relaxed));
        let name = WORDS
            .get()
            .and_then(|words| words.collectors.get(collector));
        Pause {
            t_ms: now.t_ms.saturating_sub_unsigned(ago_ms),
            up_ms: now.up_ms.saturating_sub(ago_ms),
            duration_us: self.duration_us.load(Ordering::Relaxed),
            cause: (!cause.is_empty()).then(|| String::from_utf8_lossy(&cause).into_owned()),
            collector: name.and_then(|known| Some(known.as_ref()?.1.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_pauses_are_kept_in_order_and_what_finds_no_room_is_counted() {
        ended(1, 9_999);
        for pause in 0..SLOTS as u64 + 5 {
            ended(pause * 100_000, 10_000 + pause);
        }
        let mut lengths = Vec::new();
        take(|record| {
            if let Record::Pause(pause) = record {
                assert_eq!(pause.cause, None);
                lengths.push(pause.duration_us);
            }
        });
        let expected: Vec<u64> = (10_000..10_000 + SLOTS as u64).collect();
        assert_eq!(lengths, expected);
        assert_eq!(lost(), 5);
        ended(0, 20_000);
        let mut records = 0;
        take(|_| records += 1);
        assert_eq!(records, 1, "there is room again");
    }
}
