//! A process that runs: whether the agent is inside, and writing.

use super::{Check, cgroup, directory, loader, rights, virtual_machine, volume};
use crate::attach::Target;
use crate::units::duration;
use flinkmem_trace::{Header, LastWords, header_of};
use nix::unistd::geteuid;
use std::path::Path;

/// A sample of a process that is well is no older than a few intervals; the agent may be told to sample every hour.
const LATE_INTERVALS: f64 = 3.0;
/// And for a machine that is busy.
const LATE_S: f64 = 10.0;

/// Everything about the process of that id.
pub(super) fn checks(pid: i32) -> Vec<Check> {
    let target = match Target::find(pid) {
        Ok(target) => target,
        Err(error) => {
            return vec![Check::problem(
                "process",
                error.to_string(),
                "check the id; ask as the user of the process, or as root",
            )];
        }
    };
    let process = pid.to_string();
    let mut checks = vec![user(&target)];
    match target.trace() {
        None => checks.push(Check::problem(
            "inside",
            format!("no agent writes a trace in process {pid}"),
            format!("start it with -agentpath:…, or load it now: flinkmem attach {pid}; if it was started with one, a line that begins with \"flinkmem:\" on its stderr says why"),
        )),
        Some(trace) => {
            let seen = target.path(&trace);
            checks.push(Check::ok("inside", format!("the agent writes {}", trace.display())));
            checks.extend(of_trace(&seen));
            if let Some(dir) = trace.parent() {
                checks.extend(volume::check(dir, &process));
            }
        }
    }
    checks.extend(rights::checks(&process));
    checks
}

/// Who may read and attach.
fn user(target: &Target) -> Check {
    let (theirs, own) = (target.uid(), geteuid());
    let text = format!("the process is of uid {theirs}, this is uid {own}");
    if theirs == own || own.is_root() {
        return Check::ok("same_user", text);
    }
    Check::warning(
        "same_user",
        format!("{text}: its trace may be unreadable, and it cannot be attached to"),
        "run flinkmem as that user, or as root",
    )
}

fn of_trace(trace: &Path) -> Vec<Check> {
    let Some(header) = header_of(trace) else {
        return vec![Check::problem(
            "writing",
            format!("{} has no header that can be read", trace.display()),
            "ask as the user of the process, or as root",
        )];
    };
    let mut checks = vec![writing(trace, &header)];
    checks.push(loader::version(&header.agent_version));
    checks.extend(virtual_machine::checks(&header));
    checks.push(cgroup::check(&header));
    let parent = trace.parent().unwrap_or(trace);
    // Whether this user can write there is not asked: the process does.
    checks.extend(directory::room_on(parent, Some(&header)));
    checks
}

fn writing(trace: &Path, header: &Header) -> Check {
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let Some(t_ms) = LastWords::read(trace).t_ms() else {
        return Check::warning(
            "writing",
            "there is no sample yet",
            "wait for an interval and ask again",
        );
    };
    let age_s = now_ms.saturating_sub(t_ms) as f64 / 1000.0;
    let text = format!("the last sample is {} old", duration(age_s.max(0.0)));
    if age_s <= LATE_S.max(interval_s(header) * LATE_INTERVALS) {
        return Check::ok("writing", text);
    }
    Check::problem(
        "writing",
        format!("{text}: the agent does not write any more"),
        "look for a line that begins with \"flinkmem:\" on the process's stderr; a full disk and a stopped process are the usual reasons",
    )
}

/// The base interval, as the agent writes it: `1s`, `250ms`.
fn interval_s(header: &Header) -> f64 {
    let text = header
        .agent_options
        .get("interval")
        .map_or("1s", String::as_str);
    let (figure, factor) = match text.strip_suffix("ms") {
        Some(figure) => (figure, 0.001),
        None => (text.trim_end_matches('s'), 1.0),
    };
    figure.parse::<f64>().unwrap_or(1.0) * factor
}
