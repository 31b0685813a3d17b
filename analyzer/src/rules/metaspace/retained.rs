//! What keeps loaders of ended jobs: paths from a root, grouped by what holds on.

use flinkmem_trace::{PathOutcome, PathStep, ReferenceKind, Retention, RootPath};
use std::collections::{BTreeMap, BTreeSet};

/// Loaders that are kept in the same way.
#[derive(Debug)]
pub(in crate::rules) struct Retained<'a> {
    /// How.
    pub(in crate::rules) kind: Retention,
    /// What holds on: a thread by the pattern of its name, or the field of a class.
    pub(in crate::rules) holder: String,
    /// The job's own class that is held, where it is not the loader itself.
    pub(in crate::rules) held: Option<String>,
    /// Loaders that are kept so.
    pub(in crate::rules) loaders: BTreeSet<u32>,
    /// One of the paths.
    pub(in crate::rules) path: &'a RootPath,
}

/// Groups of paths to `ended` loaders: those that keep most come first.
pub(super) fn retained<'a>(
    paths: impl Iterator<Item = &'a RootPath>,
    ended: &BTreeSet<u32>,
) -> Vec<Retained<'a>> {
    let mut groups: BTreeMap<(u8, String), Retained<'a>> = BTreeMap::new();
    for path in paths.filter(|path| path.outcome == PathOutcome::Found) {
        let (Some(loader), Some(kind)) = (path.target_loader, path.retention) else {
            continue;
        };
        if !ended.contains(&loader) || is_passing(path) {
            continue;
        }
        let holder = holder(kind, path);
        let group = groups
            .entry((rank(kind), holder.clone()))
            .or_insert_with(|| Retained {
                kind,
                holder,
                held: held(kind, path),
                loaders: BTreeSet::new(),
                path,
            });
        group.loaders.insert(loader);
    }
    let mut groups: Vec<Retained<'a>> = groups.into_values().collect();
    // Stable, so of those that keep as many the kind that says most comes first.
    groups.sort_by_key(|group| std::cmp::Reverse(group.loaders.len()));
    drop_echoes(&mut groups);
    groups
}

/// Caches of the JDK whose entries go as soon as somebody looks up the next one.
fn is_passing(path: &RootPath) -> bool {
    let first = path.steps.first().map(|step| step.class.as_str());
    first.is_some_and(|class| class.starts_with("java.io.ObjectStreamClass"))
}

/// Which kind says most about what to do; a thread that runs the job's code also has its loader as context.
fn rank(kind: Retention) -> u8 {
    match kind {
        Retention::ShutdownHook => 0,
        Retention::Thread => 1,
        Retention::ThreadLocal => 2,
        Retention::StaticInParentClass => 3,
        Retention::JniGlobal => 4,
        Retention::InheritedContextClassLoader => 5,
        Retention::InheritedAccessControlContext => 6,
        Retention::FinalizerOrCleaner => 7,
        Retention::Other => 8,
    }
}

/// The same thread seen a second time.
fn drop_echoes(groups: &mut Vec<Retained<'_>>) {
    let mut threads: BTreeSet<String> = BTreeSet::new();
    let mut by_rank: Vec<(u8, String)> = groups
        .iter()
        .filter(|group| is_of_thread(group.kind))
        .map(|group| (rank(group.kind), group.holder.clone()))
        .collect();
    by_rank.sort();
    let mut keep: BTreeSet<(u8, String)> = BTreeSet::new();
    for (rank, thread) in by_rank {
        if threads.insert(thread.clone()) {
            keep.insert((rank, thread));
        }
    }
    groups.retain(|group| {
        !is_of_thread(group.kind) || keep.contains(&(rank(group.kind), group.holder.clone()))
    });
}

/// Kinds in which the thread itself is what must end.
pub(in crate::rules) fn is_of_thread(kind: Retention) -> bool {
    matches!(
        kind,
        Retention::Thread
            | Retention::InheritedContextClassLoader
            | Retention::InheritedAccessControlContext
    )
}

/// What holds on.
fn holder(kind: Retention, path: &RootPath) -> String {
    let thread = || {
        let step = path.steps.iter().find_map(|step| step.thread.as_deref());
        let root = path.root.as_ref().and_then(|root| root.thread.as_deref());
        step.or(root).map(pattern)
    };
    let of_thread = is_of_thread(kind) || kind == Retention::ThreadLocal;
    thread()
        .filter(|_| of_thread || kind == Retention::ShutdownHook)
        .or_else(|| path.steps.first().map(field))
        .unwrap_or_else(|| "unknown".to_owned())
}

/// A step as `class.field`.
pub(in crate::rules) fn field(step: &PathStep) -> String {
    match &step.field {
        Some(field) => format!("{}.{field}", step.class),
        None => step.class.clone(),
    }
}

/// The job's own class that is held: the class whose loader is the target. A thread's own class says more than what it runs.
fn held(kind: Retention, path: &RootPath) -> Option<String> {
    if matches!(
        kind,
        Retention::InheritedContextClassLoader | Retention::InheritedAccessControlContext
    ) {
        return None;
    }
    let by_class = |step: &&PathStep| step.by == Some(ReferenceKind::ClassLoader);
    path.steps
        .iter()
        .find(by_class)
        .map(|step| step.class.clone())
}

/// A thread's name with `#` for each number, as in censuses of threads.
pub(in crate::rules) fn pattern(name: &str) -> String {
    let mut pattern = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            digit if digit.is_ascii_digit() => {
                if !pattern.ends_with('#') {
                    pattern.push('#');
                }
            }
            other => pattern.push(other),
        }
    }
    pattern
}

/// A path in one line.
pub(in crate::rules) fn in_words(path: &RootPath) -> String {
    let mut words: Vec<String> = Vec::new();
    for step in &path.steps {
        let word = match (&step.thread, step.by) {
            (Some(thread), _) => match &step.field {
                Some(field) => format!("thread \"{thread}\".{field}"),
                None => format!("thread \"{thread}\""),
            },
            (None, Some(ReferenceKind::Field | ReferenceKind::StaticField)) => field(step),
            (None, Some(ReferenceKind::Element)) => continue,
            (None, Some(ReferenceKind::ClassLoader)) => format!("class {}", step.class),
            (None, _) => step.class.clone(),
        };
        words.push(word);
    }
    words.dedup_by(|later, earlier| *later == format!("class {earlier}"));
    words.join(" → ")
}
