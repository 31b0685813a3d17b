//! Headlines: a finding in one or two sentences. Texts for users stand together here and in the rules' evidence.

use super::{
    FileRead, Report, heap_and_pauses, loaders_and_threads, native_memory, subject::ProcessKind,
    told,
};
use crate::configuration::layers::{Disagreement, Layer};
use crate::finding::{Consumer, ConsumerKind, Finding, Label};
use crate::rules::AnswerKind;
use crate::units::{bytes, duration};

/// The cause, in a sentence.
#[must_use]
pub fn headline(finding: &Finding) -> String {
    if let Some(text) = native_memory::headline(finding) {
        return text;
    }
    if finding.limit.confidence.is_some() {
        return told::headline(finding);
    }
    let of_family =
        loaders_and_threads::headline(finding).or_else(|| heap_and_pauses::headline(finding));
    if let Some(text) = of_family {
        return text;
    }
    let share = |of: &str| {
        let percent = finding.consumer.share.map(|share| share * 100.0);
        percent.map_or(String::new(), |percent| format!(", {percent:.0} % of {of}"))
    };
    match (finding.label, who(&finding.consumer)) {
        (Label::DirectLeak, Some(who)) => {
            format!("{who} leaks direct memory{}.", share("the growth"))
        }
        (Label::DirectLeak, None) => {
            "Direct memory leaks; whose it is, is not known yet.".to_owned()
        }
        (Label::DirectUndersized | Label::DirectFrameworkShuffle, Some(who)) => {
            let limit = limit(finding);
            format!(
                "The limit on direct memory{limit} is too small for {who}{}.",
                share("what filled it")
            )
        }
        (Label::DirectNioThreadCache, Some(who)) => {
            let limit = limit(finding);
            format!(
                "Buffers that NIO keeps for threads fill the limit{limit}: they serve {who}{}.",
                share("them")
            )
        }
        (Label::DirectUndersized | Label::DirectFrameworkShuffle, None) => {
            let limit = limit(finding);
            format!("The limit on direct memory{limit} is too small for what runs here.")
        }
        _ => told::headline(finding),
    }
}

/// What that does to the process, in a sentence.
#[must_use]
pub fn consequence(finding: &Finding) -> String {
    if let Some(text) = native_memory::consequence(finding) {
        return text;
    }
    if finding.limit.confidence.is_some() {
        return told::cause(finding);
    }
    let of_family =
        loaders_and_threads::consequence(finding).or_else(|| heap_and_pauses::consequence(finding));
    if let Some(text) = of_family {
        return text;
    }
    let limit = limit(finding);
    match (finding.label, &finding.forecast) {
        (Label::DirectLeak, Some(forecast)) => {
            let in_time = forecast.in_words();
            format!("The limit{limit} will be exhausted about {in_time} after the last sample.")
        }
        (Label::DirectLeak, None) if finding.limit.reached => {
            format!("The limit{limit} is exhausted.")
        }
        (Label::DirectLeak, None) => format!("The limit{limit} had not been reached."),
        (
            Label::DirectUndersized | Label::DirectFrameworkShuffle | Label::DirectNioThreadCache,
            _,
        ) if finding.severity == crate::finding::Severity::Critical => {
            "Reservations fail, and tasks with them.".to_owned()
        }
        (Label::DirectUndersized | Label::DirectFrameworkShuffle, _) => {
            "Reservations wait for forced collections; no error was seen.".to_owned()
        }
        _ => told::cause(finding),
    }
}

/// What to say where nothing was found, and whether that means that all is well. Some causes need evidence that is taken by request only; where
/// most rules lack data, the silence proves nothing, and lines prove little by theirs.
pub(super) fn nothing_found(report: &Report) -> (&'static str, bool) {
    let answers = |kind| {
        report
            .checked
            .iter()
            .filter(|checked| checked.answer == kind)
            .count()
    };
    let subject = &report.subject;
    if subject.trace.is_none() {
        let is_empty = subject.files.iter().all(|file| file.lines == 0);
        let text = match is_empty {
            true => "Nothing found, for there is nothing to read: no line.",
            false => "Nothing found in these lines.",
        };
        return (text, false);
    }
    if subject.samples == 0 || answers(AnswerKind::NotEnoughData) > answers(AnswerKind::DoesNotFire)
    {
        ("Nothing found, but not everything could be told.", false)
    } else {
        ("Nothing found.", true)
    }
}

