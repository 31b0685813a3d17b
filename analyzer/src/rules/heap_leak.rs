//! `heap_leak`: objects are forgotten by record, checkpoint, job or failure. No size helps; a larger heap only takes longer to fill.

use super::Answer;
use super::heap::{Cause, Draft, HeapPicture, draft};
use crate::finding::{Consumer, ConsumerKind, Label, Remedy};

pub(super) fn check(picture: &HeapPicture<'_>) -> Answer {
    draft(picture, Cause::Leak, Label::HeapLeak, |draft| {
        remedy(picture, draft)
    })
}

fn remedy(picture: &HeapPicture<'_>, draft: &Draft) -> Remedy {
    let whose = whose(&draft.consumer);
    let where_held = match picture.is_job_manager() {
        true => {
            " In a JobManager it outlives the job, and takes all other jobs of the cluster with it."
        }
        false => "",
    };
    Remedy {
        text: format!(
            "{whose}: remove what is no longer needed, or give the collection a bound (a size, an age). What belongs to a key is better kept as Flink's state, with a time to live. A larger heap only takes longer to fill.{where_held}"
        ),
        ..Remedy::default()
    }
}

/// The consumer as the beginning of advice.
pub(super) fn whose(consumer: &Consumer) -> String {
    match (&consumer.name, consumer.kind) {
        (Some(name), ConsumerKind::CallSite) => {
            let line = consumer
                .line
                .map_or(String::new(), |line| format!(" (line {line})"));
            format!("What {name}{line} makes is kept")
        }
        (Some(name), ConsumerKind::Class) => format!("{name} keeps growing"),
        (Some(name), _) => format!("{name} keeps more and more"),
        (None, _) => "Find out who holds it".to_owned(),
    }
}
