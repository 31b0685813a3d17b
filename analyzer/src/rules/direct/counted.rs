//! Whose account of direct memory a picture shows: the JVM's, or that of a copy of Netty whose buffers the JVM does not count.

use crate::case::{Account, Case, Inside, Moment};
use flinkmem_trace::{DirectMemory, NettyCopy};
use std::borrow::Cow;

/// A copy of Netty is looked at from this share of its limit on; below, there is nothing to tell.
const WORTH_A_LOOK: f64 = 0.25;

/// An account with its course.
pub(in crate::rules) struct Counted<'a> {
    pub(in crate::rules) account: Account,
    /// Samples in order, with this account's figures as `direct`.
    pub(in crate::rules) moments: Cow<'a, [Moment]>,
    /// The limit, as far as it is known.
    pub(in crate::rules) limit: Option<u64>,
}

impl<'a> Counted<'a> {
    /// The JVM's, and those of Netty that may matter.
    pub(super) fn all(case: &'a Case) -> Vec<Self> {
        let jvm = Self {
            account: Account::Jvm,
            moments: Cow::Borrowed(&case.timeline.moments),
            limit: case.direct_limit(),
        };
        std::iter::once(jvm)
            .chain(
                packages(case)
                    .into_iter()
                    .map(|name| Self::of_netty(case, name)),
            )
            .collect()
    }

    /// All copies of one package together, for their sites cannot be told apart; each has the whole limit, so the fullest stands for them.
    fn of_netty(case: &'a Case, package: &str) -> Self {
        let mut inside = case.timeline.inside.iter().peekable();
        let mut now = None;
        let mut moments: Vec<Moment> = Vec::new();
        for moment in &case.timeline.moments {
            while let Some(next) = inside.next_if(|next| next.up_ms <= moment.up_ms) {
                now = fullest(next, package).or(now);
            }
            moments.push(Moment {
                direct: now,
                ..*moment
            });
        }
        before_it_was_found(&case.timeline.moments, &mut moments);
        let limit = moments
            .iter()
            .rev()
            .find_map(|moment| moment.direct?.max_bytes);
        Self {
            account: Account::Netty(package.to_owned()),
            moments: Cow::Owned(moments),
            limit,
        }
    }
}

/// A copy of Netty may be found long after it began to allocate. Until then it is told by the off-heap memory that the JVM does not count: what that
/// was less, Netty held less.
fn before_it_was_found(measured: &[Moment], moments: &mut [Moment]) {
    let uncounted = |moment: &Moment| {
        let counted = moment.direct?.reserved_bytes;
        Some(moment.off_heap?.live_bytes.saturating_sub(counted))
    };
    let found = moments.iter().position(|moment| moment.direct.is_some());
    let Some((found, first)) = found.and_then(|at| Some((at, moments.get(at)?.direct?))) else {
        return;
    };
    let Some(then) = measured.get(found).and_then(uncounted) else {
        return;
    };
    for (moment, measured) in moments.iter_mut().zip(measured).take(found) {
        let less = uncounted(measured).map(|now| then.saturating_sub(now));
        moment.direct = less.map(|less| DirectMemory {
            capacity_bytes: first.capacity_bytes.saturating_sub(less),
            reserved_bytes: first.reserved_bytes.saturating_sub(less),
            ..first
        });
    }
}

/// Packages of those copies that count by themselves, and came near their limit.
fn packages(case: &Case) -> Vec<&str> {
    let near = |copy: &&NettyCopy| {
        let figures = copy.used_bytes.zip(copy.max_bytes);
        figures.is_some_and(|(used, max)| used as f64 >= max as f64 * WORTH_A_LOOK)
    };
    let all = case.timeline.inside.iter().flat_map(|inside| &inside.netty);
    let mut found: Vec<&str> = all.filter(near).map(|copy| copy.package.as_str()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn fullest(inside: &Inside, package: &str) -> Option<DirectMemory> {
    let copies = inside.netty.iter().filter(|copy| copy.package == package);
    let fullest = copies.max_by_key(|copy| copy.used_bytes)?;
    fullest.used_bytes.map(|used| DirectMemory {
        reserved_bytes: used,
        capacity_bytes: used,
        count: 0,
        max_bytes: fullest.max_bytes.filter(|max| *max > 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::OffHeap;

    #[test]
    fn before_netty_was_found_the_uncounted_memory_stands_for_it() {
        let moment = |up_ms, counted, live_bytes| Moment {
            up_ms,
            direct: Some(DirectMemory {
                reserved_bytes: counted,
                capacity_bytes: counted,
                ..DirectMemory::default()
            }),
            off_heap: Some(OffHeap {
                live_bytes,
                ..OffHeap::default()
            }),
            ..Moment::default()
        };
        let mut case = Case::default();
        case.timeline.moments = vec![
            moment(0, 60, 100),
            moment(1000, 60, 130),
            moment(2000, 60, 190),
            moment(3000, 60, 200),
        ];
        case.timeline.inside = vec![Inside {
            up_ms: 2000,
            netty: vec![NettyCopy {
                package: "io.netty".to_owned(),
                used_bytes: Some(90),
                max_bytes: Some(160),
                ..NettyCopy::default()
            }],
            ..Inside::default()
        }];
        let all = Counted::all(&case);
        let of_netty = all.last().unwrap();
        let levels: Vec<u64> = of_netty
            .moments
            .iter()
            .filter_map(Moment::direct_bytes)
            .collect();
        assert_eq!(levels, [0, 30, 90, 90]);
        assert_eq!(of_netty.limit, Some(160));
    }
}