/// The files that were read, in a line.
pub(super) fn files(report: &Report) -> String {
    let files = report.subject.files.iter().map(|file| {
        let name = file.name();
        let damage = file.damage.as_ref().map_or(String::new(), |damage| {
            format!(", not to its end: {damage}")
        });
        format!("{name} ({}, {} lines{damage})", file.kind, file.lines)
    });
    files.collect::<Vec<_>>().join("; ")
}

/// Which process, in a few words: its kind, host and pid, or the file where only lines are known.
pub(super) fn short_subject(report: &Report) -> String {
    let subject = &report.subject;
    let kind = match subject.process {
        ProcessKind::Tm => "TaskManager",
        ProcessKind::Jm => "JobManager",
        ProcessKind::Jvm => "JVM",
    };
    let host = subject.host.as_ref().map(|host| format!("{kind} {host}"));
    let pid = subject.pid.map(|pid| format!(" pid {pid}"));
    match host {
        Some(host) => host + &pid.unwrap_or_default(),
        None => {
            let names = subject.files.iter().map(FileRead::name);
            names.collect::<Vec<_>>().join(", ")
        }
    }
}

/// The process and what was seen of it, in a line.
pub(super) fn subject(report: &Report) -> String {
    let subject = &report.subject;
    let seen = match &subject.trace {
        Some(_) => format!(
            "{} samples in {}",
            subject.samples,
            duration(subject.span_s)
        ),
        None => "no trace of the agent".to_owned(),
    };
    format!("{}; {seen}", process(report))
}

/// The process in a line.
#[must_use]
pub fn process(report: &Report) -> String {
    let subject = &report.subject;
    let what = match subject.process {
        ProcessKind::Tm => "TaskManager".to_owned(),
        ProcessKind::Jm => "JobManager".to_owned(),
        ProcessKind::Jvm => {
            let unknown = if subject.trace.is_some() {
                "JVM"
            } else {
                "unknown process"
            };
            subject
                .main_class
                .clone()
                .unwrap_or_else(|| unknown.to_owned())
        }
    };
    let flink = subject
        .flink_version
        .as_ref()
        .map_or(String::new(), |version| format!(", Flink {version}"));
    let host = subject
        .host
        .as_ref()
        .map_or(String::new(), |host| format!(" on {host}"));
    let pid = subject
        .pid
        .map_or(String::new(), |pid| format!(", pid {pid}"));
    let jdk = subject
        .jdk
        .as_ref()
        .map_or(String::new(), |jdk| format!(", JDK {jdk}"));
    format!("{what}{host}{pid}{flink}{jdk}")
}

/// As many as fit on a line or two.
const MOST_DISAGREEMENTS: usize = 3;

/// Where the layers of the configuration differ, in a line.
pub(super) fn disagreements(found: &[Disagreement]) -> String {
    // A sum differs because its parts do.
    let is_sum = |pool: &str| pool.starts_with("total_") || pool.starts_with("jvm_");
    let (sums, parts): (Vec<_>, Vec<_>) = found.iter().partition(|one| {
        one.found_in == Layer::Resolved && is_sum(one.pool) && one.pool != "jvm_metaspace"
    });
    let told = if parts.is_empty() { sums } else { parts };
    let shown: Vec<String> = told
        .iter()
        .take(MOST_DISAGREEMENTS)
        .map(|one| {
            let (expected, found) = (bytes(one.expected), bytes(one.found));
            match one.found_in {
                Layer::Actual => format!(
                    "{} is {found}, not Flink's {expected}, for a later JVM flag",
                    one.pool
                ),
                Layer::Configured | Layer::Resolved => {
                    format!(
                        "{} is {expected} as given, was {found} at the start",
                        one.pool
                    )
                }
            }
        })
        .collect();
    let more = match told.len().saturating_sub(MOST_DISAGREEMENTS) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    shown.join("; ") + &more
}

pub(super) fn who(consumer: &Consumer) -> Option<&str> {
    let known = consumer.kind != ConsumerKind::Unknown;
    consumer.name.as_deref().filter(|_| known)
}

pub(super) fn limit(finding: &Finding) -> String {
    finding
        .limit
        .bytes
        .map_or(String::new(), |limit| format!(" of {}", bytes(limit)))
}
