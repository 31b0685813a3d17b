//! The overview of a derived model, as an engineer on call wants to see it: nested pools, who enforces each, what to watch out for.

mod json;
mod pool;
mod remedy;
mod text;
mod warning;

pub use json::overview_json;
pub use pool::{Enforcer, Pool, pools};
pub use remedy::{Change, accepted_changes};
pub use text::{OverviewText, refusal_text};
pub use warning::{Circumstances, Warning, warnings};
