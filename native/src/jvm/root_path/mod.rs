//! Why an object is alive: the shortest chain of strong references to it from a root.
//!
//! The chain is looked for from its end. Each pass is one JVMTI FollowReferences, and tags the objects that refer to those
//! that the pass before has tagged; the first root met ends it. So memory depends on how many objects refer to the target,
//! not on the heap, and passes are as many as the chain has links. Every pass stops the application, and gives up when the
//! time is over. JDK 11 and 17 mark objects in their headers and step over the whole heap in the end to take the marks
//! off; whoever sets a limit has to reckon with that.
//!
//! What mostly keeps a loader is looked for without any pass: see `direct.rs`.
//!
//! Not followed are the referents of soft, weak, phantom and final references, monitors, and what the calling thread itself
//! holds. A class of the boot, platform or application loader is never unloaded: its static fields count as roots.
//!
//! # Safety
//! See the module above. The callback runs in the JVM's own thread at a safepoint while this thread waits: it touches
//! nothing but the walk and the tags that it is lent, and neither allocates without bound nor calls the JVM.
#![allow(unsafe_code)]

mod describe;
mod direct;
mod fields;
mod prepare;
mod tag;
mod threads;
mod walk;

use super::env::ALL_CLASSES;
use super::{JvmError, Jvmti, LoaderTable, TaggingEnv};
use jni::Env;
use jni::objects::JObject;
use jni::sys::jobject;
use std::time::{Duration, Instant};

/// How far a walk may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalkLimits {
    /// Time for all passes together. None: the heap is not walked.
    pub time: Duration,
    /// What the JVM takes after a pass, however early that was ended: a pass is not begun, and is ended, that much before
    /// the time is over.
    pub afterwards: Duration,
    /// Objects that may be tagged.
    pub objects: usize,
    /// Paths that are told.
    pub paths: usize,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WalkEnd {
    /// A root was met.
    Found,
    /// No strong reference leads to the target: it is garbage, or weakly reachable.
    Unreachable,
    /// The time was over.
    OutOfTime,
    /// Too many objects refer to the target.
    OutOfRoom,
}

/// What a walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootWalk {
    /// How it ended.
    pub end: WalkEnd,
    /// The shortest paths, of equal length. Empty unless one was found.
    pub paths: Vec<ObjectPath>,
    /// FollowReferences begun.
    pub passes: u32,
    /// Objects tagged.
    pub objects: u32,
    /// The longest time for which a pass stopped the application.
    pub longest_pass: Duration,
}

/// One path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPath {
    /// What it begins at.
    pub root: Root,
    /// Objects from the root to the target, which is the last one.
    pub steps: Vec<PathStep>,
}

/// What a path begins at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Root {
    /// Its kind.
    pub kind: RootKind,
    /// Thread whose stack it is on.
    pub thread: Option<String>,
    /// Method whose frame it is in, as `java.lang.Thread.run`.
    pub method: Option<String>,
}

/// Kinds of roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RootKind {
    /// A live thread.
    Thread,
    /// A local variable of a running method.
    StackLocal,
    /// A local reference of a native method.
    JniLocal,
    /// A JNI global reference.
    JniGlobal,
    /// A class that is never unloaded.
    Class,
    /// Something inside the JVM.
    #[default]
    Other,
}

/// One object on a path, and how it refers to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathStep {
    /// Its class; for a class, that class.
    pub class: String,
    /// Whether the object is itself a class.
    pub is_class: bool,
    /// How it refers to the next one; `None` for the target.
    pub reference: Option<Reference>,
    /// For a thread, its name.
    pub thread: Option<String>,
    /// For a thread, whether its class, its `Runnable` or a method on its stack is of the target, a loader.
    pub runs_code_of_target: bool,
}

/// How one object refers to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By an instance field; its name where it can be told.
    Field(Option<String>),
    /// By a static field.
    StaticField(Option<String>),
    /// By an element of an array.
    Element(u32),
    /// By being an instance of it.
    Class,
    /// As the class's loader.
    ClassLoader,
    /// As superclass, interface, protection domain, signer or constant of the class.
    OfClass,
}

