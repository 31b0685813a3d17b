//! What a trace says, as metrics: one table of signals, read once, printed as Prometheus text and as OTLP.
//!
//! ```text
//! case, report ── table (name, unit, kind, help, how it is read) ──► readings ──► prometheus, otlp, docs/metrics.md
//! ```
//! Everything here is pure: when to read and whom to tell is the business of [`crate::serve`].

mod document;
mod identity;
mod otlp;
mod points;
mod prometheus;
mod readings;
mod signal;
mod table;
mod view;

pub use document::document;
pub use identity::Identity;
pub use otlp::{Resource, export_request};
pub use points::{Known, Label, MOST_POINTS, Point, Points, Value};
pub use prometheus::{Exposition, Format};
pub use readings::{Family, Readings};
pub use signal::{Definition, Kind, Signal, Unit};
pub use table::{process_signals, service_signals};
pub use view::{ServiceFigures, View};
