//! The JobManager's memory, 1.11 and later.

use super::changes::Behaviour;
use super::memory_size::MemorySize;
use super::note::Note;
use super::options::jm;
use super::origin::Derived;
use super::process::{AroundFlink, ProcessOptions};
use super::reader::Reader;
use super::refusal::Refusal;

/// Every pool of a JobManager.
#[derive(Debug, Clone, PartialEq)]
pub struct JobManagerModel {
    /// `-Xmx`.
    pub heap: Derived,
    /// Direct and native memory; enforced only if [`direct_limit`](Self::direct_limit).
    pub off_heap: Derived,
    /// Limit of metaspace.
    pub metaspace: Derived,
    /// Everything else of the process. Nobody enforces it.
    pub overhead: Derived,
    /// Heap and off-heap.
    pub total_flink: Derived,
    /// Everything.
    pub total_process: Derived,
    /// Whether the off-heap size becomes `-XX:MaxDirectMemorySize`.
    pub direct_limit: bool,
}

impl JobManagerModel {
    /// The JVM arguments that Flink's start script uses.
    #[must_use]
    pub fn jvm_args(&self) -> String {
        let heap = self.heap.bytes();
        let direct = match self.direct_limit {
            true => format!(" -XX:MaxDirectMemorySize={}", self.off_heap.bytes()),
            false => String::new(),
        };
        format!(
            "-Xmx{heap} -Xms{heap}{direct} -XX:MaxMetaspaceSize={}",
            self.metaspace.bytes()
        )
    }

    /// The `-D` options that hand the result to the process; none before 1.12.
    #[must_use]
    pub fn resolved_options(&self, behaviour: &Behaviour) -> Vec<(&'static str, String)> {
        if !behaviour.resolved_metaspace_and_overhead {
            return Vec::new();
        }
        let size = |derived: &Derived| format!("{}b", derived.bytes());
        vec![
            (jm::HEAP.key, size(&self.heap)),
            (jm::OFF_HEAP.key, size(&self.off_heap)),
            (jm::METASPACE.key, size(&self.metaspace)),
            (jm::OVERHEAD_MIN.key, size(&self.overhead)),
            (jm::OVERHEAD_MAX.key, size(&self.overhead)),
        ]
    }
}

const OPTIONS: ProcessOptions = ProcessOptions {
    process: jm::PROCESS,
    flink: jm::FLINK,
    metaspace: jm::METASPACE,
    overhead_min: jm::OVERHEAD_MIN,
    overhead_max: jm::OVERHEAD_MAX,
    overhead_fraction: jm::OVERHEAD_FRACTION,
};

/// The smallest heap that Flink finds reasonable.
const RECOMMENDED_HEAP: MemorySize = MemorySize::from_mebibytes(128);
const FLINK: &str = "total Flink memory";
const ONE_ONLY: &str = "Please, make the configuration consistent or configure only one option: either JVM Heap or Total Flink Memory.";
pub(crate) const PREFIX: &str = "JobManager memory configuration failed: ";

/// Derives a JobManager's memory.
///
/// # Errors
/// Flink's refusal.
pub(crate) fn derive(reader: &Reader<'_>) -> Result<JobManagerModel, Refusal> {
    let prefixed = reader.behaviour.job_manager_prefix;
    let (inside, around, total_flink, total_process) =
        pools(reader).map_err(|refusal| match prefixed {
            true => refusal.wrapped(PREFIX),
            false => refusal,
        })?;
    Ok(JobManagerModel {
        heap: inside.heap,
        off_heap: inside.off_heap,
        metaspace: around.metaspace,
        overhead: around.overhead,
        total_flink,
        total_process,
        direct_limit: reader.boolean(&jm::DIRECT_LIMIT)?,
    })
}

struct Inside {
    heap: Derived,
    off_heap: Derived,
}

type Pools = (Inside, AroundFlink, Derived, Derived);

fn pools(reader: &Reader<'_>) -> Result<Pools, Refusal> {
    if reader.has(&jm::HEAP) {
        return around(reader, from_heap(reader)?);
    }
    if let Some(flink) = reader.size(&jm::FLINK)? {
        return around(reader, divide(reader, flink)?);
    }
    let Some(process) = reader.size(&jm::PROCESS)? else {
        return Err(nothing_set());
    };
    let total_process = Derived::new((process, reader.origin_of(&jm::PROCESS)));
    let (around, flink) = OPTIONS.within_process(reader, process)?;
    let inside = divide(reader, flink)?;
    warn_of_small_heap(reader, &inside);
    Ok((
        inside,
        around,
        Derived::rest_of(flink, "total process memory"),
        total_process,
    ))
}

