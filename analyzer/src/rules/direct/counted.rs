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
        let moments: Vec<Moment> = case
            .timeline
            .moments
            .iter()
            .map(|moment| {
                while let Some(next) = inside.next_if(|next| next.up_ms <= moment.up_ms) {
                    now = fullest(next, package);
                }
                Moment {
                    direct: now,
                    ..*moment
                }
            })
            .collect();
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
