//! From where Flink's objects are reached: `TaskManagerRunner` or `ClusterEntrypoint`.
//!
//! Every process of Flink registers a shutdown hook whose lambda holds that object: `java.lang.ApplicationShutdownHooks.hooks`
//! → thread → its target → what the lambda captured. So it is found in microseconds, where a search of the heap would
//! stop the JVM. Flink inside a JVM of someone else's, such as a local cluster in a test, has no such hook, and is not found.
//!
//! # Safety
//! The static field is used with the class that it was looked up in, and as what its signature says.
#![allow(unsafe_code)]

use super::Lookout;
use flinkmem_native::jvm::{LoadedClass, ObjectReader, Path, identity_map_keys, jni};
use jni::objects::JObject;
use jni::refs::Weak;
use std::time::Duration;

const HOOKS: &str = "Ljava/lang/ApplicationShutdownHooks;";
const TASK_MANAGER: &str = "Lorg/apache/flink/runtime/taskexecutor/TaskManagerRunner;";
const JOB_MANAGER: &str = "Lorg/apache/flink/runtime/entrypoint/ClusterEntrypoint;";

/// Hooks that are looked at.
const MOST_HOOKS: usize = 256;

/// A lambda may hold a lambda, and that the object.
const DEEPEST: usize = 4;

/// Whether it is the class that holds the hooks.
pub(super) fn is_wanted(signature: &str) -> bool {
    signature == HOOKS
}

/// The object that all else is reached from.
pub(super) enum Root<'local> {
    /// `TaskManagerRunner`.
    TaskManager(JObject<'local>),
    /// `ClusterEntrypoint`.
    JobManager(JObject<'local>),
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    TaskManager,
    JobManager,
}

/// Finds the root and remembers it.
pub(super) struct Roots {
    hooks: Option<LoadedClass>,
    found: Option<(Role, Weak<JObject<'static>>)>,
    lookout: Lookout,
    /// `target` until JDK 18, `holder.task` since.
    task: Path,
}

impl Roots {
    pub(super) fn new(base_interval: Duration) -> Self {
        Self {
            hooks: None,
            found: None,
            lookout: Lookout::new(base_interval),
            task: Path::new(&["holder.task", "target"]),
        }
    }

    /// The class that holds the hooks is loaded.
    pub(super) fn set_hooks(&mut self, class: LoadedClass) {
        self.hooks = Some(class);
    }

    /// The root, searched for when it is not known and classes were loaded since the last search.
    pub(super) fn get<'local>(
        &mut self,
        reader: &mut ObjectReader<'_, 'local>,
        loaded: Option<u64>,
    ) -> Option<Root<'local>> {
        if self.found.is_none() && self.hooks.is_some() && self.lookout.is_due(loaded) {
            self.found = reader.in_frame(|reader| self.search(reader));
            self.lookout.rest();
        }
        let (role, object) = self.found.as_ref()?;
        let Some(object) = object.upgrade_local(reader.env()).ok().flatten() else {
            self.found = None;
            return None;
        };
        Some(match role {
            Role::TaskManager => Root::TaskManager(object),
            Role::JobManager => Root::JobManager(object),
        })
    }

    fn search(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
    ) -> Option<(Role, Weak<JObject<'static>>)> {
        const MAP: &str = "Ljava/util/IdentityHashMap;";
        let (jvmti, hooks) = (reader.jvmti(), self.hooks.as_ref()?);
        let field = hooks.static_field(jvmti, reader.env(), "hooks", MAP)?;
        // SAFETY: the field is of that class, and a reference's.
        let map = unsafe { hooks.static_object(reader.env(), field) }?;
        let threads = identity_map_keys(reader, &map, MOST_HOOKS);
        threads.iter().find_map(|thread| {
            let task = self.task.object(reader, thread)?;
            held_by(reader, &task, DEEPEST)
        })
    }
}

/// The root that `object` is, or that it has captured if it is a lambda.
fn held_by(
    reader: &mut ObjectReader<'_, '_>,
    object: &JObject<'_>,
    depth: usize,
) -> Option<(Role, Weak<JObject<'static>>)> {
    let ancestry = reader.ancestry(object);
    let is = |name: &str| ancestry.iter().any(|class| class == name);
    let role = if is(TASK_MANAGER) {
        Some(Role::TaskManager)
    } else if is(JOB_MANAGER) {
        Some(Role::JobManager)
    } else {
        None
    };
    if let Some(role) = role {
        return Some((role, reader.env().new_weak_ref(object).ok()?));
    }
    let is_lambda = ancestry
        .first()
        .is_some_and(|class| class.contains("$$Lambda"));
    if !is_lambda || depth == 0 {
        return None;
    }
    let captured = reader.captured(object);
    captured
        .iter()
        .find_map(|object| held_by(reader, object, depth - 1))
}
