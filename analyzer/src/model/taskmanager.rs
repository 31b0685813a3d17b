//! The TaskManager's memory, 1.10 and later.
//!
//! Three ways in, by what is set: task heap and managed memory (the rest is added up), Flink's memory (it is divided),
//! or the process's (metaspace and overhead come off first, then Flink's memory is divided).

use super::changes::Behaviour;
use super::cpu::{CpuCores, SlotCount};
use super::memory_size::MemorySize;
use super::note::Note;
use super::options::tm;
use super::origin::{Derived, Origin};
use super::process::{AroundFlink, ProcessOptions};
use super::range::{Range, RangeOptions};
use super::reader::Reader;
use super::refusal::Refusal;
use super::segment::segment_size;

/// Every pool of a TaskManager.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskManagerModel {
    /// CPU cores that the process asks for.
    pub cpu: CpuCores,
    /// Number of slots; absent before 1.13, where the derivation did not look.
    pub slots: Option<SlotCount>,
    /// Heap for Flink itself.
    pub framework_heap: Derived,
    /// Direct and native memory for Flink itself.
    pub framework_off_heap: Derived,
    /// Heap for operators and user code.
    pub task_heap: Derived,
    /// Direct and native memory for operators and user code.
    pub task_off_heap: Derived,
    /// Network buffers.
    pub network: Derived,
    /// Managed memory: RocksDB, batch operators, Python. Outside every JVM limit.
    pub managed: Derived,
    /// Limit of metaspace.
    pub metaspace: Derived,
    /// Everything else of the process. Nobody enforces it.
    pub overhead: Derived,
    /// Flink's memory: heap, off-heap, network, managed.
    pub total_flink: Derived,
    /// Everything.
    pub total_process: Derived,
}

impl TaskManagerModel {
    /// `-Xmx`: framework and task heap.
    #[must_use]
    pub fn heap(&self) -> MemorySize {
        MemorySize::from_bytes(self.framework_heap.bytes() + self.task_heap.bytes())
    }

    /// `-XX:MaxDirectMemorySize`: framework and task off-heap, network.
    #[must_use]
    pub fn direct(&self) -> MemorySize {
        let off_heap = self.framework_off_heap.bytes() + self.task_off_heap.bytes();
        MemorySize::from_bytes(off_heap.saturating_add(self.network.bytes()))
    }

    /// The JVM arguments that Flink's start script uses.
    #[must_use]
    pub fn jvm_args(&self) -> String {
        let heap = self.heap().bytes();
        format!(
            "-Xmx{heap} -Xms{heap} -XX:MaxDirectMemorySize={} -XX:MaxMetaspaceSize={}",
            self.direct().bytes(),
            self.metaspace.bytes()
        )
    }

    /// The `-D` options that hand the result to the process, by key. Flink's own order is that of a Java hash map and
    /// means nothing.
    #[must_use]
    pub fn resolved_options(&self, behaviour: &Behaviour) -> Vec<(&'static str, String)> {
        let size = |derived: &Derived| format!("{}b", derived.bytes());
        let mut options = vec![
            (tm::CPU.key, self.cpu.as_double()),
            (tm::FRAMEWORK_HEAP.key, size(&self.framework_heap)),
            (tm::FRAMEWORK_OFF_HEAP.key, size(&self.framework_off_heap)),
            (tm::TASK_HEAP.key, size(&self.task_heap)),
            (tm::TASK_OFF_HEAP.key, size(&self.task_off_heap)),
            (tm::NETWORK_MIN.key, size(&self.network)),
            (tm::NETWORK_MAX.key, size(&self.network)),
            (tm::MANAGED.key, size(&self.managed)),
        ];
        if behaviour.resolved_metaspace_and_overhead {
            options.extend([
                (tm::METASPACE.key, size(&self.metaspace)),
                (tm::OVERHEAD_MIN.key, size(&self.overhead)),
                (tm::OVERHEAD_MAX.key, size(&self.overhead)),
            ]);
        }
        if let Some(slots) = self.slots {
            options.push((tm::SLOTS.key, slots.configured().to_string()));
            options.push(("external-resources", "none".to_owned()));
        }
        options
    }
}

const OPTIONS: ProcessOptions = ProcessOptions {
    process: tm::PROCESS,
    flink: tm::FLINK,
    metaspace: tm::METASPACE,
    overhead_min: tm::OVERHEAD_MIN,
    overhead_max: tm::OVERHEAD_MAX,
    overhead_fraction: tm::OVERHEAD_FRACTION,
};

const FLINK: &str = "total Flink memory";
const PREFIX: &str = "TaskManager memory configuration failed: ";

/// What is inside Flink's memory.
struct Inside {
    framework_heap: Derived,
    framework_off_heap: Derived,
    task_heap: Derived,
    task_off_heap: Derived,
    network: Derived,
    managed: Derived,
}

