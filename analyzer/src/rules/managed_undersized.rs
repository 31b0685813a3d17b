//! `managed_undersized`: a reservation of managed memory did not fit.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Evidence, Label};
use crate::lines::Fact;
use crate::units::bytes;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| matches!(fact, Fact::ManagedExhausted { .. })) else {
        return no_line();
    };
    let figures = match told.fact {
        Fact::ManagedExhausted {
            requested,
            remaining,
        } => requested.zip(remaining),
        _ => None,
    };
    let evidence = figures.map(|(requested, remaining)| {
        let text = format!(
            "{} were asked for, {} were left",
            bytes(requested),
            bytes(remaining)
        );
        Evidence::told(text, told.t_ms, told.t_ms).with_value(requested)
    });
    words.fires(Claim {
        limit_bytes: words.budget.and_then(|budget| budget.pools.managed),
        evidence: evidence.into_iter().collect(),
        remedy: in_words(
            "Managed memory is split by slots and by weight among its users. Raise taskmanager.memory.managed.size or fraction, or use fewer slots; if the task before had not given its share back, the next attempt succeeds.",
        ),
        collect: vec!["slots of the process and users of managed memory in the job (state backend, batch operators, Python)".to_owned()],
        ..Claim::new(Label::ManagedUndersized, 0.8, ("managed", 0.98), told)
    })
}
