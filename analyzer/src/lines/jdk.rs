//! What the JDK says: errors of the heap, of arrays, direct memory, metaspace and threads, in the words of JDK 7 to 25.

use super::fact::{ClassArea, DirectRefusal, Fact, HeapWords, Refused};
use super::figures::number_after;

/// Parts of lines that this family knows.
pub(super) const NEEDLES: &[&str] = &[
    "Java heap space",
    "exceeds JVM heap space",
    "GC overhead limit exceeded",
    "Requested array size exceeds VM limit",
    "exceeds Java array limit",
    "irect buffer memory",
    "OutOfMemoryError",
    "PermGen space",
    "native thread",
    "pthread_create failed",
];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    let before = facts.len();
    let has = |words: &str| line.contains(words);
    if has("Requested array size exceeds VM limit") || has("exceeds Java array limit") {
        facts.push(Fact::ArrayLimit);
    } else if let Some(words) = heap(line) {
        facts.push(Fact::HeapExhausted(words));
    }
    // The pool of network buffers has a cause of this name, and a line of its own.
    if has("irect buffer memory") && !has("Could not allocate enough memory segments") {
        facts.push(Fact::DirectExhausted(direct(line)));
    }
    if let Some(area) = class_area(line) {
        facts.push(Fact::MetaspaceExhausted(area));
    }
    if has("pthread_create failed") {
        facts.push(Fact::ThreadRefused(Some(refused(line))));
    } else if has("unable to create new native thread") || has("unable to create native thread") {
        facts.push(Fact::ThreadRefused(None));
    }
    if has("Terminating due to java.lang.OutOfMemoryError")
        || has("Aborting due to java.lang.OutOfMemoryError")
    {
        facts.push(Fact::EndedByOutOfMemory);
    }
    if facts.len() == before && is_bare(line) {
        facts.push(Fact::OutOfMemory);
    }
}

fn heap(line: &str) -> Option<HeapWords> {
    if line.contains("exceeds JVM heap space") {
        // Java's own ByteArrayOutputStream has no such words; Flink's serialization of checkpoint metadata does.
        return Some(HeapWords::Serialized(number_after(line, "> ").unwrap_or(0)));
    }
    if line.contains("GC overhead limit exceeded") {
        return Some(HeapWords::Overhead);
    }
    if !line.contains("Java heap space") {
        return None;
    }
    let says_so = line.contains("OutOfMemoryError");
    Some(if says_so {
        HeapWords::Space
    } else {
        HeapWords::Wrapped
    })
}

/// `Cannot reserve N bytes of direct buffer memory (allocated: A, limit: L)` since JDK 17; older ones give no figures.
fn direct(line: &str) -> DirectRefusal {
    DirectRefusal {
        requested: number_after(line, "Cannot reserve "),
        used: number_after(line, "allocated: "),
        limit: number_after(line, "limit: "),
        by_netty: false,
    }
}

fn class_area(line: &str) -> Option<ClassArea> {
    let error = line.split_once("OutOfMemoryError")?.1;
    let words = error.trim_start_matches([':', ' ']);
    if words.starts_with("Compressed class space") {
        Some(ClassArea::ClassSpace)
    } else if words.starts_with("Metaspace") || words.starts_with("PermGen space") {
        Some(ClassArea::Metaspace)
    } else {
        None
    }
}

fn refused(line: &str) -> Refused {
    if line.contains("(EAGAIN)") {
        Refused::Again
    } else if line.contains("(EPERM)") {
        Refused::Permission
    } else {
        Refused::Other
    }
}

/// The error without words, or thrown where no words could be made. Options and hints name the class too.
fn is_bare(line: &str) -> bool {
    let trimmed = line.trim_end();
    trimmed.ends_with("java.lang.OutOfMemoryError")
        || trimmed.ends_with("java.lang.OutOfMemoryError: null")
        || trimmed.contains("OutOfMemoryError thrown from the UncaughtExceptionHandler")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(line: &str) -> Vec<Fact> {
        let mut facts = Vec::new();
        read(line, &mut facts);
        facts
    }

    #[test]
    fn direct_memory_in_the_words_of_old_and_new_jdks() {
        let old = facts("java.lang.OutOfMemoryError: Direct buffer memory");
        assert_eq!(old, [Fact::DirectExhausted(DirectRefusal::default())]);
        let new = facts(
            "java.lang.OutOfMemoryError: Cannot reserve 1048576 bytes of direct buffer memory (allocated: 213000000, limit: 213070644)",
        );
        let figures = DirectRefusal {
            requested: Some(1_048_576),
            used: Some(213_000_000),
            limit: Some(213_070_644),
            by_netty: false,
        };
        assert_eq!(new, [Fact::DirectExhausted(figures)]);
    }

    #[test]
    fn a_heap_error_wrapped_by_a_driver_is_one() {
        let wrapped = facts("java.sql.SQLException: Java heap space");
        assert_eq!(wrapped, [Fact::HeapExhausted(HeapWords::Wrapped)]);
    }

    #[test]
    fn threads_are_refused_for_a_limit_or_by_a_policy() {
        let line = |errno: &str| {
            format!(
                "[421.771s][warning][os,thread] Failed to start thread - pthread_create failed ({errno}) for attributes: stacksize: 1024k"
            )
        };
        assert_eq!(
            facts(&line("EAGAIN")),
            [Fact::ThreadRefused(Some(Refused::Again))]
        );
        assert_eq!(
            facts(&line("EPERM")),
            [Fact::ThreadRefused(Some(Refused::Permission))]
        );
    }

    #[test]
    fn an_option_that_names_the_error_is_none() {
        assert_eq!(facts("-XX:+ExitOnOutOfMemoryError"), []);
        assert_eq!(facts("-XX:OnOutOfMemoryError=kill -9 %p"), []);
        assert_eq!(
            facts("Caused by: java.lang.OutOfMemoryError"),
            [Fact::OutOfMemory]
        );
    }
}
