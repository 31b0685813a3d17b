//! The references that keep an object alive, from a GC root on.

use super::Taken;
use serde::{Deserialize, Serialize};

/// The references that keep an object alive, from a GC root on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RootPath {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Class of the object that is kept.
    pub target_class: String,
    /// Number of the loader that is kept, as in the census of loaders of the same occasion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_loader: Option<u32>,
    /// Where the target holds many objects of one class: what it holds. Its path is then told for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<Holds>,
    /// How the search ended.
    pub outcome: PathOutcome,
    /// What kind of path it is; absent without a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// What the path begins at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<PathRoot>,
    /// The objects from the root to the target, which is the last one. Of all strong paths none is shorter, unless it was told
    /// without a walk; a class that the target, a loader, defined counts as the target.
    pub steps: Vec<PathStep>,
    /// Walks over the heap, each of which stopped the application. 0: the path was told without.
    pub passes: u32,
    /// The longest of them, microseconds.
    pub longest_pass_us: u64,
    /// Time that was allowed for this search, milliseconds.
    pub budget_ms: u64,
    /// Objects found to refer to the target, directly or not.
    pub objects: u32,
    /// Java heap in use at that time, garbage included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_used_bytes: Option<u64>,
}

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Holds {
    /// Class of the objects that it holds, directly or in collections.
    pub class: String,
    /// Class loader's class, as in [`ClassCount::loader`](super::ClassCount::loader).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
    /// Field of the target that leads to them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// References to them that come from the target, estimated.
    pub references: u64,
}

/// How the search for a path ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PathOutcome {
    /// The path is there.
    #[default]
    Found,
    /// No strong path leads to the target: the next collection that unloads classes may take it.
    Unreachable,
    /// The time allowed was used up.
    OutOfTime,
    /// More objects refer to the target than the agent follows.
    OutOfRoom,
    /// The container had too little memory left for the marks that the JVM makes on such a walk.
    NoMemory,
    /// The JVM refused.
    Refused,
}

/// Kinds of paths: each needs another remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Retention {
    /// A live thread that runs code of the loader: its class, its `Runnable` or a method on its stack is of it; or a local
    /// variable of a running method.
    Thread,
    /// A live thread that runs no code of the loader, but has it as its context class loader, mostly inherited from the
    /// thread that made it.
    InheritedContextClassLoader,
    /// A live thread that remembers the access control context of its maker (up to JDK 23).
    InheritedAccessControlContext,
    /// The value of a `ThreadLocal` of a live thread.
    ThreadLocal,
    /// A static field of a class that is never unloaded, such as a registry of drivers.
    StaticInParentClass,
    /// A hook that runs when the JVM ends.
    ShutdownHook,
    /// A JNI global reference of native code.
    JniGlobal,
    /// A finalizer or `Cleaner` that waits for another object to go.
    FinalizerOrCleaner,
    /// Something else; the steps tell.
    #[default]
    Other,
}

/// What a path begins at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PathRoot {
    /// Its kind.
    pub root: RootKind,
    /// Thread whose stack it is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Method whose frame it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// Kinds of roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum RootKind {
    /// A live thread.
    Thread,
    /// A local variable of a running method.
    StackLocal,
    /// A local reference of a native method.
    JniLocal,
    /// A JNI global reference.
    JniGlobal,
    /// A class of the boot, platform or application loader, which is never unloaded.
    Class,
    /// Something inside the JVM.
    #[default]
    Other,
}

/// One object on a path, and how it refers to the next.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct PathStep {
    /// Its class; where the object is itself a class, that class.
    pub class: String,
    /// How it refers to the next one; absent for the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<ReferenceKind>,
    /// The field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Index of the array's element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Of a thread: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
}

/// How one object refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// By an instance field.
    #[default]
    Field,
    /// By a static field of this class.
    StaticField,
    /// By an element of this array.
    Element,
    /// By being an instance of it.
    InstanceOf,
    /// By being loaded by it.
    ClassLoader,
    /// As superclass, interface, protection domain, signer or constant of this class.
    OfClass,
}
