//! `thread_limit`: a thread could not be started for a limit on threads: of the cgroup, the user, or a sandbox.

use super::Answer;
use super::told::{Claim, Words, in_words, no_line};
use crate::finding::Label;
use crate::lines::{Fact, Refused, Told};

pub(super) fn by_lines(words: &Words<'_>) -> Answer {
    let refused = |fact: &Fact| matches!(fact, Fact::ThreadRefused(_));
    let again = words.first(|fact| *fact == Fact::ThreadRefused(Some(Refused::Again)));
    let Some(told) = again.or_else(|| words.first(refused)) else {
        return no_line();
    };
    if words.tells(|fact| *fact == Fact::ThreadRefused(Some(Refused::Permission))) {
        return Answer::DoesNotFire("a policy forbids it, no limit".to_owned());
    }
    words.fires(claim(told, again.is_some()))
}

fn claim(told: &Told, is_limit: bool) -> Claim<'_> {
    Claim {
        alternatives: if is_limit { &[Label::ThreadLeak] } else { &[Label::ThreadLeak, Label::HostMemoryExhausted, Label::SandboxLimit] },
        remedy: in_words(
            "Raise the limit that was hit (pids.max of the container, ulimit -u, kubelet's podPidsLimit), or start fewer threads: smaller pools, fewer slots. More memory or a smaller -Xss will hardly help. If the number of threads rises steadily, somebody does not end them.",
        ),
        collect: vec![
            "pids.max and pids.current of the cgroup, ulimit -u, and a thread dump: names that repeat with rising numbers are a leak".to_owned(),
            "flinkmem's agent takes a census of threads by name and tells who started them".to_owned(),
        ],
        ..Claim::new(Label::ThreadLimit, if is_limit { 0.75 } else { 0.6 }, ("threads", if is_limit { 0.97 } else { 0.85 }), told)
    }
}
