//! Headlines of findings about class loaders, classes, threads and swallowed errors, by traces.

use super::wording::who;
use crate::finding::{Finding, Label};
use crate::units::bytes;

/// The cause, in a sentence.
pub(super) fn headline(finding: &Finding) -> Option<String> {
    let who = who(&finding.consumer);
    let limit = limit(finding);
    Some(match (finding.label, who) {
        (Label::ClassloaderLeak, Some(who)) => {
            format!("Class loaders of ended jobs are kept, most by {who}.")
        }
        (Label::ClassloaderLeak, None) => {
            "Class loaders of ended jobs are kept; by whom is not known yet.".to_owned()
        }
        (Label::MetaspaceUndersized, Some(who)) => {
            format!("The limit on {} is too small for {who}.", area(finding))
        }
        (Label::MetaspaceUndersized, None) => {
            format!("The limit on {}{limit} is too small.", area(finding))
        }
        (Label::ThreadLeak, Some(who)) => format!("Threads never end: {who}."),
        (Label::ThreadLeak, None) => "Threads never end.".to_owned(),
        (Label::ThreadLimit, Some(who)) => {
            format!("More threads are wanted than are allowed, most by {who}.")
        }
        (Label::ThreadLimit, None) => "More threads are wanted than are allowed.".to_owned(),
        (Label::OomSwallowedZombie, Some(who)) => {
            format!("An OutOfMemoryError was swallowed, likely around {who}; its task hangs.")
        }
        (Label::OomSwallowedZombie, None) => {
            "The process should have ended at an OutOfMemoryError, and lives on.".to_owned()
        }
        _ => return None,
    })
}

/// What that does to the process, in a sentence.
pub(super) fn consequence(finding: &Finding) -> Option<String> {
    let limit = limit(finding);
    let what = match finding.label {
        Label::ThreadLeak | Label::ThreadLimit if finding.limit.name == "threads" => {
            "The limit on threads".to_owned()
        }
        Label::ClassloaderLeak | Label::MetaspaceUndersized | Label::ThreadLeak => {
            format!("{}{limit}", capital(area(finding)))
        }
        Label::OomSwallowedZombie => {
            return Some("Nobody restarts what looks alive.".to_owned());
        }
        _ => return None,
    };
    Some(match (&finding.forecast, finding.limit.reached) {
        (_, true) => format!("{what} is exhausted."),
        (Some(forecast), false) => format!(
            "{what} will be exhausted about {} after the last sample.",
            forecast.in_words()
        ),
        (None, false) => format!("{what} had not been reached."),
    })
}

fn area(finding: &Finding) -> &'static str {
    match finding.limit.name {
        "class_space" => "the class space",
        _ => "metaspace",
    }
}

fn capital(area: &str) -> String {
    let mut letters = area.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn limit(finding: &Finding) -> String {
    let size = finding.limit.bytes.map(bytes);
    size.map_or(String::new(), |size| format!(" of {size}"))
}
