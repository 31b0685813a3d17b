//! `mmap_file_accounting`: mapped files count as resident memory and fill the container's account, but the kernel takes them back when it needs
//! the room. That is no fault; who looks at the resident size takes it for one, and so does a watcher that kills by it (YARN).

use super::Answer;
use super::container::Container;
use super::told::in_words;
use crate::case::share;
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Severity, two_digits,
};
use crate::lines::Fact;
use crate::units::bytes;

/// Of the limit, this much is mapped files more than at the start. Libraries and jars of a Flink process are far less.
const MANY: f64 = 0.2;
/// The container's account is as good as full, or the process looks larger than the container.
const LOOKS_FULL: f64 = 0.9;
/// What cannot be taken back stays below that, or it is that which fills the container.
const HAS_ROOM: f64 = 0.85;
/// It is counted, page by page.
const CONFIDENCE: f64 = 0.9;

pub(super) fn check(container: &Container<'_>) -> Answer {
    let Some(limit) = container.limit else {
        return Answer::DoesNotFire("the process has no container with a limit".to_owned());
    };
    let files = Files::of(container);
    if share(files.growth, limit) < MANY {
        return Answer::DoesNotFire(format!("mapped files grew by {}", bytes(files.growth)));
    }
    let held = container.held.peak.unwrap_or(0);
    if share(held, limit) >= HAS_ROOM {
        return Answer::DoesNotFire("what cannot be taken back fills the container".to_owned());
    }
    if share(files.looks_like, limit) < LOOKS_FULL {
        return Answer::DoesNotFire("the container has room".to_owned());
    }
    Answer::Fires(Box::new(finding(container, &files, held)))
}

/// What the process has mapped.
struct Files {
    /// Resident pages of files at the most.
    peak: u64,
    /// More than at the first sample.
    growth: u64,
    /// What a watcher sees at the most: the container's usage, or the process's resident size.
    looks_like: u64,
}

impl Files {
    fn of(container: &Container<'_>) -> Self {
        let timeline = &container.case.timeline;
        let file = |moment: &crate::case::Moment| Some(moment.process?.rss_file_bytes);
        let peak = timeline.peak(file).unwrap_or(0);
        let first = timeline.moments.iter().find_map(file).unwrap_or(0);
        let usage = timeline.peak(|moment| Some(moment.cgroup?.usage_bytes));
        let resident = timeline.peak(|moment| Some(moment.process?.vm_rss_bytes));
        Self {
            peak,
            growth: peak.saturating_sub(first),
            looks_like: usage.max(resident).unwrap_or(0),
        }
    }
}

fn finding(container: &Container<'_>, files: &Files, held: u64) -> Finding {
    let killed = killed_by_a_watcher(container);
    Finding {
        label: Label::MmapFileAccounting,
        severity: match killed {
            true => Severity::Critical,
            false => Severity::Info,
        },
        confidence: CONFIDENCE,
        alternatives: Vec::new(),
        limit: LimitClaim {
            reached: killed,
            ..container.limit_claim()
        },
        consumer: Consumer {
            kind: ConsumerKind::Component,
            name: Some("mapped files".to_owned()),
            share: Some(two_digits(share(files.peak, files.looks_like))),
            confidence: CONFIDENCE,
            ..Consumer::unknown()
        },
        forecast: None,
        evidence: evidence(container, files, held),
        remedy: in_words(match killed {
            true => {
                "Let the watcher count what the kernel cannot take back, not the resident size (YARN: yarn.nodemanager.container-monitor.procfs-tree.smaps-based-rss.enabled), or map less: taskmanager.network.blocking-shuffle.type: file for Flink's own partitions."
            }
            false => {
                "Nothing: the kernel takes these pages back when somebody needs the room. Judge the container by its working set or by anonymous memory, not by its usage or the resident size."
            }
        }),
        collect: Vec::new(),
        told_ms: None,
    }
}

/// Whoever counts resident pages ends the process; the kernel would have taken them back.
fn killed_by_a_watcher(container: &Container<'_>) -> bool {
    let told = &container.case.told;
    told.iter()
        .any(|(told, _)| matches!(&told.fact, Fact::ContainerKilled(kill) if kill.by == "YARN"))
}

fn evidence(container: &Container<'_>, files: &Files, held: u64) -> Vec<Evidence> {
    let moments = &container.case.timeline.moments;
    let Some((first, last)) = moments.first().zip(moments.last()) else {
        return Vec::new();
    };
    let resident = format!(
        "up to {} of the resident memory are pages of mapped files, which can be taken back at any time",
        bytes(files.peak)
    );
    let rest = format!(
        "what cannot be taken back was {} at the most, of a limit of {}",
        bytes(held),
        container.limit.map_or_else(String::new, bytes)
    );
    vec![
        Evidence::new(resident, "process.rss_file_bytes", first.t_ms, last.t_ms)
            .with_value(files.peak),
        Evidence::new(rest, "cgroup.usage_bytes", first.t_ms, last.t_ms).with_value(held),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::*;
    use crate::case::{Case, Moment, Outcome, OutcomeKind};
    use flinkmem_trace::{Cgroup, Process};

    const MIB: u64 = 1 << 20;

    /// Anonymous memory, mapped files and page cache in a container of 1000 MiB.
    fn answer(samples: &[(u64, u64, u64)]) -> Answer {
        let mut case = Case::default();
        for (second, &(anon, mapped, cache)) in (0_u64..).zip(samples) {
            case.timeline.moments.push(Moment {
                up_ms: second * 1000,
                cgroup: Some(Cgroup {
                    usage_bytes: (anon + cache) * MIB,
                    file_bytes: Some(cache * MIB),
                    limit_bytes: Some(1000 * MIB),
                    ..Cgroup::default()
                }),
                process: Some(Process {
                    vm_rss_bytes: (anon + mapped) * MIB,
                    rss_anon_bytes: anon * MIB,
                    rss_file_bytes: mapped * MIB,
                    ..Process::default()
                }),
                ..Moment::default()
            });
        }
        let outcome = Outcome {
            kind: OutcomeKind::Running,
            detail: String::new(),
        };
        check(&Container::of(Facts {
            case: &case,
            outcome: &outcome,
            budget: None,
        }))
    }

    #[test]
    fn mapped_files_at_the_limit_are_worth_a_word_and_no_alarm() {
        let Answer::Fires(finding) = answer(&[(300, 60, 100), (310, 600, 680)]) else {
            panic!("silent");
        };
        assert_eq!(finding.severity, Severity::Info);
        assert!(!finding.limit.reached);
    }

    #[test]
    fn page_cache_that_nobody_has_mapped_is_worth_none() {
        assert!(matches!(
            answer(&[(300, 60, 100), (310, 60, 680)]),
            Answer::DoesNotFire(_)
        ));
    }

    #[test]
    fn anonymous_memory_that_fills_the_container_is_another_matter() {
        assert!(matches!(
            answer(&[(300, 60, 100), (900, 300, 90)]),
            Answer::DoesNotFire(_)
        ));
    }
}
