//! Threads by name pattern, with who starts them and what limits them.
//!
//! A census asks the JVM for its threads one by one, without stopping any, and the kernel for the names of all. Who is not
//! in it any more has ended: nothing is added to the end of a thread. How many a place has started is counted where they
//! are started ([`crate::thread_starts`]).

mod census;
mod pattern;

use super::{Context, IncidentFacts, Signal};
use crate::thread_starts;
use census::Census;
use flinkmem_native::kernel::cgroup::{Cgroup, PidsFiles};
use flinkmem_native::kernel::tasks::Tasks;
use flinkmem_native::kernel::thread_limits::ThreadLimits;
use flinkmem_trace::{IncidentKind, Record, Sample, ThreadCensus};
use procfs::process::Process;
use std::time::Duration;

/// JVMTI ResourceExhausted's flag for threads.
const THREADS: u32 = 4;

/// Threads that are looked at one by one, of Java's and of the kernel's.
const MOST_THREADS: usize = 4096;

/// Share of the limit from which on a census is taken more often.
const CROWDED: f64 = 0.8;

/// Censuses, and what they remember of each other.
pub(super) struct Threads {
    pids: Option<PidsFiles>,
    census: Census,
    /// Threads live and started at the last census.
    last: Option<(u64, u64)>,
    crowded: bool,
}

impl Default for Threads {
    fn default() -> Self {
        let process = Process::myself().ok();
        let cgroup = process.as_ref().and_then(Cgroup::find);
        Self {
            pids: cgroup.as_ref().and_then(Cgroup::pids),
            census: Census::default(),
            last: None,
            crowded: false,
        }
    }
}

impl Signal for Threads {
    fn interval(&self, near: bool) -> Option<Duration> {
        let soon = near || self.crowded;
        Some(Duration::from_secs(if soon { 10 } else { 30 }))
    }

    fn is_worthwhile(&mut self, sample: &Sample) -> bool {
        let pids = sample.pids.filter(|pids| pids.max > 0);
        self.crowded = pids.is_some_and(|pids| pids.current as f64 >= pids.max as f64 * CROWDED);
        let now = counts(sample);
        now.is_none() || now != self.last
    }

    fn wants(&self, incident: &IncidentFacts) -> bool {
        incident.kind == IncidentKind::ResourceExhausted
            && incident.flags.is_some_and(|flags| flags & THREADS != 0)
    }

    fn take(&mut self, context: &mut Context<'_, '_>) {
        let Some(reader) = crate::classes::threads() else {
            return;
        };
        self.last = counts(context.sample);
        let record = thread_starts::with_creators(|creators| {
            // Before the threads are asked for: who is not among them then has ended.
            creators.empty_mailbox();
            let (live, unseen) = reader.live(context.agent.jvmti, context.env, MOST_THREADS);
            self.census.take(&live, unseen, creators)
        });
        let counts = thread_starts::counts();
        let names = Tasks::read(MOST_THREADS);
        let record = ThreadCensus {
            started: counts.started,
            refused: counts.refused,
            dropped: counts.dropped,
            tasks: names.map(|tasks| self.census.tasks(tasks)),
            limits: self.limits(),
            taken: context.taken(),
            ..record
        };
        context.write(Record::ThreadCensus(Box::new(record)));
    }
}

impl Threads {
    fn limits(&self) -> flinkmem_trace::ThreadLimits {
        let limits = ThreadLimits::read();
        let pids = self
            .pids
            .as_ref()
            .and_then(|files| Some((files, files.read()?)));
        let directory = pids.and_then(|(files, pids)| files.directory(pids));
        flinkmem_trace::ThreadLimits {
            pids_current: pids.map(|(_, pids)| pids.current),
            pids_max: pids.map(|(_, pids)| pids.max),
            pids_cgroup: directory.map(|directory| directory.display().to_string()),
            nproc_soft: limits.nproc_soft,
            kernel_threads_max: limits.kernel_threads_max,
            kernel_pid_max: limits.kernel_pid_max,
        }
    }
}

/// Threads live and started, by the JVM's count.
fn counts(sample: &Sample) -> Option<(u64, u64)> {
    sample
        .threads
        .map(|threads| (threads.live, threads.started))
}
