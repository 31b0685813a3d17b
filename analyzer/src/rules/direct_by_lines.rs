//! `direct_undersized` and `direct_nio_thread_cache` by lines: the limit on direct memory was hit. Undersized is the commonest cause of such a line
//! (10 of 19 public reports); only a stack in NIO's cache tells another.

use super::Answer;
use super::told::{Claim, Words, grown, in_words, no_line};
use crate::finding::{Consumer, ConsumerKind, Evidence, Label, Remedy};
use crate::lines::{DirectRefusal, Fact, Told};
use crate::units::{bytes, round_up};

const MIB: u64 = 1 << 20;
/// A first step where nothing is measured: a quarter of the limit more.
const FIRST_STEP: u64 = 4;

pub(super) fn undersized(words: &Words<'_>) -> Answer {
    match told(words) {
        Some(told) if !is_thread_cache(told) => words.fires(Claim {
            alternatives: &[
                Label::DirectLeak,
                Label::DirectFrameworkShuffle,
                Label::DirectNioThreadCache,
            ],
            remedy: remedy(words, told),
            ..claim(words, told, Label::DirectUndersized, 0.5)
        }),
        _ => no_line(),
    }
}

pub(super) fn thread_cache(words: &Words<'_>) -> Answer {
    match told(words) {
        Some(told) if is_thread_cache(told) => words.fires(Claim {
            alternatives: &[Label::DirectUndersized, Label::DirectLeak],
            consumer: Some(Consumer {
                kind: ConsumerKind::CallSite,
                name: Some("sun.nio.ch.Util.getTemporaryDirectBuffer".to_owned()),
                confidence: 0.6,
                ..Consumer::unknown()
            }),
            remedy: in_words(
                "Bound what NIO keeps for each thread, which is as large as the largest write: -Djdk.nio.maxCachedBufferSize=262144 in env.java.opts; or write in chunks.",
            ),
            ..claim(words, told, Label::DirectNioThreadCache, 0.7)
        }),
        _ => no_line(),
    }
}

fn told<'a>(words: &Words<'a>) -> Option<&'a Told> {
    let all = || words.all(|fact| matches!(fact, Fact::DirectExhausted(_)));
    // The one with figures says most.
    let has_figures = |told: &&Told| matches!(told.fact, Fact::DirectExhausted(refusal) if refusal.limit.is_some());
    all().find(has_figures).or_else(|| all().next())
}

fn is_thread_cache(told: &Told) -> bool {
    told.frames.iter().any(|frame| {
        frame.class == "sun.nio.ch.Util" && frame.method.contains("emporaryDirectBuffer")
    })
}

fn refusal(told: &Told) -> DirectRefusal {
    match told.fact {
        Fact::DirectExhausted(refusal) => refusal,
        _ => DirectRefusal::default(),
    }
}

fn claim<'a>(words: &Words<'_>, told: &'a Told, label: Label, confidence: f64) -> Claim<'a> {
    let figures = refusal(told);
    let counter = figures.by_netty.then(|| {
        let text = "Netty counts this by itself, beside the JVM; what is asked for is a chunk of its pool, so who asks is not who uses it".to_owned();
        Evidence::told(text, told.t_ms, told.t_ms)
    });
    let asked = figures.requested.map(|asked| {
        let held = figures.used.map_or(String::new(), |used| {
            format!(" while {} were held", bytes(used))
        });
        Evidence::told(
            format!("{} were asked for{held}", bytes(asked)),
            told.t_ms,
            told.t_ms,
        )
        .with_value(asked)
    });
    Claim {
        limit_bytes: figures.limit.or(words.limits_of(told).direct),
        peak: figures.used,
        evidence: asked.into_iter().chain(counter).chain(words.requester(told)).collect(),
        collect: vec![
            "run the process with flinkmem's agent: it counts every direct buffer by call site, and tells a leak from a limit that is too small".to_owned(),
        ],
        ..Claim::new(label, confidence, ("direct", 0.98), told)
    }
}

fn remedy(words: &Words<'_>, told: &Told) -> Remedy {
    let text = "Nothing here measures the need. Task off-heap memory is for user code and connectors, framework off-heap memory for Flink's own use. If the error only comes later with more of it, it is a leak, and no size will help.";
    let (pool, step) = match words.is_job_manager() {
        true => (
            "off_heap",
            "A first step is a quarter more for the JobManager's off-heap memory.",
        ),
        false => (
            "task_off_heap",
            "A first step is a quarter more for task off-heap memory.",
        ),
    };
    let limit = refusal(told).limit.or(words.limits_of(told).direct);
    let present = words.budget_of(told).and_then(|budget| {
        if pool == "off_heap" {
            budget.pools.off_heap
        } else {
            budget.pools.task_off_heap
        }
    });
    match limit.zip(present) {
        Some((limit, present)) => {
            let more = (limit / FIRST_STEP).max(refusal(told).requested.unwrap_or(0));
            grown(
                words,
                pool,
                round_up(present.saturating_add(more), MIB),
                text,
                step,
            )
        }
        None => in_words(text),
    }
}
