//! `flinkmem top`: a process that lives, at a glance.
//!
//! ```text
//! trace ──► live::Follower ─┐
//!                           ├─► Subject: case, report ─► View ─► draw ─► terminal, or one frame of text
//! process ► outside::Outside┘                              ▲
//!                                             keys ─► Screen
//! ```
//!
//! | file | what |
//! | --- | --- |
//! | `subject.rs` | what is looked at, over time: its case and report |
//! | `view/` | what there is to see at one moment, computed from case and report alone |
//! | `choice.rs` | several traces, of which one is opened |
//! | `screen.rs` | what the user made of it: panel, order, selection, pause |
//! | `draw/` | a view on a screen, as cells |
//! | `terminal.rs` | the loop: keys, signals, time |
//! | `frame.rs` | one frame as plain text |

mod choice;
mod draw;
mod frame;
mod keyboard;
mod screen;
mod subject;
mod terminal;
pub mod view;

pub use choice::Choice;
pub use frame::{choice_as_text, view_as_text};
pub use subject::{Subject, SubjectError};
pub use terminal::{Ended, Session, show};
