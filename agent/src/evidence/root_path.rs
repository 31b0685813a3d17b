//! Why an object is alive, as records.

use super::{Context, heap_walk};
use crate::agent::Agent;
use flinkmem_native::jvm::{
    LoaderTable, ObjectPath, Reference, RootKind as NativeRoot, RootWalk, WalkEnd, WalkLimits,
    WalkTarget, jni, paths_in_passing, paths_to_root,
};
use flinkmem_trace::{
    Occasion, PathOutcome, PathRoot, PathStep, Record, ReferenceKind, Retention, RootKind,
    RootPath, Sample,
};
use std::time::{Duration, Instant};

/// Objects followed in one search: about 5 MiB of the agent's and 15 MiB of the JVM's for its duration.
const OBJECTS: usize = 200_000;

/// Paths told of one target.
const PATHS: usize = 3;

/// Room that the JVM needs for its marks: a bit for each eight bytes of the heap, and its stack of objects to visit.
const HEAP_SHARE: u64 = 32;
const LEAST_ROOM: u64 = 32 << 20;

/// Searches for paths on one occasion, which share one allowance of time.
pub(super) struct Searches {
    deadline: Instant,
}

impl Searches {
    /// `None` where the occasion does not allow to stop the application.
    pub(super) fn allowed(occasion: Occasion, patience: Duration) -> Option<Self> {
        let time = match occasion {
            Occasion::Routine | Occasion::NearLimit => return None,
            Occasion::Incident => Duration::from_secs(2),
            Occasion::Demand => patience,
        };
        Some(Self {
            deadline: Instant::now() + time,
        })
    }

    /// Looks for the shortest paths to `target`, of which `about` tells what is known, and writes them down, or why there is
    /// none. `pass`: how long a walk over the heap has just taken; one that would not fit is not begun. False when the
    /// time is over.
    pub(super) fn explain(
        &self,
        context: &mut Context<'_, '_>,
        target: WalkTarget<'_, '_>,
        about: RootPath,
        pass: Duration,
    ) -> bool {
        let used_bytes = context.sample.heap.map(|heap| heap.used_bytes);
        let limits = WalkLimits {
            time: self.deadline.saturating_duration_since(Instant::now()),
            afterwards: heap_walk::after_references(context.agent, used_bytes.unwrap_or(0)),
            objects: OBJECTS,
            paths: PATHS,
        };
        let template = RootPath {
            budget_ms: u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX),
            heap_used_bytes: used_bytes,
            ..about
        };
        if pass > limits.time {
            let taken = context.taken();
            context.write(Record::RootPath(Box::new(RootPath {
                taken,
                outcome: PathOutcome::OutOfTime,
                ..template
            })));
            return false;
        }
        let records = search(
            context.agent,
            context.env,
            context.sample,
            target,
            limits,
            &template,
        );
        for record in records {
            let taken = context.taken();
            context.write(Record::RootPath(Box::new(RootPath { taken, ..record })));
        }
        Instant::now() < self.deadline
    }
}

/// Tells what keeps a loader as far as reading a few fields shows it, without a walk. False where it shows nothing; then nothing is
/// written, for it says nothing.
pub(super) fn explain_in_passing(
    context: &mut Context<'_, '_>,
    table: &LoaderTable,
    id: u32,
    about: RootPath,
) -> bool {
    let paths = paths_in_passing(context.agent.jvmti, context.env, table, id, PATHS);
    for path in &paths {
        let taken = context.taken();
        context.write(Record::RootPath(Box::new(RootPath {
            taken,
            outcome: PathOutcome::Found,
            retention: Some(retention(path)),
            root: Some(root(path)),
            steps: steps(path),
            heap_used_bytes: context.sample.heap.map(|heap| heap.used_bytes),
            ..about.clone()
        })));
    }
    !paths.is_empty()
}

