//! What to do, where lines give a figure to derive it from.

use super::Words;
use crate::finding::Remedy;
use crate::model::MemorySize;

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
    let Some(budget) = words.budget else {
        return in_words(text);
    };
    let Some(raise) = budget.grow(pool, bytes) else {
        return in_words(text);
    };
    let size = |size: Option<u64>| {
        size.map_or_else(
            || "unknown".to_owned(),
            |bytes| MemorySize::from_bytes(bytes).to_option(),
        )
    };
    let grows = format!(
        " {what} The process grows from {} to {}, and every other pool keeps its size or more; its container must hold that.",
        size(raise.before.total_process),
        size(raise.after.total_process),
    );
    Remedy {
        text: format!("{text}{grows}"),
        assumes: budget.assumed().into_iter().collect(),
        config: raise.config,
        remove: raise.remove,
        before: Some(raise.before),
        after: Some(raise.after),
    }
}
