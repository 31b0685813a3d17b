//! `network_buffer_leak`: buffers do not come back to the pool when their tasks are gone.

use super::Answer;
use super::network::Pools;
use super::told::in_words;
use crate::finding::{Consumer, Evidence, Finding, Label, LimitClaim, Severity};
use crate::units::bytes;

/// Once may be a task that takes long to let go.
const SEEN_ONCE: f64 = 0.6;
/// The same, or more, after several jobs or attempts.
const SEEN_AGAIN: f64 = 0.9;

pub(super) fn check(pools: &Pools<'_>) -> Answer {
    let Some(network) = pools.network else {
        return Answer::DoesNotFire("Flink's pool of network buffers was not seen".to_owned());
    };
    let after: Vec<(u64, u64)> = pools
        .attempts
        .iter()
        .filter_map(|attempt| Some((attempt.to_ms, attempt.missing_after?)))
        .collect();
    let Some(&(last_ms, lost)) = after.last() else {
        return Answer::DoesNotFire(
            "the pool was never seen without tasks for long enough".to_owned(),
        );
    };
    if lost == 0 {
        return Answer::DoesNotFire("all buffers came back when the tasks were gone".to_owned());
    }
    let before = after.iter().rev().nth(1).map(|(_, lost)| *lost);
    let again = before.is_some_and(|before| before > 0 && lost >= before);
    let at = pools.case.wall_ms(last_ms);
    let size = lost.saturating_mul(network.segment_bytes);
    let total = network.segments_total;
    let mut evidence = vec![
        Evidence::new(
            format!(
                "{lost} of {total} buffers ({}) had not come back long after the last task was gone",
                bytes(size)
            ),
            "flink.network",
            at,
            at,
        )
        .with_value(size),
    ];
    evidence.extend(before.map(|before| {
        let text = format!("after the tasks before these it was {before}");
        Evidence::new(text, "flink.network", at, at).with_value(before)
    }));
    Answer::Fires(Box::new(Finding {
        label: Label::NetworkBufferLeak,
        severity: Severity::Warning,
        confidence: if again { SEEN_AGAIN } else { SEEN_ONCE },
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "network_buffers",
            confidence: None,
            bytes: Some(total.saturating_mul(network.segment_bytes)),
            peak: Some(size),
            reached: false,
        },
        consumer: Consumer::unknown(),
        forecast: None,
        evidence,
        remedy: in_words(
            "Buffers that ended tasks have not given back are lost until the process ends: restart the TaskManager, and upgrade Flink. More network memory only delays.",
        ),
        collect: vec![
            "a thread dump and the log of the TaskManager from when the last job was cancelled: tasks that did not end hold their buffers".to_owned(),
        ],
        told_ms: None,
    }))
}
