//! The header: what does not change, collected once by the agent's thread.

use super::{allow_list, flink};
use crate::agent::{Agent, Coming, Moment};
use flinkmem_native::jvm::{
    Bits, FlagValue, Management, java_property, jni, vm_arguments, vm_flags,
};
use flinkmem_native::kernel::allocator::Allocator;
use flinkmem_native::kernel::cgroup::{Cgroup, Version};
use flinkmem_native::kernel::host;
use flinkmem_trace::version::VERSION;
use flinkmem_trace::{FORMAT, Header, Jvm, System};
use procfs::process::Process;
use std::path::{Path, PathBuf};

/// Flags that decide about memory.
const FLAGS: [&str; 34] = [
    "ActiveProcessorCount",
    "AlwaysPreTouch",
    "CompressedClassSpaceSize",
    "CrashOnOutOfMemoryError",
    "DisableExplicitGC",
    "ExitOnOutOfMemoryError",
    "G1HeapRegionSize",
    "HeapDumpOnOutOfMemoryError",
    "InitialHeapSize",
    "InitialRAMPercentage",
    "MaxDirectMemorySize",
    "MaxHeapFreeRatio",
    "MaxHeapSize",
    "MaxMetaspaceSize",
    "MaxRAM",
    "MaxRAMPercentage",
    "MinHeapSize",
    "NativeMemoryTracking",
    "NewRatio",
    "ParallelGCThreads",
    "ConcGCThreads",
    "ReservedCodeCacheSize",
    "SoftMaxHeapSize",
    "ThreadStackSize",
    "UseCompressedClassPointers",
    "UseCompressedOops",
    "UseContainerSupport",
    "UseG1GC",
    "UseLargePages",
    "UseParallelGC",
    "UseSerialGC",
    "UseShenandoahGC",
    "UseTransparentHugePages",
    "UseZGC",
];

/// Collects the header. What cannot be had is left empty.
pub(super) fn collect(
    agent: &Agent,
    env: &mut jni::Env<'_>,
    process: Option<&Process>,
    cgroup: Option<&Cgroup>,
    management: Option<&Management>,
    bits: Option<&Bits>,
) -> Header {
    let now = Moment::now();
    let mut property = |name| {
        agent
            .jvmti
            .system_property(name)
            .or_else(|| java_property(env, name))
            .unwrap_or_default()
    };
    let [version, vm_version, vm_name, vendor] = [
        "java.version",
        "java.vm.version",
        "java.vm.name",
        "java.vendor",
    ]
    .map(&mut property);
    let [command, class_path] = ["sun.java.command", "java.class.path"].map(&mut property);
    let open_files = process.map(host::open_files).unwrap_or_default();
    let jars = class_path
        .split(':')
        .chain(open_files.iter().filter_map(|file| file.to_str()));
    let (arguments, arguments_withheld) =
        allow_list::jvm_arguments(&vm_arguments(env).unwrap_or_default());
    let flags = management
        .map(|management| vm_flags(management, env, &FLAGS))
        .unwrap_or_default();
    let max_direct = bits
        .and_then(|bits| bits.read(env).ok())
        .map(|counters| counters.max_bytes);
    Header {
        format: FORMAT,
        t_ms: now.t_ms,
        up_ms: now.up_ms,
        agent_version: VERSION.to_owned(),
        agent_options: agent.options.to_map(),
        host: host::hostname(),
        pid: std::process::id(),
        attached_late: agent.coming == Coming::Late,
        start_ms: process.and_then(host::start_ms).unwrap_or(now.t_ms),
        jvm: Jvm {
            version,
            vm_version,
            vm_name,
            vendor,
            arguments,
            arguments_withheld,
            flags: flags
                .into_iter()
                .map(|(name, value)| (name, value.to_string()))
                .collect(),
            main_class: main_class(&command),
            max_direct_bytes: max_direct.filter(|&bytes| bytes > 0),
        },
        flink: flink::facts(&command, jars),
        system: system(cgroup),
        previous: None,
    }
}

/// Whether HotSpot puts a header of its own before every block; unknown when the flags cannot be read.
pub(super) fn native_memory_tracking(
    management: Option<&Management>,
    env: &mut jni::Env<'_>,
) -> Option<bool> {
    const FLAG: &str = "NativeMemoryTracking";
    let flags = vm_flags(management?, env, &[FLAG]);
    match flags.first() {
        Some((_, FlagValue::Text(level))) => Some(level != "off"),
        _ => None,
    }
}

fn system(cgroup: Option<&Cgroup>) -> System {
    let allocator = Allocator::detect();
    System {
        kernel: host::kernel_release().unwrap_or_default(),
        page_size_bytes: host::page_size_bytes().unwrap_or_default(),
        host_memory_bytes: host::memory_bytes(),
        cpus: host::cpus(),
        cpu_quota: cgroup.and_then(Cgroup::cpu_quota),
        cgroup_version: cgroup.map(|cgroup| {
            if cgroup.version() == Version::V1 {
                1
            } else {
                2
            }
        }),
        cgroup_path: cgroup.map(|cgroup| cgroup.path().to_owned()),
        cgroup_limit_bytes: cgroup
            .and_then(|cgroup| cgroup.read(false))
            .and_then(|reading| reading.limit_bytes),
        allocator: allocator.name().to_owned(),
        allocator_version: allocator.version(),
    }
}

/// The main class, or the jar's file name; never its arguments.
fn main_class(command: &str) -> Option<String> {
    let first = command.split_ascii_whitespace().next()?;
    let is_jar = Path::new(first)
        .extension()
        .is_some_and(|extension| extension == "jar");
    let file_name = || {
        PathBuf::from(first)
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    };
    if is_jar {
        file_name()
    } else {
        Some(first.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::main_class;

    #[test]
    fn the_main_class_comes_without_arguments() {
        assert_eq!(
            main_class("com.acme.Main --password hunter2").as_deref(),
            Some("com.acme.Main")
        );
        assert_eq!(
            main_class("/opt/app/job.jar --password hunter2").as_deref(),
            Some("job.jar")
        );
        assert_eq!(main_class(""), None);
    }
}
