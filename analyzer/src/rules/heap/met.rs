//! How the limit on the heap was met, and how arrays were refused that no heap holds.

use crate::case::Case;
use flinkmem_trace::{EventKind, Frame, Incident, IncidentKind};

/// Every time that the heap, or an array, was refused.
#[derive(Debug, Default)]
pub(in crate::rules) struct Met<'a> {
    /// Refusals for want of heap, as far as they were written down.
    pub(in crate::rules) heap: Vec<&'a Incident>,
    /// The same in all.
    pub(in crate::rules) heap_count: u64,
    /// Arrays longer than the JVM allows, with its words.
    pub(in crate::rules) arrays: Vec<(&'a Incident, Option<&'a str>)>,
}

/// JVMTI ResourceExhausted's flag for the Java heap.
const JAVA_HEAP: u32 = 2;

/// What the JVM and the JDK say when an array would be too long. The first is HotSpot's, the others are those of `ArraysSupport`,
/// string builders and streams.
const TOO_LONG: [&str; 5] = [
    "requested array size exceeds vm limit",
    "required length exceeds implementation limit",
    "required array length too large",
    "required array size too large",
    "array size too large",
];

/// Methods of the JDK that refuse a length; before JDK 17 without a word.
const REFUSE: [(&str, &str); 6] = [
    ("jdk.internal.util.ArraysSupport", "hugeLength"),
    ("java.lang.AbstractStringBuilder", "hugeCapacity"),
    ("java.lang.AbstractStringBuilder", "newCapacity"),
    ("java.io.ByteArrayOutputStream", "hugeCapacity"),
    ("java.util.ArrayList", "hugeCapacity"),
    ("java.io.InputStream", "readNBytes"),
];

impl<'a> Met<'a> {
    pub(super) fn of(case: &'a Case) -> Self {
        let mut met = Self::default();
        for incident in &case.incidents {
            let message = message(case, incident);
            if is_of_an_array(incident, message) {
                met.arrays.push((incident, message));
            } else if is_of_the_heap(incident, message) {
                met.heap_count += incident.suppressed.saturating_add(1);
                met.heap.push(incident);
            }
        }
        met
    }

    /// The first refusal for want of heap.
    pub(in crate::rules) fn first(&self) -> Option<&'a Incident> {
        self.heap.first().copied()
    }
}

/// The JVM's words, which may have become known later.
fn message<'a>(case: &'a Case, incident: &'a Incident) -> Option<&'a str> {
    let told_later = || {
        let mut events = case.events.iter();
        let tells =
            events.find(|e| e.event == EventKind::ErrorMessage && e.incident == Some(incident.id));
        tells?.message.as_deref()
    };
    incident.message.as_deref().or_else(told_later)
}

fn is_of_an_array(incident: &Incident, message: Option<&str>) -> bool {
    let says_so = message.is_some_and(|text| {
        let text = text.to_ascii_lowercase();
        TOO_LONG.iter().any(|words| text.contains(words))
    });
    let refuses = |frame: &Frame| REFUSE.contains(&(frame.class.as_str(), frame.method.as_str()));
    let by_java_code = incident.incident == IncidentKind::OutOfMemoryError;
    says_so || (by_java_code && incident.frames.iter().take(8).any(refuses))
}

fn is_of_the_heap(incident: &Incident, message: Option<&str>) -> bool {
    incident.incident == IncidentKind::ResourceExhausted
        && match incident.flags {
            Some(flags) => flags & JAVA_HEAP != 0,
            None => message.is_some_and(|text| {
                text.contains("Java heap space") || text.contains("GC overhead")
            }),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incident(kind: IncidentKind, flags: Option<u32>, message: Option<&str>) -> Incident {
        Incident {
            incident: kind,
            flags,
            message: message.map(str::to_owned),
            ..Incident::default()
        }
    }

    #[test]
    fn heap_and_arrays_are_told_apart_from_other_limits() {
        let case = Case {
            incidents: vec![
                incident(
                    IncidentKind::ResourceExhausted,
                    Some(3),
                    Some("Java heap space"),
                ),
                incident(IncidentKind::ResourceExhausted, Some(1), Some("Metaspace")),
                incident(
                    IncidentKind::ResourceExhausted,
                    Some(1),
                    Some("Requested array size exceeds VM limit"),
                ),
                incident(
                    IncidentKind::OutOfMemoryError,
                    None,
                    Some("Required length exceeds implementation limit"),
                ),
                incident(
                    IncidentKind::OutOfMemoryError,
                    None,
                    Some("Cannot reserve 10 bytes of direct buffer memory"),
                ),
            ],
            ..Case::default()
        };
        let met = Met::of(&case);
        assert_eq!((met.heap.len(), met.arrays.len()), (1, 2));
    }

    #[test]
    fn before_jdk_17_the_stack_tells_of_an_array() {
        let mut error = incident(IncidentKind::OutOfMemoryError, None, None);
        error.frames = vec![Frame {
            class: "java.io.ByteArrayOutputStream".to_owned(),
            method: "hugeCapacity".to_owned(),
            ..Frame::default()
        }];
        assert!(is_of_an_array(&error, None));
    }
}
