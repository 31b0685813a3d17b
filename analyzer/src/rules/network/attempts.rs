//! Stretches of time in which tasks had network buffers: one for each attempt of a job, where no two jobs overlap.

use crate::case::Inside;
use flinkmem_trace::NetworkPool;

/// One stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::rules) struct Attempt {
    /// The first sample with buffers required, milliseconds since the agent started.
    pub(in crate::rules) from_ms: u64,
    /// When nothing was required any more, or the last sample.
    pub(in crate::rules) to_ms: u64,
    /// The most that was required.
    pub(in crate::rules) required: u64,
    /// Buffers of the pool.
    pub(in crate::rules) total: u64,
    /// What was missing of the pool when nothing had been required for a while; absent where it was not looked at so long.
    pub(in crate::rules) missing_after: Option<u64>,
}

/// Buffers come back when the last consumer has let go of them; that is a matter of moments.
const SETTLED_MS: u64 = 10_000;

/// `inside` has what changed: each reading holds until the next, the last until `end_ms`.
pub(super) fn of(inside: &[Inside], end_ms: u64) -> Vec<Attempt> {
    let mut found: Vec<Attempt> = Vec::new();
    let mut idle_since = Some(0);
    let ends = inside.iter().skip(1).map(|next| next.up_ms);
    let readings = inside.iter().zip(ends.chain([end_ms]));
    let pools = readings
        .filter_map(|(inside, until)| Some((inside.up_ms, until, inside.flink.as_ref()?.network?)));
    for (from_ms, until_ms, pool) in pools {
        let required = pool.segments_required.unwrap_or(0);
        if required > 0 {
            if idle_since.take().is_some() {
                found.push(Attempt {
                    from_ms,
                    ..Attempt::default()
                });
            }
            if let Some(attempt) = found.last_mut() {
                attempt.to_ms = until_ms.max(from_ms);
                attempt.required = attempt.required.max(required);
                attempt.total = pool.segments_total;
            }
            continue;
        }
        let since = *idle_since.get_or_insert(from_ms);
        if until_ms.saturating_sub(since) >= SETTLED_MS
            && let Some(attempt) = found.last_mut()
        {
            attempt.missing_after = missing(&pool);
        }
    }
    found
}

fn missing(pool: &NetworkPool) -> Option<u64> {
    let available = pool.segments_available?;
    Some(pool.segments_total.saturating_sub(available))
}

impl Attempt {
    /// Whether the tasks wanted the whole pool, or nearly, and were gone soon after.
    pub(in crate::rules) fn hit_the_end(&self) -> bool {
        /// A request that does not fit need not take the last buffer.
        const NEARLY: f64 = 0.9;
        /// A job that runs with a full pool runs longer.
        const SOON_MS: u64 = 20_000;
        let full = self.required as f64 >= self.total as f64 * NEARLY;
        full && self.to_ms.saturating_sub(self.from_ms) <= SOON_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::FlinkInside;

    fn inside(up_ms: u64, available: u64, required: u64) -> Inside {
        let network = NetworkPool {
            segments_total: 128,
            segments_available: Some(available),
            segments_required: Some(required),
            segment_bytes: 32_768,
        };
        Inside {
            up_ms,
            flink: Some(FlinkInside {
                network: Some(network),
                ..FlinkInside::default()
            }),
            ..Inside::default()
        }
    }

    #[test]
    fn a_restart_loop_is_as_many_stretches() {
        let samples = [
            inside(0, 128, 0),
            inside(200, 110, 72),
            inside(400, 7, 126),
            inside(600, 128, 0),
            inside(1400, 100, 128),
            inside(1600, 128, 0),
        ];
        let found = of(&samples, 1800);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].from_ms, found[0].to_ms, found[0].required),
            (200, 600, 126)
        );
        assert!(found.iter().all(Attempt::hit_the_end));
        assert_eq!(found[1].missing_after, None);
    }

    #[test]
    fn what_is_missing_long_after_the_tasks_is_lost() {
        let samples = [
            inside(0, 128, 0),
            inside(200, 60, 50),
            inside(30_200, 100, 0),
            inside(30_400, 121, 0),
        ];
        let found = of(&samples, 45_000);
        assert_eq!(found[0].missing_after, Some(7));
        assert!(!found[0].hit_the_end());
    }
}
