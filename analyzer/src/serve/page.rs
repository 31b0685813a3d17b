//! Pages for people: the list of processes, made here without a script, and the report of each, which is that of `diagnose --format html`.

use super::board::{Shown, Snapshot};
use crate::case::Case;
use crate::finding::{Finding, Severity};
use crate::report::{ProcessKind, html, to_text};
use crate::units::{bytes, duration, rfc3339};
use std::cmp::Reverse;
use std::fmt::Write;
use std::path::Path;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #8884;vertical-align:top}\
pre{overflow-x:auto}\
.critical{color:#c22;font-weight:600}.warning{color:#a60;font-weight:600}.info{color:#27c}.none{color:#373}\
@media(prefers-color-scheme:dark){.critical{color:#f77}.warning{color:#fb4}.info{color:#8bf}.none{color:#7c7}}\
small{opacity:.75}";

/// All processes with their verdicts, the worst first.
pub(super) fn index(snapshot: &Snapshot) -> String {
    let mut processes: Vec<&Shown> = snapshot.processes.values().collect();
    processes.sort_by_key(|process| Reverse(worst(process)));
    let mut body = String::from("<h1>flinkmem</h1>\n");
    if processes.is_empty() {
        body.push_str("<p>No process has written a trace here lately. The agent writes where its option <code>dir</code> says.</p>\n");
    } else {
        body.push_str("<table>\n<thead><tr><th scope=col>Process<th scope=col>Verdict<th scope=col>Limit<th scope=col>Outcome<th scope=col>Last sample</tr></thead>\n<tbody>\n");
        for process in processes {
            row(&mut body, process);
        }
        body.push_str("</tbody>\n</table>\n");
    }
    body.push_str("<p><small><a href=/metrics>metrics</a> · <a href=/api/v1/processes>processes</a> · <a href=/api/v1/findings>findings</a></small></p>\n");
    document("flinkmem", &body)
}

/// The report of one process: with its history read anew, or as text where the trace is gone meanwhile.
pub(super) fn process(process: &Shown) -> String {
    let trace = process.report.subject.trace.as_deref();
    match trace.and_then(|trace| Case::read(Path::new(trace)).ok()) {
        Some(case) => html::to_html(&case, &process.report),
        None => as_text(process),
    }
}

fn as_text(process: &Shown) -> String {
    let text = to_text(&process.report);
    let title = title(process);
    let path = path_segment(&process.name);
    let body = format!(
        "<p><a href=/>all processes</a> · <a href=\"/api/v1/processes/{path}\">JSON</a></p>\n<h1>{}</h1>\n<pre>{}</pre>\n",
        escaped(&title),
        escaped(&text)
    );
    document(&title, &body)
}

fn row(body: &mut String, process: &Shown) {
    let report = &process.report;
    let first = report.findings.first();
    let verdict = first.map_or_else(
        || "<span class=none>nothing found</span>".to_owned(),
        |finding| {
            let severity = severity(finding.severity);
            let others = report.findings.len() - 1;
            let others = if others > 0 {
                format!(" <small>and {others} more</small>")
            } else {
                String::new()
            };
            format!(
                "<span class={severity}>{}</span> {}, {:.0} % sure{others}<br><small>{}</small>",
                severity.to_uppercase(),
                finding.label.name(),
                finding.confidence * 100.0,
                escaped(
                    finding
                        .consumer
                        .name
                        .as_deref()
                        .unwrap_or("consumer not known")
                ),
            )
        },
    );
    let outcome = if process.is_running {
        "running"
    } else {
        &report.outcome.detail
    };
    let last = process
        .last_sample_ms
        .map_or_else(|| "none".to_owned(), rfc3339);
    // Writing to a string cannot fail.
    let _ = writeln!(
        body,
        "<tr><td><a href=\"/process/{}\">{}</a><br><small>{}</small><td>{verdict}<td>{}<td>{}<td>{last}</tr>",
        path_segment(&process.name),
        escaped(&title(process)),
        escaped(&process.name),
        first.map_or_else(String::new, limit),
        escaped(outcome),
    );
}

fn limit(finding: &Finding) -> String {
    let size = finding
        .limit
        .bytes
        .map_or_else(String::new, |limit| format!(" of {}", bytes(limit)));
    let forecast = finding.forecast.map_or_else(String::new, |forecast| {
        format!(
            "<br><small>exhausted in {}</small>",
            duration(forecast.exhausted_in_s)
        )
    });
    format!("{}{size}{forecast}", escaped(finding.limit.name))
}

fn title(process: &Shown) -> String {
    let subject = &process.report.subject;
    let kind = match subject.process {
        ProcessKind::Tm => "TaskManager",
        ProcessKind::Jm => "JobManager",
        ProcessKind::Jvm => "JVM",
    };
    let host = subject.host.as_deref().unwrap_or("an unknown host");
    let pid = subject
        .pid
        .map_or_else(String::new, |pid| format!(", pid {pid}"));
    format!("{kind} on {host}{pid}")
}

fn worst(process: &Shown) -> Option<Severity> {
    process
        .report
        .findings
        .iter()
        .map(|finding| finding.severity)
        .max()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n<title>{}</title>\n<style>{STYLE}</style>\n<body>\n{body}</body>\n</html>\n",
        escaped(title)
    )
}

/// Text in HTML, also between double quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A name as one part of an address.
fn path_segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_directories_stay_names() {
        assert_eq!(
            path_segment("flinkmem-tm-0-4711-20260101T000000Z"),
            "flinkmem-tm-0-4711-20260101T000000Z"
        );
        assert_eq!(
            path_segment("a/../b?c#d \"é"),
            "a%2F..%2Fb%3Fc%23d%20%22%C3%A9"
        );
        assert_eq!(escaped("<script>'\"&"), "&lt;script&gt;&#39;&quot;&amp;");
    }
}
