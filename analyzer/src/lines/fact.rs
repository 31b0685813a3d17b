//! What a line says. Figures are bytes; what the line does not tell is absent.

use crate::network::Shortage;
use flinkmem_trace::Frame;

/// A line that says something, and where it stood.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What it says.
    pub fact: Fact,
    /// Wall clock, milliseconds since the epoch; absent where the layout has no date. A time without a zone is taken for UTC.
    pub t_ms: Option<i64>,
    /// Index of the source in its case.
    pub source: usize,
    /// Line in the source, from 1; 0 in a document that is no text of lines.
    pub line: u64,
    /// The line, without its time and shortened.
    pub text: String,
    /// Stack below it, innermost first, as far as it was kept.
    pub frames: Vec<Frame>,
    /// Whether it stands behind `Caused by:` in a stack trace.
    pub is_cause: bool,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// The Java heap could not give what was asked for.
    HeapExhausted(HeapWords),
    /// An array longer than the JVM allows was asked for.
    ArrayLimit,
    /// Direct memory could not be reserved.
    DirectExhausted(DirectRefusal),
    /// Metaspace or class space could not give what was asked for.
    MetaspaceExhausted(ClassArea),
    /// A thread could not be started.
    ThreadRefused(Option<Refused>),
    /// An `OutOfMemoryError` without words.
    OutOfMemory,
    /// The JVM ended itself for an `OutOfMemoryError`.
    EndedByOutOfMemory,
    /// The JVM could not get native memory from the kernel.
    NativeRefused {
        /// What was asked for.
        bytes: Option<u64>,
        /// The kernel's answer; 12 is "no memory".
        errno: Option<u32>,
    },
    /// "There is insufficient memory for the Java Runtime Environment to continue."
    JvmCannotContinue,
    /// A shell script computed nonsense before the JVM started.
    ShellError,
    /// Flink's pool of network buffers could not be allocated.
    NetworkPoolRefused(PoolRefusal),
    /// A task found too few network buffers.
    NetworkBuffersInsufficient(Option<Shortage>),
    /// Managed memory could not be reserved.
    ManagedExhausted {
        /// What was asked for.
        requested: Option<u64>,
        /// What was left.
        remaining: Option<u64>,
    },
    /// Flink refused its memory configuration.
    ConfigurationRefused,
    /// Something that watches a container killed it for its memory, or told of it.
    ContainerKilled(Kill),
    /// YARN killed a container for its virtual memory.
    VirtualMemoryKilled {
        /// Virtual memory in use.
        used: Option<u64>,
        /// Virtual memory allowed.
        limit: Option<u64>,
        /// Physical memory in use.
        physical: Option<u64>,
    },
    /// The kernel killed a process because the host had no memory left.
    HostKilled(Kill),
    /// A process or container ended with this status.
    Exit {
        /// As the source has it: 137, 143, 239, -104.
        code: i32,
        /// The word beside it, such as `Error`.
        reason: Option<String>,
    },
    /// A process in YARN's dump of a container's process tree.
    ProcessInTree {
        /// Its name, such as `java`.
        name: String,
        /// Resident memory in pages.
        rss_pages: u64,
        /// Virtual memory.
        virtual_bytes: u64,
    },
    /// A container of a pod and what it may use.
    ContainerLimit {
        /// Its name.
        name: String,
        /// Memory limit.
        bytes: u64,
    },
    /// Heartbeats of a peer stayed away.
    HeartbeatLost,
    /// A connection to a peer was lost.
    PeerLost,
    /// A checkpoint failed.
    CheckpointFailed,
    /// A coordinator's thread died, and Flink refused to start another.
    CoordinatorDied,
    /// A coordinator failed without saying why.
    CoordinatorFailed,
    /// A peer is addressed by a name that is not its own.
    WrongAddress,
    /// Reflection was refused.
    AccessRefused,
    /// A class loader was used after its job had ended.
    ClosedClassLoader,
    /// Flink ended the process for an error.
    FlinkEnds,
    /// A pause of the whole JVM.
    Pause(Pause),
}

/// How a line said that the heap is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeapWords {
    /// "Java heap space".
    Space,
    /// "GC overhead limit exceeded".
    Overhead,
    /// "Java heap space" as the words of another exception.
    Wrapped,
    /// A serialized form of this many bytes and more does not fit.
    Serialized(u64),
}

/// A reservation of direct memory that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DirectRefusal {
    /// Asked for.
    pub requested: Option<u64>,
    /// In use.
    pub used: Option<u64>,
    /// The limit.
    pub limit: Option<u64>,
    /// Netty's own counter, not the JVM's.
    pub by_netty: bool,
}

/// Where class metadata lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassArea {
    /// Metaspace; the permanent generation up to Java 7.
    Metaspace,
    /// The class space within it.
    ClassSpace,
}

/// Why a thread could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// EAGAIN: a limit was hit.
    Again,
    /// EPERM: a policy forbids it.
    Permission,
    /// Any other answer.
    Other,
}

/// The pool of network buffers that could not be allocated, in MiB as the line has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolRefusal {
    /// Wanted.
    pub required_mb: u64,
    /// Got.
    pub allocated_mb: u64,
    /// The difference, rounded down: 0 does not mean that it fitted.
    pub missing_mb: u64,
}

/// A kill for memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kill {
    /// Who tells: `YARN`, `Kubernetes`, `kernel`.
    pub by: &'static str,
    /// Container, pod or process.
    pub what: Option<String>,
    /// The limit.
    pub limit: Option<u64>,
    /// In use.
    pub used: Option<u64>,
    /// Of it, pages of files.
    pub file: Option<u64>,
}

/// A pause of the whole JVM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pause {
    /// How long.
    pub ms: f64,
    /// A full collection.
    pub is_full: bool,
    /// Heap in use afterwards.
    pub after: Option<u64>,
    /// Heap that is committed.
    pub total: Option<u64>,
}

impl Fact {
    /// A name for counting: facts of the same kind are kept up to a bound.
    #[must_use]
    pub fn kind(&self) -> std::mem::Discriminant<Self> {
        std::mem::discriminant(self)
    }
}
