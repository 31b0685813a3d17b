//! The list of traces.

use super::Scene;
use super::cells::wrapped;
use super::page;
use super::palette::{Tone, name_of};
use crate::top::choice::ChoiceRow;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Cell, Row, StatefulWidget, Table, TableState, Widget};

/// Lines of a row: the process, and up to two of its verdict.
const LINES: u16 = 3;

/// Draws the list.
pub(in crate::top) fn draw_choice(
    area: Rect,
    buffer: &mut Buffer,
    rows: &[ChoiceRow],
    scene: Scene<'_>,
) {
    if let Some(page) = &scene.screen.page {
        return page::draw(area, buffer, page, scene);
    }
    let [table, foot] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(u16::from(scene.has_keys)),
    ])
    .areas(area);
    const STATE: u16 = 10;
    let text_width = area.width.saturating_sub(STATE + 1);
    let row = |row: &ChoiceRow| {
        let word = row.severity.map_or("", name_of);
        let tone = row.severity.map_or(Tone::Plain, Tone::of_severity);
        let state = if row.is_running { "running" } else { "ended" };
        let mut lines = wrapped(&row.process, text_width, 1);
        lines.extend(wrapped(&row.text, text_width, usize::from(LINES) - 1));
        Row::new([
            Cell::from(Text::from(vec![
                Line::styled(word, scene.palette.style(tone)),
                Line::from(state),
            ])),
            Cell::from(Text::from_iter(lines)),
        ])
        .height(LINES)
    };
    let heading = format!("{} traces, the worst first", rows.len());
    let sheet = Table::new(
        rows.iter().map(row),
        [Constraint::Length(STATE), Constraint::Fill(1)],
    )
    .header(Row::new(["Traces".to_owned(), heading]).style(scene.palette.heading(true)))
    .row_highlight_style(scene.palette.selection());
    let mut state = TableState::default();
    if scene.has_keys {
        state.select(Some(scene.screen.chosen));
    }
    StatefulWidget::render(sheet, table, buffer, &mut state);
    if scene.has_keys {
        let keys = [
            ("q", "quit"),
            ("?", "help"),
            ("Enter", "open"),
            ("p", "pause"),
        ];
        let spans = keys.into_iter().flat_map(|(key, what)| {
            [
                Span::styled(key, scene.palette.heading(false)),
                Span::raw(format!(" {what}  ")),
            ]
        });
        Line::from_iter(spans).render(foot, buffer);
    }
}

/// Lines that the whole list takes.
pub(in crate::top) fn choice_height(rows: &[ChoiceRow]) -> u16 {
    u16::try_from(rows.len())
        .unwrap_or(u16::MAX)
        .saturating_mul(LINES)
        .saturating_add(1)
}
