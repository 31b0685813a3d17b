//! Colours, where they are wanted: never the only carrier of a meaning.

use crate::finding::Severity;
use ratatui::style::{Color, Modifier, Style};

/// How urgent something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(in crate::top) enum Tone {
    #[default]
    Plain,
    Warning,
    Critical,
}

/// Whether there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::top) struct Palette {
    pub(in crate::top) has_colours: bool,
}

/// From this share of a limit on it is worth a look.
const WARNING: f64 = 0.75;

/// From this share on it may be over any moment; the agent looks ten times a second from here on.
const CRITICAL: f64 = 0.9;

impl Tone {
    pub(super) fn of_share(share: Option<f64>) -> Self {
        match share {
            Some(share) if share >= CRITICAL => Self::Critical,
            Some(share) if share >= WARNING => Self::Warning,
            _ => Self::Plain,
        }
    }

    pub(super) fn of_severity(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Plain,
        }
    }
}

/// As in the text of reports.
pub(super) fn name_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::Warning => "WARNING",
        Severity::Info => "INFO",
    }
}

impl Palette {
    pub(super) fn style(self, tone: Tone) -> Style {
        let (colour, modifier) = match tone {
            Tone::Plain => return Style::new(),
            Tone::Warning => (Color::Yellow, Modifier::empty()),
            Tone::Critical => (Color::Red, Modifier::BOLD),
        };
        let style = Style::new().add_modifier(modifier);
        if self.has_colours {
            style.fg(colour)
        } else {
            style
        }
    }

    /// Headings of panels; of the panel with the selection the other way round.
    pub(super) fn heading(self, has_focus: bool) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        if has_focus {
            style.add_modifier(Modifier::REVERSED)
        } else {
            style.add_modifier(Modifier::UNDERLINED)
        }
    }

    pub(super) fn selection(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
