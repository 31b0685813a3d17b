//! The tables: pools, who holds the resident memory, and how far limits are.

use super::page::{self, FAINT, Page, painted, percent};
use crate::budget::BudgetLine;
use crate::report::{Headroom, LibraryPart, Rss};
use crate::units::{bytes, time_of_day};
use anstyle::Style;

/// From so many columns on a table has bars, and the budget its fourth column.
const WITH_BARS: usize = 78;

/// Every pool: meant for it, in use last, at most, and resident.
pub(super) fn pools(page: &mut Page, lines: &[BudgetLine]) {
    let is_known = |line: &BudgetLine| line.configured.or(line.peak).is_some();
    if !lines.iter().any(is_known) {
        return;
    }
    page.heading("Budget");
    let wide = page.look.columns >= WITH_BARS;
    let (full, once) = page.look.bar_characters();
    let title = if wide {
        format!(
            "  {:<18}{:>11}{:>10}{:>10}{:>10}  {full} used {once} peak",
            "", "configured", "used", "peak", "resident"
        )
    } else {
        format!(
            "  {:<18}{:>11}{:>10}{:>10}",
            "", "configured", "used", "peak"
        )
    };
    page.raw(&painted(FAINT, &title));
    let size = |size: Option<u64>| size.map_or("-".to_owned(), bytes);
    for line in lines {
        let mut row = format!(
            "  {:<18}{:>11}{:>10}{:>10}",
            line.component,
            size(line.configured),
            size(line.used),
            size(line.peak)
        );
        if wide {
            row += &format!("{:>10}  ", size(line.resident));
        }
        row += &fullness(page, line, wide);
        page.raw(&row);
    }
}

/// The pool that Flink takes whole when it starts: that it is full says nothing.
const TAKEN_WHOLE: &str = "network";

/// How full a pool was, or nothing where that was not measured.
fn fullness(page: &Page, line: &BudgetLine, wide: bool) -> String {
    let (Some(peak), Some(configured)) = (line.peak, line.configured) else {
        return String::new();
    };
    if configured == 0 {
        let over = if peak > 0 { "not planned" } else { "" };
        return if wide { over.to_owned() } else { String::new() };
    }
    let percent = percent(peak, configured);
    if wide {
        let style = if line.component == TAKEN_WHOLE {
            Style::new()
        } else {
            page::fullness(percent)
        };
        let bar = page.bar(style, line.used.unwrap_or(peak), peak, configured);
        format!("{bar} {percent:>3} %")
    } else {
        format!(" {percent:>3} %")
    }
}

/// Owners shown by name; the rest is summed up, for the whole report is one screen.
const MOST_OWNERS: usize = 5;

/// Libraries shown of what `malloc` gave out.
const MOST_LIBRARIES: usize = 3;

/// Who holds the resident memory, largest first.
pub(super) fn resident(page: &mut Page, rss: &Rss) {
    page.heading(&format!(
        "Resident  {} at {}, {:.1} % with a known owner",
        bytes(rss.bytes),
        time_of_day(rss.at_ms),
        rss.attributed * 100.0
    ));
    let all = page.look.is_verbose() || rss.parts.len() <= MOST_OWNERS + 1;
    let (named, others) = rss
        .parts
        .split_at(if all { rss.parts.len() } else { MOST_OWNERS });
    let mut row = |owner: &str, size: u64| {
        let owner = page.short(owner, 25);
        let bar = page.bar(Style::new(), size, size, rss.bytes);
        let percent = percent(size, rss.bytes);
        let row = format!("  {owner:<25}{:>11}   {bar} {percent:>3} %", bytes(size));
        page.raw(&row);
    };
    let mut rows: Vec<(String, u64)> = Vec::new();
    for part in named {
        rows.push((part.owner.clone(), part.bytes));
        let most = if all { usize::MAX } else { MOST_LIBRARIES };
        let libraries = part.libraries.iter().take(most);
        rows.extend(libraries.map(|LibraryPart { name, bytes }| (format!("  {name}"), *bytes)));
    }
    if !others.is_empty() {
        let sum = others.iter().map(|part| part.bytes).sum();
        rows.push((format!("{} others", others.len()), sum));
    }
    for (owner, size) in rows {
        row(&owner, size);
    }
}

/// How far the process stayed from its limits, the nearest first.
pub(super) fn headroom(page: &mut Page, limits: &[Headroom]) {
    if limits.is_empty() {
        return;
    }
    page.heading("Headroom, the smallest first");
    let title = format!("  {:<24}{:>10}{:>10}{:>10}", "", "limit", "peak", "left");
    page.raw(&painted(FAINT, &title));
    for one in limits {
        let figures = [one.limit, one.peak, one.left()].map(|figure| one.unit.text(figure));
        let [limit, peak, left] = figures;
        let mut row = format!("  {:<24}{limit:>10}{peak:>10}{left:>10}", one.what);
        if page.look.columns >= WITH_BARS {
            let style = page::fullness(percent(one.peak, one.limit));
            let bar = page.bar(style, one.peak, one.peak, one.limit);
            row += &format!("  {bar} {:>3} %", percent(one.peak, one.limit));
        }
        page.raw(&row);
    }
}
