//! A view as cells of a screen, whatever its size. What is most urgent is on top, and every row can be read without colour.

mod cells;
mod choice;
mod heights;
mod page;
mod palette;
mod panels;
mod status;
#[cfg(test)]
mod tests;

pub(super) use choice::{choice_height, draw_choice};
pub(super) use palette::Palette;
pub(super) use panels::wanted_rows;

use super::screen::{Panel, Screen};
use super::view::View;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget};

/// What a picture depends on beside the view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) screen: &'a Screen,
    pub(super) palette: Palette,
    /// Wall clock now, milliseconds since the epoch; `None` where the picture is of its own time.
    pub(super) now_ms: Option<i64>,
    /// Somebody can press keys.
    pub(super) has_keys: bool,
}

/// Draws the whole screen.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, view: &View, scene: Scene<'_>) {
    if let Some(page) = &scene.screen.page {
        return page::draw(area, buffer, page, scene);
    }
    let head = status::head(view, area.width, scene);
    // On a small screen the panels come first.
    let most_head = (area.height / 3).max(2);
    let head_height = height(&head).min(most_head);
    let [head_area, panels_area, foot_area] = Layout::vertical([
        Constraint::Length(head_height),
        Constraint::Fill(1),
        Constraint::Length(u16::from(scene.has_keys)),
    ])
    .areas(area);
    Paragraph::new(head).render(head_area, buffer);
    let focus = scene.screen.panel.index();
    let heights = heights::share_out(panels_area.height, wanted_rows(view), focus);
    let areas = Layout::vertical(heights.map(Constraint::Length)).split(panels_area);
    for (panel, area) in Panel::ALL.into_iter().zip(areas.iter()) {
        panels::draw(*area, buffer, panel, view, scene);
    }
    if scene.has_keys {
        Paragraph::new(status::foot(area.width, scene)).render(foot_area, buffer);
    }
}

/// The rows that it takes to show all of a view.
pub(super) fn whole_height(view: &View, width: u16, scene: Scene<'_>) -> u16 {
    let head = height(&status::head(view, width, scene));
    let panels: u16 = wanted_rows(view).iter().sum();
    // The head gets a third at most.
    (head + panels + u16::from(scene.has_keys)).max(head.saturating_mul(3))
}

fn height(lines: &[Line<'_>]) -> u16 {
    u16::try_from(lines.len()).unwrap_or(u16::MAX)
}
