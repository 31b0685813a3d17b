//! `classloader_leak` by lines: metaspace or class space was exhausted. 22 of 25 public reports with such a line were leaks of class loaders; where
//! the log shows that nothing had ended before, it is the size.

use super::Answer;
use super::told::{Claim, Words, grown, in_words, no_line};
use crate::finding::{Evidence, Label, Remedy};
use crate::lines::{ClassArea, Fact, Told};
use crate::units::round_up;

const MIB: u64 = 1 << 20;

pub(super) fn classloader_leak(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| matches!(fact, Fact::MetaspaceExhausted(_))) else {
        return no_line();
    };
    let closed = words.first(|fact| *fact == Fact::ClosedClassLoader);
    let evidence = closed.map(|closed| {
        let mut fact = words.evidence(closed);
        fact.text.push_str(": something outlived its job");
        fact
    });
    let confidence = if closed.is_some() { 0.85 } else { 0.7 };
    let limit = match told.fact {
        Fact::MetaspaceExhausted(ClassArea::ClassSpace) => "class_space",
        _ => "metaspace",
    };
    words.fires(Claim {
        alternatives: &[Label::MetaspaceUndersized],
        limit_bytes: words.limits_of(told).metaspace.filter(|_| limit == "metaspace"),
        evidence: evidence.into_iter().chain(requester_note(told)).collect(),
        remedy: remedy(words, told, limit),
        collect: vec![
            "run the process with flinkmem's agent: it counts the loaders of ended jobs and names the path that keeps each".to_owned(),
            "whether the process had run other jobs or attempts before: the first job of a fresh process cannot leak".to_owned(),
        ],
        ..Claim::new(Label::ClassloaderLeak, confidence, (limit, 0.99), told)
    })
}

/// The class that was being defined is not to blame for the rest.
fn requester_note(told: &Told) -> Option<Evidence> {
    let generated = told
        .frames
        .iter()
        .find(|frame| frame.class.contains("janino") || frame.class.contains("codegen"))?;
    let text = format!("generated code was being loaded: {}", generated.qualified());
    Some(Evidence::told(text, told.t_ms, told.t_ms))
}

fn remedy(words: &Words<'_>, told: &Told, limit: &str) -> Remedy {
    let text = "If loaders of ended jobs stay, no size helps: put drivers, Hadoop and libraries with threads of their own into lib/, and stop what the job started. If the first job already fails, metaspace is too small.";
    let present = words
        .budget_of(told)
        .and_then(|budget| budget.pools.jvm_metaspace);
    match present {
        Some(present) if limit == "metaspace" => grown(
            words,
            "jvm_metaspace",
            round_up(present.saturating_add(present / 2), MIB),
            text,
            "For that case, half as much again:",
        ),
        _ => in_words(text),
    }
}
