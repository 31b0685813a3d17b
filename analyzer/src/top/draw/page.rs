//! A text that lies over the screen: a report, the help.

use super::Scene;
use crate::top::screen::Page;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Widget, Wrap};

pub(super) fn draw(area: Rect, buffer: &mut Buffer, page: &Page, scene: Scene<'_>) {
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(area);
    Line::styled(page.title.as_str(), scene.palette.heading(true)).render(top, buffer);
    let lines = page.text.lines().skip(page.scroll).map(Line::from);
    Paragraph::new(Text::from_iter(lines))
        .wrap(Wrap { trim: false })
        .render(middle, buffer);
    let count = page.text.lines().count();
    let first = (page.scroll + 1).min(count);
    let last = (page.scroll + usize::from(middle.height)).min(count);
    Line::from(format!(
        "Esc back   arrows, Page Up and Down scroll   lines {first} to {last} of {count}"
    ))
    .render(bottom, buffer);
}
