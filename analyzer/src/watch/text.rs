//! The text form: one line an event, for people and `grep`. It may change; programs read the JSON form.

use super::event::{Event, EventKind, Reason};
use crate::finding::{Finding, Label};
use crate::report::{ProcessKind, Subject, consequence, headline};

/// The event in a line, without a newline: time, event, process, and what it is about.
#[must_use]
pub fn to_line(event: &Event) -> String {
    let about = match event.event {
        EventKind::Started => subject(&event.subject),
        EventKind::Appeared | EventKind::Worsened => news(event),
        EventKind::Cleared => event.finding.as_ref().map_or(String::new(), |finding| {
            format!("{} is found no longer", name(finding))
        }),
        EventKind::Ended => ended(event),
        EventKind::Gone => format!("its trace is gone{}", standing(event)),
    };
    let line = format!(
        "{} {} {} {about}",
        event.time,
        event.event.name(),
        event.name
    );
    // Names of classes and threads are other people's.
    line.replace(char::is_control, "?")
}

fn name(finding: &Finding) -> String {
    let severity = finding.severity.name().to_uppercase();
    format!("{severity} {}", finding.label.name())
}

fn news(event: &Event) -> String {
    let Some(finding) = &event.finding else {
        return String::new();
    };
    let what = match event.reason {
        None => String::new(),
        Some(Reason::LimitReached) => " (the limit was met)".to_owned(),
        Some(Reason::Severity) => " (more severe)".to_owned(),
        Some(Reason::Forecast) => " (sooner than was told)".to_owned(),
    };
    let instead = event.in_place_of.map_or(String::new(), |label| {
        format!(" (in place of {})", label.name())
    });
    let [cause, consequence] = [headline(finding), consequence(finding)];
    format!("{}{what}{instead} {cause} {consequence}", name(finding))
}

fn ended(event: &Event) -> String {
    let outcome = event.outcome.as_ref().map_or("", |outcome| &outcome.detail);
    format!("{outcome}{}", standing(event))
}

fn standing(event: &Event) -> String {
    if event.standing.is_empty() {
        return String::new();
    }
    let labels: Vec<&str> = event
        .standing
        .iter()
        .map(|label: &Label| label.name())
        .collect();
    format!("; found before: {}", labels.join(", "))
}

fn subject(subject: &Subject) -> String {
    let what = match (subject.process, &subject.main_class) {
        (ProcessKind::Tm, _) => "TaskManager",
        (ProcessKind::Jm, _) => "JobManager",
        (ProcessKind::Jvm, Some(class)) => class,
        (ProcessKind::Jvm, None) => "JVM",
    };
    let mut text = what.to_owned();
    let mut add = |before: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(before);
            text.push_str(&value);
        }
    };
    add(" on ", subject.host.clone());
    add(", pid ", subject.pid.map(|pid| pid.to_string()));
    add(", Flink ", subject.flink_version.clone());
    add(", JDK ", subject.jdk.clone());
    text
}
