//! Objects of the Java heap by class.

use super::Taken;
use serde::{Deserialize, Serialize};

/// Objects of the Java heap by class. Growth is the difference of two of these.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Histogram {
    /// When and why it was taken.
    #[serde(flatten)]
    pub taken: Taken,
    /// Time that Java threads stood still for it, microseconds.
    pub pause_us: u64,
    /// Time that was expected, microseconds. A walk that does not fit into the time allowed is not begun: nothing is counted.
    pub predicted_us: u64,
    /// The whole heap was counted. Otherwise the time ran out, and what was counted is a part, not a random one; or no time
    /// was allowed, and nothing was.
    pub complete: bool,
    /// Objects counted.
    pub count: u64,
    /// Bytes of the objects counted: header and alignment included, what they refer to not.
    pub bytes: u64,
    /// Bytes of the heap in use at the last sample before, garbage included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used_bytes: Option<u64>,
    /// Objects that nothing refers to any more are counted too. Collectors that find objects by marking do not show them.
    pub garbage_included: bool,
    /// Classes with the most bytes and those with the most objects, most bytes first. The others are only in the totals.
    pub classes: Vec<ClassCount>,
    /// Classes that were loaded.
    pub classes_loaded: u64,
    /// Largest arrays, largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arrays: Vec<ArraySize>,
    /// Objects that G1 gives regions of their own; absent under other collectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub humongous: Option<Humongous>,
    /// Classes whose holders were looked for, with what was found; empty when that was not done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<HeldClass>,
    /// How the holders were looked for; absent when that was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder_search: Option<HolderSearch>,
}

/// What the heap holds of one class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ClassCount {
    /// Class as in Java's source, such as `java.util.HashMap$Node[]` or `byte[]`.
    pub class: String,
    /// Class loader's class, when it is neither the boot nor the platform nor the system loader: user code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
    /// Classes of this name and kind of loader, when there are several: one for each loader that defined it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definitions: Option<u32>,
    /// Objects.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One array.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ArraySize {
    /// Class as in Java's source, such as `byte[]`.
    pub class: String,
    /// Elements.
    pub length: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Objects of at least half a region: G1 puts each into regions of its own, whose rest stays empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Humongous {
    /// Size of a region, bytes.
    pub region_bytes: u64,
    /// Objects.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Who refers to the objects of one class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HeldClass {
    /// The class.
    pub class: String,
    /// Class loader's class, as in [`ClassCount::loader`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
    /// References to its objects that the walk came across; several can lead to one object.
    pub references: u64,
    /// Holders with the most references, first the one with most.
    pub holders: Vec<Holder>,
}

/// A field, or a root of the heap, from which objects are reached through collections only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Holder {
    /// How it holds.
    pub kind: HolderKind,
    /// Class that has the field, or that has the method whose local variable it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Class loader's class, as in [`ClassCount::loader`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loader: Option<String>,
    /// Field, or method of the local variable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// Collections between the holder and the objects, outermost first, such as `java.util.HashMap.table`; repeated steps
    /// along a list or a tree are told once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// References, estimated where large arrays were followed by samples.
    pub references: u64,
}

/// How a holder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HolderKind {
    /// A field of an object.
    #[default]
    Field,
    /// A static field.
    StaticField,
    /// A local variable of a running method.
    Local,
    /// A thread object.
    Thread,
    /// A JNI reference of native code.
    Jni,
    /// Another root: a monitor, the JVM itself.
    Root,
    /// A collection whose own holder the walk had lost track of.
    Collection,
    /// An array of the application's, likewise.
    Array,
}

/// One walk along the references of the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HolderSearch {
    /// Time that Java threads stood still for it, microseconds.
    pub pause_us: u64,
    /// References followed.
    pub references: u64,
    /// Everything reachable was walked. Otherwise the time ran out.
    pub complete: bool,
    /// Collections that could not be followed, for too many were under way: their contents count for the collection.
    pub lost: u64,
}
