//! The passes.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::JvmError;
use super::super::jvmti::error;
use super::tag::{LAST_NODE, OWN_THREAD, Tag};
use super::{WalkEnd, WalkLimits};
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jni::{jint, jlong};
use jvmti_bindings::sys::jvmti::{
    JVMTI_HEAP_FILTER_UNTAGGED, JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT, JVMTI_HEAP_REFERENCE_FIELD,
    JVMTI_HEAP_REFERENCE_JNI_GLOBAL, JVMTI_HEAP_REFERENCE_JNI_LOCAL, JVMTI_HEAP_REFERENCE_MONITOR,
    JVMTI_HEAP_REFERENCE_STACK_LOCAL, JVMTI_HEAP_REFERENCE_STATIC_FIELD, jvmtiHeapCallbacks,
    jvmtiHeapReferenceInfo, jvmtiHeapReferenceKind,
};
use std::ffi::c_void;
use std::time::{Duration, Instant};

const VISIT: jint = 0x100;
const ABORT: jint = 0x8000;

/// Callbacks between two looks at the clock.
const PATIENCE: u32 = 4096;

/// Roots kept of the pass that met some.
const ROOTS: usize = 64;

/// An object that was reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    /// Its tag, by which the object is found again.
    pub(super) tag: Tag,
    /// The object that it refers to, one link nearer to the target; 0 for the target.
    pub(super) next: usize,
    /// Kind of that reference.
    pub(super) reference: jvmtiHeapReferenceKind,
    /// Index of the field or element.
    pub(super) index: i32,
}

/// A root that was met.
#[derive(Debug, Clone, Copy)]
pub(super) struct MetRoot {
    pub(super) node: usize,
    pub(super) kind: jvmtiHeapReferenceKind,
    pub(super) thread: Option<usize>,
    pub(super) method: usize,
}

/// A walk under way.
pub(super) struct Walk {
    /// Numbered from 1; the first entry stands for "not reached".
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<MetRoot>,
    pub(super) passes: u32,
    pub(super) longest_pass: Duration,
    level: std::ops::Range<usize>,
    room: usize,
    deadline: Instant,
    callbacks: u32,
    is_out_of_time: bool,
    is_out_of_room: bool,
}

impl Walk {
    pub(super) fn new(limits: WalkLimits, began: Instant) -> Self {
        Self {
            nodes: vec![Node {
                tag: Tag::default(),
                next: 0,
                reference: 0,
                index: -1,
            }],
            roots: Vec::new(),
            passes: 0,
            longest_pass: Duration::ZERO,
            level: 0..0,
            room: limits.objects.min(LAST_NODE),
            deadline: began + limits.time.saturating_sub(limits.afterwards),
            callbacks: 0,
            is_out_of_time: false,
            is_out_of_room: false,
        }
    }

    pub(super) fn objects(&self) -> usize {
        self.nodes.len() - 1
    }

    /// Adds an object and gives its tag, `None` when there is no room.
    pub(super) fn reach(
        &mut self,
        tag: Tag,
        next: usize,
        reference: jvmtiHeapReferenceKind,
        index: i32,
    ) -> Option<Tag> {
        if self.nodes.len() > self.room {
            self.is_out_of_room = true;
            return None;
        }
        let tag = tag.with_node(self.nodes.len());
        self.nodes.push(Node {
            tag,
            next,
            reference,
            index,
        });
        Some(tag)
    }

    /// Passes until a root is met or a limit is.
    pub(super) fn run(&mut self, bindings: &Bindings) -> Result<WalkEnd, JvmError> {
        self.level = 1..self.nodes.len();
        loop {
            if Instant::now() >= self.deadline {
                return Ok(WalkEnd::OutOfTime);
            }
            self.pass(bindings)?;
            if !self.roots.is_empty() {
                return Ok(WalkEnd::Found);
            }
            if self.is_out_of_time {
                return Ok(WalkEnd::OutOfTime);
            }
            self.level = self.level.end..self.nodes.len();
            if self.level.is_empty() {
                return Ok(match self.is_out_of_room {
                    true => WalkEnd::OutOfRoom,
                    false => WalkEnd::Unreachable,
                });
            }
        }
    }

    fn pass(&mut self, bindings: &Bindings) -> Result<(), JvmError> {
        let callbacks = jvmtiHeapCallbacks {
            heap_reference_callback: Some(on_reference),
            ..jvmtiHeapCallbacks::default()
        };
        self.passes += 1;
        let began = Instant::now();
        // SAFETY: the callback has the type of its slot and gets this walk, which nobody else uses meanwhile.
        let outcome = unsafe {
            bindings.follow_references(
                JVMTI_HEAP_FILTER_UNTAGGED,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                &callbacks,
                std::ptr::from_mut(self).cast_const().cast(),
            )
        };
        self.longest_pass = self.longest_pass.max(began.elapsed());
        outcome.map_err(|code| error("FollowReferences", code))
    }

