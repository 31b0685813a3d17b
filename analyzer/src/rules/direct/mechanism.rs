//! By which way the bytes came: the job's own buffers, NIO's caches for threads, Flink itself, or its pool of network buffers at the start.

use super::consumer::SMALLEST_SHARE;
use crate::budget::serves_tasks;
use crate::case::{Case, DirectErrors, OwnerUse, share};
use flinkmem_trace::Frame;

/// By which way the bytes came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Mechanism {
    /// Flink's pool of network buffers, which is taken once, at the start.
    NetworkPool,
    /// Buffers that NIO keeps for each thread.
    ThreadCaches,
    /// Flink, and what it ships, for their own sake.
    Framework,
    /// The job, and what came with it; or not known.
    Job,
}

/// From this share on the caches are the matter.
const MOSTLY: f64 = 0.5;

impl Mechanism {
    pub(super) fn of(case: &Case, met: &DirectErrors<'_>, owners: &[OwnerUse<'_>]) -> Self {
        let at_start = met.errors.first().map(|error| error.incident);
        if at_start.is_some_and(|incident| incident.frames.iter().any(of_network_pool)) {
            return Self::NetworkPool;
        }
        let sum = |value: fn(&OwnerUse<'_>) -> u64| {
            owners
                .iter()
                .fold(0_u64, |sum, owner| sum.saturating_add(value(owner)))
        };
        let (cached, held) = (
            sum(|owner| owner.thread_cache_bytes),
            sum(|owner| owner.live_bytes),
        );
        if cached > 0 && share(cached, held) >= MOSTLY {
            return Self::ThreadCaches;
        }
        let Some(main) = owners.first() else {
            return Self::Job;
        };
        let in_flink = case.observed.process.is_some();
        let for_flink = !serves_tasks(main.owner.origin, main.frame.loader.is_some());
        let is_most = share(main.live_bytes, held) >= SMALLEST_SHARE;
        match in_flink && for_flink && is_most {
            true => Self::Framework,
            false => Self::Job,
        }
    }
}

fn of_network_pool(frame: &Frame) -> bool {
    frame.class == "org.apache.flink.runtime.io.network.buffer.NetworkBufferPool"
}
