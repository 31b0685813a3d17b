//! What Flink says: its own pools, its configuration, lost peers, and lines behind which something else hides.

use super::fact::{Fact, PoolRefusal};
use super::figures::number_after;
use crate::network::Shortage;

pub(super) const NEEDLES: &[&str] = &[
    "Could not allocate enough memory segments for ",
    "Insufficient number of network buffers",
    "MemoryReservationException",
    "MemoryAllocationException",
    "bytes are remaining",
    "IllegalConfigurationException",
    "he configured Total Flink Memory",
    "Sum of configured ",
    "eartbeat of TaskManager with id",
    "eartbeat of JobManager with id",
    "eartbeat of ResourceManager with id",
    "Association with remote system",
    "unexpectedly closed by remote task manager",
    "is no longer reachable",
    "or non-local recipient",
    "Failed to trigger or complete checkpoint",
    "more than one thread driving the actions of a Source Coordinator",
    "Global failure triggered by OperatorCoordinator",
    "InaccessibleObjectException",
    "Trying to access closed classloader",
    "produced an uncaught exception. Stopping the process",
    "terminating the JVM",
];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    pools(line, facts);
    if is_refused_configuration(line) {
        facts.push(Fact::ConfigurationRefused);
    }
    for (words, fact) in [
        ("eartbeat of TaskManager with id", Fact::HeartbeatLost),
        ("eartbeat of JobManager with id", Fact::HeartbeatLost),
        ("eartbeat of ResourceManager with id", Fact::HeartbeatLost),
        ("Association with remote system", Fact::PeerLost),
        ("unexpectedly closed by remote task manager", Fact::PeerLost),
        ("is no longer reachable", Fact::PeerLost),
        ("or non-local recipient", Fact::WrongAddress),
        (
            "Failed to trigger or complete checkpoint",
            Fact::CheckpointFailed,
        ),
        (
            "more than one thread driving the actions of a Source Coordinator",
            Fact::CoordinatorDied,
        ),
        (
            "Global failure triggered by OperatorCoordinator",
            Fact::CoordinatorFailed,
        ),
        ("InaccessibleObjectException", Fact::AccessRefused),
        (
            "Trying to access closed classloader",
            Fact::ClosedClassLoader,
        ),
        (
            "produced an uncaught exception. Stopping the process",
            Fact::FlinkEnds,
        ),
        ("terminating the JVM", Fact::FlinkEnds),
    ] {
        if line.contains(words) && is_event(line, &fact) {
            facts.push(fact);
        }
    }
}

/// Heartbeats and associations are written about in good times too.
fn is_event(line: &str, fact: &Fact) -> bool {
    match fact {
        Fact::HeartbeatLost => line.contains("timed out"),
        Fact::PeerLost => !line.contains("Association with") || line.contains("has failed"),
        _ => true,
    }
}

fn pools(line: &str, facts: &mut Vec<Fact>) {
    if line.contains("Could not allocate enough memory segments for ") {
        let figure = |name| number_after(line, name);
        let figures = (|| {
            Some(PoolRefusal {
                required_mb: figure("required (Mb): ")?,
                allocated_mb: figure("allocated (Mb): ")?,
                missing_mb: figure("missing (Mb): ")?,
            })
        })();
        facts.extend(figures.map(Fact::NetworkPoolRefused));
    }
    if line.contains("Insufficient number of network buffers") {
        facts.push(Fact::NetworkBuffersInsufficient(Shortage::parse(line)));
    }
    let reserved = line.contains("Could not allocate ") && line.contains("bytes are remaining");
    let pages = line.contains("Could not allocate ") && line.contains(" pages");
    if reserved || pages || line.contains("MemoryReservationException") {
        facts.push(Fact::ManagedExhausted {
            requested: reserved
                .then(|| number_after(line, "Could not allocate "))
                .flatten(),
            remaining: number_after(line, "bytes, only "),
        });
    }
}

/// Refusals about memory: the sums of its parts, or nothing to compute from.
fn is_refused_configuration(line: &str) -> bool {
    let refused = line.contains("IllegalConfigurationException");
    let sums = line.contains("Sum of configured ") && line.contains("exceed configured ");
    let less = line.contains("he configured Total Flink Memory") && line.contains("is less than");
    let about_memory = || {
        ["Memory", "memory", "Network", "Heap"]
            .iter()
            .any(|word| line.contains(word))
    };
    sums || less || (refused && about_memory())
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
    fn a_pool_that_misses_less_than_a_mebibyte() {
        let found = facts(
            "java.lang.OutOfMemoryError: Could not allocate enough memory segments for NetworkBufferPool (required (Mb): 9, allocated (Mb): 9, missing (Mb): 0). Cause: Direct buffer memory",
        );
        let refusal = PoolRefusal {
            required_mb: 9,
            allocated_mb: 9,
            missing_mb: 0,
        };
        assert_eq!(found, [Fact::NetworkPoolRefused(refusal)]);
    }

    #[test]
    fn a_heartbeat_that_is_only_mentioned_is_no_loss() {
        assert_eq!(
            facts("Heartbeat of TaskManager with id a:1-2 timed out."),
            [Fact::HeartbeatLost]
        );
        assert_eq!(facts("Received heartbeat of TaskManager with id a:1-2"), []);
    }

    #[test]
    fn managed_memory_with_figures() {
        let found = facts(
            "org.apache.flink.runtime.memory.MemoryReservationException: Could not allocate 1048576 bytes, only 7 bytes are remaining. This usually indicates",
        );
        let expected = Fact::ManagedExhausted {
            requested: Some(1_048_576),
            remaining: Some(7),
        };
        assert_eq!(found, [expected]);
    }
}
