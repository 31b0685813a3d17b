//! What refuses threads.

use crate::case::Case;
use flinkmem_trace::ThreadCensus;

/// A limit is met, or nearly, from this share on. Threads come and go between the refusal and the reading.
const MET: f64 = 0.95;

/// Of a user's processes this one alone has so large a share that its limit is the likely one.
const MOST_OF_USER: f64 = 0.5;

/// A limit on threads, with how much of it is used.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::rules) enum ThreadLimit {
    /// `pids.max` of a cgroup.
    Pids { current: u64, max: u64 },
    /// `RLIMIT_NPROC`: of all processes of this user, of which only this one is known.
    User { current: u64, max: u64 },
    /// None that is known is near.
    Unknown { current: Option<u64> },
}

impl ThreadLimit {
    pub(super) fn of(case: &Case, census: Option<&ThreadCensus>, refused: bool) -> Self {
        let limits = census.map(|census| &census.limits);
        let of_census = limits.and_then(|limits| limits.pids_current.zip(limits.pids_max));
        let samples = case.timeline.moments.iter().rev();
        let of_samples = samples.filter_map(|moment| moment.pids).next();
        let of_samples = of_samples.map(|pids| (pids.current, pids.max));
        let tasks = census.and_then(|census| Some(census.tasks.as_ref()?.total));
        let most = case.timeline.peak(|moment| Some(moment.pids?.current));
        if let Some((current, max)) = of_census.or(of_samples) {
            let current = current.max(most.unwrap_or(0));
            if !refused || current as f64 >= MET * max as f64 {
                return Self::Pids { current, max };
            }
        }
        let user = limits.and_then(|limits| limits.nproc_soft).zip(tasks);
        match user {
            Some((max, current)) if current as f64 >= MOST_OF_USER * max as f64 => {
                Self::User { current, max }
            }
            _ => Self::Unknown { current: tasks },
        }
    }

    pub(in crate::rules) fn current(&self) -> Option<u64> {
        match self {
            Self::Pids { current, .. } | Self::User { current, .. } => Some(*current),
            Self::Unknown { current } => *current,
        }
    }

    pub(in crate::rules) fn max(&self) -> Option<u64> {
        match self {
            Self::Pids { max, .. } | Self::User { max, .. } => Some(*max),
            Self::Unknown { .. } => None,
        }
    }

    pub(in crate::rules) fn in_words(&self) -> String {
        match self {
            Self::Pids { current, max } => {
                format!("{current} of at most {max} threads are in its container (pids.max)")
            }
            Self::User { current, max } => {
                format!("the process has {current} threads, its user may have {max} (ulimit -u)")
            }
            Self::Unknown {
                current: Some(current),
            } => {
                format!("the process has {current} threads, and no limit that is known is near")
            }
            Self::Unknown { current: None } => "the limit is not known".to_owned(),
        }
    }
}
