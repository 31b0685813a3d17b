//! `thread_limit`: a thread could not be started for a limit on threads: of the cgroup, the user, or a sandbox.

use super::Answer;
use super::threads::{Leaning, ThreadLimit, ThreadPicture};
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Evidence, Finding, Label, Remedy, Severity, two_digits};
use crate::lines::{Fact, Refused, Told};
use crate::units::bytes;

/// By what a trace shows.
pub(super) fn check(picture: &ThreadPicture<'_>) -> Answer {
    match &picture.leaning {
        Leaning::Limit(probability) => Answer::Fires(Box::new(finding(picture, *probability))),
        Leaning::Leak(..) => {
            Answer::DoesNotFire("threads pile up, which no limit holds".to_owned())
        }
        Leaning::Neither(_) => Answer::DoesNotFire("no thread was refused".to_owned()),
        Leaning::NotEnoughData(missing) => Answer::NotEnoughData {
            missing: missing.clone(),
            collect: None,
        },
    }
}

fn finding(picture: &ThreadPicture<'_>, probability: f64) -> Finding {
    let is_known = picture.limit.max().is_some();
    let facts = [
        picture.refused_evidence(),
        picture.growth_evidence(),
        memory(picture),
    ];
    Finding {
        label: Label::ThreadLimit,
        severity: Severity::Critical,
        confidence: two_digits(probability),
        alternatives: match is_known {
            true => vec![Label::ThreadLeak],
            false => vec![Label::ThreadLeak, Label::HostMemoryExhausted, Label::SandboxLimit],
        },
        told_ms: None,
        limit: picture.limit_claim(),
        forecast: None,
        evidence: facts.into_iter().flatten().collect(),
        remedy: Remedy {
            text: remedy(picture),
            ..Remedy::default()
        },
        collect: match is_known {
            true => Vec::new(),
            false => vec![
                "ulimit -u and -v of the process, pids.max of its cgroup and those above it, and what the host's log says at that time".to_owned(),
            ],
        },
        consumer: picture.consumer(),
    }
}

/// It is no lack of memory, whatever the message says.
fn memory(picture: &ThreadPicture<'_>) -> Option<Evidence> {
    let first = picture.refused.first()?;
    let cgroup = picture.case.timeline.until(first).last()?.cgroup?;
    let limit = cgroup.limit_bytes?;
    let text = format!(
        "memory was not short: {} of {} in the container",
        bytes(cgroup.usage_bytes),
        bytes(limit)
    );
    let is_short = cgroup.usage_bytes as f64 > 0.9 * limit as f64;
    (!is_short).then(|| Evidence::new(text, "cgroup", first.t_ms, first.t_ms))
}

fn remedy(picture: &ThreadPicture<'_>) -> String {
    let who = match &picture.main {
        Some(main) => format!(
            "threads {} ({} of them; {} in all)",
            main.pattern(),
            main.group.live,
            picture.census.map_or(0, |census| census.live)
        ),
        None => "pools".to_owned(),
    };
    let fewer = format!("Start fewer threads: {who}, smaller pools, fewer slots.");
    match picture.limit {
        ThreadLimit::Pids { max, .. } => format!(
            "{fewer} Or raise pids.max of the container from {max} to at least {} (kubelet's podPidsLimit, docker's --pids-limit). More memory or a smaller -Xss does not help.",
            max.saturating_mul(2)
        ),
        ThreadLimit::User { max, .. } => format!(
            "{fewer} Or raise ulimit -u of the user from {max} to at least {}: it counts all his processes. More memory or a smaller -Xss does not help.",
            max.saturating_mul(2)
        ),
        ThreadLimit::Unknown { .. } => format!(
            "{fewer} Or find the limit that refused them: ulimit -u, pids.max of a cgroup above, ulimit -v, or the host's memory."
        ),
    }
}

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let refused = |fact: &Fact| matches!(fact, Fact::ThreadRefused(_));
    let again = words.first(|fact| *fact == Fact::ThreadRefused(Some(Refused::Again)));
    let Some(told) = again.or_else(|| words.first(refused)) else {
        return no_line();
    };
    if words.tells(|fact| *fact == Fact::ThreadRefused(Some(Refused::Permission))) {
        return Answer::DoesNotFire("a policy forbids it, no limit".to_owned());
    }
    words.fires(claim(told, again.is_some()))
}

fn claim(told: &Told, is_limit: bool) -> Claim<'_> {
    Claim {
        alternatives: if is_limit { &[Label::ThreadLeak] } else { &[Label::ThreadLeak, Label::HostMemoryExhausted, Label::SandboxLimit] },
        remedy: in_words(
            "Raise the limit that was hit (pids.max of the container, ulimit -u, kubelet's podPidsLimit), or start fewer threads: smaller pools, fewer slots. More memory or a smaller -Xss will hardly help. If the number of threads rises steadily, somebody does not end them.",
        ),
        collect: vec![
            "pids.max and pids.current of the cgroup, ulimit -u, and a thread dump: names that repeat with rising numbers are a leak".to_owned(),
            "flinkmem's agent takes a census of threads by name and tells who started them".to_owned(),
        ],
        ..Claim::new(Label::ThreadLimit, if is_limit { 0.75 } else { 0.6 }, ("threads", if is_limit { 0.97 } else { 0.85 }), told)
    }
}
