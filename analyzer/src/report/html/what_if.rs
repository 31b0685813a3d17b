//! What another configuration would give, worked out in the page.

use super::Shown;
use super::rules::{JOB_MANAGER, TASK_MANAGER, rules};
use crate::budget::Peaks;
use crate::model::{Deployment, Process, Question};
use maud::{Markup, html};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What the sliders begin with.
#[derive(Debug, Serialize)]
pub(super) struct WhatIf {
    version: String,
    process: &'static str,
    deployment: &'static str,
    /// `FLINK_TM_HEAP` or `FLINK_JM_HEAP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    heap: Option<String>,
    rules: Value,
    /// The configuration that is changed: options that the model knows, and no others, for a file may hold secrets.
    settings: BTreeMap<String, String>,
    /// Whether that was given, not guessed from the pools.
    is_given: bool,
    peaks: BTreeMap<&'static str, PeakText>,
}

#[derive(Debug, Serialize)]
struct PeakText {
    bytes: u64,
    how: &'static str,
}

impl WhatIf {
    /// `None` where no configuration is known that derives to the pools, or the model of that version has no pools.
    pub(super) fn of(shown: Shown<'_>, peaks: &Peaks) -> Option<Self> {
        let budget = shown.budget?;
        let question = budget.configuration()?;
        let is_pools = match question.process {
            Process::TaskManager => question.version.is_since(1, 10),
            Process::JobManager => question.version.is_since(1, 11),
        };
        is_pools.then(|| Self {
            version: question.version.to_string(),
            process: match question.process {
                Process::TaskManager => "tm",
                Process::JobManager => "jm",
            },
            deployment: match question.deployment {
                Deployment::Container => "container",
                Deployment::Standalone | Deployment::Local => "standalone",
            },
            heap: match question.process {
                Process::TaskManager => question.environment.tm_heap.clone(),
                Process::JobManager => question.environment.jm_heap.clone(),
            },
            rules: rules(question.version),
            settings: settings(question),
            is_given: budget.configuration_is_given,
            peaks: peaks
                .iter()
                .map(|(pool, peak)| {
                    let (bytes, how) = (peak.bytes, peak.how);
                    (pool, PeakText { bytes, how })
                })
                .collect(),
        })
    }
}

fn settings(question: &Question) -> BTreeMap<String, String> {
    let options = match question.process {
        Process::TaskManager => TASK_MANAGER.as_slice(),
        Process::JobManager => JOB_MANAGER.as_slice(),
    };
    let known = |key: &str| {
        let mut options = options.iter().map(|(_, option)| option);
        options.any(|option| option.key == key || option.deprecated.contains(&key))
    };
    let settings = question.settings.iter();
    settings
        .filter(|(key, _)| known(key))
        .map(|(key, setting)| (key.to_owned(), setting.value.to_string()))
        .collect()
}

/// The section; the page's script fills it.
pub(super) fn section(what_if: &WhatIf, id: &str) -> Markup {
    html! {
        section.needs-script aria-labelledby={ (id) "-what-if-h" } data-part="what-if" {
            h2 id={ (id) "-what-if-h" } { "What if" }
            p.lead {
                "Change an option: every pool is derived again as Flink " (what_if.version) " would, or refuses to. "
                @if what_if.is_given { "It begins with the configuration that was given." }
                @else { "It begins with the fewest options that derive to the pools of this process." }
            }
            div data-what-if {}
        }
    }
}
