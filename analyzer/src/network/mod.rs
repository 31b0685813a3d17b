//! Network buffers: what a topology needs, what the pool has, and what an "Insufficient number of network buffers" line
//! says about it.

mod demand;
mod shortage;
mod topology;

pub use demand::{BufferRules, Buffers, Demand, Share, demand};
pub use shortage::Shortage;
pub use topology::{Exchange, NotAnExchange, Pattern, Shuffle};