fn warn_of_small_heap(reader: &Reader<'_>, inside: &Inside) {
    if inside.heap.size < RECOMMENDED_HEAP {
        reader.note(Note::warn(format!(
            "The configured or derived JVM heap memory size ({}) is less than its recommended minimum value ({RECOMMENDED_HEAP})",
            inside.heap.size
        )));
    }
}

/// Adds metaspace and overhead.
fn around(reader: &Reader<'_>, inside: Inside) -> Result<Pools, Refusal> {
    warn_of_small_heap(reader, &inside);
    let flink = inside.heap.size.plus(inside.off_heap.size)?;
    let around = OPTIONS.around_flink(reader, flink)?;
    let process = flink
        .plus(around.metaspace.size)?
        .plus(around.overhead.size)?;
    let total = |size, option| match reader.has(option) {
        true => Derived::new((size, reader.origin_of(option))),
        false => Derived::sum(size),
    };
    let total_flink = total(flink, &jm::FLINK);
    let total_process = total(process, &jm::PROCESS);
    Ok((inside, around, total_flink, total_process))
}

/// The heap is set; with Flink's memory set too, the two and the off-heap size must agree.
fn from_heap(reader: &Reader<'_>) -> Result<Inside, Refusal> {
    let heap = Derived::new(reader.size_or_default(&jm::HEAP)?);
    let Some(flink) = reader.size(&jm::FLINK)? else {
        let off_heap = Derived::new(reader.size_or_default(&jm::OFF_HEAP)?);
        return Ok(Inside { heap, off_heap });
    };
    if reader.has(&jm::OFF_HEAP) {
        let off_heap = Derived::new(reader.size_or_default(&jm::OFF_HEAP)?);
        if heap.size.plus(off_heap.size)? != flink {
            let message = format!(
                "Sum of the configured JVM Heap Memory ({}) and the configured Off-heap Memory ({}) does not match \
                 the configured Total Flink Memory ({flink}). {ONE_ONLY}",
                heap.size, off_heap.size
            );
            return Err(Refusal::configuration(message).about(&[
                jm::FLINK.key,
                jm::HEAP.key,
                jm::OFF_HEAP.key,
            ]));
        }
        return Ok(Inside { heap, off_heap });
    }
    off_heap_as_rest(reader, heap, flink)
}

fn off_heap_as_rest(
    reader: &Reader<'_>,
    heap: Derived,
    flink: MemorySize,
) -> Result<Inside, Refusal> {
    if flink < heap.size {
        let message = format!(
            "The configured JVM Heap Memory ({}) exceeds the configured Total Flink Memory ({flink}). {ONE_ONLY}",
            heap.size
        );
        return Err(Refusal::configuration(message).about(&[jm::FLINK.key, jm::HEAP.key]));
    }
    let off_heap = flink.minus(heap.size)?;
    let (default, _) = reader.size_or_default(&jm::OFF_HEAP)?;
    if off_heap != default {
        reader.note(Note::info(format!(
            "The Off-Heap Memory size ({off_heap}) is derived the configured Total Flink Memory size ({flink}) minus \
             the configured JVM Heap Memory size ({}). The default Off-Heap Memory size ({default}) is ignored.",
            heap.size
        )));
    }
    Ok(Inside {
        heap,
        off_heap: Derived::rest_of(off_heap, FLINK),
    })
}

/// Divides Flink's memory: the heap is what off-heap leaves, and something must be left.
fn divide(reader: &Reader<'_>, flink: MemorySize) -> Result<Inside, Refusal> {
    let off_heap = Derived::new(reader.size_or_default(&jm::OFF_HEAP)?);
    if flink <= off_heap.size {
        let message = format!(
            "The configured Total Flink Memory ({flink}) is less than the configured Off-heap Memory ({}).",
            off_heap.size
        );
        return Err(Refusal::configuration(message).about(&[
            jm::PROCESS.key,
            jm::FLINK.key,
            jm::OFF_HEAP.key,
        ]));
    }
    let heap = Derived::rest_of(flink.minus(off_heap.size)?, FLINK);
    Ok(Inside { heap, off_heap })
}

fn nothing_set() -> Refusal {
    let message = format!(
        "Either required fine-grained memory ({}), or Total Flink Memory size ({}), or Total Process Memory size ({}) \
         need to be configured explicitly.",
        jm::HEAP.key,
        jm::FLINK.print(),
        jm::PROCESS.print()
    );
    Refusal::configuration(message).about(&[jm::PROCESS.key, jm::FLINK.key, jm::HEAP.key])
}
