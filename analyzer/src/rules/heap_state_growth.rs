//! `heap_state_growth`: Flink's state on the heap grows by design. RocksDB takes it off the heap; a time to live bounds it.

use super::Answer;
use super::heap::{Cause, HeapPicture, draft};
use crate::finding::{Label, Remedy};
use crate::units::bytes;

/// The option that moves state off the heap. The same in all versions since 1.11, by its older name before 1.17.
const BACKEND: &str = "state.backend.type";

pub(super) fn check(picture: &HeapPicture<'_>) -> Answer {
    draft(picture, Cause::State, Label::HeapStateGrowth, |_| {
        remedy(picture)
    })
}

fn remedy(picture: &HeapPicture<'_>) -> Remedy {
    let managed = picture
        .budget
        .and_then(|budget| budget.started.managed)
        .filter(|managed| *managed > 0);
    let room = managed.map_or_else(
        || " Give it managed memory (taskmanager.memory.managed.fraction), of which there is none now.".to_owned(),
        |managed| format!(" The process keeps its size: RocksDB takes its caches from the {} of managed memory that state on the heap leaves unused.", bytes(managed)),
    );
    Remedy {
        text: format!(
            "Bound the state: a time to live (StateTtlConfig), timers or windows that clear it, smaller keys and values. State that is meant to be large belongs off the heap: {BACKEND}: rocksdb.{room} A savepoint in the canonical format carries it over."
        ),
        config: [(BACKEND.to_owned(), "rocksdb".to_owned())].into(),
        ..Remedy::default()
    }
}
