//! `array_limit`: one array longer than the JVM allows. The heap may have room.

use super::Answer;
use super::heap::HeapPicture;
use super::told::{Claim, Words, in_words, no_line, requester};
use crate::case::Origin;
use crate::finding::{
    Consumer, ConsumerKind, Evidence, Finding, Label, LimitClaim, Severity, two_digits,
};
use crate::lines::Fact;
use crate::units::{bytes, time_of_day};
use flinkmem_trace::{Frame, Incident};

const REMEDY: &str = "More heap will not help: an array has at most 2^31 - 1 elements. Make the single piece smaller: less state in one subtask or enumerator, smaller records, higher parallelism.";

pub(super) fn check(picture: &HeapPicture<'_>) -> Answer {
    let Some((first, words)) = picture.met.arrays.first() else {
        return Answer::DoesNotFire("no array was refused for its length".to_owned());
    };
    let last = picture.met.arrays.last().map_or(*first, |(last, _)| *last);
    let consumer = whose(first);
    let free = first.sample.heap.map_or(String::new(), |heap| {
        format!(
            ", while {} of {} were in use",
            bytes(heap.used_bytes),
            bytes(heap.max_bytes)
        )
    });
    let words = words.unwrap_or("an array too long");
    let text = format!("at {}: {words}{free}", time_of_day(first.t_ms));
    let count = picture.met.arrays.len() as u64;
    let refused = Evidence::new(text, "incidents", first.t_ms, last.t_ms).with_value(count);
    let asked = super::heap::asked_by(&first.frames, first.t_ms);
    Answer::Fires(Box::new(Finding {
        label: Label::ArrayLimit,
        severity: Severity::Critical,
        confidence: 0.97,
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "array",
            confidence: None,
            bytes: None,
            peak: None,
            reached: true,
        },
        consumer: consumer.unwrap_or_else(Consumer::unknown),
        forecast: None,
        evidence: std::iter::once(refused).chain(asked).collect(),
        remedy: in_words(REMEDY),
        collect: Vec::new(),
        told_ms: None,
    }))
}

/// Here who asked is who it is: the array is wanted whole, by this call.
fn whose(incident: &Incident) -> Option<Consumer> {
    let own = |wanted: fn(Origin) -> bool| {
        let mut frames = incident.frames.iter();
        frames.find(|frame: &&Frame| wanted(Origin::of(frame)))
    };
    let frame =
        own(|origin| origin == Origin::User).or_else(|| own(|origin| origin != Origin::Jdk))?;
    Some(Consumer {
        kind: ConsumerKind::CallSite,
        name: Some(frame.qualified()),
        line: frame.line,
        share: None,
        confidence: two_digits(0.9),
    })
}

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let Some(told) = words.first(|fact| *fact == Fact::ArrayLimit) else {
        return no_line();
    };
    // Here who asked is who it is: the array is wanted whole, by this call.
    let consumer = requester(&told.frames).map(|frame| Consumer {
        kind: ConsumerKind::CallSite,
        name: Some(frame.qualified()),
        line: frame.line,
        share: None,
        confidence: 0.85,
    });
    words.fires(Claim {
        consumer,
        remedy: in_words(REMEDY),
        ..Claim::new(Label::ArrayLimit, 0.97, ("array", 0.99), told)
    })
}