/// What is to be explained.
#[derive(Clone, Copy)]
pub enum WalkTarget<'a, 'local> {
    /// Any object.
    Object(&'a JObject<'local>),
    /// The loader of this number; its classes count as itself.
    Loader(&'a LoaderTable, u32),
}

/// Looks for the shortest path to `target`. Stops the application for each pass: see the module.
///
/// # Errors
/// When the JVM refuses to tag, or the target is gone.
pub fn paths_to_root(
    jvmti: Jvmti,
    env: &mut Env<'_>,
    target: WalkTarget<'_, '_>,
    limits: WalkLimits,
) -> Result<RootWalk, JvmError> {
    let began = Instant::now();
    let tagging = TaggingEnv::new(env)?;
    let found = env.with_local_frame(ALL_CLASSES, |env| {
        Ok::<_, jni::errors::Error>(look(jvmti, env, &tagging, target, limits, began))
    });
    if env.exception_check() {
        env.exception_clear();
    }
    found.map_err(|_| JvmError::Jni("no room for local references"))?
}

/// Paths to the loader of this number as far as they are found by reading fields: nothing is tagged, nothing stands still. Empty
/// where that finds none, which says nothing.
#[must_use]
pub fn paths_in_passing(
    jvmti: Jvmti,
    env: &mut Env<'_>,
    table: &LoaderTable,
    id: u32,
    most: usize,
) -> Vec<ObjectPath> {
    let found = env.with_local_frame(ALL_CLASSES, |env| {
        // SAFETY: the environment of this thread; the reference is of the frame.
        let object = unsafe { local(env.get_raw(), WalkTarget::Loader(table, id)) };
        let paths = object.map(|object| direct::paths(jvmti, env, object, most));
        Ok::<_, jni::errors::Error>(paths.unwrap_or_default())
    });
    if env.exception_check() {
        env.exception_clear();
    }
    found.unwrap_or_default()
}

fn look(
    jvmti: Jvmti,
    env: &mut Env<'_>,
    tagging: &TaggingEnv,
    target: WalkTarget<'_, '_>,
    limits: WalkLimits,
    began: Instant,
) -> Result<RootWalk, JvmError> {
    let raw = env.get_raw();
    // SAFETY: the environment of this thread, and a target that it may use.
    let object = unsafe { local(raw, target) }.ok_or(JvmError::Jni("the target is gone"))?;
    let is_loader = matches!(target, WalkTarget::Loader(..));
    if is_loader {
        let paths = direct::paths(jvmti, env, object, limits.paths);
        if !paths.is_empty() {
            return Ok(without_walk(WalkEnd::Found, paths));
        }
    }
    if limits.time.is_zero() {
        return Ok(without_walk(WalkEnd::OutOfTime, Vec::new()));
    }
    let bindings = tagging
        .bindings()
        .ok_or(JvmError::Jni("the environment is gone"))?;
    let loader = if is_loader {
        object
    } else {
        std::ptr::null_mut()
    };
    // SAFETY: as above.
    unsafe {
        let (mut walk, threads) =
            prepare::prepare(raw, bindings, object, is_loader, limits, began)?;
        let end = walk.run(bindings)?;
        let most = limits.paths;
        let paths = describe::paths(jvmti, raw, bindings, &walk, &threads, loader, most);
        Ok(RootWalk {
            end,
            paths,
            passes: walk.passes,
            objects: u32::try_from(walk.objects()).unwrap_or(u32::MAX),
            longest_pass: walk.longest_pass,
        })
    }
}

fn without_walk(end: WalkEnd, paths: Vec<ObjectPath>) -> RootWalk {
    RootWalk {
        end,
        paths,
        passes: 0,
        objects: 0,
        longest_pass: Duration::ZERO,
    }
}

/// A local reference of the walk's frame to the target, or `None` when it was collected.
///
/// # Safety
/// `env` is the calling thread's.
unsafe fn local(env: *mut jni::sys::JNIEnv, target: WalkTarget<'_, '_>) -> Option<jobject> {
    let reference = match target {
        WalkTarget::Object(object) => object.as_raw(),
        WalkTarget::Loader(table, id) => table.weak(id)?,
    };
    // SAFETY: the caller's promise; a collected weak reference gives null.
    let local = unsafe { ((**env).v1_2.NewLocalRef)(env, reference) };
    (!local.is_null()).then_some(local)
}