/// The parts of Flink's memory that are read from options alone.
struct Fixed {
    framework_heap: Derived,
    framework_off_heap: Derived,
    task_off_heap: Derived,
}

/// Derives a TaskManager's memory.
///
/// # Errors
/// Flink's refusal.
pub(crate) fn derive(reader: &Reader<'_>) -> Result<TaskManagerModel, Refusal> {
    let prefixed = reader.behaviour.task_manager_prefix;
    derive_unprefixed(reader).map_err(|refusal| match prefixed {
        true => refusal.wrapped(PREFIX),
        false => refusal,
    })
}

fn derive_unprefixed(reader: &Reader<'_>) -> Result<TaskManagerModel, Refusal> {
    let is_fine_grained = reader.has(&tm::TASK_HEAP) && reader.has(&tm::MANAGED);
    let (inside, around, total_flink, total_process) = if is_fine_grained {
        from_parts(reader)?
    } else if reader.has(&tm::FLINK) {
        from_flink(reader)?
    } else if reader.has(&tm::PROCESS) {
        from_process(reader)?
    } else {
        return Err(nothing_set(reader.behaviour));
    };
    let cpu = CpuCores::read(reader)?;
    let slots = match reader.behaviour.slots_in_derivation {
        true => Some(SlotCount::read(reader)?),
        false => None,
    };
    Ok(TaskManagerModel {
        cpu,
        slots,
        framework_heap: inside.framework_heap,
        framework_off_heap: inside.framework_off_heap,
        task_heap: inside.task_heap,
        task_off_heap: inside.task_off_heap,
        network: inside.network,
        managed: inside.managed,
        metaspace: around.metaspace,
        overhead: around.overhead,
        total_flink,
        total_process,
    })
}

type Pools = (Inside, AroundFlink, Derived, Derived);

/// Task heap and managed memory are set: the rest is added.
fn from_parts(reader: &Reader<'_>) -> Result<Pools, Refusal> {
    let task_heap = required(reader, &tm::TASK_HEAP)?;
    let managed = required(reader, &tm::MANAGED)?;
    let fixed = Fixed::read(reader)?;
    let others = sum_of_all_but_network(&fixed, &task_heap, &managed)?;
    let network = match reader.size(&tm::FLINK)? {
        Some(flink) => network_as_rest(reader, &fixed, &task_heap, &managed, flink)?,
        None if uses_number_of_buffers(reader) => network_from_buffers(reader)?,
        None => network_range(reader)?.added_to(
            reader,
            others,
            "total Flink memory, from its other parts",
        )?,
    };
    let flink = others.plus(network.size)?;
    let total_flink = match reader.has(&tm::FLINK) {
        true => Derived::new((flink, reader.origin_of(&tm::FLINK))),
        false => Derived::sum(flink),
    };
    let inside = fixed.with(task_heap, managed, network);
    let around = OPTIONS.around_flink(reader, flink)?;
    let total_process = process_around(reader, flink, &around)?;
    Ok((inside, around, total_flink, total_process))
}

/// Flink's memory is set: it is divided, and metaspace and overhead are added.
fn from_flink(reader: &Reader<'_>) -> Result<Pools, Refusal> {
    let total_flink = required(reader, &tm::FLINK)?;
    let inside = divide(reader, total_flink.size)?;
    let around = OPTIONS.around_flink(reader, total_flink.size)?;
    let total_process = process_around(reader, total_flink.size, &around)?;
    Ok((inside, around, total_flink, total_process))
}

/// The process's memory is set: metaspace and overhead come off, and what is left is divided.
fn from_process(reader: &Reader<'_>) -> Result<Pools, Refusal> {
    let total_process = required(reader, &tm::PROCESS)?;
    let (around, flink) = OPTIONS.within_process(reader, total_process.size)?;
    let inside = divide(reader, flink)?;
    let total_flink = Derived::rest_of(flink, "total process memory");
    Ok((inside, around, total_flink, total_process))
}

fn process_around(
    reader: &Reader<'_>,
    flink: MemorySize,
    around: &AroundFlink,
) -> Result<Derived, Refusal> {
    let size = flink
        .plus(around.metaspace.size)?
        .plus(around.overhead.size)?;
    Ok(match reader.has(&tm::PROCESS) {
        true => Derived::new((size, reader.origin_of(&tm::PROCESS))),
        false => Derived::sum(size),
    })
}

