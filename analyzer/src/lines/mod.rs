//! Lines to facts: what a log, a console, a report of the kernel or of a cluster's manager says, line by line.
//!
//! One file a family of lines, with the parts of lines that it knows; one search finds all of them at once. Nothing here knows of verdicts, and
//! nothing is believed: lines are bounded, figures that are none are absent, and of facts of one kind the first ones and the last are kept.

mod fact;
mod figures;
mod flink;
mod gc;
mod hs_err;
mod jdk;
mod kernel;
mod kubernetes;
mod netty;
mod pod;
mod reader;
mod stack;
mod yarn;

pub use fact::{
    ClassArea, DirectRefusal, Fact, HeapWords, Kill, Pause, PoolRefusal, Refused, Told,
};
pub use reader::{Gathered, LineReader, read_pods};

use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

type Read = fn(&str, &mut Vec<Fact>);

const FAMILIES: [(&[&str], Read); 8] = [
    (jdk::NEEDLES, jdk::read),
    (netty::NEEDLES, netty::read),
    (flink::NEEDLES, flink::read),
    (hs_err::NEEDLES, hs_err::read),
    (yarn::NEEDLES, yarn::read),
    (kubernetes::NEEDLES, kubernetes::read),
    (kernel::NEEDLES, kernel::read),
    (gc::NEEDLES, gc::read),
];

/// All parts of lines that any family knows, and which family each belongs to. `None` cannot happen: the parts are constants.
static NEEDLES: LazyLock<Option<(AhoCorasick, Vec<usize>)>> = LazyLock::new(|| {
    let of_family = |(index, (needles, _)): (usize, &(&'static [&'static str], Read))| {
        needles
            .iter()
            .map(move |needle| (*needle, index))
            .collect::<Vec<_>>()
    };
    let all: Vec<(&str, usize)> = FAMILIES.iter().enumerate().flat_map(of_family).collect();
    let search = AhoCorasick::new(all.iter().map(|(needle, _)| needle)).ok()?;
    Some((search, all.into_iter().map(|(_, family)| family).collect()))
});

/// What one line says.
#[must_use]
pub fn facts(line: &str) -> Vec<Fact> {
    let mut found = Vec::new();
    let Some((search, family_of)) = NEEDLES.as_ref() else {
        return found;
    };
    let mut asked = [false; FAMILIES.len()];
    for hit in search.find_overlapping_iter(line) {
        if let Some(asked) = family_of
            .get(hit.pattern().as_usize())
            .and_then(|family| asked.get_mut(*family))
        {
            *asked = true;
        }
    }
    for ((_, read), _) in FAMILIES.iter().zip(asked).filter(|(_, asked)| *asked) {
        read(line, &mut found);
    }
    found
}
