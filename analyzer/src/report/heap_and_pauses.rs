//! What is said of the Java heap and of pauses.

use super::wording::{limit, who};
use crate::finding::{Finding, Label, Severity};

/// The cause, in a sentence; `None` for labels of others.
pub(super) fn headline(finding: &Finding) -> Option<String> {
    let who = who(&finding.consumer);
    let limit = limit(finding);
    Some(match (finding.label, who) {
        (Label::HeapUndersized, Some(who)) => {
            format!("The Java heap{limit} is too small for what {who} needs.")
        }
        (Label::HeapUndersized, None) => {
            format!("The Java heap{limit} was not enough; by whom it was filled, is not known.")
        }
        (Label::HeapStateGrowth, Some(who)) => format!("Flink's state on the heap grows: {who}."),
        (Label::HeapStateGrowth, None) => "Flink's state on the heap grows.".to_owned(),
        (Label::HeapLeak, Some(who)) => format!("Objects pile up in the Java heap: {who}."),
        (Label::HeapLeak, None) => {
            "Objects pile up in the Java heap; who keeps them, is not known yet.".to_owned()
        }
        (Label::HeapBulkMaterialization, Some(who)) => {
            format!("{who} takes more at once than the Java heap holds.")
        }
        (Label::HeapBulkMaterialization, None) => {
            "One call takes more at once than the Java heap holds.".to_owned()
        }
        (Label::HeapManyWriters, Some(who)) => {
            format!("Buffers of many open writers fill the Java heap: {who}.")
        }
        (Label::HeapManyWriters, None) => {
            "Buffers of many open writers fill the Java heap.".to_owned()
        }
        (Label::JmHeapMetadata, Some(who)) => format!("{who} fills the JobManager's heap."),
        (Label::JmHeapMetadata, None) => {
            "What the JobManager coordinates fills its heap.".to_owned()
        }
        (Label::ArrayLimit, Some(who)) => {
            format!("{who} asks for an array longer than the JVM allows.")
        }
        (Label::GcPauseHeartbeat, _) if finding.limit.reached => {
            "Collections stopped the process for so long that a heartbeat stayed away.".to_owned()
        }
        (Label::GcPauseHeartbeat, _) => {
            "Collections stop the process for as long as a peer waits for its heartbeat.".to_owned()
        }
        _ => return None,
    })
}

/// What that does to the process, in a sentence; `None` for labels of others.
pub(super) fn consequence(finding: &Finding) -> Option<String> {
    let is_of_the_heap = finding.limit.name == "heap";
    let limit = limit(finding);
    let first = match (finding.label, &finding.forecast) {
        (Label::ArrayLimit, _) => "No heap is large enough for it.".to_owned(),
        (Label::GcPauseHeartbeat, _) => "Its tasks are lost, and start again elsewhere.".to_owned(),
        _ if !is_of_the_heap => return None,
        (_, Some(forecast)) => {
            let in_time = forecast.in_words();
            format!("The heap{limit} will be exhausted about {in_time} after the last sample.")
        }
        _ if finding.severity == Severity::Critical => {
            format!("The heap{limit} is exhausted, and errors hit whatever thread asks next.")
        }
        _ if finding.limit.reached => {
            format!("The heap{limit} is full, and collections take the time; no error was seen.")
        }
        _ => format!("The heap{limit} had not been reached."),
    };
    let others: Vec<&str> = finding
        .alternatives
        .iter()
        .map(|label| label.name())
        .collect();
    Some(match others.as_slice() {
        [] => first,
        others => format!("{first} It may also be {}.", others.join(", ")),
    })
}
