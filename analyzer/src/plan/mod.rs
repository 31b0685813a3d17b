//! What a change of configuration would do: pools side by side, and the options that give a pool what it needs. What was measured
//! is [`crate::budget::Peaks`].
//!
//! Nothing here knows Flink's arithmetic: every proposal is derived again by [`crate::model`] before it is made.

mod comparison;
mod need;

pub use comparison::{Row, changed_options, compare};
pub use need::{Hold, Need, NoWay, NotANeed, POOLS, Proposal, satisfy};
