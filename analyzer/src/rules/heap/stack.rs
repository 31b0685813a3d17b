//! What a Java stack says about the phase in which something was allocated, and whose call it was.

use crate::case::{Origin, Owner, owner_of};
use flinkmem_trace::{Frame, Site};

/// Methods through which Flink opens operators and restores state: what is loaded here has an end, for the job waits for it.
const OPENING: [(&str, &str); 8] = [
    (
        "org.apache.flink.api.common.functions.util.FunctionUtils",
        "openFunction",
    ),
    (
        "org.apache.flink.streaming.api.operators.AbstractUdfStreamOperator",
        "open",
    ),
    (
        "org.apache.flink.streaming.runtime.tasks.RegularOperatorChain",
        "initializeStateAndOpenOperators",
    ),
    (
        "org.apache.flink.streaming.runtime.tasks.StreamTask",
        "restoreGates",
    ),
    (
        "org.apache.flink.streaming.runtime.tasks.StreamTask",
        "restoreStateAndGates",
    ),
    (
        "org.apache.flink.streaming.api.operators.AbstractStreamOperator",
        "initializeState",
    ),
    (
        "org.apache.flink.streaming.api.operators.StreamOperatorStateHandler",
        "initializeOperatorState",
    ),
    (
        "org.apache.flink.runtime.operators.BatchTask",
        "openUserCode",
    ),
];

/// Whether a stack is one of an operator that opens, or of a class that is being initialised.
pub(super) fn is_opening(frames: &[Frame]) -> bool {
    frames.iter().any(|frame| {
        OPENING.contains(&(frame.class.as_str(), frame.method.as_str()))
            || (frame.method == "<clinit>" && Origin::of(frame) == Origin::User)
    })
}

/// Whether a stack is of somebody who coordinates in a JobManager: sources, sinks, executions, checkpoints.
pub(super) fn is_coordinating(frames: &[Frame]) -> bool {
    const COORDINATORS: [&str; 8] = [
        "org.apache.flink.runtime.source.coordinator.",
        "org.apache.flink.runtime.operators.coordination.",
        "org.apache.flink.runtime.executiongraph.",
        "org.apache.flink.runtime.scheduler.",
        "org.apache.flink.runtime.checkpoint.",
        "org.apache.flink.runtime.jobmaster.",
        "org.apache.flink.runtime.dispatcher.",
        "org.apache.flink.runtime.jobgraph.",
    ];
    frames.iter().any(|frame| {
        COORDINATORS
            .iter()
            .any(|package| frame.class.starts_with(package))
    })
}

/// Whose call a stack is, and the frame that says so. A constructor says what is made, its caller who makes it: so the caller counts,
/// where it is of the same code, be there a collection of the JDK's in between. Classes that the JVM makes up for lambdas name nobody.
pub(super) fn owner(frames: &[Frame]) -> Option<(Owner, &Frame)> {
    let named: Vec<&Frame> = frames.iter().filter(|frame| !is_made_up(frame)).collect();
    let whole = Site {
        frames: named.iter().map(|&frame| frame.clone()).collect(),
        ..Site::default()
    };
    let (owner, frame) = owner_of(&whole)?;
    let at = named.iter().position(|&known| known == frame)?;
    let first = *named.get(at)?;
    let caller = named[at..]
        .iter()
        .copied()
        .find(|caller| Origin::of(caller) != Origin::Jdk && !is_constructor(caller))
        .filter(|caller| Origin::of(caller) == owner.origin);
    let frame = caller.unwrap_or(first);
    let owner = Owner {
        origin: owner.origin,
        method: frame.qualified(),
    };
    Some((owner, frame))
}

fn is_constructor(frame: &Frame) -> bool {
    matches!(frame.method.as_str(), "<init>" | "<clinit>")
}

fn is_made_up(frame: &Frame) -> bool {
    frame.class.contains("$$Lambda") || frame.class.starts_with("java.lang.invoke.")
}

#[cfg(test)]
pub(in crate::rules) mod tests {
    use super::*;

    pub(in crate::rules) fn frames(names: &[&str]) -> Vec<Frame> {
        let frame = |name: &&str| {
            let (class, method) = name.rsplit_once('.').unwrap();
            Frame {
                class: class.to_owned(),
                method: method.to_owned(),
                ..Frame::default()
            }
        };
        names.iter().map(frame).collect()
    }

    #[test]
    fn who_makes_an_object_counts_and_not_what_is_made() {
        let stack = frames(&[
            "com.acme.Row.<init>",
            "com.acme.Table.load",
            "com.acme.Lookup.open",
        ]);
        let (owner, _) = owner(&stack).unwrap();
        assert_eq!(owner.method, "com.acme.Table.load");
    }

    #[test]
    fn a_constructor_that_flink_calls_stays_the_owner() {
        let stack = frames(&[
            "com.acme.Writer.<init>",
            "org.apache.flink.connector.file.sink.writer.FileWriter.write",
            "com.acme.Other.map",
        ]);
        assert_eq!(owner(&stack).unwrap().0.method, "com.acme.Writer.<init>");
    }

    #[test]
    fn a_lambda_that_a_collection_calls_belongs_to_who_called_the_collection() {
        let stack = frames(&[
            "com.acme.Session.<init>",
            "com.acme.Sessions$$Lambda$845.0x00007f289f5dd000.apply",
            "java.util.concurrent.ConcurrentHashMap.computeIfAbsent",
            "com.acme.Sessions.of",
        ]);
        assert_eq!(owner(&stack).unwrap().0.method, "com.acme.Sessions.of");
    }

    #[test]
    fn opening_is_told_by_flinks_frames() {
        let open = frames(&[
            "com.acme.Lookup.open",
            "org.apache.flink.api.common.functions.util.FunctionUtils.openFunction",
        ]);
        let map = frames(&[
            "com.acme.Lookup.map",
            "org.apache.flink.streaming.api.operators.StreamMap.processElement",
        ]);
        assert!(is_opening(&open) && !is_opening(&map));
        assert!(is_opening(&frames(&["com.acme.Tables.<clinit>"])));
    }
}
