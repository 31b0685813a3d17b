//! Headlines of what lines tell: the limit first, for that is certain; then what is known of the cause.

use super::wording::who;
use crate::finding::{Finding, Label};
use crate::units::bytes;

/// Which limit was hit, in a sentence.
pub(super) fn headline(finding: &Finding) -> String {
    if let Some(text) = of_label(finding.label) {
        return text.to_owned();
    }
    let size = finding
        .limit
        .bytes
        .map_or(String::new(), |limit| format!(" of {}", bytes(limit)));
    let what = match finding.limit.name {
        "heap" => "The Java heap",
        "direct" => "Direct memory",
        "metaspace" => "Metaspace",
        "class_space" => "Compressed class space",
        "network_buffers" => "The pool of network buffers",
        "managed" => "Managed memory",
        "container" => "The container's memory",
        "threads" => "The number of threads",
        "host" => "The host's memory",
        other => other,
    };
    match &finding.forecast {
        _ if finding.limit.reached => format!("{what}{size} is exhausted."),
        Some(forecast) => {
            let in_time = forecast.in_words();
            format!("{what}{size} will be exhausted about {in_time} after the last sample.")
        }
        None => format!("{what}{size} is filling up."),
    }
}

/// Labels whose lines say what it is.
fn of_label(label: Label) -> Option<&'static str> {
    Some(match label {
        Label::ArrayLimit => "One array was to be longer than the JVM allows.",
        Label::GcPauseHeartbeat => "A peer's heartbeats stayed away.",
        Label::YarnVmemLimit => "YARN killed the container for its address space, not for memory.",
        Label::SandboxLimit => "A policy or script stopped the JVM; no memory is missing.",
        Label::OtherChildProcess => "Another process than the JVM fills the container.",
        Label::PythonProcessMemory => "A Python worker fills the container.",
        Label::MmapFileAccounting => {
            "The container looks full; much of that are mapped files, which can be taken back."
        }
        Label::NetworkBufferLeak => "Network buffers are lost when tasks end.",
        Label::OtherProcessOom => "Another program than Flink ran out of memory.",
        Label::NotMemory => "This is no matter of memory.",
        Label::MemoryConfigInconsistent => "Flink refuses this memory configuration.",
        Label::OomSwallowedZombie => "The process should have ended at an error, and goes on.",
        Label::NetworkPoolUnallocatable => {
            "Network memory does not fit into the limit on direct memory."
        }
        Label::ContainerLimitBelowBudget => {
            "The container is smaller than the process is configured to be."
        }
        _ => return None,
    })
}

/// What is known of the cause, in a sentence.
pub(super) fn cause(finding: &Finding) -> String {
    let others: Vec<&str> = finding
        .alternatives
        .iter()
        .map(|label| label.name())
        .collect();
    match (who(&finding.consumer), others.as_slice()) {
        (Some(who), []) => format!("It was {who}."),
        (Some(who), others) => format!(
            "Most likely it was {who}; the lines also allow {}.",
            others.join(", ")
        ),
        (None, []) if finding.label == Label::ContainerLimitBelowBudget => {
            "Nobody takes more than was meant for it.".to_owned()
        }
        (None, []) if finding.evidence.iter().all(|fact| fact.signal == "line") => {
            "The lines prove it.".to_owned()
        }
        (None, []) => "Who it is, is not known yet.".to_owned(),
        (None, others) => format!(
            "Lines tell the limit, not who used it up. It may also be {}.",
            others.join(", ")
        ),
    }
}
