//! Which lines belong to which process.
//!
//! Rotated and compressed parts of a log and the standard output beside it are one process's. What no process writes about itself (status of
//! pods, reports of YARN or the kernel) belongs to the only process there is, or to the one whose name it has, or stays alone.

use super::{Case, Source, SourceLines};
use std::path::PathBuf;

/// A process's log and what belongs to it.
struct Group {
    family: PathBuf,
    lines: Vec<SourceLines>,
}

/// Puts lines to the cases of traces, or makes cases of them.
#[must_use]
pub fn gather(traces: Vec<Case>, lines: Vec<SourceLines>) -> Vec<Case> {
    let mut cases = traces;
    let mut groups: Vec<Group> = Vec::new();
    let mut loose = Vec::new();
    for lines in lines {
        match lines.source.family() {
            Some(family) => match groups.iter_mut().find(|group| group.family == family) {
                Some(group) => group.lines.push(lines),
                None => groups.push(Group {
                    family,
                    lines: vec![lines],
                }),
            },
            None => loose.push(lines),
        }
    }
    let only = groups.len() == 1;
    for group in groups {
        match owner(&cases, &group, only) {
            Some(index) => add(&mut cases, index, group.lines),
            None => cases.push(Case::of_lines(group.lines)),
        }
    }
    let mut alone = Vec::new();
    for lines in loose {
        match (cases.len(), named(&cases, &lines)) {
            (1, _) => add(&mut cases, 0, vec![lines]),
            (_, Some(index)) => add(&mut cases, index, vec![lines]),
            _ => alone.push(lines),
        }
    }
    if !alone.is_empty() {
        cases.push(Case::of_lines(alone));
    }
    cases
}

fn add(cases: &mut [Case], index: usize, lines: Vec<SourceLines>) {
    if let Some(case) = cases.get_mut(index) {
        for lines in lines {
            case.add_lines(lines);
        }
    }
}

/// The trace of the process that wrote a log: the only one, if it is of the same kind; otherwise the one whose host or start the log has.
fn owner(cases: &[Case], group: &Group, only: bool) -> Option<usize> {
    let process = group
        .lines
        .iter()
        .find_map(|lines| lines.source.observed.process);
    let of_same_kind = |case: &Case| {
        let differs = process.is_some()
            && case.observed.process.is_some()
            && process != case.observed.process;
        case.has_trace() && !differs
    };
    let mut fitting = (0..cases.len()).filter(|index| cases.get(*index).is_some_and(of_same_kind));
    let traces = cases.iter().filter(|case| case.has_trace()).count();
    if traces == 1 && only {
        return fitting.next();
    }
    let name = group.family.to_string_lossy();
    fitting.find(|index| {
        cases.get(*index).is_some_and(|case| {
            let host = &case.header.host;
            let has_host = !host.is_empty() && name.contains(host.as_str());
            has_host
                || group
                    .lines
                    .iter()
                    .any(|lines| began_with(case, &lines.source))
        })
    })
}

/// Whether a log begins when the process of a trace does; within the seconds that a JVM takes to log its first line.
fn began_with(case: &Case, source: &Source) -> bool {
    const FIRST_LINE_MS: u64 = 20_000;
    let started = source.started_ms.or(source.times.map(|(first, _)| first));
    started.is_some_and(|t_ms| t_ms.abs_diff(case.header.start_ms) <= FIRST_LINE_MS)
}

/// The case whose process a loose source names: by pid in the file's name, as hs_err files have it, or by host.
fn named(cases: &[Case], lines: &SourceLines) -> Option<usize> {
    let name = lines.source.name();
    let by_pid =
        |case: &Case| case.has_trace() && name.contains(&format!("pid{}.", case.header.pid));
    let by_host = |case: &Case| !case.header.host.is_empty() && name.contains(&case.header.host);
    let by_family = |case: &Case| {
        case.sources.iter().any(|source| {
            let stem = source
                .family()
                .and_then(|family| Some(family.file_stem()?.to_string_lossy().into_owned()));
            stem.is_some_and(|stem| stem.len() > 3 && name.contains(&stem))
        })
    };
    cases
        .iter()
        .position(|case| by_pid(case) || by_host(case) || by_family(case))
}
