//! Pauses in a GC log: unified logging since JDK 9, and the lines of JDK 8.

use super::fact::{Fact, Pause};
use super::figures::size;

pub(super) const NEEDLES: &[&str] = &["] GC(", "[Full GC", "[GC ("];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    let pause = match line.split_once("] GC(") {
        Some((_, rest)) => unified(rest),
        None => old(line),
    };
    facts.extend(pause.map(Fact::Pause));
}

/// `12) Pause Full (Allocation Failure) 245M->244M(247M) 1822.317ms`
fn unified(rest: &str) -> Option<Pause> {
    let (_, rest) = rest.split_once(") ")?;
    if !rest.starts_with("Pause") {
        return None;
    }
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ms = words.last()?.strip_suffix("ms")?.parse().ok()?;
    let (after, total) = heap(words.iter().rev().find(|word| word.contains("->")).copied());
    pause(ms, rest.starts_with("Pause Full"), after, total)
}

/// `[Full GC (Ergonomics) [PSYoungGen: …] 315127K->166876K(456704K), 0.0138514 secs]`
fn old(line: &str) -> Option<Pause> {
    let (before, _) = line.rsplit_once(" secs]").map(|(before, rest)| {
        // Times of user and system follow; the pause stands before them.
        before.split_once(" secs]").unwrap_or((before, rest))
    })?;
    let seconds: f64 = before.rsplit([' ', ',']).next()?.parse().ok()?;
    let (after, total) = heap(
        before
            .split_ascii_whitespace()
            .rev()
            .find(|word| word.contains("->")),
    );
    pause(seconds * 1000.0, line.contains("[Full GC"), after, total)
}

fn pause(ms: f64, is_full: bool, after: Option<u64>, total: Option<u64>) -> Option<Pause> {
    let is_duration = ms.is_finite() && (0.0..1e9).contains(&ms);
    is_duration.then_some(Pause {
        ms,
        is_full,
        after,
        total,
    })
}

/// `245M->244M(247M)`: what is left, and of how much.
fn heap(word: Option<&str>) -> (Option<u64>, Option<u64>) {
    let Some((_, rest)) = word.and_then(|word| word.split_once("->")) else {
        return (None, None);
    };
    match rest.split_once('(') {
        Some((after, total)) => (size(after), size(total)),
        None => (size(rest), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(line: &str) -> Vec<Fact> {
        let mut facts = Vec::new();
        read(line, &mut facts);
        facts
    }

    #[test]
    fn unified_logging() {
        let found = pauses(
            "[2026-11-20T17:14:20.268+0000][12.3s][info][gc] GC(12) Pause Full (Allocation Failure) 245M->244M(247M) 1822.317ms",
        );
        let expected = Pause {
            ms: 1822.317,
            is_full: true,
            after: Some(244 << 20),
            total: Some(247 << 20),
        };
        assert_eq!(found, [Fact::Pause(expected)]);
        assert_eq!(
            pauses("[0.1s][info][gc] GC(1) Concurrent Mark Cycle 3.1ms"),
            []
        );
    }

    #[test]
    fn the_lines_of_jdk_8() {
        let found = pauses(
            "2022-01-01T00:00:00.000+0000: 1.0: [Full GC (Ergonomics) [PSYoungGen: 9K->1K(15K)] 315127K->166876K(456704K), 1.5 secs] [Times: user=0.02 sys=0.00, real=0.01 secs]",
        );
        let Some(Fact::Pause(pause)) = found.first() else {
            panic!("{found:?}");
        };
        assert!(pause.is_full);
        assert_eq!((pause.ms, pause.after), (1500.0, Some(166_876 << 10)));
    }
}
