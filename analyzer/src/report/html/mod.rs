//! The HTML form: one file that opens from disk and asks nobody for anything.
//!
//! Everything that there is to read is in the markup, so that the page makes sense without its scripts; what they draw (timeline, ledger, flame
//! graph, what-if) is data beside it. Text of traces is untrusted: `maud` escapes what goes into the markup, `embed` what goes into data.

mod budget;
mod charts;
mod embed;
mod events;
mod facts;
mod flame;
mod ledger;
mod loaders;
mod page;
mod rules;
mod series;
#[cfg(test)]
mod tests;
mod timeline;
mod verdict;
mod what_if;

pub use page::page;

use super::Report;
use crate::budget::Budget;
use crate::case::Case;

/// What a page shows of one process.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// What was recorded.
    pub case: &'a Case,
    /// What was found.
    pub report: &'a Report,
    /// What the process was configured to; `None` for one that is not Flink's.
    pub budget: Option<&'a Budget>,
}

/// The page of one process, against what it was started with.
#[must_use]
pub fn to_html(case: &Case, report: &Report) -> String {
    let budget = Budget::recorded(&case.observed);
    page(&[Shown {
        case,
        report,
        budget: budget.as_ref(),
    }])
}
