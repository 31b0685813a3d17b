//! What a class belongs to, by its name and its loader.

/// What a class belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClassKind {
    /// Flink's state on the heap, and timers.
    FlinkState,
    /// Buffers and encoders of files: Parquet, ORC, Avro, compressors.
    Writer,
    /// Clients of other systems: Kafka, JDBC, HTTP, object stores.
    Client,
    /// The rest of Flink, and what it brings along.
    Framework,
    /// The JDK, arrays of primitives included.
    Jdk,
    /// The job's own classes.
    User,
    /// A library, of whom is not known.
    Library,
}

/// The table: the longest prefix that fits decides.
const KINDS: [(&str, ClassKind); 62] = {
    use ClassKind::{Client, FlinkState, Framework, Jdk, Writer};
    [
        ("org.apache.flink.runtime.state.", FlinkState),
        ("org.apache.flink.contrib.streaming.state.", FlinkState),
        ("org.apache.flink.state.", FlinkState),
        ("org.apache.flink.api.common.state.", FlinkState),
        ("org.apache.flink.cep.nfa.sharedbuffer.", FlinkState),
        ("org.apache.flink.cep.nfa.NFAState", FlinkState),
        (
            "org.apache.flink.streaming.api.operators.TimerHeapInternalTimer",
            FlinkState,
        ),
        (
            "org.apache.flink.streaming.api.operators.InternalTimer",
            FlinkState,
        ),
        ("org.apache.flink.runtime.state.filesystem.", Writer),
        ("org.apache.flink.formats.", Writer),
        ("org.apache.flink.parquet.", Writer),
        ("org.apache.flink.orc.", Writer),
        ("org.apache.flink.connector.file.", Writer),
        (
            "org.apache.flink.streaming.api.functions.sink.filesystem.",
            Writer,
        ),
        ("org.apache.parquet.", Writer),
        ("org.apache.orc.", Writer),
        ("org.apache.avro.", Writer),
        ("org.apache.arrow.", Writer),
        ("org.apache.hadoop.hive.ql.io.", Writer),
        ("org.apache.iceberg.", Writer),
        ("org.apache.hudi.", Writer),
        ("org.apache.paimon.", Writer),
        ("io.delta.", Writer),
        ("com.github.luben.zstd.", Writer),
        ("org.xerial.snappy.", Writer),
        ("net.jpountz.", Writer),
        ("io.airlift.compress.", Writer),
        ("org.apache.flink.connector.", Client),
        ("org.apache.flink.streaming.connectors.", Client),
        ("org.apache.kafka.", Client),
        ("org.apache.pulsar.", Client),
        ("com.rabbitmq.", Client),
        ("org.apache.http.", Client),
        ("org.apache.hc.", Client),
        ("okhttp3.", Client),
        ("okio.", Client),
        ("com.amazonaws.", Client),
        ("software.amazon.", Client),
        ("com.azure.", Client),
        ("com.google.cloud.", Client),
        ("io.grpc.", Client),
        ("org.elasticsearch.", Client),
        ("org.opensearch.", Client),
        ("com.mongodb.", Client),
        ("org.apache.cassandra.", Client),
        ("com.datastax.", Client),
        ("org.apache.hadoop.", Client),
        ("com.zaxxer.hikari.", Client),
        ("com.mysql.", Client),
        ("org.postgresql.", Client),
        ("oracle.jdbc.", Client),
        ("com.microsoft.sqlserver.", Client),
        ("redis.clients.", Client),
        ("io.lettuce.", Client),
        ("org.apache.flink.", Framework),
        ("org.apache.pekko.", Framework),
        ("akka.", Framework),
        ("scala.", Framework),
        ("java.", Jdk),
        ("javax.", Jdk),
        ("jdk.", Jdk),
        ("sun.", Jdk),
    ]
};

/// Kind of a class, named as in a histogram: `java.util.HashMap$Node[]`. `loader` is the class of its loader if that is
/// one of user code: what a job brings along is a writer or a client if it is known as one, and the user's own otherwise.
#[must_use]
pub fn class_kind(class: &str, loader: Option<&str>) -> ClassKind {
    let element = class.trim_end_matches("[]");
    let is_primitive = !element.contains('.') && element.chars().all(|c| c.is_ascii_lowercase());
    if is_primitive && element != class {
        return ClassKind::Jdk;
    }
    let fitting = KINDS
        .iter()
        .filter(|(prefix, _)| element.starts_with(prefix));
    let known = fitting.max_by_key(|(prefix, _)| prefix.len());
    match (known, loader) {
        (Some((_, kind)), _) => *kind,
        (None, Some(_)) => ClassKind::User,
        (None, None) => ClassKind::Library,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_JOBS: Option<&str> = Some("org.apache.flink.util.ChildFirstClassLoader");

    #[test]
    fn a_class_is_known_by_its_package_and_its_loader() {
        for (class, loader, kind) in [
            ("byte[]", None, ClassKind::Jdk),
            ("java.util.HashMap$Node[]", None, ClassKind::Jdk),
            (
                "org.apache.flink.runtime.state.heap.CopyOnWriteStateMap$StateMapEntry",
                None,
                ClassKind::FlinkState,
            ),
            (
                "org.apache.flink.runtime.state.heap.HeapPriorityQueueSet",
                None,
                ClassKind::FlinkState,
            ),
            (
                "org.apache.flink.core.memory.HybridMemorySegment[]",
                None,
                ClassKind::Framework,
            ),
            (
                "org.apache.parquet.column.values.dictionary.IntList",
                OF_JOBS,
                ClassKind::Writer,
            ),
            (
                "org.apache.kafka.clients.consumer.ConsumerRecord",
                OF_JOBS,
                ClassKind::Client,
            ),
            (
                "org.apache.flink.connector.file.sink.writer.FileWriterBucket",
                OF_JOBS,
                ClassKind::Writer,
            ),
            ("com.acme.Row", OF_JOBS, ClassKind::User),
            ("com.acme.Row", None, ClassKind::Library),
            ("job", OF_JOBS, ClassKind::User),
        ] {
            assert_eq!(class_kind(class, loader), kind, "{class}");
        }
    }
}
