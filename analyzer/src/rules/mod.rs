//! Rules: one label each. A rule fires with evidence, does not fire and says why, or says what is missing.
//!
//! Rules that tell two causes of the same limit apart share what they look at (such as `direct`), so that they cannot
//! contradict each other.

mod array_limit;
mod classloader_leak;
mod container;
mod container_by_lines;
mod direct;
mod direct_by_lines;
mod direct_framework_shuffle;
mod direct_leak;
mod direct_nio_thread_cache;
mod direct_undersized;
mod gc_pause_heartbeat;
mod heap;
mod heap_bulk_materialization;
mod heap_leak;
mod heap_many_writers;
mod heap_state_growth;
mod heap_undersized;
mod host_memory_exhausted;
mod jm_heap_metadata;
mod lines;
mod managed_undersized;
mod memory_config_inconsistent;
mod metaspace;
mod metaspace_by_lines;
mod metaspace_undersized;
mod mmap_file_accounting;
mod native;
mod network;
mod network_buffer_leak;
mod network_buffers_insufficient;
mod network_pool_unallocatable;
mod not_memory;
mod oom_swallowed_zombie;
mod other_child_process;
mod outside;
mod pauses;
mod python_process_memory;
mod remedy;
mod sandbox_limit;
mod thread_leak;
mod thread_limit;
mod threads;
mod told;
mod yarn_vmem_limit;

/// Said by rules on lines that have nothing to look at; reports say it once.
pub(crate) const NO_LINE: &str = "no line says so";

use crate::budget::Budget;
use crate::case::{Case, Outcome};
use crate::finding::{Finding, Label};
use serde::Serialize;

/// What a rule says about a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is this.
    Fires(Box<Finding>),
    /// It is not this, because of that.
    DoesNotFire(String),
    /// It cannot be told.
    NotEnoughData {
        /// What is missing.
        missing: String,
        /// What to gather next.
        collect: Option<String>,
    },
}

/// A rule's answer as the report keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Checked {
    /// The rule.
    pub label: Label,
    /// What it said.
    pub answer: AnswerKind,
    /// Why; absent when it fired, for the finding says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// It is this.
    Fires,
    /// It is not this.
    DoesNotFire,
    /// It cannot be told.
    NotEnoughData,
}

/// What all rules said.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Findings, the first is the verdict.
    pub findings: Vec<Finding>,
    /// Every rule's answer.
    pub checked: Vec<Checked>,
    /// What to gather next.
    pub collect: Vec<String>,
}

/// Everything that a rule may look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The process's life.
    pub case: &'a Case,
    /// What became of it.
    pub outcome: &'a Outcome,
    /// What it was started with; absent where it is not Flink.
    pub budget: Option<&'a Budget>,
}

/// Asks all rules, and ranks the findings: what failed before what may, then by confidence.
#[must_use]
pub fn judge(facts: Facts<'_>) -> Verdict {
    let mut verdict = Verdict::default();
    if facts.case.has_samples() {
        for judge in [
            direct::judge,
            heap::judge,
            metaspace::judge,
            threads::judge,
            native::judge,
            outside::judge,
            network::judge,
            pauses::judge,
        ] {
            judge(facts, &mut verdict);
        }
    }
    lines::judge(facts, &mut verdict);
    verdict.findings.sort_by(|a, b| {
        let by_severity = b.severity.cmp(&a.severity);
        by_severity.then(b.confidence.total_cmp(&a.confidence))
    });
    verdict
}

impl Verdict {
    fn take(&mut self, label: Label, answer: Answer) {
        let (answer, reason) = match answer {
            Answer::Fires(finding) => {
                for advice in &finding.collect {
                    self.collect_once(advice);
                }
                self.findings.push(*finding);
                (AnswerKind::Fires, None)
            }
            Answer::DoesNotFire(reason) => (AnswerKind::DoesNotFire, Some(reason)),
            Answer::NotEnoughData { missing, collect } => {
                if let Some(advice) = collect {
                    self.collect_once(&advice);
                }
                (AnswerKind::NotEnoughData, Some(missing))
            }
        };
        self.checked.push(Checked {
            label,
            answer,
            reason,
        });
    }

    /// Takes a finding back that was only made for want of a better one, and what it asked for.
    fn withdraw(&mut self, label: Label, why: &str) {
        let (withdrawn, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.findings)
            .into_iter()
            .partition(|finding| finding.label == label);
        self.findings = kept;
        for finding in withdrawn {
            self.collect
                .retain(|advice| !finding.collect.contains(advice));
        }
        for checked in self.checked.iter_mut().filter(|one| one.label == label) {
            checked.answer = AnswerKind::DoesNotFire;
            checked.reason = Some(why.to_owned());
        }
    }

    fn collect_once(&mut self, advice: &str) {
        if !self.collect.iter().any(|known| known == advice) {
            self.collect.push(advice.to_owned());
        }
    }
}
