//! Kills of containers, and what else is known of who was killed.

use crate::budget::Budget;
use crate::case::Case;
use crate::lines::{Fact, Kill, Told};

/// What lines say about the container.
pub(in crate::rules) struct ContainerPicture<'a> {
    /// What told of it first.
    pub(in crate::rules) told: Option<&'a Told>,
    /// What it leans to.
    pub(in crate::rules) cause: ContainerCause,
    /// Limit and use, as far as any line tells them.
    pub(in crate::rules) limit: Option<u64>,
    pub(in crate::rules) used: Option<u64>,
    /// The sum of what the JVM may take by its own limits.
    pub(in crate::rules) promised: Option<u64>,
    /// The process that was killed, where it is none of Flink's.
    pub(in crate::rules) victim: Option<String>,
}

/// A cause of a kill that lines can lean to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum ContainerCause {
    /// No container was killed for memory.
    None,
    /// Nothing tells what filled it.
    Unknown,
    /// The container is smaller than the process is configured to be.
    BelowBudget,
    /// What the JVM may take by its limits leaves no room.
    NoRoom,
    /// A Python worker was killed or was the largest.
    Python,
    /// Another child of the process was.
    Child,
    /// It is none of Flink's containers.
    OtherProcess,
    /// It was only ended by SIGKILL; memory is the usual reason.
    SigKill,
}

/// No process of Flink starts in less: its JVM alone takes more.
const LEAST_FOR_FLINK: u64 = 192 << 20;
/// Heap, direct memory and metaspace together leave at least this share of the container for the rest of a JVM.
const LEAST_ROOM: f64 = 0.05;
/// Pages are 4 KiB where YARN runs.
const PAGE: u64 = 4096;
/// A child that holds more than this share of the tree is the consumer.
const LARGE_CHILD: f64 = 0.5;

impl<'a> ContainerPicture<'a> {
    pub(super) fn of(case: &'a Case, budget: Option<&Budget>) -> Self {
        let kill = first_kill(case);
        let told = kill.map(|(told, _)| told).or_else(|| sig_kill(case));
        let known =
            |figure: fn(&Kill) -> Option<u64>| kills(case).find_map(|(_, kill)| figure(kill));
        let limits = case.told.iter().filter_map(|(told, _)| match &told.fact {
            Fact::ContainerLimit { bytes, .. } => Some(*bytes),
            _ => None,
        });
        let limit = known(|kill| kill.limit)
            .or(case.observed.container_limit)
            .or_else(|| limits.min());
        let mut picture = Self {
            told,
            cause: ContainerCause::None,
            limit,
            used: known(|kill| kill.used),
            promised: promised(case),
            victim: None,
        };
        picture.judge(case, budget, kill.map(|(_, kill)| kill));
        picture
    }

    fn judge(&mut self, case: &Case, budget: Option<&Budget>, kill: Option<&Kill>) {
        if self.told.is_none() {
            return;
        }
        let Some(kill) = kill else {
            self.cause = ContainerCause::SigKill;
            return;
        };
        let configured =
            budget.and_then(|budget| budget.started.total_process.or(budget.pools.total_process));
        let too_small = self
            .limit
            .zip(configured)
            .is_some_and(|(limit, configured)| configured > limit.saturating_add(limit / 50));
        let no_room = self
            .limit
            .zip(self.promised)
            .is_some_and(|(limit, promised)| promised as f64 > limit as f64 * (1.0 - LEAST_ROOM));
        self.cause = if let Some(name) = self.other_process(case, kill) {
            self.victim = Some(name);
            ContainerCause::OtherProcess
        } else if let Some(name) = child(case, kill) {
            let is_python = name.contains("python") || name.contains("pyflink");
            self.victim = Some(name);
            if is_python {
                ContainerCause::Python
            } else {
                ContainerCause::Child
            }
        } else if too_small {
            ContainerCause::BelowBudget
        } else if no_room {
            ContainerCause::NoRoom
        } else {
            ContainerCause::Unknown
        };
    }

