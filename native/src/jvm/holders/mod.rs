//! Who refers to the objects of given classes: one walk along the references of the heap, from its roots down.
//!
//! A *holder* is the last field on the way to an object that does not belong to a collection: `Cache.entries` for what lies
//! in a map of maps behind it. The walk carries along, from each collection into what it refers to, the *trail* on which
//! it was reached, as the tag of the object that will be visited next; when that object's visit begins (the JVM then
//! reports the reference to its class first) the tag is taken off again. So there are only tags on what waits to be
//! visited, and their number is bounded: past the bound a collection is walked without its trail, and counted as lost.
//! Large arrays are followed by every 2ⁿ-th element, which then counts for 2ⁿ.
//!
//! "Abort" ends this walk at once, but for what the JVM then has to clean up: JDK 11 and 15 restore headers in a pass over
//! the heap.
//!
//! # Safety
//! See the module above. The callback runs while the world is stopped: it calls nothing of the JVM, allocates nothing and
//! does not unwind.
#![allow(unsafe_code)]

mod field_name;
mod trail;
mod walk;

use super::java_class::{ClassIdentity, identify, source_name};
use super::jvmti::{JvmError, error};
use super::{MethodFrame, RawFrame, TaggingEnv};
use field_name::field_name;
use jni::Env;
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jni::jclass;
use jvmti_bindings::sys::jvmti::jvmtiHeapCallbacks;
use std::ffi::c_void;
use std::time::{Duration, Instant};
use trail::{NO_TRAIL, Step, Trails};
use walk::{Role, Walk};

/// Classes that can be looked for in one walk.
pub const MOST_TARGETS: usize = 8;

/// What to look for.
pub struct HolderRequest<'a> {
    /// Time after which the walk ends.
    pub budget: Duration,
    /// Classes whose holders are wanted, at most [`MOST_TARGETS`].
    pub targets: &'a [ClassIdentity],
    /// Whether a class, named as in Java's source, is a part of a collection.
    pub is_collection: &'a dyn Fn(&str) -> bool,
    /// Holders of each class that are named.
    pub most: usize,
}

impl std::fmt::Debug for HolderRequest<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("HolderRequest")
            .field("budget", &self.budget)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

/// How a holder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HolderKind {
    /// A field of an object.
    Field,
    /// A static field.
    StaticField,
    /// A local variable.
    Local,
    /// A thread object.
    Thread,
    /// A JNI reference.
    Jni,
    /// Another root.
    Root,
    /// A collection whose trail was lost.
    Collection,
    /// An array whose trail was lost.
    Array,
}

/// One holder of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHolder {
    /// How it holds.
    pub kind: HolderKind,
    /// Class of the field, or of the local variable's method.
    pub class: Option<ClassIdentity>,
    /// Field, or method of the local variable.
    pub member: Option<String>,
    /// Collections in between, outermost first.
    pub through: Vec<String>,
    /// References, estimated.
    pub references: u64,
}

/// What one walk has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHolders {
    /// For each of the targets its references and its holders, most references first.
    pub targets: Vec<(u64, Vec<FoundHolder>)>,
    /// References followed.
    pub references: u64,
    /// Everything reachable was walked.
    pub complete: bool,
    /// Collections that were walked without their trail.
    pub lost: u64,
    /// How long Java threads stood still.
    pub pause: Duration,
}

/// Walks along all references. Those of the JVM's are given back with the caller's local frame.
///
/// # Errors
/// When the JVM refuses one of the calls.
pub fn find_holders(
    env: &mut Env<'_>,
    jvmti: super::Jvmti,
    request: &HolderRequest<'_>,
) -> Result<FoundHolders, JvmError> {
    let tagging = TaggingEnv::new(env)?;
    tagging.with_tagged_classes(env, |env, bindings, classes| {
        let roles = roles(env, bindings, classes, request);
        let mut walk = Walk::new(roles, request.budget);
        let callbacks = jvmtiHeapCallbacks {
            heap_reference_callback: Some(walk::reference),
            ..Default::default()
        };
        let began = Instant::now();
        // SAFETY: the walk outlives the call, and only the callback touches it meanwhile; no class, filter or first object
        // is given.
        let walked = unsafe {
            bindings.follow_references(
                0,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                &callbacks,
                (&raw mut walk).cast::<c_void>(),
            )
        };
        let pause = began.elapsed();
        walked.map_err(|code| error("FollowReferences", code))?;
        let naming = Naming {
            env,
            jvmti,
            bindings,
            classes,
        };
        let targets = (0..request.targets.len().min(MOST_TARGETS))
            .map(|target| naming.holders(&walk.trails, target, request.most));
        Ok(FoundHolders {
            targets: targets.collect(),
            references: walk.references,
            complete: !walk.cut_off,
            lost: walk.lost,
            pause,
        })
    })
}

