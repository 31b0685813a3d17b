//! What to do, where lines give a figure to derive it from.

use super::super::remedy::configured;
use super::Words;
use crate::budget::Wish;
use crate::finding::Remedy;

/// A remedy without a configuration.
pub(in crate::rules) fn in_words(text: impl Into<String>) -> Remedy {
    Remedy {
        text: text.into(),
        ..Remedy::default()
    }
}

/// The configuration that gives a pool these bytes, derived through the model, and `what` that is; only `text` where the log's head tells no
/// configuration.
pub(in crate::rules) fn grown(
    words: &Words<'_>,
    pool: &'static str,
    bytes: u64,
    text: &str,
    what: &str,
) -> Remedy {
    let wish = Wish::of(pool, bytes);
    let is_known = words
        .budget
        .is_some_and(|budget| budget.change(&wish).is_some());
    match is_known {
        true => configured(words.budget, &wish, &format!("{text} {what}")),
        false => in_words(text),
    }
}
