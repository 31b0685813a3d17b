//! The pause that nobody asked for: a heap that has grown, and is small enough for a walk as a matter of routine.

use super::super::{Aim, Effort, Row, Series, Topic, Variant};
use super::MOST_ROUTINE_PAUSE_MS;
use super::takings::ms;
use crate::{Jdk, Jvm, Trace};
use anyhow::Result;
use flinkmem_trace::{Occasion, Record};

/// As in the large process, but of objects as many as just fit into what the agent expects: 2 ns for a byte in use, 100 ms
/// at most. The live set is more than half of the limit, or there would be no walk at all.
const HEAP: [&str; 1] = ["-Xmx80m"];
const HELD: [&str; 7] = ["1200000", "500", "10", "20", "10", "10", "50"];

/// Each JVM takes one: the next would come after a thousand times the pause.
const MOST_ROUNDS: usize = 3;

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
        let mut jvm = Variant::Agent.apply(jvm).start()?;
        // One after the other: the walks, some time after the start, do not meet.
        jvm.step("ready")?;
        processes.push(jvm);
    }
    let (mut pauses, mut foreseen) = (Series::default(), Series::default());
    for mut jvm in processes {
        // None comes where the agent foresees a longer pause than it may make: then there is nothing to measure.
        let Ok(walk) = jvm.wait_for_trace("a histogram as a matter of routine", routine_walk)
        else {
            progress("no routine walk: the agent foresees too long a pause");
            continue;
        };
        pauses.push(walk.pause_ms);
        foreseen.push(walk.foreseen_ms);
    }
    let row = |what: &str, series: &Series| {
        let what = format!("histogram as a matter of routine, 1.2 million objects, {what}");
        Row::alone(Topic::Signals, &what, Variant::Agent, "ms", series)
    };
    let longest = pauses.spread().map(|spread| spread.max);
    let aim = Aim::at_most("none > 100 ms", MOST_ROUTINE_PAUSE_MS, longest);
    Ok(vec![
        row("foreseen", &foreseen),
        row("PAUSE", &pauses).aim(aim),
    ])
}

struct Walk {
    foreseen_ms: f64,
    /// How long the application stood still, for the search for holders too, if there was one.
    pause_ms: f64,
}

fn routine_walk(trace: &Trace) -> Option<Walk> {
    trace.evidence.iter().find_map(|record| {
        let Record::Histogram(histogram) = record else {
            return None;
        };
        let search = histogram.holder_search.as_ref();
        let pause_us = histogram.pause_us + search.map_or(0, |search| search.pause_us);
        (histogram.taken.occasion == Occasion::Routine).then(|| Walk {
            foreseen_ms: ms(histogram.predicted_us),
            pause_ms: ms(pause_us),
        })
    })
}
