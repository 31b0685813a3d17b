//! Whose code is a frame: the JDK's, Flink's, a library's or the user's? One table decides.
//!
//! A call site is named by the first frame of user code, counted from the allocation: the method that somebody can
//! change. Without one, by the library or the part of Flink that allocated for its own sake.

use flinkmem_trace::{Frame, Site};

/// Whose code a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// The JDK.
    Jdk,
    /// Flink.
    Flink,
    /// A library, by the name users know it by.
    Library(&'static str),
    /// Everything else: jobs and their helpers.
    User,
}

/// Package prefixes and whose they are. The first that fits counts, so Flink's shaded copies come before Flink.
const ORIGINS: &[(&str, Origin)] = &[
    ("java.", Origin::Jdk),
    ("javax.", Origin::Jdk),
    ("jdk.", Origin::Jdk),
    ("sun.", Origin::Jdk),
    ("com.sun.", Origin::Jdk),
    ("org.apache.flink.shaded.netty4.", Origin::Library("Netty")),
    (
        "org.apache.flink.shaded.",
        Origin::Library("a library shaded into Flink"),
    ),
    ("org.apache.flink.", Origin::Flink),
    ("org.apache.pekko.", Origin::Library("Pekko")),
    ("akka.", Origin::Library("Akka")),
    ("io.netty.", Origin::Library("Netty")),
    ("org.apache.kafka.", Origin::Library("Kafka client")),
    ("org.apache.pulsar.", Origin::Library("Pulsar client")),
    ("org.apache.arrow.", Origin::Library("Arrow")),
    ("org.apache.hadoop.", Origin::Library("Hadoop")),
    ("org.apache.parquet.", Origin::Library("Parquet")),
    ("org.apache.orc.", Origin::Library("ORC")),
    ("org.apache.avro.", Origin::Library("Avro")),
    ("org.apache.iceberg.", Origin::Library("Iceberg")),
    ("org.apache.hudi.", Origin::Library("Hudi")),
    ("org.apache.paimon.", Origin::Library("Paimon")),
    ("org.apache.fluss.", Origin::Library("Fluss")),
    ("org.apache.hbase.", Origin::Library("HBase client")),
    ("org.rocksdb.", Origin::Library("RocksDB")),
    ("org.lz4.", Origin::Library("LZ4")),
    ("net.jpountz.", Origin::Library("LZ4")),
    ("org.xerial.snappy.", Origin::Library("Snappy")),
    ("com.github.luben.zstd.", Origin::Library("zstd-jni")),
    ("com.esotericsoftware.", Origin::Library("Kryo")),
    ("com.google.protobuf.", Origin::Library("Protobuf")),
    ("com.google.common.", Origin::Library("Guava")),
    ("io.grpc.", Origin::Library("gRPC")),
    ("okio.", Origin::Library("Okio")),
    ("okhttp3.", Origin::Library("OkHttp")),
    ("software.amazon.awssdk.", Origin::Library("AWS SDK")),
    ("com.amazonaws.", Origin::Library("AWS SDK")),
    ("com.mongodb.", Origin::Library("MongoDB driver")),
    ("com.datastax.", Origin::Library("Cassandra driver")),
    ("org.agrona.", Origin::Library("Agrona")),
    ("scala.", Origin::Library("Scala")),
    ("kotlin.", Origin::Library("Kotlin")),
    ("kotlinx.", Origin::Library("Kotlin")),
    ("org.codehaus.janino.", Origin::Library("Janino")),
];

impl Origin {
    /// Whose code a frame is. A user's class loader does not change that: connectors travel in job jars.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        ORIGINS
            .iter()
            .find(|(prefix, _)| frame.class.starts_with(prefix))
            .map_or(Self::User, |&(_, origin)| origin)
    }
}

/// Who owns what a call site allocated: sites with the same owner are one consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Whose code it is.
    pub origin: Origin,
    /// `class.method` of the frame that names the owner.
    pub method: String,
}

