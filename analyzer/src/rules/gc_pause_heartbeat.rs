//! `gc_pause_heartbeat`: a peer did not answer in time. By lines alone that is a consequence of anything; a GC log can prove that pauses are the cause.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Evidence, Label, Severity};
use crate::lines::{Fact, Told};
use crate::units::duration;

/// Flink's default of `heartbeat.timeout`.
const TIMEOUT_MS: i64 = 50_000;
/// Pauses that take this share of the timeout leave no time to answer.
const MOST_OF_IT: f64 = 0.5;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| *fact == Fact::HeartbeatLost) else {
        return no_line();
    };
    if words.tells(|fact| *fact == Fact::WrongAddress) {
        return Answer::DoesNotFire("heartbeats stay away because of an address".to_owned());
    }
    if words.tells(is_cause) {
        return Answer::DoesNotFire(
            "lost heartbeats are a consequence of what else the lines tell".to_owned(),
        );
    }
    let paused = paused_before(words, told);
    let is_proven = paused.is_some();
    words.fires(Claim {
        // What a lost process died of is not told by whom it left.
        alternatives: if is_proven {
            &[]
        } else {
            &[Label::NativeGrowthUnattributed, Label::HeapUndersized, Label::NotMemory]
        },
        severity: if is_proven { Severity::Critical } else { Severity::Warning },
        evidence: paused.into_iter().collect(),
        remedy: in_words(if is_proven {
            "The heap is too small for its live set, or the collector is the wrong one for it (a small container gets SerialGC unless told otherwise). A longer heartbeat.timeout only hides it."
        } else {
            "Find out first whether the peer died or was only slow: a longer heartbeat.timeout hides either."
        }),
        collect: match is_proven {
            true => Vec::new(),
            false => vec![
                "the log and standard output of the peer that was lost, and its GC log (-Xlog:gc*:file=gc.log)".to_owned(),
                "how its container ended: kubectl get pod -o json, the NodeManager's diagnostics, dmesg".to_owned(),
            ],
        },
        ..Claim::new(
            Label::GcPauseHeartbeat,
            if is_proven { 0.9 } else { 0.3 },
            ("heartbeat", if is_proven { 0.95 } else { 0.9 }),
            told,
        )
    })
}

/// What ends a process, or makes it deaf.
fn is_cause(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::HeapExhausted(_)
            | Fact::DirectExhausted(_)
            | Fact::MetaspaceExhausted(_)
            | Fact::ArrayLimit
            | Fact::OutOfMemory
            | Fact::EndedByOutOfMemory
            | Fact::ThreadRefused(_)
            | Fact::NativeRefused { .. }
            | Fact::ContainerKilled(_)
            | Fact::VirtualMemoryKilled { .. }
            | Fact::HostKilled(_)
    )
}

/// Long pauses in the time in which the heartbeat had to come.
fn paused_before(words: &Words<'_>, lost: &Told) -> Option<Evidence> {
    let until = lost.t_ms?;
    let from = until.saturating_sub(TIMEOUT_MS);
    let pauses = words.all(|fact| matches!(fact, Fact::Pause(_)));
    let within = pauses.filter(|told| told.t_ms.is_some_and(|t_ms| (from..=until).contains(&t_ms)));
    let (mut count, mut sum) = (0_u32, 0.0);
    for told in within {
        if let Fact::Pause(pause) = told.fact {
            count += 1;
            sum += pause.ms;
        }
    }
    (sum >= TIMEOUT_MS as f64 * MOST_OF_IT).then(|| {
        let text = format!(
            "{count} long pauses took {} of the {} before it",
            duration(sum / 1000.0),
            duration(TIMEOUT_MS as f64 / 1000.0)
        );
        Evidence::told(text, Some(from), Some(until))
    })
}
