//! `array_limit`: one array longer than the JVM allows. The heap may have room.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line, requester};
use crate::finding::{Consumer, ConsumerKind, Label};
use crate::lines::Fact;

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
        remedy: in_words(
            "More heap will not help: an array has at most 2^31 - 1 elements. Make the single piece smaller: less state in one subtask or enumerator, smaller records, higher parallelism.",
        ),
        ..Claim::new(Label::ArrayLimit, 0.97, ("array", 0.99), told)
    })
}