/// The owner of a call site, with the frame that names it; `None` for a site without a stack.
///
/// The first frame of user code; else, of a class that came with the job; else of the library or of Flink (the
/// outermost part of the same library before Flink called it is of no help, so the innermost that allocates for its own sake); else of
/// the JDK beyond the buffer classes.
#[must_use]
pub fn owner_of(site: &Site) -> Option<(Owner, &Frame)> {
    let frames = &site.frames;
    let first = |wanted: fn(&Frame, Origin) -> bool| {
        frames.iter().find(|frame| wanted(frame, Origin::of(frame)))
    };
    let frame = first(|_, origin| origin == Origin::User)
        .or_else(|| first(|frame, origin| origin != Origin::Jdk && frame.loader.is_some()))
        .or_else(|| first(|frame, origin| origin != Origin::Jdk && !is_allocator(frame)))
        .or_else(|| first(|_, origin| origin != Origin::Jdk))
        .or_else(|| first(|frame, _| !is_allocator(frame)))
        .or(frames.first())?;
    let owner = Owner {
        origin: Origin::of(frame),
        method: frame.qualified(),
    };
    Some((owner, frame))
}

/// Who counts direct memory, and holds it against a limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Account {
    /// The JVM, in `java.nio.Bits`.
    #[default]
    Jvm,
    /// A copy of Netty, by its package: buffers without a cleaner, which the JVM does not count.
    Netty(String),
    /// Nobody: all that `Unsafe` gives out, whatever limit it comes under.
    All,
}

impl Account {
    /// Whether a call site's memory is counted here.
    #[must_use]
    pub fn counts(&self, site: &Site) -> bool {
        match self {
            Self::Jvm => is_direct(site),
            Self::All => true,
            Self::Netty(package) => {
                let of_netty = |frame: &Frame| {
                    let rest = frame.class.strip_prefix(package.as_str());
                    rest.is_some_and(|rest| rest.starts_with(".util.internal.PlatformDependent"))
                };
                !is_direct(site) && site.frames.iter().any(of_netty)
            }
        }
    }
}

/// Whether a call site's memory counts against the limit on direct memory: it comes from `ByteBuffer.allocateDirect`, reserves at
/// `java.nio.Bits`, or is a segment of the foreign memory API of Java up to 21. Later ones reserve for few arenas only.
#[must_use]
pub fn is_direct(site: &Site) -> bool {
    site.frames.iter().any(|frame| match frame.class.as_str() {
        "java.nio.Bits" | "java.nio.DirectByteBuffer" => true,
        "java.nio.ByteBuffer" => frame.method == "allocateDirect",
        "jdk.internal.foreign.NativeMemorySegmentImpl" => frame.method == "makeNativeSegment",
        _ => false,
    })
}

/// Whether a call site fills a buffer that NIO keeps for a thread, to copy what lies on the heap.
#[must_use]
pub fn is_thread_cache(site: &Site) -> bool {
    site.frames
        .iter()
        .any(|frame| frame.class == "sun.nio.ch.Util" && frame.method.starts_with("getTemporary"))
}

/// Whether a call site fills Flink's pool of network buffers.
#[must_use]
pub fn is_network_pool(site: &Site) -> bool {
    const POOL: &str = "org.apache.flink.runtime.io.network.buffer.NetworkBufferPool";
    site.frames.iter().any(|frame| frame.class == POOL)
}