fn search(
    agent: &Agent,
    env: &mut jni::Env<'_>,
    sample: &Sample,
    target: WalkTarget<'_, '_>,
    limits: WalkLimits,
    template: &RootPath,
) -> Vec<RootPath> {
    let has_room = has_room(sample);
    let time = if has_room {
        limits.time
    } else {
        Duration::ZERO
    };
    match paths_to_root(agent.jvmti, env, target, WalkLimits { time, ..limits }) {
        Ok(walk) if walk.paths.is_empty() && !has_room => vec![RootPath {
            outcome: PathOutcome::NoMemory,
            ..template.clone()
        }],
        Ok(walk) => records(&walk, template),
        Err(_) => vec![RootPath {
            outcome: PathOutcome::Refused,
            ..template.clone()
        }],
    }
}

/// Whether the container has memory left for a walk.
fn has_room(sample: &Sample) -> bool {
    let heap = sample.heap.map_or(0, |heap| heap.committed_bytes);
    let left = sample
        .cgroup
        .and_then(|cgroup| Some(cgroup.limit_bytes?.saturating_sub(cgroup.usage_bytes)));
    left.is_none_or(|left| left >= heap / HEAP_SHARE + LEAST_ROOM)
}

fn records(walk: &RootWalk, template: &RootPath) -> Vec<RootPath> {
    let outcome = match walk.end {
        WalkEnd::Found => PathOutcome::Found,
        WalkEnd::Unreachable => PathOutcome::Unreachable,
        WalkEnd::OutOfTime => PathOutcome::OutOfTime,
        WalkEnd::OutOfRoom => PathOutcome::OutOfRoom,
    };
    let common = RootPath {
        outcome,
        passes: walk.passes,
        longest_pass_us: u64::try_from(walk.longest_pass.as_micros()).unwrap_or(u64::MAX),
        objects: walk.objects,
        ..template.clone()
    };
    if walk.paths.is_empty() {
        return vec![common];
    }
    let path = |path: &ObjectPath| RootPath {
        retention: Some(retention(path)),
        root: Some(root(path)),
        steps: steps(path),
        ..common.clone()
    };
    walk.paths.iter().map(path).collect()
}

fn root(path: &ObjectPath) -> PathRoot {
    let kind = match path.root.kind {
        NativeRoot::Thread => RootKind::Thread,
        NativeRoot::StackLocal => RootKind::StackLocal,
        NativeRoot::JniLocal => RootKind::JniLocal,
        NativeRoot::JniGlobal => RootKind::JniGlobal,
        NativeRoot::Class => RootKind::Class,
        NativeRoot::Other => RootKind::Other,
    };
    PathRoot {
        root: kind,
        thread: path.root.thread.clone(),
        method: path.root.method.clone(),
    }
}

fn steps(path: &ObjectPath) -> Vec<PathStep> {
    let step = |step: &flinkmem_native::jvm::PathStep| {
        let (by, field, index) = match &step.reference {
            None => (None, None, None),
            Some(Reference::Field(name)) => (Some(ReferenceKind::Field), name.clone(), None),
            Some(Reference::StaticField(name)) => {
                (Some(ReferenceKind::StaticField), name.clone(), None)
            }
            Some(Reference::Element(index)) => (Some(ReferenceKind::Element), None, Some(*index)),
            Some(Reference::Class) => (Some(ReferenceKind::InstanceOf), None, None),
            Some(Reference::ClassLoader) => (Some(ReferenceKind::ClassLoader), None, None),
            Some(Reference::OfClass) => (Some(ReferenceKind::OfClass), None, None),
        };
        PathStep {
            class: step.class.clone(),
            by,
            field,
            index,
            thread: step.thread.clone(),
        }
    };
    path.steps.iter().map(step).collect()
}

