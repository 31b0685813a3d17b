//! What to do about each kind of path.

use super::super::metaspace::{MetaspacePicture, Retained};
use super::per_generation;
use flinkmem_trace::Retention;

/// All ways that keep at least half as many as the first: a loader goes when the last is cut.
pub(super) fn text(picture: &MetaspacePicture<'_>) -> String {
    let most = picture
        .retained
        .first()
        .map_or(0, |main| main.loaders.len());
    let mut texts: Vec<String> = picture
        .retained
        .iter()
        .filter(|group| group.loaders.len() * 2 >= most)
        .take(3)
        .map(of_kind)
        .collect();
    if texts.is_empty() {
        texts.push(UNKNOWN.to_owned());
    }
    let size = match per_generation(picture) {
        Some(figures) => format!("No size helps: {figures}."),
        None => "No size helps: a larger metaspace only delays.".to_owned(),
    };
    texts.push(size);
    texts.join(" ")
}

const UNKNOWN: &str = "Find what keeps the class loaders of ended jobs (see what to collect): a thread, a ThreadLocal, a registry or a shutdown hook of a library that came in the job's jar. Such libraries (JDBC drivers, Hadoop, SDKs) belong into lib/.";

fn of_kind(group: &Retained<'_>) -> String {
    let holder = &group.holder;
    let held = group.held.as_deref().unwrap_or("an object of the job");
    match group.kind {
        Retention::Thread => format!(
            "End thread {holder} when its task ends: close in close() what runs {held}, or shut its pool down by RuntimeContext.registerUserCodeClassLoaderReleaseHookIfAbsent; a library that keeps such threads for the whole process belongs into lib/."
        ),
        Retention::InheritedContextClassLoader => format!(
            "Thread {holder} runs no code of the job but inherited its class loader as context: shut its pool down in close(), or make it with setContextClassLoader(null) (a thread factory), or let it be made before the job, from lib/."
        ),
        Retention::InheritedAccessControlContext => format!(
            "Thread {holder} was started by code of the job and remembers it (its access control context, up to JDK 23): shut its pool down in close(), or let it be started from lib/. From JDK 24 on threads do not remember that."
        ),
        Retention::ThreadLocal => format!(
            "Call remove() on the ThreadLocal whose value is {held} before the task ends: thread {holder} outlives the job. A library that cannot do so belongs into lib/."
        ),
        Retention::StaticInParentClass if holder.starts_with("java.sql.DriverManager") => format!(
            "Put the JDBC driver ({held}) into lib/ instead of the job's jar, or call DriverManager.deregisterDriver in close()."
        ),
        Retention::StaticInParentClass => format!(
            "Take {held} out of {holder} when the task ends: that field outlives the job. Or put the class into lib/, so that it is of no job."
        ),
        Retention::ShutdownHook => format!(
            "Remove the shutdown hook {holder} ({held}) in close() with Runtime.removeShutdownHook, or put the library that adds it into lib/: hooks stay until the process ends."
        ),
        Retention::JniGlobal => format!(
            "Native code holds {held} by a JNI global reference: close the library's objects in close(); load the library from lib/, for it is loaded once a process."
        ),
        Retention::FinalizerOrCleaner => format!(
            "A finalizer or Cleaner waits for {held}: close it in close() instead of leaving it to the collector."
        ),
        Retention::Other => format!("Let go of {held}, which {holder} holds."),
    }
}

/// A kind in words.
pub(super) fn kind_in_words(kind: Retention) -> &'static str {
    match kind {
        Retention::Thread => "a live thread",
        Retention::InheritedContextClassLoader => "a thread's inherited context class loader",
        Retention::InheritedAccessControlContext => "a thread's inherited access control context",
        Retention::ThreadLocal => "a ThreadLocal of a live thread",
        Retention::StaticInParentClass => "a static field of a class that is never unloaded",
        Retention::ShutdownHook => "a shutdown hook",
        Retention::JniGlobal => "a JNI global reference",
        Retention::FinalizerOrCleaner => "a finalizer or Cleaner",
        Retention::Other => "another reference",
    }
}