/// Classes through which memory is allocated for somebody else.
fn is_allocator(frame: &Frame) -> bool {
    frame.class.ends_with(".Unsafe")
        || frame.class.starts_with("java.nio.")
        || frame.class.starts_with("org.apache.flink.core.memory.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(frames: &[(&str, Option<&str>)]) -> Site {
        let frame = |&(qualified, loader): &(&str, Option<&str>)| {
            let (class, method) = qualified.rsplit_once('.').unwrap();
            Frame {
                class: class.to_owned(),
                method: method.to_owned(),
                line: None,
                loader: loader.map(str::to_owned),
            }
        };
        Site {
            frames: frames.iter().map(frame).collect(),
            ..Site::default()
        }
    }

    fn owner(frames: &[(&str, Option<&str>)]) -> (String, Origin) {
        let site = site(frames);
        let (owner, _) = owner_of(&site).unwrap();
        (owner.method, owner.origin)
    }

    const CHILD: Option<&str> = Some("org.apache.flink.util.ChildFirstClassLoader");
    const ALLOCATE: (&str, Option<&str>) = ("java.nio.ByteBuffer.allocateDirect", None);
    const MAP: (&str, Option<&str>) = (
        "org.apache.flink.streaming.api.operators.StreamMap.processElement",
        None,
    );

    #[test]
    fn the_first_user_frame_owns_even_behind_a_library() {
        let kafka = ("org.apache.kafka.common.Buffers.grow", CHILD);
        let user = ("com.acme.Enricher.open", CHILD);
        let outer = ("com.acme.Job.run", CHILD);
        assert_eq!(
            owner(&[ALLOCATE, kafka, user, outer, MAP]),
            ("com.acme.Enricher.open".to_owned(), Origin::User)
        );
    }

    #[test]
    fn a_job_without_a_package_is_user_code() {
        assert_eq!(
            owner(&[ALLOCATE, ("MemJob.spend", None), MAP]).1,
            Origin::User
        );
    }

    #[test]
    fn a_connector_in_the_job_jar_comes_before_flink_itself() {
        let connector = ("org.apache.flink.connector.kafka.Reader.fetch", CHILD);
        assert_eq!(
            owner(&[ALLOCATE, MAP, connector]).0,
            "org.apache.flink.connector.kafka.Reader.fetch"
        );
    }

    #[test]
    fn netty_is_a_library_shaded_or_not() {
        for class in [
            "io.netty.buffer.PoolArena",
            "org.apache.flink.shaded.netty4.io.netty.buffer.PoolArena",
        ] {
            let frame = format!("{class}.newChunk");
            assert_eq!(
                owner(&[ALLOCATE, (&frame, None), MAP]).1,
                Origin::Library("Netty")
            );
        }
    }

    #[test]
    fn a_stack_of_the_jdk_alone_is_named_beyond_the_buffer_classes() {
        let temporary = ("sun.nio.ch.Util.getTemporaryDirectBuffer", None);
        assert_eq!(
            owner(&[
                ("jdk.internal.misc.Unsafe.allocateMemory", None),
                ALLOCATE,
                temporary
            ]),
            (
                "sun.nio.ch.Util.getTemporaryDirectBuffer".to_owned(),
                Origin::Jdk
            )
        );
    }

    #[test]
    fn a_part_of_flink_is_named_not_the_factory_of_its_segments() {
        let factory = (
            "org.apache.flink.core.memory.MemorySegmentFactory.allocateUnpooledOffHeapMemory",
            None,
        );
        let batch = (
            "org.apache.flink.runtime.io.disk.BatchShuffleReadBufferPool.initialize",
            None,
        );
        assert_eq!(
            owner(&[ALLOCATE, factory, batch, MAP]),
            (
                "org.apache.flink.runtime.io.disk.BatchShuffleReadBufferPool.initialize".to_owned(),
                Origin::Flink
            )
        );
    }

    #[test]
    fn each_byte_is_on_one_account() {
        let netty = Account::Netty("org.apache.flink.shaded.netty4.io.netty".to_owned());
        let platform = "org.apache.flink.shaded.netty4.io.netty.util.internal.PlatformDependent0.allocateDirectNoCleaner";
        let unsafe_call = ("jdk.internal.misc.Unsafe.allocateMemory", None);
        let without_cleaner = site(&[unsafe_call, (platform, None), MAP]);
        let with_cleaner = site(&[ALLOCATE, (platform, None), MAP]);
        assert!(netty.counts(&without_cleaner) && !Account::Jvm.counts(&without_cleaner));
        assert!(!netty.counts(&with_cleaner) && Account::Jvm.counts(&with_cleaner));
        let plain = Account::Netty("io.netty".to_owned());
        assert!(!plain.counts(&without_cleaner));
    }

    #[test]
    fn a_segment_of_java_21_is_direct_memory() {
        let make = (
            "jdk.internal.foreign.NativeMemorySegmentImpl.makeNativeSegment",
            None,
        );
        let later = (
            "jdk.internal.foreign.SegmentFactories.allocateNativeSegment",
            None,
        );
        assert!(is_direct(&site(&[make, MAP])));
        assert!(!is_direct(&site(&[later, MAP])));
    }

    #[test]
    fn managed_memory_is_not_direct_memory() {
        let managed = site(&[
            ("jdk.internal.misc.Unsafe.allocateMemory0", None),
            (
                "org.apache.flink.core.memory.MemoryUtils.allocateUnsafe",
                None,
            ),
        ]);
        assert!(!is_direct(&managed));
        assert!(is_direct(&site(&[ALLOCATE, MAP])));
    }
}
