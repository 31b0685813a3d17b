//! The panels: a table each, whose heading is the panel's name and those of its columns.

use super::Scene;
use super::cells::{bar, end_of, exhaustion, optional, pace, percent, wrapped};
use super::palette::{Tone, name_of};
use crate::top::screen::Panel;
use crate::top::view::{
    Exhaustion, FindingRow, PoolRow, SiteRow, ThreadRow, ThreadRowKind, Unit, View,
};
use crate::units::bytes;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Row, StatefulWidget, Table, TableState};

/// Lines of text in a row of findings.
const FINDING_LINES: u16 = 2;

/// Lines that each panel would fill, its heading among them.
pub(in crate::top) fn wanted_rows(view: &View) -> [u16; 4] {
    let lines = |rows: usize, each: u16| {
        let rows = u16::try_from(rows.max(1)).unwrap_or(u16::MAX);
        rows.saturating_mul(each).saturating_add(1)
    };
    let per_finding = if view.findings.is_empty() {
        1
    } else {
        FINDING_LINES
    };
    [
        lines(view.pools.len(), 1),
        lines(view.findings.len(), per_finding),
        lines(view.sites.len(), 1),
        lines(view.threads.len(), 1),
    ]
}

/// A table before it is drawn.
struct Sheet {
    headings: Vec<Heading>,
    rows: Vec<Row<'static>>,
    /// Lines of a row.
    row_lines: u16,
    /// Said where there are no rows.
    empty: String,
}

/// A column.
struct Heading {
    name: String,
    width: Constraint,
    is_figure: bool,
}

/// Draws one panel.
pub(super) fn draw(area: Rect, buffer: &mut Buffer, panel: Panel, view: &View, scene: Scene<'_>) {
    if area.is_empty() {
        return;
    }
    let sheet = match panel {
        Panel::Pools => pools(&view.pools, area.width, scene),
        Panel::Findings => findings(view, area.width, scene),
        Panel::Sites => sites(view, area.width, scene),
        Panel::Threads => threads(&view.threads, area.width, scene),
    };
    let has_focus = scene.has_keys && scene.screen.panel == panel;
    sheet.draw(area, buffer, has_focus, scene, panel);
}

impl Sheet {
    /// Rows for which so many lines have no room.
    fn hidden_below(&self, lines: u16) -> usize {
        let shown = usize::from(lines.saturating_sub(1) / self.row_lines.max(1));
        self.rows.len().saturating_sub(shown)
    }

    fn draw(
        self,
        area: Rect,
        buffer: &mut Buffer,
        has_focus: bool,
        scene: Scene<'_>,
        panel: Panel,
    ) {
        let heading = scene.palette.heading(has_focus);
        let hidden = self.hidden_below(area.height);
        let cells = self.headings.iter().enumerate().map(|(index, column)| {
            let more = match (index, hidden) {
                (0, 1..) => format!(", {hidden} more"),
                _ => String::new(),
            };
            aligned(format!("{}{more}", column.name), column.is_figure)
        });
        let widths = self.headings.iter().map(|column| column.width);
        let is_empty = self.rows.is_empty();
        let rows = match is_empty {
            true => vec![Row::new([Cell::from(Text::from(format!(
                "  {}",
                self.empty
            )))])],
            false => self.rows,
        };
        let header = Row::new(cells).style(heading);
        let mut table = match is_empty {
            true => {
                let heading_text = self
                    .headings
                    .first()
                    .map_or(String::new(), |column| column.name.clone());
                Table::new(rows, [Constraint::Fill(1)])
                    .header(Row::new([heading_text]).style(heading))
            }
            false => Table::new(rows, widths).header(header).column_spacing(1),
        };
        let mut state = TableState::default();
        if has_focus && !is_empty {
            table = table.row_highlight_style(scene.palette.selection());
            state.select(scene.screen.selected.get(panel.index()).copied());
        }
        StatefulWidget::render(table, area, buffer, &mut state);
    }
}

fn name(name: &str) -> Heading {
    Heading {
        name: name.to_owned(),
        width: Constraint::Fill(1),
        is_figure: false,
    }
}

fn figure(name: &str, width: u16) -> Heading {
    Heading {
        name: name.to_owned(),
        width: Constraint::Length(width),
        is_figure: true,
    }
}

fn aligned(text: String, is_figure: bool) -> Cell<'static> {
    let line = Line::from(text);
    Cell::from(if is_figure {
        line.right_aligned()
    } else {
        line
    })
}

fn right(text: String) -> Cell<'static> {
    aligned(text, true)
}

fn toned(text: String, style: Style) -> Cell<'static> {
    right(text).style(style)
}

/// From this width on there is a bar, and room for two units of a time.
const WIDE: u16 = 74;

/// From this width on there is room for a forecast's interval.
const VERY_WIDE: u16 = 110;

