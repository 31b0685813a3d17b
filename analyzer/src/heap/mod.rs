//! What fills the Java heap: the kind of each class, and what has grown between two histograms.

mod growth;
mod kind;

pub use growth::{ClassGrowth, growth};
pub use kind::{ClassKind, class_kind};
