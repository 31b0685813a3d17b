//! `flinkmem serve`: what the traces of a directory say, over HTTP and by OTLP.
//!
//! ```text
//! directory ─► judge (one thread, bounded period) ─► board ─┬─► http: /metrics, /api, pages
//!                                                           └─► export: OTLP (one thread)
//! ```
//! Requests read what is on the board and never make anybody read a trace or judge it. Names in a request are looked up on the
//! board, never joined to a path.

mod api;
mod board;
mod export;
mod http;
mod judge;
mod page;
mod routes;
mod service;
mod stop;

pub use export::{ExportOptions, OtlpEndpoint, parse_headers, parse_resource};
pub use service::{Options, run};
