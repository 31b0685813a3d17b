//! Names for stacks, asked of the JVM while the classes are still loaded.

use crate::agent::{Moment, jvmti};
use crate::off_heap::owner;
use crate::stacks::{self, NewStack};
use flinkmem_native::jvm::{RawFrame, describe_frame, jni};
use flinkmem_trace::{Frame, Record, Site};

/// Stacks that are named in one go; the rest comes with the next tick.
const MOST_AT_ONCE: usize = 200;

/// Frames with their names. One whose class is gone is called `?`.
pub(super) fn frames(env: &jni::Env<'_>, raw: &[RawFrame]) -> Vec<Frame> {
    raw.iter().map(|&frame| name(env, frame)).collect()
}

#[allow(unsafe_code)]
fn name(env: &jni::Env<'_>, raw: RawFrame) -> Frame {
    let unloaded = || Frame {
        class: "?".to_owned(),
        method: "?".to_owned(),
        line: None,
        loader: None,
    };
    // SAFETY: the environment of this thread; the frame came from a stack that JVMTI gave us.
    let described = jvmti().and_then(|jvmti| unsafe { describe_frame(jvmti, env.get_raw(), raw) });
    described.map_or_else(unloaded, |frame| Frame {
        class: frame.class,
        method: frame.method,
        line: frame.line,
        loader: frame.loader,
    })
}

/// Names the stacks that the trace does not know yet and hands each to `write`.
pub(super) fn new_sites(env: &jni::Env<'_>, next_id: &mut u32, mut write: impl FnMut(Record)) {
    for NewStack {
        index,
        frames: raw,
        truncated,
    } in stacks::without_site(MOST_AT_ONCE)
    {
        let id = *next_id;
        *next_id = next_id.saturating_add(1);
        let now = Moment::now();
        let site = Site {
            t_ms: now.t_ms,
            up_ms: now.up_ms,
            id,
            frames: frames(env, &raw),
            truncated,
        };
        let owner = owner::code(owner::of_stack(&site.frames));
        // Known from now on even if it could not be written: it would not fit the next time either.
        stacks::set_site(index, id, owner);
        write(Record::Site(site));
    }
}
