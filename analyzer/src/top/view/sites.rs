//! Call sites that hold off-heap memory, by owner.

use super::{Pace, WINDOW_MS};
use crate::case::{Account, Case, OwnerUse, SiteSnapshot, seconds, share, trend_by_owner};

/// What counts as now, milliseconds.
const RECENT_MS: u64 = 60_000;

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
    let all = &case.timeline.snapshots;
    let owners = trend_by_owner(case, &Account::All, since(all, WINDOW_MS));
    let live: u64 = owners.iter().map(|owner| owner.live_bytes).sum();
    let now = since(all, RECENT_MS);
    let lately = trend_by_owner(case, &Account::All, now);
    let row = |owner: &OwnerUse<'_>| {
        // Growth that has begun is not to drown in the calm before it.
        let same = lately.iter().find(|recent| recent.owner == owner.owner);
        let begun = same.filter(|recent| recent.growth_bytes > 0);
        let grown = begun.map_or_else(
            || pace(owner.growth_bytes, since(all, WINDOW_MS)),
            |recent| pace(recent.growth_bytes, now),
        );
        row(owner, live, grown)
    };
    let mut rows: Vec<SiteRow> = owners.iter().map(row).collect();
    let growth = |row: &SiteRow| row.pace.map_or(0.0, Pace::per_minute);
    rows.sort_by(|one, other| {
        let by_growth = growth(other).total_cmp(&growth(one));
        by_growth
            .then(other.live_bytes.cmp(&one.live_bytes))
            .then_with(|| one.name.cmp(&other.name))
    });
    rows
}

fn row(owner: &OwnerUse<'_>, all: u64, pace: Option<Pace>) -> SiteRow {
    let line = owner.frame.line;
    let line = line.map_or(String::new(), |line| format!(":{line}"));
    SiteRow {
        name: format!("{}{line}", owner.owner.method),
        live_bytes: owner.live_bytes,
        share: share(owner.live_bytes, all),
        old_share: owner.old_share(),
        pace,
    }
}

/// `None` with one snapshot.
fn pace(grown: u64, snapshots: &[SiteSnapshot]) -> Option<Pace> {
    let (first, last) = (snapshots.first()?, snapshots.last()?);
    let span_min = (seconds(last.up_ms) - seconds(first.up_ms)) / 60.0;
    match grown {
        _ if span_min <= 0.0 => None,
        0 => Some(Pace::Steady),
        grown => Some(Pace::PerMinute(grown as f64 / span_min)),
    }
}

fn since(snapshots: &[SiteSnapshot], ms: u64) -> &[SiteSnapshot] {
    let since = snapshots
        .last()
        .map_or(0, |last| last.up_ms.saturating_sub(ms));
    let begin = snapshots.partition_point(|snapshot| snapshot.up_ms < since);
    snapshots.get(begin..).unwrap_or_default()
}