    fn is_time_over(&mut self) -> bool {
        self.callbacks = self.callbacks.wrapping_add(1);
        if self.callbacks.is_multiple_of(PATIENCE) && Instant::now() >= self.deadline {
            self.is_out_of_time = true;
        }
        self.is_out_of_time
    }

    /// A root refers to a tagged object.
    fn root(&mut self, kind: jvmtiHeapReferenceKind, node: usize, holder: Holder) {
        let is_own = holder.thread == Some(OWN_THREAD) && kind == JVMTI_HEAP_REFERENCE_JNI_LOCAL;
        if kind == JVMTI_HEAP_REFERENCE_MONITOR || is_own || self.roots.len() >= ROOTS {
            return;
        }
        self.roots.push(MetRoot {
            node,
            kind,
            thread: holder.thread,
            method: holder.method,
        });
    }

    /// An object refers to a tagged one. The referrer's new tag, where it gets one.
    fn edge(&mut self, edge: &Edge) -> Option<Tag> {
        let is_weak = edge.kind == JVMTI_HEAP_REFERENCE_FIELD
            && edge.referrer_class.has_referent_at(edge.index);
        if is_weak || edge.referrer.node() != 0 {
            return None;
        }
        let tag = self.reach(edge.referrer, edge.referee.node(), edge.kind, edge.index)?;
        if tag.is_permanent() {
            self.roots.push(MetRoot {
                node: tag.node(),
                kind: edge.kind,
                thread: None,
                method: 0,
            });
        }
        Some(tag)
    }
}

/// Whose frame a root is in.
#[derive(Default)]
struct Holder {
    thread: Option<usize>,
    method: usize,
}

/// A reference between two objects.
struct Edge {
    kind: jvmtiHeapReferenceKind,
    index: i32,
    referee: Tag,
    referrer: Tag,
    referrer_class: Tag,
}

unsafe extern "system" fn on_reference(
    kind: jvmtiHeapReferenceKind,
    info: *const jvmtiHeapReferenceInfo,
    _class_tag: jlong,
    referrer_class_tag: jlong,
    _size: jlong,
    tag: *mut jlong,
    referrer_tag: *mut jlong,
    _length: jint,
    walk: *mut c_void,
) -> jint {
    if tag.is_null() || walk.is_null() {
        return VISIT;
    }
    // SAFETY: the walk that `pass` handed over, and a tag lent for this call.
    let (walk, referee) = unsafe { (&mut *walk.cast::<Walk>(), Tag(tag.read())) };
    let is_root = kind >= JVMTI_HEAP_REFERENCE_JNI_GLOBAL;
    // Roots come first: with the first other reference all of them were told.
    if walk.is_time_over() || (!is_root && !walk.roots.is_empty()) {
        return ABORT;
    }
    if !walk.level.contains(&referee.node()) {
        return VISIT;
    }
    if is_root {
        // SAFETY: the information belongs to this kind.
        let holder = unsafe { holder(kind, info) };
        walk.root(kind, referee.node(), holder);
    } else if !referrer_tag.is_null() {
        let indexed = matches!(
            kind,
            JVMTI_HEAP_REFERENCE_FIELD
                | JVMTI_HEAP_REFERENCE_STATIC_FIELD
                | JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT
        );
        // SAFETY: as above; the index is first in each of these kinds.
        let (index, referrer) = unsafe {
            let index = if indexed && !info.is_null() {
                (*info).field.index
            } else {
                -1
            };
            (index, Tag(referrer_tag.read()))
        };
        let edge = Edge {
            kind,
            index,
            referee,
            referrer,
            referrer_class: Tag(referrer_class_tag),
        };
        if let Some(new) = walk.edge(&edge) {
            // SAFETY: lent for this call; the JVM stores what is written.
            unsafe { referrer_tag.write(new.0) };
        }
    }
    VISIT
}

/// # Safety
/// `info` is null or belongs to a reference of that kind.
unsafe fn holder(kind: jvmtiHeapReferenceKind, info: *const jvmtiHeapReferenceInfo) -> Holder {
    if info.is_null() {
        return Holder::default();
    }
    // SAFETY: the caller's promise.
    let (thread, method) = unsafe {
        match kind {
            JVMTI_HEAP_REFERENCE_STACK_LOCAL => {
                ((*info).stack_local.thread_tag, (*info).stack_local.method)
            }
            JVMTI_HEAP_REFERENCE_JNI_LOCAL => {
                ((*info).jni_local.thread_tag, (*info).jni_local.method)
            }
            _ => return Holder::default(),
        }
    };
    Holder {
        thread: Tag(thread).thread_index(),
        method: method as usize,
    }
}
