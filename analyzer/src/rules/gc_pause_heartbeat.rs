//! `gc_pause_heartbeat`: a peer did not answer in time. By lines alone that is a consequence of anything; a GC log can prove that pauses are the cause.

use super::Answer;
use super::pauses::{PausesPicture, Stall};
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Remedy, Severity, two_digits,
};
use crate::lines::{Fact, Told};
use crate::units::{bytes, day_and_time, duration, time_of_day};
use flinkmem_trace::Pause;

/// Flink's default of `heartbeat.timeout`.
const TIMEOUT_MS: i64 = 50_000;
/// Pauses that take this share of the timeout leave no time to answer.
const MOST_OF_IT: f64 = 0.5;

/// Of the time before a heartbeat stayed away, collections took at least this share: they are why.
const EXPLAINED: f64 = 0.5;
/// Where no line tells of a loss, collections must have left next to nothing of a whole timeout.
const WITHOUT_A_LINE: f64 = 0.9;

/// From this share of its limit on what collections leave is in their way.
const CROWDED: f64 = 0.6;

pub(super) fn check(picture: &PausesPicture<'_>) -> Answer {
    let Some(stall) = picture.stall else {
        return Answer::DoesNotFire("no pauses were recorded".to_owned());
    };
    let share = stall.collecting();
    let timeout_s = picture.timeout_ms as f64 / 1000.0;
    // Just so long that a peer misses all of it: shorter stretches only count where they are known to have been too long.
    let is_whole = stall.collecting_ms >= WITHOUT_A_LINE * picture.timeout_ms as f64;
    match picture.lost {
        Some(_) if share >= EXPLAINED => fires(picture, &stall),
        Some(_) => Answer::DoesNotFire(instead(&stall)),
        None if share >= WITHOUT_A_LINE && is_whole => fires(picture, &stall),
        None => Answer::DoesNotFire(format!(
            "collections took at most {:.0} % of any {}",
            share * 100.0,
            duration(timeout_s)
        )),
    }
}

fn fires(picture: &PausesPicture<'_>, stall: &Stall) -> Answer {
    let is_consequence = picture.is_consequence();
    let sure = match (picture.lost, picture.timeout_is_known) {
        (Some(_), _) => 0.93,
        (None, true) => 0.8,
        (None, false) => 0.7,
    };
    let limit_ms = picture.timeout_ms;
    let took = format!(
        "in the {} until {} collections took {} ({:.0} %), in {}",
        duration(stall.length_ms() / 1000.0),
        time_of_day(stall.to_ms),
        duration(stall.collecting_ms / 1000.0),
        stall.collecting() * 100.0,
        crate::units::counted(stall.pauses, "pause"),
    );
    let took = Evidence::new(took, "pauses.total_us", stall.from_ms, stall.to_ms);
    let evidence = [
        lost(picture),
        Some(took),
        longest(picture),
        heap(picture),
        beside(stall),
    ];
    Answer::Fires(Box::new(Finding {
        label: Label::GcPauseHeartbeat,
        severity: match is_consequence {
            true => Severity::Warning,
            false => Severity::Critical,
        },
        confidence: two_digits(sure),
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "heartbeat",
            confidence: None,
            bytes: None,
            peak: None,
            reached: picture.lost.is_some(),
        },
        consumer: consumer(picture.longest),
        forecast: None,
        evidence: evidence.into_iter().flatten().collect(),
        remedy: remedy(picture, limit_ms),
        collect: Vec::new(),
        told_ms: None,
    }))
}

/// The collector whose pauses they are.
fn consumer(longest: Option<&Pause>) -> Consumer {
    let named = longest.and_then(|pause| pause.collector.clone());
    named.map_or_else(Consumer::unknown, |name| Consumer {
        kind: ConsumerKind::Component,
        name: Some(name),
        line: None,
        share: None,
        confidence: 0.9,
    })
}

/// The line itself is put to it with what else lines tell.
fn lost(picture: &PausesPicture<'_>) -> Option<Evidence> {
    let told = picture.lost?;
    let at = told.t_ms.map(day_and_time).unwrap_or_default();
    let known = match picture.timeout_is_known {
        true => "as configured",
        false => "by default",
    };
    let timeout = duration(picture.timeout_ms as f64 / 1000.0);
    let text = format!("a heartbeat stayed away at {at}; a peer waits for {timeout} {known}");
    Some(Evidence::told(text, told.t_ms, told.t_ms))
}

