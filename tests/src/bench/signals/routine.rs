//! The pause that nobody asked for: a heap that has grown, and is small enough for a walk as a matter of routine.

use super::super::{Aim, Effort, Row, Series, Topic, Variant};
use super::MOST_ROUTINE_PAUSE_MS;
use super::takings::ms;
use crate::{Jdk, Jvm, Trace};
use anyhow::Result;
use flinkmem_trace::{Occasion, Record};

/// As in the large process, but the walk is expected to take less than what is allowed: 1 ns for a byte in use. The live
/// set is more than half of the limit, or there would be none.
const HEAP: [&str; 1] = ["-Xmx96m"];
const HELD: [&str; 7] = ["1700000", "500", "10", "20", "10", "10", "50"];

/// Each JVM takes one: the next would come after a thousand times the pause.
const MOST_ROUNDS: usize = 5;

/// Measures it.
///
/// # Errors
/// When a JVM cannot be started or ends, or no histogram is taken.
pub(super) fn measure(
    jdk: &Jdk,
    effort: &Effort,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Row>> {
    progress("routine walks over heaps");
    let mut processes = Vec::new();
    for _ in 0..effort.rounds.min(MOST_ROUNDS) {
        let jvm = Jvm::new(jdk, "LargeProcess").options(HEAP).arguments(HELD);
        processes.push(Variant::Agent.apply(jvm).start()?);
    }
    let mut pauses = Series::default();
    for mut jvm in processes {
        jvm.step("ready")?;
        pauses.push(jvm.wait_for_trace("a histogram as a matter of routine", routine_pause_ms)?);
    }
    let what = "histogram, PAUSE as a matter of routine, 1.7 million objects in 96 MiB";
    let longest = pauses.spread().map(|spread| spread.max);
    let aim = Aim::at_most("none > 100 ms", MOST_ROUTINE_PAUSE_MS, longest);
    let row = Row::alone(Topic::Signals, what, Variant::Agent, "ms", &pauses);
    Ok(vec![row.aim(aim)])
}

/// How long the application stood still, the search for holders included, when it is searched for.
fn routine_pause_ms(trace: &Trace) -> Option<f64> {
    trace.evidence.iter().find_map(|record| {
        let Record::Histogram(histogram) = record else {
            return None;
        };
        let search = histogram.holder_search.as_ref();
        let pause_us = histogram.pause_us + search.map_or(0, |search| search.pause_us);
        (histogram.taken.occasion == Occasion::Routine).then(|| ms(pause_us))
    })
}
