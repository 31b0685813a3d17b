//! One process that left a trace in a directory, living or over.

use super::Follower;
use crate::case::{Case, Surroundings};
use crate::report::Report;
use crate::snapshot::interval;
use flinkmem_trace::{Header, LastWords, TraceError, TraceReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is known of a process that is over stays at hand for this long, and its trace is still looked at: a volume that stalls looks like an end.
const LINGER: Duration = Duration::from_secs(600);

/// A process of another host, whose lock need not be seen here, is over when its trace has not grown for this long, or for three intervals.
const SILENCE: Duration = Duration::from_secs(30);

/// Judging takes at most one part in so many of the time, 2 %, but at once what was met or ended.
const JUDGING_ONE_IN: u32 = 50;

/// Whether a process lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It lives, and its trace is followed.
    Running,
    /// It is gone.
    Over,
}

/// A process with its trace.
#[derive(Debug)]
pub struct Process {
    name: String,
    directory: PathBuf,
    header: Header,
    life: Life,
    follower: Option<Follower>,
    /// Bytes in the trace's directory, where it is not followed; `None` when it ended in an orderly way.
    size_bytes: Option<u64>,
    grew: Instant,
    /// The report is older than what was read since.
    is_unjudged: bool,
    judged: Option<Judged>,
}

#[derive(Debug)]
struct Judged {
    report: Report,
    at: Instant,
    took: Duration,
    incidents: usize,
    life: Life,
}

/// What a look at a process showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Look {
    pub(super) grew: bool,
    pub(super) began: bool,
    pub(super) ended: bool,
}

impl Process {
    /// Meets the process whose trace lies in `directory`. One that is over is not read.
    pub(super) fn meet(directory: &Path, here: &Surroundings) -> Result<Self, TraceError> {
        let header = TraceReader::open(directory)?.header().clone();
        let name = directory.file_name().unwrap_or(directory.as_os_str());
        let mut process = Self {
            name: name.to_string_lossy().into_owned(),
            directory: directory.to_owned(),
            header,
            life: Life::Over,
            follower: None,
            size_bytes: Some(size_bytes(directory)),
            grew: Instant::now(),
            is_unjudged: false,
            judged: None,
        };
        let last = LastWords::read(directory);
        if last.end.is_some() {
            process.size_bytes = None;
        } else if process.shows_life(last.t_ms(), here) {
            process.follow()?;
        }
        Ok(process)
    }

    fn shows_life(&self, last_ms: Option<i64>, here: &Surroundings) -> bool {
        here.sign_of_life(&self.directory, &self.header, last_ms)
            .is_some()
    }

    fn follow(&mut self) -> Result<(), TraceError> {
        self.follower = Some(Follower::open(&self.directory)?);
        self.life = Life::Running;
        self.grew = Instant::now();
        self.is_unjudged = true;
        Ok(())
    }

    /// Takes in what was written since.
    pub(super) fn look(&mut self, here: &Surroundings) -> Result<Look, TraceError> {
        let Some(follower) = &mut self.follower else {
            return self.look_again(here);
        };
        let grew = follower.advance()?;
        if grew {
            self.grew = Instant::now();
            self.is_unjudged = true;
        }
        let lives = self.lives(here);
        let was = self.life;
        self.life = match lives {
            true => Life::Running,
            false => Life::Over,
        };
        // An outcome is judged too.
        self.is_unjudged |= was != self.life;
        if !lives && self.grew.elapsed() > LINGER {
            self.forget();
        }
        Ok(Look {
            grew,
            began: lives && was == Life::Over,
            ended: !lives && was == Life::Running,
        })
    }

    /// One that seemed to be over and is not: it had just begun, or its volume had stalled.
    fn look_again(&mut self, here: &Surroundings) -> Result<Look, TraceError> {
        let Some(known) = self.size_bytes else {
            return Ok(Look::default());
        };
        let size = size_bytes(&self.directory);
        self.size_bytes = Some(size);
        if size == known && !self.shows_life(None, here) {
            return Ok(Look::default());
        }
        self.follow()?;
        Ok(Look {
            grew: true,
            began: true,
            ended: false,
        })
    }

    fn lives(&self, here: &Surroundings) -> bool {
        let Some(case) = self.case() else {
            return false;
        };
        if case.end.is_some() {
            return false;
        }
        let last_ms = case.timeline.moments.last().map(|moment| moment.t_ms);
        // Clocks of other hosts may be wrong, but what grows lives.
        let silence = SILENCE.max(interval(&self.header).saturating_mul(3));
        let grows_elsewhere = self.header.host != here.host && self.grew.elapsed() <= silence;
        grows_elsewhere || self.shows_life(last_ms, here)
    }

    /// Gives back the memory that what was read takes. The last report stays.
    pub fn forget(&mut self) {
        if let Some(follower) = self.follower.take() {
            let is_over = follower.case().end.is_some();
            self.size_bytes = (!is_over).then(|| size_bytes(&self.directory));
        }
    }

    /// Judges anew if there is something new to judge and judging is due; true if there is a new report.
    ///
    /// Judging takes longer the longer a process lived, so it is done the less often the longer it took. An incident and the end do not wait.
    pub fn judge(&mut self, here: &Surroundings) -> bool {
        let Some(follower) = &self.follower else {
            return false;
        };
        let case = follower.case();
        if !self.is_unjudged || !self.is_due(case) {
            return false;
        }
        let began = Instant::now();
        let report = Report::of(case, &self.as_seen_from(case, here));
        self.judged = Some(Judged {
            report,
            at: began,
            took: began.elapsed(),
            incidents: case.incidents.len(),
            life: self.life,
        });
        self.is_unjudged = false;
        true
    }

    fn is_due(&self, case: &Case) -> bool {
        self.judged.as_ref().is_none_or(|last| {
            let is_urgent = last.incidents != case.incidents.len() || last.life != self.life;
            is_urgent || last.at.elapsed() >= last.took.saturating_mul(JUDGING_ONE_IN)
        })
    }

    /// A process of a host whose clock is wrong lives all the same.
    fn as_seen_from(&self, case: &Case, here: &Surroundings) -> Surroundings {
        let mut here = here.clone();
        let last = case.timeline.moments.last().map(|moment| moment.t_ms);
        if let Some(last_ms) = last.filter(|_| self.life == Life::Running) {
            let since = i64::try_from(self.grew.elapsed().as_millis()).unwrap_or(i64::MAX);
            here.now_ms = here.now_ms.min(last_ms.saturating_add(since)).max(last_ms);
        }
        here
    }

    /// The last report; `None` for a process that was over before it was met.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.judged.as_ref().map(|judged| &judged.report)
    }

    /// What is known of it: of a living process, and for ten minutes after its end. Of another one `Case::read` tells.
    #[must_use]
    pub fn case(&self) -> Option<&Case> {
        self.follower.as_ref().map(Follower::case)
    }

    /// Name of the trace's directory, which is unique among those that lie together.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The trace's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What does not change.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Whether it lives.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life
    }
}

/// Bytes of all files in a directory; what cannot be read has none.
fn size_bytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let lengths = files.filter_map(|file| Some(file.metadata().ok()?.len()));
    lengths.fold(0, u64::saturating_add)
}
