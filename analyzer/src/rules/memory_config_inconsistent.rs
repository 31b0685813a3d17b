//! `memory_config_inconsistent`: Flink refuses to start, for the parts of its memory exceed the whole.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Label, Remedy};
use crate::lines::{Fact, Told};
use crate::model::{FlinkVersion, Process, Question, derive};
use crate::overview::accepted_changes;

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| *fact == Fact::ConfigurationRefused) else {
        return no_line();
    };
    words.fires(Claim {
        remedy: remedy(words, told),
        ..Claim::new(Label::MemoryConfigInconsistent, 0.97, ("none", 0.97), told)
    })
}

/// The smallest change that Flink accepts, where the lines before the refusal tell the configuration.
fn remedy(words: &Words<'_>, told: &Told) -> Remedy {
    let text = "Flink computes all pools from a few options, and these contradict each other: raise the total, or take out the part that was set by hand.";
    let observed = &words.case.observed;
    if observed.configured.is_empty() {
        return in_words(text);
    }
    let process = match observed.process {
        Some(process) => process,
        None if told.text.contains("JobManager") => Process::JobManager,
        None => Process::TaskManager,
    };
    let version = observed.version.unwrap_or(FlinkVersion::NEWEST_CHECKED);
    let question = Question::new(version, process, observed.configured.clone());
    let Err(refused) = derive(&question) else {
        return in_words(text);
    };
    let changes = accepted_changes(&question, &refused.refusal);
    let Some(smallest) = changes.first() else {
        return in_words(text);
    };
    let all: Vec<String> = changes.iter().map(crate::overview::Change::text).collect();
    Remedy {
        text: format!("{text} Any one of these is accepted: {}.", all.join("; ")),
        config: smallest
            .to
            .iter()
            .map(|to| (smallest.key.clone(), to.clone()))
            .collect(),
        remove: if smallest.to.is_none() {
            vec![smallest.key.clone()]
        } else {
            Vec::new()
        },
        ..Remedy::default()
    }
}