fn longest(picture: &PausesPicture<'_>) -> Option<Evidence> {
    let pause = picture.longest?;
    let why = pause
        .cause
        .as_deref()
        .map_or(String::new(), |cause| format!(" for \"{cause}\""));
    let who = pause
        .collector
        .as_deref()
        .map_or(String::new(), |who| format!(" ({who})"));
    let text = format!(
        "the longest pause took {} at {}{why}{who}",
        duration(pause.duration_us as f64 / 1e6),
        time_of_day(pause.t_ms)
    );
    let fact = Evidence::new(text, "pause.duration_us", pause.t_ms, pause.t_ms);
    Some(fact.with_value(pause.duration_us))
}

/// How full the heap was: collections come back to back where they find little.
fn heap(picture: &PausesPicture<'_>) -> Option<Evidence> {
    let stall = picture.stall?;
    let (left, limit) = left(picture)?;
    let text = format!(
        "of the heap of {} they left {} in use",
        bytes(limit),
        bytes(left)
    );
    Some(Evidence::new(text, "heap.after_gc_bytes", stall.from_ms, stall.to_ms).with_value(left))
}

/// What collections left in the heap then, and the limit.
fn left(picture: &PausesPicture<'_>) -> Option<(u64, u64)> {
    let stall = picture.stall?;
    let moments = picture.case.timeline.moments.iter();
    let within = moments.filter(|moment| (stall.from_ms..=stall.to_ms).contains(&moment.t_ms));
    let heaps: Vec<_> = within.filter_map(|moment| moment.heap).collect();
    let left = heaps.iter().filter_map(|heap| heap.after_gc_bytes).max()?;
    let limit = heaps.iter().map(|heap| heap.max_bytes).max()?;
    Some((left, limit))
}

/// What else took time then, where it is worth telling.
fn beside(stall: &Stall) -> Option<Evidence> {
    let worth = stall.length_ms() * 0.1;
    let mut others = Vec::new();
    for (what, ms) in [
        ("the processor quota held it back for", stall.throttled_ms),
        ("all tasks waited for memory for", stall.memory_stall_ms),
    ] {
        if ms >= worth {
            others.push(format!("{what} {}", duration(ms / 1000.0)));
        }
    }
    (!others.is_empty()).then(|| {
        let text = format!("beside that {}", others.join(" and "));
        Evidence::new(text, "cpu.throttled_us", stall.from_ms, stall.to_ms)
    })
}

/// What took the time where collections did not.
fn instead(stall: &Stall) -> String {
    let share = |ms: f64| ms / stall.length_ms();
    let collections = format!(
        "collections took only {:.0} % of the time before the heartbeat stayed away",
        stall.collecting() * 100.0
    );
    let by_whom = if share(stall.throttled_ms) >= 0.3 {
        "; the processor quota held the process back"
    } else if share(stall.memory_stall_ms) >= 0.3 || stall.major_faults > 1_000 {
        "; it waited for memory that had to come from a disk"
    } else if share(stall.overslept_ms) >= 0.3 {
        "; the whole process stood still, by the machine or somebody who stopped it"
    } else if share(stall.stopped_ms) >= 0.3 {
        "; other safepoints took more"
    } else {
        ""
    };
    format!("{collections}{by_whom}")
}

fn remedy(picture: &PausesPicture<'_>, timeout_ms: u64) -> Remedy {
    let arguments = &picture.case.header.jvm.arguments;
    let is_serial = picture
        .longest
        .and_then(|pause| pause.collector.as_deref())
        .is_some_and(|name| {
            name.contains("MSC")
                || name.contains("Copy")
                || name.contains("Serial")
                || name.contains("Full")
        })
        || arguments
            .iter()
            .any(|argument| argument == "-XX:+UseSerialGC");
    let collector = match is_serial {
        true => {
            " It runs with one thread: the JVM takes SerialGC where it sees less than two processors or 1792 MiB. Give it two processors, or ask for -XX:+UseG1GC or -XX:+UseParallelGC in env.java.opts.taskmanager."
        }
        false => "",
    };
    let first = match (picture.is_consequence(), left(picture)) {
        (true, _) => "The heap was exhausted before: see there first.",
        (false, Some((left, limit))) if (left as f64) < CROWDED * limit as f64 => {
            "The heap has room: it is the collector that takes so long, for many small objects are alive at once, or for too few processors."
        }
        _ => "The live set leaves collections too little room: hold less, or give the heap more.",
    };
    in_words(format!(
        "{first}{collector} A longer heartbeat.timeout than {} only hides it.",
        duration(timeout_ms as f64 / 1000.0)
    ))
}

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
