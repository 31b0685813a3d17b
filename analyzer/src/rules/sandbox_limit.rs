//! `sandbox_limit`: a policy or a broken start script, behind words about memory.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::{Consumer, Label};
use crate::lines::{Fact, Refused};

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    if let Some(told) = words.first(|fact| *fact == Fact::ThreadRefused(Some(Refused::Permission)))
    {
        return words.fires(Claim {
            consumer: Some(Consumer::unknown()),
            remedy: in_words(
                "No memory is missing: starting a thread was forbidden (EPERM). The container runtime's seccomp profile is older than the C library of the image, which calls clone3: update the runtime, or change the profile.",
            ),
            ..Claim::new(Label::SandboxLimit, 0.93, ("none", 0.95), told)
        });
    }
    let cannot = words.first(|fact| *fact == Fact::JvmCannotContinue);
    let script = words.first(|fact| *fact == Fact::ShellError);
    match (cannot, script) {
        (Some(told), Some(script)) => words.fires(Claim {
            alternatives: &[Label::HostMemoryExhausted],
            evidence: vec![words.evidence(script)],
            remedy: in_words(
                "The start script failed to compute its figures before the JVM began: see with which arguments it was started, and correct the value that the script could not read (a size without digits, an empty variable).",
            ),
            collect: vec!["the command line that the script made: set -x, or ps while it starts".to_owned()],
            ..Claim::new(Label::SandboxLimit, 0.65, ("none", 0.7), told)
        }),
        _ => no_line(),
    }
}