/// Divides Flink's memory.
fn divide(reader: &Reader<'_>, flink: MemorySize) -> Result<Inside, Refusal> {
    let fixed = Fixed::read(reader)?;
    if reader.has(&tm::TASK_HEAP) {
        let task_heap = required(reader, &tm::TASK_HEAP)?;
        let managed = managed(reader, flink)?;
        let network = network_as_rest(reader, &fixed, &task_heap, &managed, flink)?;
        return Ok(fixed.with(task_heap, managed, network));
    }
    let managed = managed(reader, flink)?;
    let network = match uses_number_of_buffers(reader) {
        true => network_from_buffers(reader)?,
        false => network_range(reader)?.share_of(reader, flink, FLINK)?,
    };
    let others = fixed.sum()?.plus(managed.size)?.plus(network.size)?;
    if others > flink {
        return Err(too_much_for_flink(&fixed, &managed, &network, flink));
    }
    let task_heap = Derived::rest_of(flink.minus(others)?, FLINK);
    Ok(fixed.with(task_heap, managed, network))
}

fn managed(reader: &Reader<'_>, flink: MemorySize) -> Result<Derived, Refusal> {
    if let Some(size) = reader.size(&tm::MANAGED)? {
        return Ok(Derived::new((size, reader.origin_of(&tm::MANAGED))));
    }
    let range = Range::read(
        reader,
        RangeOptions {
            bounds: None,
            max_default: MemorySize::MAX,
            fraction: tm::MANAGED_FRACTION,
            name: "managed memory",
        },
    )?;
    range.share_of(reader, flink, FLINK)
}

fn network_range(reader: &Reader<'_>) -> Result<Range, Refusal> {
    Range::read(
        reader,
        RangeOptions {
            bounds: Some((tm::NETWORK_MIN, tm::NETWORK_MAX)),
            max_default: MemorySize::from_bytes(reader.behaviour.network_max_default_bytes),
            fraction: tm::NETWORK_FRACTION,
            name: "network memory",
        },
    )
}

/// Network memory was set as a number of buffers, and in no newer way.
fn uses_number_of_buffers(reader: &Reader<'_>) -> bool {
    let newer = [tm::NETWORK_MIN, tm::NETWORK_MAX, tm::NETWORK_FRACTION];
    let is_newer = newer.iter().any(|option| reader.has(option));
    reader.behaviour.legacy_options && !is_newer && reader.has(&tm::NUMBER_OF_BUFFERS)
}

fn network_from_buffers(reader: &Reader<'_>) -> Result<Derived, Refusal> {
    let buffers = reader.int(&tm::NUMBER_OF_BUFFERS)?.unwrap_or_default();
    let page = segment_size(reader)?;
    let size = MemorySize::from_signed(i64::from(buffers).saturating_mul(i64::from(page)))?;
    let key = tm::NUMBER_OF_BUFFERS.key.to_owned();
    Ok(Derived::new((size, Origin::Buffers { key })))
}

/// Network memory is what the others leave of Flink's; it must be what the network options allow.
fn network_as_rest(
    reader: &Reader<'_>,
    fixed: &Fixed,
    task_heap: &Derived,
    managed: &Derived,
    flink: MemorySize,
) -> Result<Derived, Refusal> {
    let others = sum_of_all_but_network(fixed, task_heap, managed)?;
    if others > flink {
        return Err(too_much_without_network(fixed, task_heap, managed, flink));
    }
    let network = flink.minus(others)?;
    check_network(reader, network, flink)
        .map_err(|refusal| refusal.explained(NETWORK_IS_THE_REST))?;
    Ok(Derived::rest_of(network, FLINK))
}

const NETWORK_IS_THE_REST: &str = "If Total Flink, Task Heap and (or) Managed Memory sizes are explicitly configured then \
the Network Memory size is the rest of the Total Flink memory after subtracting all other configured types of memory, \
but the derived Network Memory is inconsistent with its configuration.";

fn check_network(
    reader: &Reader<'_>,
    network: MemorySize,
    flink: MemorySize,
) -> Result<(), Refusal> {
    if uses_number_of_buffers(reader) {
        let configured = network_from_buffers(reader)?.size;
        if network != configured {
            let message = format!(
                "Derived Network Memory size ({network}) does not match configured Network Memory size ({configured})."
            );
            return Err(Refusal::configuration(message).about(&[
                tm::NUMBER_OF_BUFFERS.key,
                tm::FLINK.key,
                tm::TASK_HEAP.key,
                tm::MANAGED.key,
            ]));
        }
        return Ok(());
    }
    let range = network_range(reader)?;
    if !range.contains(network) {
        let message = format!(
            "Derived Network Memory size ({network}) is not in configured Network Memory range [{}, {}].",
            range.min, range.max
        );
        return Err(Refusal::configuration(message).about(&[
            tm::FLINK.key,
            tm::TASK_HEAP.key,
            tm::MANAGED.key,
            tm::NETWORK_MIN.key,
            tm::NETWORK_MAX.key,
        ]));
    }
    if reader.has(&tm::NETWORK_FRACTION) && network != flink.times(range.fraction)? {
        reader.note(Note::info(format!(
            "The derived Network Memory size ({network}) does not match the configured Network Memory fraction ({}) \
             from the configured Total Flink Memory size ({flink}). The derived Network Memory size will be used.",
            super::decimal::java_double(range.fraction)
        )));
    }
    Ok(())
}