/// What kind of path it is. The order matters: a shutdown hook is a thread in a static field.
fn retention(path: &ObjectPath) -> Retention {
    let passes = |class: &str| path.steps.iter().any(|step| step.class == class);
    let cleans = |class: &str| {
        class.starts_with("java.lang.ref.Finalizer")
            || class.starts_with("java.lang.ref.Cleaner")
            || class.starts_with("jdk.internal.ref.")
    };
    if passes("java.lang.ApplicationShutdownHooks") {
        return Retention::ShutdownHook;
    }
    if path.steps.iter().any(|step| cleans(&step.class)) {
        return Retention::FinalizerOrCleaner;
    }
    let thread = path.steps.first().filter(|step| step.thread.is_some());
    match path.root.kind {
        NativeRoot::JniGlobal if thread.is_none() => Retention::JniGlobal,
        NativeRoot::Class => Retention::StaticInParentClass,
        _ => match thread {
            Some(thread) => of_thread(thread),
            None if matches!(
                path.root.kind,
                NativeRoot::StackLocal | NativeRoot::JniLocal
            ) =>
            {
                Retention::Thread
            }
            None => Retention::Other,
        },
    }
}

/// By what a thread itself holds the target.
fn of_thread(thread: &flinkmem_native::jvm::PathStep) -> Retention {
    let field = match &thread.reference {
        Some(Reference::Field(name)) => name.as_deref(),
        _ => None,
    };
    match field {
        Some("threadLocals" | "inheritableThreadLocals") => Retention::ThreadLocal,
        _ if thread.runs_code_of_target => Retention::Thread,
        Some("contextClassLoader") => Retention::InheritedContextClassLoader,
        Some("inheritedAccessControlContext") => Retention::InheritedAccessControlContext,
        _ => Retention::Thread,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_native::jvm::{PathStep, Root};

    fn step(class: &str, field: &str) -> PathStep {
        PathStep {
            class: class.to_owned(),
            is_class: false,
            reference: Some(Reference::Field(Some(field.to_owned()))),
            thread: None,
            runs_code_of_target: false,
        }
    }

    fn thread(field: &str, runs_code_of_target: bool) -> PathStep {
        PathStep {
            thread: Some("worker".to_owned()),
            runs_code_of_target,
            ..step("java.lang.Thread", field)
        }
    }

    #[test]
    fn each_kind_of_path_is_told_from_the_others() {
        let map = step("java.util.HashMap", "table");
        let hooks = step("java.lang.ApplicationShutdownHooks", "hooks");
        let finalizer = step("java.lang.ref.Finalizer", "next");
        let table = [
            (
                NativeRoot::Thread,
                vec![thread("contextClassLoader", false)],
                Retention::InheritedContextClassLoader,
            ),
            (
                NativeRoot::Thread,
                vec![thread("contextClassLoader", true)],
                Retention::Thread,
            ),
            (
                NativeRoot::Thread,
                vec![thread("threadLocals", true)],
                Retention::ThreadLocal,
            ),
            (
                NativeRoot::Thread,
                vec![thread("inheritedAccessControlContext", false)],
                Retention::InheritedAccessControlContext,
            ),
            (NativeRoot::StackLocal, vec![map.clone()], Retention::Thread),
            (
                NativeRoot::Class,
                vec![map.clone()],
                Retention::StaticInParentClass,
            ),
            (
                NativeRoot::Class,
                vec![hooks, map.clone(), thread("contextClassLoader", false)],
                Retention::ShutdownHook,
            ),
            (
                NativeRoot::Class,
                vec![finalizer],
                Retention::FinalizerOrCleaner,
            ),
            (
                NativeRoot::JniGlobal,
                vec![map.clone()],
                Retention::JniGlobal,
            ),
            (NativeRoot::Other, vec![map], Retention::Other),
        ];
        for (kind, steps, expected) in table {
            let root = Root {
                kind,
                ..Root::default()
            };
            let path = ObjectPath { root, steps };
            assert_eq!(retention(&path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_full_container_is_not_walked() {
        let cgroup = |usage_bytes| {
            let cgroup = flinkmem_trace::Cgroup {
                usage_bytes,
                limit_bytes: Some(1 << 30),
                ..Default::default()
            };
            Sample {
                cgroup: Some(cgroup),
                ..Sample::default()
            }
        };
        assert!(has_room(&cgroup(900 << 20)));
        assert!(!has_room(&cgroup(1000 << 20)));
        assert!(has_room(&Sample::default()));
    }
}
