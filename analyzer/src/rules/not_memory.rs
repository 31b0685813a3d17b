//! `not_memory`: what looks like the death of a process and is none of memory.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Label, Severity};
use crate::lines::{Fact, Told};

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let address = words.first(|fact| *fact == Fact::WrongAddress);
    let access = words.first(|fact| *fact == Fact::AccessRefused);
    if let Some(told) = address {
        let text = "A peer is addressed by a name that is not its own, so its messages are dropped: set jobmanager.rpc.address (and taskmanager.host) to names that both sides resolve.";
        return words.fires(claim(told, text));
    }
    match access {
        Some(told) => words.fires(claim(
            told,
            "Java refused reflection: add the --add-opens that the message names to env.java.opts.all; Flink's own configuration template has them.",
        )),
        None => no_line(),
    }
}

fn claim<'a>(told: &'a Told, text: &str) -> Claim<'a> {
    Claim {
        severity: Severity::Warning,
        remedy: in_words(text),
        ..Claim::new(Label::NotMemory, 0.9, ("none", 0.9), told)
    }
}
