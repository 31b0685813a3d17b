//! Whose off-heap memory is, told by the stack that allocated it.

use flinkmem_trace::{Frame, Owner};

/// The owners that a stack can tell, the unknown one first.
const OWNERS: [Owner; 7] = [
    Owner::OtherOffHeap,
    Owner::FlinkNetworkSegments,
    Owner::FlinkManagedSegments,
    Owner::NettyShaded,
    Owner::Netty,
    Owner::NioThreadCaches,
    Owner::UserOffHeap,
];

/// The owner of what was allocated with this stack, innermost frame first.
pub(crate) fn of_stack(frames: &[Frame]) -> Owner {
    let told = frames.iter().find_map(of_frame);
    // The innermost frame that is not the JDK's has asked for the memory.
    let asker = frames.iter().find(|frame| !is_of_the_jdk(&frame.class));
    told.unwrap_or(match asker {
        Some(frame) if !is_of_flink(frame) => Owner::UserOffHeap,
        _ => Owner::OtherOffHeap,
    })
}

fn of_frame(frame: &Frame) -> Option<Owner> {
    let class = frame.class.as_str();
    match class {
        "org.apache.flink.runtime.io.network.buffer.NetworkBufferPool" => {
            Some(Owner::FlinkNetworkSegments)
        }
        "org.apache.flink.runtime.memory.MemoryManager" => Some(Owner::FlinkManagedSegments),
        "sun.nio.ch.Util" if frame.method.starts_with("getTemporary") => {
            Some(Owner::NioThreadCaches)
        }
        _ if class.starts_with("org.apache.flink.shaded.netty") => Some(Owner::NettyShaded),
        _ if class.starts_with("io.netty.") || class.contains(".io.netty.") => Some(Owner::Netty),
        _ => None,
    }
}

fn is_of_the_jdk(class: &str) -> bool {
    ["java.", "javax.", "jdk.", "sun.", "com.sun."]
        .iter()
        .any(|package| class.starts_with(package))
}

/// A class whose name is not known any more may be anybody's.
fn is_of_flink(frame: &Frame) -> bool {
    frame.class.starts_with("org.apache.flink.") || frame.class == "?"
}

/// The owner as a number that fits into a table; 0 is the unknown one.
pub(crate) fn code(owner: Owner) -> u32 {
    let position = OWNERS.iter().position(|&known| known == owner);
    position
        .and_then(|index| u32::try_from(index).ok())
        .unwrap_or(0)
}

/// The owner of that number.
pub(crate) fn decode(code: u32) -> Owner {
    let index = usize::try_from(code).unwrap_or(0);
    OWNERS.get(index).copied().unwrap_or(Owner::OtherOffHeap)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(stack: &[&str]) -> Owner {
        let frame = |qualified: &&str| {
            let (class, method) = qualified.rsplit_once('.').unwrap();
            Frame {
                class: class.to_owned(),
                method: method.to_owned(),
                ..Frame::default()
            }
        };
        of_stack(&stack.iter().map(frame).collect::<Vec<_>>())
    }

    #[test]
    fn stacks_tell_their_owners() {
        let direct = [
            "jdk.internal.misc.Unsafe.allocateMemory0",
            "java.nio.ByteBuffer.allocateDirect",
        ];
        let with = |frames: &[&str]| owner(&[&direct[..], frames].concat());
        let network = "org.apache.flink.runtime.io.network.buffer.NetworkBufferPool.<init>";
        assert_eq!(with(&[network]), Owner::FlinkNetworkSegments);
        let managed = "org.apache.flink.runtime.memory.MemoryManager.allocatePages";
        assert_eq!(
            with(&[
                "org.apache.flink.core.memory.MemoryUtils.allocateUnsafe",
                managed
            ]),
            Owner::FlinkManagedSegments
        );
        let shaded = "org.apache.flink.shaded.netty4.io.netty.buffer.PoolArena.allocate";
        assert_eq!(with(&[shaded, network]), Owner::NettyShaded);
        assert_eq!(
            with(&[
                "io.netty.buffer.PoolArena$DirectArena.newChunk",
                "com.acme.Sink.open"
            ]),
            Owner::Netty
        );
        assert_eq!(
            with(&[
                "sun.nio.ch.Util.getTemporaryDirectBuffer",
                "com.acme.Sink.write"
            ]),
            Owner::NioThreadCaches
        );
        assert_eq!(
            with(&["com.acme.Enricher.open", "org.apache.flink.Task.run"]),
            Owner::UserOffHeap
        );
        assert_eq!(
            with(&["org.apache.flink.core.memory.X.y", "com.acme.A.b"]),
            Owner::OtherOffHeap
        );
        assert_eq!(with(&["java.lang.Thread.run"]), Owner::OtherOffHeap);
        assert_eq!(owner(&[]), Owner::OtherOffHeap);
    }

    #[test]
    fn every_owner_survives_the_table() {
        for owner in OWNERS {
            assert_eq!(decode(code(owner)), owner);
        }
        assert_eq!(decode(code(Owner::JavaHeap)), Owner::OtherOffHeap);
        assert_eq!(decode(u32::MAX), Owner::OtherOffHeap);
    }
}
