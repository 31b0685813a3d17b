//! Live blocks summed up by call site.

use super::LIVE;
use crate::{gc_clock, stacks};
use flinkmem_trace::SiteUse;

/// Most sites in one sample.
const MOST_SITES: usize = 16;

/// Sites with less than one part in this many of the live bytes are left out.
const SMALLEST_SHARE: u64 = 200;

/// Sums by stack index; the last entry is for stacks that found no room. Kept and filled anew at every reading.
#[derive(Default)]
pub(crate) struct SiteUsage {
    sums: Vec<Sum>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    live_bytes: u64,
    live_count: f64,
    old_bytes: u64,
    samples: u32,
}

impl SiteUsage {
    /// Sums up all sampled live blocks.
    pub(crate) fn read(&mut self) {
        self.sums.clear();
        if LIVE.used() == 0 {
            return;
        }
        self.sums.resize(stacks::STACKS + 1, Sum::default());
        let now = gc_clock::collections();
        let sums = &mut self.sums;
        LIVE.for_each(|[weight, size, place]| {
            let stack = usize::try_from(place & 0xFFFF_FFFF)
                .unwrap_or(usize::MAX)
                .min(stacks::STACKS);
            let Some(sum) = sums.get_mut(stack) else {
                return;
            };
            sum.live_bytes = sum.live_bytes.saturating_add(weight);
            sum.live_count += weight as f64 / size.max(1) as f64;
            if age(now, place >> 32) >= SiteUse::OLD_COLLECTIONS {
                sum.old_bytes = sum.old_bytes.saturating_add(weight);
            }
            sum.samples += 1;
        });
    }

    /// Whether a stack has a live block.
    pub(crate) fn is_live(&self, stack: u32) -> bool {
        usize::try_from(stack)
            .ok()
            .and_then(|index| self.sums.get(index))
            .is_some_and(|sum| sum.samples > 0)
    }

    /// The sites with the most live bytes, largest first, under the ids that the trace knows them by (0: stack unknown).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, far below 2^53"
    )]
    pub(crate) fn top(&self) -> Vec<SiteUse> {
        let total: u64 = self.sums.iter().map(|sum| sum.live_bytes).sum();
        let mut sites: Vec<SiteUse> = self
            .sums
            .iter()
            .enumerate()
            .filter(|(_, sum)| sum.samples > 0 && sum.live_bytes >= total / SMALLEST_SHARE)
            .map(|(index, sum)| SiteUse {
                id: u32::try_from(index).map_or(0, stacks::site),
                live_bytes: sum.live_bytes,
                live_count: sum.live_count.round() as u64,
                old_bytes: sum.old_bytes,
                samples: sum.samples,
            })
            .collect();
        sites.sort_by_key(|site| std::cmp::Reverse(site.live_bytes));
        sites.truncate(MOST_SITES);
        sites
    }
}

/// Collections since `allocated`, a count of which 32 bits are kept. It may be ahead of `now`, as an upper bound.
fn age(now: u64, allocated: u64) -> u64 {
    let age = (now & 0xFFFF_FFFF).wrapping_sub(allocated) & 0xFFFF_FFFF;
    if age < 1 << 31 { age } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn a_block_from_ahead_of_the_clock_is_new_and_the_clock_may_wrap() {
        assert_eq!(age(7, 4), 3);
        assert_eq!(age(7, 9), 0);
        assert_eq!(age((1 << 32) + 1, 0xFFFF_FFFF), 2);
    }
}