/// What each class is to the walk, by tag; the first is for classes without one.
fn roles(
    env: &Env<'_>,
    bindings: &Bindings,
    classes: &[jclass],
    request: &HolderRequest<'_>,
) -> Vec<Role> {
    let targets: Vec<_> = request.targets.iter().take(MOST_TARGETS).collect();
    let role = |&class: &jclass| {
        // SAFETY: a local reference of the caller's frame.
        let Ok((signature, _)) = (unsafe { bindings.get_class_signature(class) }) else {
            return Role::default();
        };
        let name = source_name(&signature);
        let named = |target: &&&ClassIdentity| target.name == name;
        let target = targets.iter().any(|target| named(&target)).then(|| {
            // SAFETY: as above.
            let identity = unsafe { identify(bindings, env.get_raw(), class) };
            targets
                .iter()
                .position(|target| identity.as_ref() == Some(*target))
        });
        Role {
            is_array: signature.starts_with('['),
            is_collection: signature.starts_with('[') || (request.is_collection)(&name),
            target: target
                .flatten()
                .and_then(|target| u8::try_from(target).ok()),
        }
    };
    std::iter::once(Role::default())
        .chain(classes.iter().map(role))
        .collect()
}

/// Turns trails into names.
struct Naming<'a, 'local> {
    env: &'a Env<'local>,
    jvmti: super::Jvmti,
    bindings: &'a Bindings,
    classes: &'a [jclass],
}

impl Naming<'_, '_> {
    /// References to a target, and its foremost holders.
    fn holders(&self, trails: &Trails, target: usize, most: usize) -> (u64, Vec<FoundHolder>) {
        let mut found: Vec<(u32, u64)> = trails.counts(target).collect();
        let total = found.iter().map(|(_, references)| references).sum();
        found.sort_by_key(|&(_, references)| std::cmp::Reverse(references));
        let mut holders: Vec<FoundHolder> = Vec::new();
        // Trails that differ only in what has no name are one holder: so some more are named than are wanted.
        for (trail, references) in found.into_iter().take(most * 4) {
            let holder = self.holder(trails, trail, references);
            let same = |known: &&mut FoundHolder| {
                FoundHolder {
                    references,
                    ..(**known).clone()
                } == holder
            };
            match holders.iter_mut().find(same) {
                Some(known) => known.references += references,
                None => holders.push(holder),
            }
        }
        holders.sort_by_key(|holder| std::cmp::Reverse(holder.references));
        holders.truncate(most);
        (total, holders)
    }

    fn holder(&self, trails: &Trails, trail: u32, references: u64) -> FoundHolder {
        let mut through = Vec::new();
        let mut at = trail;
        while let Some(step) = trails.step(at) {
            if step.parent == NO_TRAIL {
                return self.outermost(step, through, references);
            }
            through.insert(0, self.member_of(step));
            at = step.parent;
        }
        FoundHolder {
            kind: HolderKind::Root,
            class: None,
            member: None,
            through,
            references,
        }
    }

    fn outermost(&self, step: Step, through: Vec<String>, references: u64) -> FoundHolder {
        let (class, member) = match step.kind {
            HolderKind::Local => self.method(step.detail),
            HolderKind::Field | HolderKind::StaticField | HolderKind::Collection => {
                (self.class(step.class), self.field(step))
            }
            HolderKind::Array => (self.class(step.class), None),
            HolderKind::Thread | HolderKind::Jni | HolderKind::Root => (None, None),
        };
        FoundHolder {
            kind: step.kind,
            class,
            member,
            through,
            references,
        }
    }

    fn reference(&self, tag: u32) -> Option<jclass> {
        let index = usize::try_from(tag).ok()?.checked_sub(1)?;
        self.classes.get(index).copied()
    }

    fn class(&self, tag: u32) -> Option<ClassIdentity> {
        // SAFETY: a local reference of the caller's frame.
        unsafe { identify(self.bindings, self.env.get_raw(), self.reference(tag)?) }
    }

    fn field(&self, step: Step) -> Option<String> {
        let index = usize::try_from(step.detail).ok()?;
        // SAFETY: as above.
        unsafe {
            field_name(
                self.bindings,
                self.env.get_raw(),
                self.reference(step.class)?,
                index,
            )
        }
    }

    fn member_of(&self, step: Step) -> String {
        let class = self.class(step.class).map_or("?".to_owned(), |c| c.name);
        match self.field(step) {
            Some(field) => format!("{class}.{field}"),
            None => class,
        }
    }

    fn method(&self, method: u64) -> (Option<ClassIdentity>, Option<String>) {
        let frame = RawFrame {
            method: usize::try_from(method).unwrap_or(0),
            location: -1,
        };
        if frame.method == 0 {
            return (None, None);
        }
        // SAFETY: the environment of this thread; the method came from the JVM in this walk.
        let described = unsafe { super::describe_frame(self.jvmti, self.env.get_raw(), frame) };
        let Some(MethodFrame {
            class,
            method,
            loader,
            ..
        }) = described
        else {
            return (None, None);
        };
        let class = ClassIdentity {
            name: class,
            loader,
        };
        (Some(class), Some(method))
    }
}