fn required(reader: &Reader<'_>, option: &super::options::FlinkOption) -> Result<Derived, Refusal> {
    Ok(Derived::new(reader.size_or_default(option)?))
}

impl Fixed {
    fn read(reader: &Reader<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            framework_heap: Derived::new(reader.size_or_default(&tm::FRAMEWORK_HEAP)?),
            framework_off_heap: Derived::new(reader.size_or_default(&tm::FRAMEWORK_OFF_HEAP)?),
            task_off_heap: Derived::new(reader.size_or_default(&tm::TASK_OFF_HEAP)?),
        })
    }

    fn sum(&self) -> Result<MemorySize, Refusal> {
        MemorySize::sum(&[
            self.framework_heap.size,
            self.framework_off_heap.size,
            self.task_off_heap.size,
        ])
    }

    fn with(self, task_heap: Derived, managed: Derived, network: Derived) -> Inside {
        Inside {
            framework_heap: self.framework_heap,
            framework_off_heap: self.framework_off_heap,
            task_heap,
            task_off_heap: self.task_off_heap,
            network,
            managed,
        }
    }
}

fn sum_of_all_but_network(
    fixed: &Fixed,
    task_heap: &Derived,
    managed: &Derived,
) -> Result<MemorySize, Refusal> {
    MemorySize::sum(&[
        fixed.framework_heap.size,
        fixed.framework_off_heap.size,
        task_heap.size,
        fixed.task_off_heap.size,
        managed.size,
    ])
}

fn nothing_set(behaviour: &Behaviour) -> Refusal {
    let message = if behaviour.wording_of_1_10 {
        format!(
            "Either Task Heap Memory size ({}) and Managed Memory size ({}), or Total Flink Memory size ({}), \
             or Total Process Memory size ({}) need to be configured explicitly.",
            tm::TASK_HEAP.key,
            tm::MANAGED.key,
            tm::FLINK.key,
            tm::PROCESS.key
        )
    } else {
        format!(
            "Either required fine-grained memory ({} and {}), or Total Flink Memory size ({}), \
             or Total Process Memory size ({}) need to be configured explicitly.",
            tm::TASK_HEAP.key,
            tm::MANAGED.key,
            tm::FLINK.print(),
            tm::PROCESS.print()
        )
    };
    Refusal::configuration(message).about(&[
        tm::PROCESS.key,
        tm::FLINK.key,
        tm::TASK_HEAP.key,
        tm::MANAGED.key,
    ])
}

fn too_much_without_network(
    fixed: &Fixed,
    task_heap: &Derived,
    managed: &Derived,
    flink: MemorySize,
) -> Refusal {
    let message = format!(
        "Sum of configured Framework Heap Memory ({}), Framework Off-Heap Memory ({}), Task Heap Memory ({}), \
         Task Off-Heap Memory ({}) and Managed Memory ({}) exceed configured Total Flink Memory ({flink}).",
        fixed.framework_heap.size,
        fixed.framework_off_heap.size,
        task_heap.size,
        fixed.task_off_heap.size,
        managed.size
    );
    let parts = [
        fixed.framework_heap.origin.key(),
        fixed.framework_off_heap.origin.key(),
    ];
    refusal_about(
        message,
        parts.into_iter().chain([
            task_heap.origin.key(),
            fixed.task_off_heap.origin.key(),
            managed.origin.key(),
        ]),
    )
}

fn too_much_for_flink(
    fixed: &Fixed,
    managed: &Derived,
    network: &Derived,
    flink: MemorySize,
) -> Refusal {
    let message = format!(
        "Sum of configured Framework Heap Memory ({}), Framework Off-Heap Memory ({}), Task Off-Heap Memory ({}), \
         Managed Memory ({}) and Network Memory ({}) exceed configured Total Flink Memory ({flink}).",
        fixed.framework_heap.size,
        fixed.framework_off_heap.size,
        fixed.task_off_heap.size,
        managed.size,
        network.size
    );
    let parts = [
        fixed.framework_heap.origin.key(),
        fixed.framework_off_heap.origin.key(),
    ];
    refusal_about(
        message,
        parts.into_iter().chain([
            fixed.task_off_heap.origin.key(),
            managed.origin.key(),
            network.origin.key(),
        ]),
    )
}

fn refusal_about<'a>(message: String, parts: impl Iterator<Item = Option<&'a str>>) -> Refusal {
    let whole = [tm::FLINK.key, tm::PROCESS.key];
    let keys: Vec<&str> = whole.into_iter().chain(parts.flatten()).collect();
    Refusal::configuration(message).about(&keys)
}
