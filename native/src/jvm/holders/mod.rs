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

mod carried;
mod field_name;
mod instances;
mod trail;
mod walk;

use super::java_class::{ClassIdentity, identify, source_name};
use super::jvmti::{JvmError, error};
use super::{MethodFrame, RawFrame, TaggingEnv};
use field_name::field_name;
use jni::Env;
use jni::objects::JObject;
use jni::refs::Weak;
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

/// The object behind the foremost holder of a class: of those that have the field the one with the most references, as far
/// as they were told apart; of a static field the class.
#[derive(Debug)]
pub struct HoldingObject {
    /// The object, held weakly.
    pub object: Weak<JObject<'static>>,
    /// References from it, estimated.
    pub references: u64,
}

/// What was found for one class.
#[derive(Debug)]
pub struct FoundTarget {
    /// References to its objects.
    pub references: u64,
    /// Its holders, most references first.
    pub holders: Vec<FoundHolder>,
    /// What the first of them is; `None` where it is a root itself or could not be told.
    pub foremost: Option<HoldingObject>,
}

/// What one walk has found.
#[derive(Debug)]
pub struct FoundHolders {
    /// For each of the targets.
    pub targets: Vec<FoundTarget>,
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
            .map(|target| naming.target(&walk, target, request.most));
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

fn first_step(trails: &Trails, trail: u32) -> Option<Step> {
    let mut step = trails.step(trail)?;
    while step.parent != NO_TRAIL {
        step = trails.step(step.parent)?;
    }
    Some(step)
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
    fn target(&self, walk: &Walk, target: usize, most: usize) -> FoundTarget {
        let mut found: Vec<(u32, u64)> = walk.trails.counts(target).collect();
        let total = found.iter().map(|(_, references)| references).sum();
        found.sort_by_key(|&(_, references)| std::cmp::Reverse(references));
        let mut holders: Vec<(FoundHolder, Option<Step>)> = Vec::new();
        // Trails that differ only in what has no name are one holder: so some more are named than are wanted.
        for (trail, references) in found.into_iter().take(most * 4) {
            let first = first_step(&walk.trails, trail);
            let holder = self.holder(&walk.trails, trail, references);
            let same = |known: &&mut (FoundHolder, Option<Step>)| {
                FoundHolder {
                    references,
                    ..known.0.clone()
                } == holder
            };
            match holders.iter_mut().find(same) {
                Some((known, _)) => known.references += references,
                None => holders.push((holder, first)),
            }
        }
        holders.sort_by_key(|(holder, _)| std::cmp::Reverse(holder.references));
        holders.truncate(most);
        let foremost = holders.first().and_then(|(holder, first)| {
            let (object, references) = self.object(walk, target, (*first)?)?;
            let references = references.unwrap_or(holder.references);
            Some(HoldingObject { object, references })
        });
        FoundTarget {
            references: total,
            holders: holders.into_iter().map(|(holder, _)| holder).collect(),
            foremost,
        }
    }

    /// The object from which a trail begins, and how many references were seen to come from it.
    fn object(
        &self,
        walk: &Walk,
        target: usize,
        first: Step,
    ) -> Option<(Weak<JObject<'static>>, Option<u64>)> {
        match first.kind {
            HolderKind::StaticField => {
                let class = self.reference(first.class)?;
                // SAFETY: a local reference of the caller's frame, which this one does not delete.
                let class = unsafe { JObject::from_raw(self.env, class.cast()) };
                Some((self.env.new_weak_ref(&class).ok()?, None))
            }
            HolderKind::Field | HolderKind::Collection | HolderKind::Array => {
                let (tag, references) = walk.instances.foremost(first.class, target)?;
                let (objects, _) = self.bindings.get_objects_with_tags(&[tag]).ok()?;
                let object = objects.first()?;
                // SAFETY: a local reference that the JVM has just given to us, in the caller's frame.
                let object = unsafe { JObject::from_raw(self.env, object.cast()) };
                Some((self.env.new_weak_ref(&object).ok()?, Some(references)))
            }
            HolderKind::Local | HolderKind::Thread | HolderKind::Jni | HolderKind::Root => None,
        }
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
