//! One frame as plain text, for pipes.

use super::choice::Choice;
use super::draw::{Palette, Scene, choice_height, draw, draw_choice, whole_height};
use super::screen::Screen;
use super::view::View;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::time::Duration;

/// What mails and tickets hold.
const COLUMNS: u16 = 80;

/// Rows of panels that may be long; the screen has the rest.
const MOST_ROWS: usize = 10;

/// A whole view.
#[must_use]
pub fn view_as_text(view: &View) -> String {
    let mut view = view.clone();
    view.sites.truncate(MOST_ROWS);
    view.threads.truncate(MOST_ROWS);
    as_text(|scene| {
        let area = Rect::new(0, 0, COLUMNS, whole_height(&view, COLUMNS, scene));
        let mut buffer = Buffer::empty(area);
        draw(area, &mut buffer, &view, scene);
        buffer
    })
}

/// The list of traces.
#[must_use]
pub fn choice_as_text(choice: &Choice) -> String {
    let rows = choice.rows();
    as_text(|scene| {
        let area = Rect::new(0, 0, COLUMNS, choice_height(&rows));
        let mut buffer = Buffer::empty(area);
        draw_choice(area, &mut buffer, &rows, scene);
        buffer
    })
}

fn as_text(drawn: impl Fn(Scene<'_>) -> Buffer) -> String {
    let screen = Screen::new(Duration::from_secs(1));
    let buffer = drawn(Scene {
        screen: &screen,
        palette: Palette { has_colours: false },
        now_ms: None,
        has_keys: false,
    });
    let line = |y: u16| {
        let cells = (0..buffer.area.width).filter_map(|x| buffer.cell((x, y)));
        let line: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    };
    let mut lines: Vec<String> = (0..buffer.area.height).map(line).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n") + "\n"
}
