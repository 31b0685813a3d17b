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
/// where it is of the same code.
pub(super) fn owner(frames: &[Frame]) -> Option<(Owner, &Frame)> {
    let whole = Site {
        frames: frames.to_vec(),
        ..Site::default()
    };
    let (owner, frame) = owner_of(&whole)?;
    let at = frames.iter().position(|known| known == frame)?;
    let caller = frames[at..]
        .iter()
        .find(|caller| !is_constructor(caller))
        .filter(|caller| {
            Origin::of(caller) == owner.origin && !frames_of_flink_between(frames, at, caller)
        });
    let frame = caller.unwrap_or(&frames[at]);
    let owner = Owner {
        origin: owner.origin,
        method: frame.qualified(),
    };
    Some((owner, frame))
}

fn is_constructor(frame: &Frame) -> bool {
    matches!(frame.method.as_str(), "<init>" | "<clinit>")
}

/// Another's code between the constructor and that caller makes it somebody else's call.
fn frames_of_flink_between(frames: &[Frame], from: usize, to: &Frame) -> bool {
    let user = Origin::of(&frames[from]);
    frames[from..]
        .iter()
        .take_while(|frame| *frame != to)
        .any(|frame| Origin::of(frame) != user)
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
