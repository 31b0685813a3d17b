//! Call sites that hold off-heap memory, by owner.

use super::{Pace, WINDOW_MS};
use crate::case::{Account, Case, OwnerUse, SiteSnapshot, seconds, share, trend_by_owner};

/// What one owner's call sites hold.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteRow {
    /// `class.method` that somebody can change, with its line.
    pub name: String,
    /// Bytes live.
    pub live_bytes: u64,
    /// Of the live bytes of all sites, from 0 to 1.
    pub share: f64,
    /// Of its bytes, those older than the last collections, from 0 to 1.
    pub old_share: f64,
    /// How fast it grows; absent with one snapshot.
    pub pace: Option<Pace>,
}

/// Owners, those that grow most first, then those with the most bytes.
pub(super) fn rows(case: &Case) -> Vec<SiteRow> {
    let snapshots = recent(&case.timeline.snapshots);
    let span_min = match (snapshots.first(), snapshots.last()) {
        (Some(first), Some(last)) => (seconds(last.up_ms) - seconds(first.up_ms)) / 60.0,
        _ => 0.0,
    };
    let owners = trend_by_owner(case, &Account::All, snapshots);
    let all: u64 = owners.iter().map(|owner| owner.live_bytes).sum();
    let mut rows: Vec<SiteRow> = owners
        .iter()
        .map(|owner| row(owner, all, span_min))
        .collect();
    let growth = |row: &SiteRow| row.pace.map_or(0.0, Pace::per_minute);
    rows.sort_by(|one, other| {
        let by_growth = growth(other).total_cmp(&growth(one));
        by_growth
            .then(other.live_bytes.cmp(&one.live_bytes))
            .then_with(|| one.name.cmp(&other.name))
    });
    rows
}

fn row(owner: &OwnerUse<'_>, all: u64, span_min: f64) -> SiteRow {
    let line = owner
        .frame
        .line
        .map_or(String::new(), |line| format!(":{line}"));
    let pace = match owner.growth_bytes {
        _ if span_min <= 0.0 => None,
        0 => Some(Pace::Steady),
        grown => Some(Pace::PerMinute(grown as f64 / span_min)),
    };
    SiteRow {
        name: format!("{}{line}", owner.owner.method),
        live_bytes: owner.live_bytes,
        share: share(owner.live_bytes, all),
        old_share: owner.old_share(),
        pace,
    }
}

fn recent(snapshots: &[SiteSnapshot]) -> &[SiteSnapshot] {
    let since = snapshots
        .last()
        .map_or(0, |last| last.up_ms.saturating_sub(WINDOW_MS));
    let begin = snapshots.partition_point(|snapshot| snapshot.up_ms < since);
    snapshots.get(begin..).unwrap_or_default()
}
