//! Owners that a name tells: of a mapping, of a thread.

use super::claims::Claimant;
use flinkmem_native::kernel::smaps::{Mapping, Smaps};
use flinkmem_trace::Owner;

/// Whose a mapping is by its name or file. `None`: memory without a name.
pub(super) fn of_mapping(smaps: &Smaps, mapping: &Mapping) -> Option<Claimant> {
    let name = smaps.name(mapping);
    if name.is_empty() {
        return shared(mapping);
    }
    if let Some(special) = name.strip_prefix('[') {
        return of_special(special, mapping);
    }
    Some(Claimant::Owner(of_path(&name, mapping)))
}

/// Shared memory without a name is a child's or a `shmat`'s.
fn shared(mapping: &Mapping) -> Option<Claimant> {
    (!mapping.permissions.private).then_some(Claimant::Owner(Owner::SharedMemory))
}

/// `[heap]`, `[anon:…]`: the latter are names that the process itself gave (`PR_SET_VMA_ANON_NAME`).
fn of_special(name: &str, mapping: &Mapping) -> Option<Claimant> {
    match name.trim_end_matches(']') {
        "heap" => Some(Claimant::Arena),
        "stack" => Some(Claimant::Owner(Owner::NativeThreadStacks)),
        name if name.starts_with("v") || name == "uprobes" => Some(Claimant::Owner(Owner::Kernel)),
        // glibc's tunable glibc.mem.decorate_maps, and jemalloc's option.
        name if name.starts_with("anon: glibc: malloc") => Some(Claimant::Arena),
        name if name.starts_with("anon:jemalloc") => Some(Claimant::Arena),
        name if name.starts_with("anon_shmem") => Some(Claimant::Owner(Owner::SharedMemory)),
        _ => shared(mapping),
    }
}

fn of_path(path: &str, mapping: &Mapping) -> Owner {
    let file = path.strip_suffix(" (deleted)").unwrap_or(path);
    let name = file.rsplit('/').next().unwrap_or(file);
    let ends_with = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    // ZGC backs the heap with a file of that name, in memory or on a file system in memory.
    if file.starts_with("/memfd:java_heap") || name.starts_with("java_heap") {
        Owner::JavaHeap
    } else if ["/memfd:", "/dev/shm/", "/SYSV", "/dev/zero"]
        .iter()
        .any(|start| file.starts_with(start))
    {
        Owner::SharedMemory
    } else if name.ends_with(".jsa") {
        Owner::CdsArchive
    } else if ends_with(&[".jar", ".zip", ".war"]) {
        Owner::MappedJars
    } else if file.ends_with("/lib/modules") || name.ends_with(".jimage") {
        Owner::MappedJdkModules
    } else if ends_with(&[".so"]) || name.contains(".so.") || mapping.permissions.execute {
        Owner::MappedLibraries
    } else {
        Owner::MappedFiles
    }
}

/// Beginnings of the names of HotSpot's own threads, as the kernel cuts them, JDK 11 to 25.
const JVM_THREADS: [&str; 31] = [
    "GC Thread#",
    "G1 Main",
    "G1 Conc",
    "G1 Refine",
    "G1 Young",
    "G1 Service",
    "ParGC",
    "Shenandoah",
    "VM Thread",
    "VM Periodic",
    "VM JFR",
    "C1 Compiler",
    "C2 Compiler",
    "JVMCI",
    "Sweeper thread",
    "Signal Dispatch",
    "Service Thread",
    "Monitor Deflati",
    "Attach Listener",
    "AsyncLog Thread",
    "StringDedup",
    "ZDirector",
    "ZDriver",
    "ZWorker",
    "ZStat",
    "ZUncommitter",
    "ZUnmapper",
    "ZMark",
    "RuntimeWorker",
    "XWorker",
    "XD",
];

/// Whether a thread of that name is the JVM's own.
pub(super) fn is_jvm_thread(name: &str) -> bool {
    JVM_THREADS.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(line: &str) -> Option<Claimant> {
        let smaps = Smaps::parse(line.as_bytes());
        of_mapping(&smaps, &smaps.mappings()[0])
    }

    #[test]
    fn files_are_told_by_kind() {
        for (rest, expected) in [
            (
                "r--p 0 fe:00 7 /jdk/lib/server/classes.jsa",
                Owner::CdsArchive,
            ),
            ("r-xp 0 fe:00 7 /usr/lib/libc.so.6", Owner::MappedLibraries),
            (
                "r-xp 0 fe:00 7 /tmp/librocksdbjni123.so (deleted)",
                Owner::MappedLibraries,
            ),
            ("r-xp 0 fe:00 7 /jdk/bin/java", Owner::MappedLibraries),
            ("r--s 0 fe:00 7 /jdk/lib/modules", Owner::MappedJdkModules),
            (
                "r--s 0 fe:00 7 /opt/flink/lib/flink-dist.jar",
                Owner::MappedJars,
            ),
            ("rw-s 0 fe:00 7 /tmp/hsperfdata_flink/7", Owner::MappedFiles),
            ("rw-s 0 00:01 7 /memfd:java_heap (deleted)", Owner::JavaHeap),
            ("rw-s 0 00:01 7 /dev/shm/queue", Owner::SharedMemory),
            ("r-xp 0 00:00 0 [vdso]", Owner::Kernel),
            ("rw-p 0 00:00 0 [stack]", Owner::NativeThreadStacks),
        ] {
            let found = owner(&format!("1000-2000 {rest}\n"));
            assert_eq!(found, Some(Claimant::Owner(expected)), "{rest}");
        }
        assert_eq!(owner("1000-2000 rw-p 0 00:00 0\n"), None);
        assert_eq!(
            owner("1000-2000 rw-p 0 00:00 0 [heap]\n"),
            Some(Claimant::Arena)
        );
        assert_eq!(owner("1000-2000 rw-p 0 00:00 0 [anon:mine]\n"), None);
    }

    #[test]
    fn the_jvms_threads_are_told_from_others() {
        for name in [
            "G1 Conc#0",
            "C2 CompilerThre",
            "VM Periodic Tas",
            "GC Thread#1",
        ] {
            assert!(is_jvm_thread(name), "{name}");
        }
        for name in ["java", "rocksdb:low0", "flink-pekko.act", "Finalizer", "G1"] {
            assert!(!is_jvm_thread(name), "{name}");
        }
    }
}
