//! The lines above and below the panels.

use super::Scene;
use super::cells::wrapped;
use super::palette::{Tone, name_of};
use crate::top::view::{View, Vital};
use crate::units::{duration, time_of_day};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Lines that the verdict may take.
const MOST_HEADLINE: usize = 2;

/// Jobs that are shown; a session cluster may have dozens.
const MOST_JOBS: usize = 3;

/// A sample that is older than this and two intervals is told.
const FRESH_MS: i64 = 3_000;

/// What is read first.
pub(super) fn head(view: &View, width: u16, scene: Scene<'_>) -> Vec<Line<'static>> {
    let palette = scene.palette;
    let mut lines = vec![title(view, width, scene)];
    if let Some(end) = &view.end {
        let told = wrapped(&format!("ENDED  {end}"), width, MOST_HEADLINE);
        lines.extend(
            told.into_iter()
                .map(|line| Line::styled(line, palette.style(Tone::Critical))),
        );
    }
    let (verdict, tone) = match view.findings.first() {
        Some(finding) => (
            format!(
                "{}  {}, {:.0} % sure: {}",
                name_of(finding.severity),
                finding.label,
                finding.confidence * 100.0,
                finding.text
            ),
            Tone::of_severity(finding.severity),
        ),
        None => (view.no_findings.clone(), Tone::Plain),
    };
    let told = wrapped(&verdict, width, MOST_HEADLINE);
    lines.extend(
        told.into_iter()
            .map(|line| Line::styled(line, palette.style(tone))),
    );
    lines.extend(vitals(&view.vitals, width, scene));
    if let Some(caution) = &view.caution {
        lines.extend(
            wrapped(caution, width, 2)
                .into_iter()
                .map(|line| Line::styled(line, palette.style(Tone::Warning))),
        );
    }
    let jobs = view.jobs.iter().take(MOST_JOBS);
    lines.extend(jobs.flat_map(|job| wrapped(job, width, 1)).map(Line::from));
    if let Some(more) = view
        .jobs
        .len()
        .checked_sub(MOST_JOBS)
        .filter(|more| *more > 0)
    {
        lines.push(Line::from(format!("and {more} more jobs")));
    }
    lines
}

/// Who it is on the left, when it was on the right.
fn title(view: &View, width: u16, scene: Scene<'_>) -> Line<'static> {
    let interval_ms = i64::try_from(scene.screen.interval.as_millis()).unwrap_or(i64::MAX);
    let age_ms = scene.now_ms.map_or(0, |now| now.saturating_sub(view.at_ms));
    let is_old = age_ms > FRESH_MS.saturating_add(interval_ms.saturating_mul(2));
    let mut right = time_of_day(view.at_ms);
    if is_old {
        right = format!("{} ago  {right}", duration(age_ms as f64 / 1000.0));
    }
    if scene.screen.is_paused {
        right = format!("PAUSED  {right}");
    }
    let room = width
        .saturating_sub(u16::try_from(right.len()).unwrap_or(width))
        .saturating_sub(2);
    let left = wrapped(&view.process, room, 1).pop().unwrap_or_default();
    let gap = usize::from(width).saturating_sub(Line::from(left.as_str()).width() + right.len());
    let tone = if is_old || scene.screen.is_paused {
        Tone::Warning
    } else {
        Tone::Plain
    };
    Line::from(vec![
        Span::styled(left, scene.palette.heading(false)),
        Span::raw(" ".repeat(gap)),
        Span::styled(right, scene.palette.style(tone)),
    ])
}

/// As many as fit on a line, then the next line.
fn vitals(vitals: &[Vital], width: u16, scene: Scene<'_>) -> Vec<Line<'static>> {
    const GAP: usize = 3;
    let mut lines: Vec<Line<'static>> = Vec::new();
    for vital in vitals {
        let text = format!("{} {}", vital.name, vital.value);
        let tone = if vital.is_high {
            Tone::Critical
        } else {
            Tone::Plain
        };
        let span = Span::styled(text, scene.palette.style(tone));
        let fits = |line: &Line<'_>| line.width() + GAP + span.width() <= usize::from(width);
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) => {
                line.push_span(Span::raw(" ".repeat(GAP)));
                line.push_span(span);
            }
            None => lines.push(Line::from(span)),
        }
    }
    lines
}

/// The keys, as many as fit, the most needed first.
pub(super) fn foot(width: u16, scene: Scene<'_>) -> Line<'static> {
    let interval = duration(scene.screen.interval.as_secs_f64());
    let order = scene.screen.order_of(scene.screen.panel).name();
    let keys = [
        ("q", "quit".to_owned()),
        ("?", "help".to_owned()),
        ("Tab", "panel".to_owned()),
        ("Enter", "open".to_owned()),
        ("s", format!("sort: {order}")),
        (
            "p",
            if scene.screen.is_paused {
                "go on".to_owned()
            } else {
                "pause".to_owned()
            },
        ),
        ("+-", format!("every {interval}")),
    ];
    let mut line = Line::default();
    for (key, what) in keys {
        let needed = line.width() + key.len() + what.len() + 3;
        if needed > usize::from(width) {
            break;
        }
        line.push_span(Span::styled(key, scene.palette.heading(false)));
        line.push_span(Span::styled(format!(" {what}  "), Style::new()));
    }
    line
}
