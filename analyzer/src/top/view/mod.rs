//! What there is to see of a process at one moment. Computed from its case and report; nothing here reads or draws.

mod findings;
mod pace;
mod pools;
mod sites;
mod threads;
mod vitals;

pub use findings::FindingRow;
pub use pace::Pace;
pub use pools::{Exhaustion, PoolRow, Unit};
pub use sites::SiteRow;
pub use threads::{ThreadRow, ThreadRowKind};
pub use vitals::Vital;

use crate::case::{Case, Moment, OutcomeKind};
use crate::outside::Answers;
use crate::report::Report;
use crate::rules::AnswerKind;

/// How far back growth is measured, milliseconds.
pub const WINDOW_MS: u64 = 300_000;

/// A process at a glance.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Which process.
    pub process: String,
    /// When it was measured, wall clock, milliseconds since the epoch.
    pub at_ms: i64,
    /// What became of the process, once it has ended.
    pub end: Option<String>,
    /// Figures without a limit.
    pub vitals: Vec<Vital>,
    /// Flink's jobs here, a line each.
    pub jobs: Vec<String>,
    /// What is used of what is allowed.
    pub pools: Vec<PoolRow>,
    /// Who holds off-heap memory.
    pub sites: Vec<SiteRow>,
    /// What the rules say, the worst first.
    pub findings: Vec<FindingRow>,
    /// Threads by name, children, others in the container.
    pub threads: Vec<ThreadRow>,
    /// Why there are no sites.
    pub no_sites: &'static str,
    /// Why there are no findings.
    pub no_findings: String,
    /// What cannot be had and what to do about it; absent where nothing is missing.
    pub caution: Option<String>,
}

/// How the process is looked at.
#[derive(Debug, Clone, Copy)]
pub enum Means<'a> {
    /// Its agent's trace.
    Agent,
    /// From outside.
    Outside {
        /// What the JVM said; `None` where it is not asked.
        answers: Option<&'a Answers>,
        /// Anonymous memory in huge pages; `None` where the kernel does not tell.
        huge_pages_bytes: Option<u64>,
    },
}

impl View {
    /// What a case and its report show.
    #[must_use]
    pub fn of(case: &Case, report: &Report, means: Means<'_>) -> Self {
        let findings = findings::rows(report);
        let recent = recent(&case.timeline.moments);
        Self {
            process: crate::report::process(report),
            at_ms: case
                .timeline
                .moments
                .last()
                .map_or(case.header.t_ms, |moment| moment.t_ms),
            end: end(report),
            vitals: vitals::of(case, recent, means),
            jobs: vitals::jobs(case),
            pools: pools::rows(case, recent, report, means),
            sites: sites::rows(case),
            threads: threads::rows(case),
            no_sites: no_sites(case, means),
            no_findings: no_findings(case, report),
            caution: caution(case, means),
            findings,
        }
    }
}

/// The moments that growth is measured over.
fn recent(moments: &[Moment]) -> &[Moment] {
    let since = moments
        .last()
        .map_or(0, |last| last.up_ms.saturating_sub(WINDOW_MS));
    let begin = moments.partition_point(|moment| moment.up_ms < since);
    moments.get(begin..).unwrap_or_default()
}

fn end(report: &Report) -> Option<String> {
    let has_ended = report.outcome.kind != OutcomeKind::Running;
    has_ended.then(|| report.outcome.detail.clone())
}

fn no_sites(case: &Case, means: Means<'_>) -> &'static str {
    match means {
        Means::Outside { .. } => "unknown without the agent",
        Means::Agent if case.header.attached_late => "none since the agent was attached",
        Means::Agent => "none sampled yet",
    }
}

/// How much "nothing" is worth: rules that lack data say nothing.
fn no_findings(case: &Case, report: &Report) -> String {
    let span = crate::units::duration(case.timeline.span_s());
    let said = |kind| {
        report
            .checked
            .iter()
            .filter(|checked| checked.answer == kind)
            .count()
    };
    let (against, lacking) = (
        said(AnswerKind::DoesNotFire),
        said(AnswerKind::NotEnoughData),
    );
    format!("Nothing found in {span}: {against} rules say no, {lacking} lack data.")
}

fn caution(case: &Case, means: Means<'_>) -> Option<String> {
    let pid = case.header.pid;
    match means {
        Means::Agent => case.header.attached_late.then(|| {
            "the agent was attached late: what was allocated before it has no call site".to_owned()
        }),
        Means::Outside { answers, .. } => {
            let refusal = answers.and_then(|answers| answers.refusal.as_ref());
            let refused = refusal.map(|refusal| format!("; the JVM is not asked: {refusal}"));
            Some(format!(
                "no agent: call sites and direct memory in use are unknown; flinkmem attach {pid}{}",
                refused.unwrap_or_default()
            ))
        }
    }
}

/// The verdict in a line, or how much it is worth that there is none.
pub(super) fn verdict(case: &Case, report: &Report) -> Result<FindingRow, String> {
    let first = findings::rows(report).into_iter().next();
    first.ok_or_else(|| no_findings(case, report))
}
