//! How the process before this one ended.

use super::{Earlier, Found, PATIENCE};
use flinkmem_native::kernel::lock::{LifeLock, Locking};
use flinkmem_trace::layout::FACTS;
use flinkmem_trace::{Ending, Header, LastWords, PreviousLife, header_of};

/// The newest of `earlier` that ran the same main class and is gone: of our host, else of another.
pub(super) fn find(earlier: &Earlier, ours: &Header) -> Option<PreviousLife> {
    let (own, others): (Vec<_>, Vec<_>) = earlier
        .traces
        .iter()
        .partition(|found| found.name.host == earlier.own_host);
    let found = own.iter().chain(&others).find_map(|found| {
        let in_time = earlier.began.elapsed() <= PATIENCE;
        in_time.then(|| candidate(found, ours)).flatten()
    });
    let (found, ended) = found?;
    let last = LastWords::read(&found.path);
    let sample = last.sample.as_ref();
    let process = sample.and_then(|sample| sample.process);
    let cgroup = sample.and_then(|sample| sample.cgroup);
    Some(PreviousLife {
        directory: found.path.file_name()?.to_string_lossy().into_owned(),
        same_host: found.name.host == earlier.own_host,
        ended: if last.end.is_some() {
            Ending::Orderly
        } else {
            ended
        },
        last_seen_ms: last.t_ms().unwrap_or_default(),
        last_incident: last.incident.as_ref().map(|incident| incident.incident),
        last_incident_ms: last.incident.as_ref().map(|incident| incident.t_ms),
        vm_rss_bytes: process.map(|process| process.vm_rss_bytes),
        cgroup_usage_bytes: cgroup.map(|cgroup| cgroup.usage_bytes),
        cgroup_limit_bytes: cgroup.and_then(|cgroup| cgroup.limit_bytes),
        direct_bytes: sample.and_then(|sample| Some(sample.direct?.capacity_bytes)),
        heap_bytes: sample.and_then(|sample| Some(sample.heap?.used_bytes)),
        lives: u32::try_from(own.len()).unwrap_or(u32::MAX),
        cost_us: u64::try_from(earlier.began.elapsed().as_micros()).unwrap_or(u64::MAX),
    })
}

/// A trace whose process ran what we run and is not known to live, and how it ended if it has no `end`.
fn candidate<'a>(found: &'a &'a Found, ours: &Header) -> Option<(&'a Found, Ending)> {
    let ended = match LifeLock::try_lock(&found.path.join(FACTS)) {
        Locking::Taken(_) => Ending::KilledOrCrashed,
        Locking::Unknown => Ending::Unknown,
        Locking::Held => return None,
    };
    let header = header_of(&found.path)?;
    (header.jvm.main_class == ours.jvm.main_class).then_some((found, ended))
}
