//! Facts that the rules on the heap cite.

use super::consumer::holder_name;
use super::{Basis, HeapPicture};
use crate::finding::Evidence;
use crate::units::{bytes, duration, rate_within, time_of_day, to_bytes};
use flinkmem_trace::{Frame, Holder, HolderKind};

/// All of them, the strongest first.
pub(super) fn evidence(picture: &HeapPicture<'_>) -> Vec<Evidence> {
    let facts = [
        met(picture),
        crowded(picture),
        growth(picture),
        site(picture),
        asked(picture),
        class(picture),
        holder(picture),
        climb(picture),
    ];
    facts.into_iter().flatten().collect()
}

fn met(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let first = picture.met.first()?;
    let last = picture.met.heap.last()?;
    let limit = picture.limit.map_or("the heap".to_owned(), |limit| {
        format!("the heap of {}", bytes(limit))
    });
    let thread = first.thread.as_deref().map_or(String::new(), |name| {
        format!(" in thread \"{}\"", shortened(name))
    });
    let count = picture.met.heap_count;
    let more = match count {
        0 | 1 => String::new(),
        _ => format!(
            "; {count} in all, in whatever threads asked next, the last at {}",
            time_of_day(last.t_ms)
        ),
    };
    // The incident's own reading may be of a moment later, when all was over.
    let moments = picture.case.timeline.moments.iter();
    let ticks = moments.filter(|moment| moment.incident.is_none() && moment.up_ms <= first.up_ms);
    let used = ticks
        .filter_map(|moment| moment.heap)
        .next_back()
        .map_or(String::new(), |heap| {
            format!(" with {} in use", bytes(heap.used_bytes))
        });
    let text = format!(
        "{limit} was exhausted at {}{used}: OutOfMemoryError{thread}{more}",
        time_of_day(first.t_ms)
    );
    Some(Evidence::new(text, "incidents", first.t_ms, last.t_ms).with_value(count))
}

fn crowded(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let crowded = picture.crowded?;
    let text = format!(
        "for {} at least {} of the heap were in use and collections took {:.0} % of the time, finding next to nothing",
        duration(crowded.seconds()),
        bytes(crowded.used),
        crowded.paused * 100.0,
    );
    let (from, to) = (picture.wall(crowded.from_ms), picture.wall(crowded.to_ms));
    Some(Evidence::new(text, "heap.used_bytes", from, to).with_value(crowded.used))
}

fn growth(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let (growth, basis) = picture.live.growth?;
    let trend = growth.trend;
    if trend.low <= 0.0 {
        return None;
    }
    let points = match basis {
        Basis::Old => &picture.live.old,
        Basis::Any => &picture.live.any,
    };
    let (first, last) = (points.first()?, points.last()?);
    let what = match basis {
        Basis::Old => "after collections of the old generation",
        Basis::Any => "after collections (old garbage among it)",
    };
    let text = format!(
        "{what} the live set went from {} to {} in {}: {}",
        bytes(to_bytes(first.bytes)),
        bytes(to_bytes(last.bytes)),
        duration(last.s - first.s),
        rate_within(trend.slope, trend.low, trend.high),
    );
    let at = |s: f64| picture.wall(to_bytes(s * 1000.0));
    let fact = Evidence::new(text, "heap.after_gc_bytes", at(first.s), at(last.s));
    Some(fact.with_value(to_bytes(last.bytes)))
}

fn site(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let site = picture.sites.first()?;
    let line = site
        .frame
        .line
        .map_or(String::new(), |line| format!(" (line {line})"));
    let what = site
        .class
        .map_or(String::new(), |class| format!(", mostly {class}"));
    let text = format!(
        "{:.0} % of what survived of the objects allocated near the limit come from {}{line}{what}; {:.0} % of it older than three collections",
        site.share * 100.0,
        site.owner.method,
        site.old_share * 100.0,
    );
    let (first, last) = span(picture)?;
    Some(Evidence::new(text, "heap_sites.live_bytes", first, last).with_value(site.live_bytes))
}

/// Who met the limit with code of the job's on the stack: told where no call site is.
fn asked(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let frames = picture.user_stack().filter(|_| picture.sites.is_empty())?;
    asked_by(frames, picture.met.first()?.t_ms)
}

fn class(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let content = picture.content.as_ref()?;
    let largest = content.at.classes.first()?;
    let grown = content
        .grown
        .first()
        .filter(|most| most.bytes > 0)
        .map_or(String::new(), |most| {
            format!(
                "; in {} {} grew by {}",
                duration(content.grown_in_s),
                most.class,
                bytes(to_bytes(most.bytes as f64))
            )
        });
    let subject = content.subject.map_or(String::new(), |subject| {
        format!(
            " and {} objects of {}",
            thousands(subject.class.count),
            subject.class.class
        )
    });
    let text = format!(
        "of {} in the heap {} are {} ({} objects){subject}{grown}",
        bytes(content.at.bytes),
        bytes(largest.bytes),
        largest.class,
        thousands(largest.count),
    );
    let at = content.at.taken.t_ms;
    Some(Evidence::new(text, "histogram.classes", at, at).with_value(largest.bytes))
}

fn holder(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let content = picture.content.as_ref()?;
    let named = |holder: &&Holder| match holder.kind {
        HolderKind::StaticField => format!("the static field {}", holder_name(holder)),
        HolderKind::Local => format!("a local variable of {}", holder_name(holder)),
        _ => holder_name(holder),
    };
    let names: Vec<String> = content.chain.iter().map(named).collect();
    let top = content.chain.first()?;
    let text = format!("they are held by {}", names.join(", that by "));
    let at = content.at.taken.t_ms;
    Some(Evidence::new(text, "histogram.holders", at, at).with_value(top.references))
}

fn climb(picture: &HeapPicture<'_>) -> Option<Evidence> {
    let climb = picture
        .live
        .climb
        .filter(|_| picture.exhausted_ms().is_some())?;
    let text = format!(
        "from its usual {} the heap in use rose to {}: the last three quarters of the way took {}",
        bytes(to_bytes(climb.usual)),
        bytes(to_bytes(climb.top)),
        duration(climb.seconds()),
    );
    let (from, to) = (picture.wall(climb.from_ms), picture.wall(climb.to_ms));
    Some(Evidence::new(text, "heap.used_bytes", from, to).with_value(to_bytes(climb.top)))
}

/// The stack of a call that asked, as far as it is code that somebody can change.
pub(in crate::rules) fn asked_by(frames: &[Frame], t_ms: i64) -> Option<Evidence> {
    const FRAMES: usize = 3;
    let own = frames
        .iter()
        .filter(|frame| crate::case::Origin::of(frame) != crate::case::Origin::Jdk);
    let names: Vec<String> = own.take(FRAMES).map(Frame::qualified).collect();
    (!names.is_empty()).then(|| {
        let text = format!("asked for by {}", names.join(", called by "));
        Evidence::new(text, "incidents.frames", t_ms, t_ms)
    })
}

fn span(picture: &HeapPicture<'_>) -> Option<(i64, i64)> {
    let moments = &picture.case.timeline.moments;
    Some((moments.first()?.t_ms, moments.last()?.t_ms))
}

fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Thread names of Flink carry whole pipelines; the beginning tells which.
fn shortened(name: &str) -> String {
    const LONGEST: usize = 60;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_readable() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1_234), "1,234");
        assert_eq!(thousands(12_345_678), "12,345,678");
    }
}