fn pools(rows: &[PoolRow], width: u16, scene: Scene<'_>) -> Sheet {
    let is_wide = width >= WIDE;
    let (bar_cells, full_in) = match width {
        VERY_WIDE.. => (width / 4, 26),
        WIDE.. => (12, 11),
        _ => (0, 8),
    };
    let mut headings = vec![name("Pools"), figure("used", 8), figure("limit", 8)];
    if is_wide {
        headings.push(Heading {
            name: String::new(),
            width: Constraint::Length(bar_cells),
            is_figure: false,
        });
    }
    headings.extend([
        figure("", 5),
        figure("growth/min", 10),
        figure("full in", full_in),
    ]);
    let row = |row: &PoolRow| {
        let style = scene.palette.style(urgency(row));
        let indent = if row.is_part { "  " } else { "" };
        let mut cells = vec![
            Cell::from(format!("{indent}{}", row.name)).style(style),
            right(optional(row.used, row.unit)),
            right(optional(row.limit, row.unit)),
        ];
        if is_wide {
            cells.push(Cell::from(bar(row.share(), bar_cells)).style(style));
        }
        let when = exhaustion(row.exhaustion, usize::from(full_in));
        cells.extend([
            toned(
                if is_over_nothing(row) {
                    "over".to_owned()
                } else {
                    percent(row.share())
                },
                style,
            ),
            right(pace(row.pace, row.unit)),
            toned(when, style),
        ]);
        Row::new(cells)
    };
    Sheet {
        headings,
        rows: rows.iter().map(row).collect(),
        row_lines: 1,
        empty: "nothing measured yet".to_owned(),
    }
}

fn urgency(row: &PoolRow) -> Tone {
    let by_share = match row.has_garbage {
        true => Tone::Plain,
        false => Tone::of_share(row.share()),
    };
    match row.exhaustion {
        Some(Exhaustion::Met) => Tone::Critical,
        Some(Exhaustion::In(_)) => by_share.max(Tone::Warning),
        None if is_over_nothing(row) => Tone::Warning,
        None => by_share,
    }
}

/// Used, though nothing is meant to be.
fn is_over_nothing(row: &PoolRow) -> bool {
    row.limit == Some(0) && row.used > Some(0)
}

fn findings(view: &View, width: u16, scene: Scene<'_>) -> Sheet {
    const SEVERITY: u16 = 8;
    const SURE: u16 = 5;
    let text_width = width.saturating_sub(SEVERITY + SURE + 2);
    let row = |row: &FindingRow| {
        let text = format!("{}: {}", row.label, row.text);
        let lines = wrapped(&text, text_width, usize::from(FINDING_LINES));
        Row::new([
            Cell::from(name_of(row.severity))
                .style(scene.palette.style(Tone::of_severity(row.severity))),
            right(percent(Some(row.confidence))),
            Cell::from(Text::from_iter(lines)),
        ])
        .height(FINDING_LINES)
    };
    Sheet {
        headings: vec![
            Heading {
                name: "Findings".to_owned(),
                width: Constraint::Length(SEVERITY),
                is_figure: false,
            },
            figure("sure", SURE),
            name(""),
        ],
        rows: view.findings.iter().map(row).collect(),
        row_lines: FINDING_LINES,
        empty: "none".to_owned(),
    }
}

fn sites(view: &View, width: u16, _: Scene<'_>) -> Sheet {
    const FIGURES: u16 = 10 + 6 + 11 + 6 + 4;
    let name_width = usize::from(width.saturating_sub(FIGURES));
    let row = |row: &SiteRow| {
        Row::new([
            Cell::from(end_of(&row.name, name_width)),
            right(bytes(row.live_bytes)),
            right(percent(Some(row.share))),
            right(pace(row.pace, Unit::Bytes)),
            right(percent(Some(row.old_share))),
        ])
    };
    Sheet {
        headings: vec![
            name("Call sites, off-heap"),
            figure("live", 10),
            figure("share", 6),
            figure("growth/min", 11),
            figure("old", 6),
        ],
        rows: view.sites.iter().map(row).collect(),
        row_lines: 1,
        empty: view.no_sites.to_owned(),
    }
}

fn threads(rows: &[ThreadRow], width: u16, scene: Scene<'_>) -> Sheet {
    let name_width = usize::from(width.saturating_sub(9 + 9 + 11 + 3));
    let row = |row: &ThreadRow| {
        let (name, tone) = match row.kind {
            ThreadRowKind::Threads => (row.name.clone(), Tone::Plain),
            ThreadRowKind::Child => (format!("child {}", row.name), Tone::Warning),
            ThreadRowKind::Neighbour => (format!("neighbour {}", row.name), Tone::Plain),
        };
        let grown = row.grown.map(|grown| {
            if grown == 0 {
                "steady".to_owned()
            } else {
                format!("{grown:+}")
            }
        });
        Row::new([
            Cell::from(end_of(&name, name_width)).style(scene.palette.style(tone)),
            right(row.count.to_string()),
            right(grown.unwrap_or_default()),
            right(row.resident_bytes.map_or(String::new(), bytes)),
        ])
    };
    Sheet {
        headings: vec![
            name("Threads and processes"),
            figure("threads", 9),
            figure("grown", 9),
            figure("resident", 11),
        ],
        rows: rows.iter().map(row).collect(),
        row_lines: 1,
        empty: "no census of threads yet".to_owned(),
    }
}
