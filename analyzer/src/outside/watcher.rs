//! The process over time.

use super::kernel::Kernel;
use super::questions::Questions;
use super::{Answers, census, counters, header, kernel};
use crate::attach::{AttachError, Target};
use crate::case::{Case, Outcome, OutcomeKind};
use flinkmem_trace::{PoolKind, Record, Sample, Taken};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// From one census of threads and processes to the next.
const CENSUS_EVERY: Duration = Duration::from_secs(5);

/// Samples that are kept, an hour at one a second.
const MOST_SAMPLES: usize = 3600;

/// Whether the JVM may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Through its attach listener, as `jcmd` does.
    Allowed,
    /// Only looked at.
    Forbidden,
}

/// A JVM without the agent.
#[derive(Debug)]
pub struct Outside {
    target: Target,
    kernel: Kernel,
    questions: Option<Questions>,
    case: Case,
    begin: Instant,
    last_census: Option<Instant>,
    oom_kills: Option<u64>,
    huge_pages_bytes: Option<u64>,
}

impl Outside {
    /// Looks at a process for the first time.
    ///
    /// # Errors
    /// When it is no JVM, or may not be looked at; the text says what to do.
    pub fn open(pid: i32, asking: Asking) -> Result<Self, AttachError> {
        let target = Target::find(pid)?;
        let can_answer = match target.check_is_attachable() {
            Ok(()) => true,
            Err(AttachError::Disabled(_) | AttachError::NotHotSpot(_)) => false,
            Err(error) => return Err(error),
        };
        let may_ask = can_answer && asking == Asking::Allowed;
        let kernel = Kernel::of(target.process());
        let data = target.perf_data();
        let (header, observed) =
            header::of(target.process(), data.as_ref(), kernel.cgroup.as_ref());
        let mut outside = Self {
            questions: may_ask.then(|| Questions::begin(pid)),
            oom_kills: kernel.oom_kills(),
            target,
            kernel,
            case: Case {
                header,
                observed,
                ..Case::default()
            },
            begin: Instant::now(),
            last_census: None,
            huge_pages_bytes: None,
        };
        outside.advance();
        Ok(outside)
    }

    /// Looks again; false when the process is gone.
    pub fn advance(&mut self) -> bool {
        let sample = self.sample();
        // Read by id, which may be another process's by now.
        if !self.target.process().is_alive() || sample.process.is_none() {
            return false;
        }
        let taken = Taken {
            t_ms: sample.t_ms,
            up_ms: sample.up_ms,
            ..Taken::default()
        };
        self.case.take(Record::Sample(Box::new(sample)));
        self.case.timeline.keep_last(MOST_SAMPLES);
        self.case.evidence.keep_last(MOST_SAMPLES);
        let is_due = |last: Instant| last.elapsed() >= CENSUS_EVERY;
        if self.last_census.is_none_or(is_due) {
            self.last_census = Some(Instant::now());
            self.take_census(&taken);
        }
        true
    }

    /// Its id, as this system has it.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.target.pid()
    }

    /// What is known of it.
    #[must_use]
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// What the JVM said; `None` where it is not asked.
    #[must_use]
    pub fn answers(&self) -> Option<Answers> {
        self.questions.as_ref().map(Questions::latest)
    }

    /// Anonymous memory in huge pages, bytes; `None` where the kernel does not tell.
    #[must_use]
    pub fn huge_pages_bytes(&self) -> Option<u64> {
        self.huge_pages_bytes
    }

    /// What became of it, as far as that shows from outside.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let is_alive = self.target.process().is_alive();
        let killed = self.kernel.oom_kills() > self.oom_kills;
        let (kind, detail) = match (is_alive, killed) {
            (true, _) => (OutcomeKind::Running, "the process is running on this host"),
            (false, true) => (
                OutcomeKind::Killed,
                "the process is gone, and its cgroup counted an OOM kill",
            ),
            (false, false) => (
                OutcomeKind::Unknown,
                "the process is gone; how it ended, only its parent or an agent inside could tell",
            ),
        };
        Outcome {
            kind,
            detail: detail.to_owned(),
        }
    }

    fn sample(&mut self) -> Sample {
        let elapsed = u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut sample = Sample {
            t_ms: jiff::Timestamp::now().as_millisecond(),
            up_ms: elapsed,
            ..Sample::default()
        };
        self.kernel.read(self.target.process(), &mut sample);
        let answers = self.answers().unwrap_or_default();
        header::add_flags(&mut self.case.header, &mut self.case.observed, &answers);
        self.case.observed.container_limit = self.kernel.limit_bytes();
        if let Some(data) = self.target.perf_data() {
            counters::put(&data, self.case.observed.jvm_limits.heap, &mut sample);
        }
        // Published counters are newer, but some are not there.
        for pool in answers.pools {
            let is_missing = !sample.pools.iter().any(|known| known.kind == pool.kind);
            if is_missing || pool.kind == PoolKind::CodeCache {
                sample.pools.push(pool);
            }
        }
        sample
    }

    fn take_census(&mut self, taken: &Taken) {
        self.huge_pages_bytes = kernel::huge_pages_bytes(self.target.process());
        let process = PathBuf::from(format!("/proc/{}", self.target.pid()));
        let threads = census::threads(&process, *taken);
        let pid = self.target.pid().unsigned_abs();
        let processes = census::processes(pid, self.kernel.cgroup.as_ref(), *taken);
        let records = [
            threads.map(|census| Record::ThreadCensus(Box::new(census))),
            processes.map(|found| Record::Surroundings(Box::new(found))),
        ];
        records
            .into_iter()
            .flatten()
            .for_each(|record| self.case.take(record));
    }
}
