//! Asks the rules on lines, and puts what they find to what the trace shows.

use super::told::Words;
use super::{
    Answer, Facts, Verdict, array_limit, container_by_lines, direct_by_lines, gc_pause_heartbeat,
    heap_bulk_materialization, heap_many_writers, heap_undersized, host_memory_exhausted,
    jm_heap_metadata, managed_undersized, memory_config_inconsistent, metaspace_by_lines,
    network_buffers_insufficient, network_pool_unallocatable, not_memory, oom_swallowed_zombie,
    sandbox_limit, thread_limit, yarn_vmem_limit,
};
use crate::finding::{Evidence, Finding, Label, Severity};

type Rule = fn(&Words<'_>) -> Answer;

const RULES: [(Label, Rule); 24] = [
    (Label::HeapUndersized, heap_undersized::by_lines),
    (
        Label::HeapBulkMaterialization,
        heap_bulk_materialization::by_lines,
    ),
    (Label::HeapManyWriters, heap_many_writers::by_lines),
    (Label::JmHeapMetadata, jm_heap_metadata::by_lines),
    (Label::ArrayLimit, array_limit::by_lines),
    (Label::DirectUndersized, direct_by_lines::undersized),
    (Label::DirectNioThreadCache, direct_by_lines::thread_cache),
    (
        Label::NetworkPoolUnallocatable,
        network_pool_unallocatable::by_lines,
    ),
    (
        Label::NetworkBuffersInsufficient,
        network_buffers_insufficient::by_lines,
    ),
    (Label::ManagedUndersized, managed_undersized::by_lines),
    (Label::ClassloaderLeak, metaspace_by_lines::classloader_leak),
    (Label::ThreadLimit, thread_limit::by_lines),
    (
        Label::NativeGrowthUnattributed,
        container_by_lines::unattributed,
    ),
    (Label::JvmOverheadUndersized, container_by_lines::no_room),
    (
        Label::ContainerLimitBelowBudget,
        container_by_lines::below_budget,
    ),
    (Label::PythonProcessMemory, |words| {
        container_by_lines::child(words, Label::PythonProcessMemory)
    }),
    (Label::OtherChildProcess, |words| {
        container_by_lines::child(words, Label::OtherChildProcess)
    }),
    (Label::OtherProcessOom, container_by_lines::other_process),
    (Label::HostMemoryExhausted, host_memory_exhausted::by_lines),
    (Label::SandboxLimit, sandbox_limit::by_lines),
    (Label::YarnVmemLimit, yarn_vmem_limit::by_lines),
    (
        Label::MemoryConfigInconsistent,
        memory_config_inconsistent::by_lines,
    ),
    (Label::OomSwallowedZombie, oom_swallowed_zombie::by_lines),
    (Label::NotMemory, not_memory::by_lines),
];

/// An error this soon after another, of another limit, is a consequence.
const SOON_MS: i64 = 5 * 60_000;

pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    if facts.case.sources.is_empty() {
        return;
    }
    let words = Words::of(facts);
    let mut by_lines = Verdict::default();
    for (label, rule) in RULES {
        by_lines.take(label, rule(&words));
    }
    by_lines.take(
        Label::GcPauseHeartbeat,
        gc_pause_heartbeat::by_lines(&words),
    );
    rank_followers(&mut by_lines.findings);
    for finding in by_lines.findings {
        match verdict
            .findings
            .iter_mut()
            .find(|known| known.limit.name == finding.limit.name)
        {
            // The trace knows more of the same limit; the line confirms it.
            Some(known) if known.limit.confidence.is_none() => {
                known.evidence.extend(finding.evidence.into_iter().take(1))
            }
            _ => {
                for advice in &finding.collect {
                    verdict.collect_once(advice);
                }
                verdict.findings.push(finding);
            }
        }
    }
    let known = |label: Label| verdict.checked.iter().any(|checked| checked.label == label);
    let more: Vec<_> = by_lines
        .checked
        .into_iter()
        .filter(|checked| !known(checked.label))
        .collect();
    verdict.checked.extend(more);
    for advice in by_lines.collect {
        let belongs_to_a_finding = verdict
            .findings
            .iter()
            .any(|finding| finding.collect.contains(&advice));
        if belongs_to_a_finding {
            verdict.collect_once(&advice);
        }
    }
}

/// What fails soon after something else failed ranks below it.
fn rank_followers(findings: &mut [Finding]) {
    let times: Vec<(i64, &'static str)> = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Critical)
        .filter_map(|finding| Some((finding.told_ms?, finding.limit.name)))
        .collect();
    for finding in findings
        .iter_mut()
        .filter(|finding| finding.severity == Severity::Critical)
    {
        let Some(at) = finding.told_ms else {
            continue;
        };
        let before = times.iter().find(|(time, limit)| {
            *limit != finding.limit.name && *time < at && at.saturating_sub(*time) <= SOON_MS
        });
        if let Some((time, limit)) = before {
            finding.severity = Severity::Warning;
            let text = format!(
                "it follows what exhausted {limit} shortly before, and may be its consequence"
            );
            finding
                .evidence
                .push(Evidence::told(text, Some(*time), Some(at)));
        }
    }
}
