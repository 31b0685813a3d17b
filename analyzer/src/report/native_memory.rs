//! What is said, by traces, of native memory and of the container that it fills.

use super::wording::{limit, who};
use crate::finding::{Finding, Label};

/// The cause, in a sentence; `None` for labels of others, and for what lines tell.
pub(super) fn headline(finding: &Finding) -> Option<String> {
    if !is_by_trace(finding) {
        return None;
    }
    let who = who(&finding.consumer);
    Some(match (finding.label, who) {
        (Label::RocksdbNativeLeak, Some(who)) => {
            format!("{who} makes native objects of RocksDB that nobody closes.")
        }
        (Label::RocksdbNativeLeak, None) => {
            "Native objects of RocksDB are made and not closed; where, is not known yet.".to_owned()
        }
        (Label::RocksdbOverBudget, _) => {
            "RocksDB takes more native memory than Flink has set aside for it.".to_owned()
        }
        (Label::UnsafeMemoryLeak, Some(who)) => {
            format!(
                "{who} takes memory outside the heap that no limit of the JVM counts, and does not free it."
            )
        }
        (Label::UnsafeMemoryLeak, None) => {
            "Memory outside the heap that no limit of the JVM counts is taken and not freed."
                .to_owned()
        }
        (Label::CodecNativeLeak, Some(who)) => {
            format!("Compressors or decompressors are not ended: {who}.")
        }
        (Label::CodecNativeLeak, None) => "Compressors or decompressors are not ended.".to_owned(),
        (Label::NativeEngineLeak, Some(who)) => format!("{who} takes native memory and keeps it."),
        (Label::NativeEngineLeak, None) => "A native library takes memory and keeps it.".to_owned(),
        (Label::AllocatorFragmentation, Some(who)) => {
            format!("Memory was freed, but the allocator has not given it back: {who}.")
        }
        (Label::AllocatorFragmentation, None) => {
            "Memory was freed, but the allocator has not given it back.".to_owned()
        }
        (Label::NativeGrowthUnattributed, _) => {
            "Native memory grows outside every limit of the JVM; whose it is, is not known yet."
                .to_owned()
        }
        (Label::JvmOverheadUndersized, _) => {
            "Nothing leaks: the JVM needs more beside its pools than was set aside for it."
                .to_owned()
        }
        (Label::ContainerLimitBelowBudget, _) => {
            "The container is smaller than the process is configured to be.".to_owned()
        }
        (Label::OtherChildProcess | Label::PythonProcessMemory, Some(who)) => {
            format!("Beside the JVM, {who} fills the container.")
        }
        _ => return None,
    })
}

/// What that does to the container, in a sentence; `None` for labels of others and other limits.
pub(super) fn consequence(finding: &Finding) -> Option<String> {
    headline(finding)?;
    let limit = limit(finding);
    let what = match finding.limit.name {
        "container" => "The container's memory",
        "host" => "The host's memory",
        _ => return None,
    };
    Some(match (&finding.forecast, finding.limit.reached) {
        (_, true) => format!("{what}{limit} is exhausted."),
        (Some(forecast), false) => {
            let in_time = forecast.in_words();
            format!("{what}{limit} will be exhausted about {in_time} after the last sample.")
        }
        (None, false) => format!("{what}{limit} had not been reached."),
    })
}

fn is_by_trace(finding: &Finding) -> bool {
    finding.evidence.iter().any(|fact| fact.signal != "line")
}