    /// By the name of the container, or by a limit in which Flink cannot live.
    fn other_process(&self, case: &Case, kill: &Kill) -> Option<String> {
        let tiny = self.limit.is_some_and(|limit| limit < LEAST_FOR_FLINK);
        let is_flink = case.observed.process.is_some();
        let by_kubernetes = kill.by == "Kubernetes";
        if !by_kubernetes {
            return None;
        }
        match &kill.what {
            Some(name) if is_flinks(name) => None,
            Some(name) if is_operators(name) || tiny => Some(name.clone()),
            None if tiny && !is_flink => Some("the container".to_owned()),
            _ => None,
        }
    }
}

/// Names that Flink, its operator and common charts give.
fn is_flinks(name: &str) -> bool {
    let parts = [
        "flink-main-container",
        "taskmanager",
        "task-manager",
        "jobmanager",
        "job-manager",
    ];
    parts.iter().any(|part| name.contains(part))
}

/// Names of containers beside Flink's.
fn is_operators(name: &str) -> bool {
    let parts = [
        "operator",
        "manager",
        "webhook",
        "istio-proxy",
        "sidecar",
        "console",
        "kube-rbac-proxy",
        "fluent",
    ];
    !is_flinks(name) && parts.iter().any(|part| name.contains(part))
}

fn kills(case: &Case) -> impl Iterator<Item = (&Told, &Kill)> {
    case.told.iter().filter_map(|(told, _)| match &told.fact {
        Fact::ContainerKilled(kill) => Some((told, kill)),
        _ => None,
    })
}

/// The first kill; that of one of Flink's containers before that of any other.
fn first_kill(case: &Case) -> Option<(&Told, &Kill)> {
    let of_flink = |(_, kill): &(&Told, &Kill)| kill.what.as_deref().is_some_and(is_flinks);
    kills(case).find(of_flink).or_else(|| kills(case).next())
}

/// An end by SIGKILL that nobody explains: 137, but not where the manager says that it was an error of another kind. YARN's -104 explains itself.
fn sig_kill(case: &Case) -> Option<&Told> {
    let is_kill = |told: &&Told| match &told.fact {
        Fact::Exit { code: 137, reason } => reason.as_deref() != Some("Error"),
        Fact::Exit { code, .. } => *code == -104,
        _ => false,
    };
    case.told.iter().map(|(told, _)| told).find(is_kill)
}

/// Another process than the JVM: the one that the kernel killed, or the largest of the tree.
fn child(case: &Case, kill: &Kill) -> Option<String> {
    let is_java =
        |name: &str| name == "java" || name.starts_with("flink") || name.starts_with("Flink");
    let killed = kill
        .what
        .as_ref()
        .filter(|name| kill.by == "kernel" && name.contains("python"));
    if let Some(name) = killed {
        return Some(name.clone());
    }
    let tree = || {
        case.told.iter().filter_map(|(told, _)| match &told.fact {
            Fact::ProcessInTree {
                name, rss_pages, ..
            } => Some((name, rss_pages.saturating_mul(PAGE))),
            _ => None,
        })
    };
    let all: u64 = tree().fold(0, |sum, (_, bytes)| sum.saturating_add(bytes));
    let (name, bytes) = tree()
        .filter(|(name, _)| !is_java(name))
        .max_by_key(|(_, bytes)| *bytes)?;
    (bytes as f64 > all as f64 * LARGE_CHILD).then(|| name.clone())
}

/// Heap, direct memory and metaspace by the JVM's limits.
fn promised(case: &Case) -> Option<u64> {
    let limits = case.observed.jvm_limits;
    let heap = limits.heap?;
    Some(
        heap.saturating_add(limits.direct.unwrap_or(0))
            .saturating_add(limits.metaspace.unwrap_or(0)),
    )
}
