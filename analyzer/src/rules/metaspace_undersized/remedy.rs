//! How much metaspace would have held, and from whom it comes.

use super::super::metaspace::{Area, MetaspacePicture};
use super::super::remedy::configured;
use crate::budget::Wish;
use crate::finding::Remedy;
use crate::units::{bytes, round_up, to_bytes};

/// How many classes were still to come when the limit was met is not known: half as much again.
const MORE: f64 = 1.5;

/// Sizes are rounded up to this.
const STEP_BYTES: u64 = 16 << 20;

/// A heap needs half as much again as collections leave in it: with less, they come back to back.
const HEAP_OVER_LIVE: f64 = 1.5;

pub(super) fn remedy(picture: &MetaspacePicture<'_>) -> Remedy {
    let Some(limit) = picture.limit else {
        return in_words("Raise -XX:MaxMetaspaceSize.".to_owned());
    };
    let size = round_up(to_bytes(limit as f64 * MORE), STEP_BYTES);
    if picture.area == Area::ClassSpace {
        return in_words(format!(
            "Raise -XX:CompressedClassSpaceSize from {} to {}; the JVM derives it from the size of metaspace unless it is set.",
            bytes(limit),
            bytes(size)
        ));
    }
    if is_overridden(picture, limit) {
        return in_words(format!(
            "Raise -XX:MaxMetaspaceSize from {} to {}. The limit in force is not Flink's: a later flag, likely of env.java.opts, wins over it.",
            bytes(limit),
            bytes(size)
        ));
    }
    let advice = format!(
        "The classes of one generation of jobs do not fit: give metaspace half as much again, {} instead of {}.",
        bytes(size),
        bytes(limit)
    );
    let live = picture.case.live_heap_bytes();
    let heap_needs = live.map(|live| to_bytes(live as f64 * HEAP_OVER_LIVE));
    let wish = Wish::of("jvm_metaspace", size)
        .sparing("jvm_heap", heap_needs)
        .used("jvm_heap", live);
    configured(picture.budget, &wish, &advice)
}

/// Whether the JVM's limit is not the one that Flink gave it.
fn is_overridden(picture: &MetaspacePicture<'_>, limit: u64) -> bool {
    let flinks = picture
        .budget
        .and_then(|budget| budget.started.jvm_metaspace);
    flinks.is_some_and(|flinks| flinks.abs_diff(limit) > STEP_BYTES)
}

fn in_words(text: String) -> Remedy {
    Remedy {
        text,
        ..Remedy::default()
    }
}
