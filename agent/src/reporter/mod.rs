//! The agent's one thread: opens the sources, samples at a steady pace, writes what Java threads leave at the desk.

mod allow_list;
mod flink;
mod header;
mod messages;
mod naming;
mod pace;
mod pressure;
mod request;
mod sources;

use crate::agent::{self, Agent, Coming, Moment};
use crate::earlier::{Earlier, Keeper, Life};
use crate::evidence::{Context, Evidence};
use crate::incident::desk::{self, Incident, Work};
use crate::inside::Inside;
use crate::off_heap::{self, SiteUsage};
use crate::trace_directory::{self, Hints};
use crate::{
    callbacks, classes, fault, guard, incident, log, malloc, native_objects, own_heap, pauses,
    thread_starts,
};
use flinkmem_native::jvm::raw::JNIEnv;
use flinkmem_native::jvm::{jni, with_env};
use flinkmem_native::kernel::{allocator, clock};
use flinkmem_trace::{
    AgentCost, DiskBudget, End, Event, EventKind, Header, Record, Sample, TraceWriter, WriteError,
};
use messages::AwaitedMessage;
use pace::Pace;
use pressure::Pressure;
use request::SnapshotRequest;
use sources::{Depth, Sources};
use std::path::Path;
use std::time::{Duration, Instant};

/// `memory.stat` is read at every how many ticks; near a limit at each.
const STAT_TICKS: u64 = 5;

/// How long after an incident its error's message is first looked for, and then again.
const MESSAGE_RETRY: Duration = Duration::from_millis(2);

/// Runs until the JVM ends.
///
/// # Safety
/// `env` is the calling thread's `JNIEnv`; the thread does nothing else.
#[allow(unsafe_code)]
pub(crate) unsafe fn run(env: *mut JNIEnv) {
    let Some(agent) = agent::get() else { return };
    desk::staff();
    // SAFETY: the caller's promise; no exception is pending in a thread that has just begun.
    let reporter = unsafe { with_env(env, |env| Ok(Reporter::begin(agent, env))) };
    let mut reporter = match reporter {
        Some(Ok(reporter)) => reporter,
        Some(Err(error)) => return guard::disable(&error.to_string()),
        None => return guard::disable("its thread could not look at the JVM"),
    };
    loop {
        // SAFETY: as above. A local frame for each round, so that references do not pile up.
        let go_on = unsafe { with_env(env, |env| Ok(reporter.round(env))) };
        match go_on {
            Some(true) => {}
            Some(false) => break,
            None => {
                guard::disable("its thread failed");
                break;
            }
        }
    }
    // The JVM is ending: its references go with it, and must not be given back by calls into it.
    std::mem::forget(reporter);
}

struct Reporter {
    agent: &'static Agent,
    sources: Sources,
    writer: TraceWriter,
    usage: SiteUsage,
    pace: Pace,
    pressure: Pressure,
    evidence: Evidence,
    snapshot: SnapshotRequest,
    inside: Inside,
    life: Life,
    keeper: Keeper,
    last_sample: Sample,
    next_site: u32,
    ticks: u64,
    messages: Vec<AwaitedMessage>,
    thinned_bytes: u64,
    overslept: Duration,
    said_that_writing_fails: bool,
}

impl Reporter {
    /// Opens the sources and begins the trace.
    fn begin(agent: &'static Agent, env: &mut jni::Env<'_>) -> Result<Self, WriteError> {
        fault::point("begin");
        let sources = Sources::open(env);
        pauses::prepare(agent);
        let tracking = header::native_memory_tracking(sources.management.as_ref(), env);
        // Blocks of before the agent came must not be subtracted when they are freed: only the table knows which are ours.
        let knows_all_blocks = agent.coming == Coming::WithTheJvm;
        if knows_all_blocks && tracking == Some(false) && allocator::usable_size_is_mallocs_own() {
            off_heap::trust_usable_size();
        }
        let mut header = header::collect(
            agent,
            env,
            sources.process.as_ref(),
            sources.cgroup.as_ref(),
            sources.management.as_ref(),
            classes::bits(),
        );
        agent.set_flags(&header.jvm.flags);
        let parent = trace_directory::parent(&hints(agent));
        let earlier = Earlier::look(&parent, &header.host);
        earlier.note(&mut header);
        let writer = begin_trace(agent, &parent, &header)?;
        log::info(format_args!("writing to {}", writer.directory().display()));
        callbacks::warn_of_unbound();
        Ok(Self {
            agent,
            sources,
            snapshot: SnapshotRequest::in_directory(writer.directory()),
            writer,
            usage: SiteUsage::default(),
            pace: Pace::new(agent.options.interval, Instant::now()),
            pressure: Pressure::default(),
            evidence: Evidence::new(agent.options.interval, Instant::now()),
            inside: Inside::new(agent.options.interval),
            life: Life::default(),
            keeper: earlier.keeper(agent.options.keep),
            last_sample: Sample::default(),
            next_site: 1,
            ticks: 0,
            messages: Vec::new(),
            thinned_bytes: 0,
            overslept: Duration::ZERO,
            said_that_writing_fails: false,
        })
    }

    /// Waits for the next thing to do and does it. False when the JVM ends.
    fn round(&mut self, env: &mut jni::Env<'_>) -> bool {
        let awaits_message = (!self.messages.is_empty()).then(|| Instant::now() + MESSAGE_RETRY);
        // What is awaited is taken one by one; whoever stands at the desk meanwhile comes first.
        let awaits_evidence =
            (self.messages.is_empty() && self.evidence.is_awaited()).then(Instant::now);
        let deadline = [awaits_message, awaits_evidence]
            .into_iter()
            .flatten()
            .fold(self.pace.deadline(), Instant::min);
        let waits = Instant::now() < deadline;
        let work = desk::next(deadline);
        if waits && work.is_none() {
            // Before anything is asked of the JVM, which would wait for the end of a pause.
            self.overslept = self.overslept.max(deadline.elapsed());
        }
        let ends = matches!(work, Some(Work::Death));
        if let Some(work) = work {
            self.work(env, work);
            desk::finished();
        }
        self.read_messages(env);
        if guard::is_disabled() {
            self.say_goodbye();
            return false;
        }
        // The JVM that ends waits for us: what takes its time is left out.
        if ends {
            return false;
        }
        let is_due = Instant::now() >= self.pace.deadline();
        if is_due {
            self.tick(env);
        }
        // A message is set within microseconds and lost with its error, evidence takes its time.
        if is_due || (self.messages.is_empty() && self.evidence.is_awaited()) {
            self.gather_evidence(env);
        }
        true
    }

    /// A Java thread's part of the agent has failed: the trace ends here, and says so.
    fn say_goodbye(&mut self) {
        let message = Some("the agent was switched off by a failure of its own".to_owned());
        let event = Event {
            message,
            ..event(Moment::now(), EventKind::AgentDegraded)
        };
        self.write(&Record::Event(event));
    }

    fn work(&mut self, env: &mut jni::Env<'_>, work: Work) {
        match work {
            Work::Incident(incident) => self.incident(env, *incident),
            Work::SlowPathSucceeded {
                incident,
                bytes,
                moment,
            } => {
                let event = Event {
                    incident: Some(incident),
                    bytes: Some(bytes),
                    ..event(moment, EventKind::SlowPathSucceeded)
                };
                self.write(&Record::Event(event));
            }
            Work::Death => {
                self.tick(env);
                let now = Moment::now();
                self.write(&Record::End(End {
                    t_ms: now.t_ms,
                    up_ms: now.up_ms,
                    ..End::default()
                }));
            }
        }
    }

    /// One sample.
    fn tick(&mut self, env: &mut jni::Env<'_>) {
        fault::point("tick");
        let began = Instant::now();
        self.pace.begin(began);
        let base_tick = self.pace.base_tick(began);
        let with_stat = self.ticks.is_multiple_of(STAT_TICKS) || self.pace.is_fast();
        self.ticks += 1;
        malloc::tick(base_tick);
        let mut sample = self.sources.read(env, Depth::Full, with_stat);
        self.name_new_sites(env);
        self.write_pauses();
        if let Some(elapsed) = base_tick {
            self.usage.read();
            off_heap::tick(elapsed, &self.usage);
            native_objects::tick(elapsed);
            incident::listen_again();
            thread_starts::tick();
            sample.sites = self.usage.top();
            if let Some(patience) = self.snapshot.take() {
                self.evidence.demand(patience);
            }
        }
        let mut events = Vec::new();
        if base_tick.is_some() {
            events = self.inside.read(self.agent, env, &mut sample);
        }
        sample.agent = self.cost(began);
        self.change_pace(&sample, began);
        self.write(&Record::Sample(Box::new(sample.clone())));
        for event in events {
            self.write(&Record::Event(event));
        }
        if base_tick.is_some() {
            self.life.hold(self.writer.directory());
            self.keeper.tidy();
        }
        self.last_sample = sample;
        self.tell_of_thinning();
    }

    fn write_pauses(&mut self) {
        let mut records = Vec::new();
        pauses::take(|record| records.push(record));
        for record in records {
            self.write(&record);
        }
    }

    /// Takes what is due of the evidence that is too dear for every tick.
    fn gather_evidence(&mut self, env: &mut jni::Env<'_>) {
        // What refers to a stack refers to it by the id that it gets here.
        self.name_new_sites(env);
        let near = self.pressure.reason(Instant::now()).is_some();
        let Self {
            writer,
            said_that_writing_fails,
            last_sample: sample,
            ..
        } = self;
        let mut sink = |record| write(writer, said_that_writing_fails, &record);
        let mut context = Context::new(self.agent, env, sample, &mut sink);
        self.evidence.gather(&mut context, near);
        self.name_new_sites(env);
        if !self.evidence.is_demanded() {
            self.snapshot.answered();
        }
    }

    /// One incident, complete: sites first, so that whoever reads it knows them.
    fn incident(&mut self, env: &mut jni::Env<'_>, incident: Incident) {
        fault::point("incident");
        fault::point("stall-incident");
        let began = Instant::now();
        let mut sample = self.sources.read(env, Depth::Crisis, true);
        sample.agent = self.cost(began);
        self.name_new_sites(env);
        self.usage.read();
        let requested_bytes = incident
            .message
            .as_deref()
            .and_then(messages::requested_bytes);
        let record = flinkmem_trace::Incident {
            t_ms: incident.moment.t_ms,
            up_ms: incident.moment.up_ms,
            id: incident.id,
            incident: incident.kind,
            thread: incident.thread,
            frames: naming::frames(env, incident.stack.frames()),
            requested_bytes,
            error_class: incident.error_class,
            message: incident.message,
            flags: incident.flags,
            suppressed: incident.suppressed,
            sample: Box::new(sample),
            sites: self.usage.top(),
        };
        self.evidence.incident(&record);
        self.write(&Record::Incident(Box::new(record)));
        self.pressure.incident(began);
        if let Some(throwable) = incident.throwable {
            self.messages.push(AwaitedMessage {
                incident: incident.id,
                throwable,
                since: began,
            });
        }
    }

    /// Writes the messages that were set since their errors were made.
    fn read_messages(&mut self, env: &mut jni::Env<'_>) {
        for (incident, message) in messages::known(&mut self.messages, env) {
            let bytes = messages::requested_bytes(&message);
            let event = Event {
                incident: Some(incident),
                message: Some(message),
                bytes,
                ..event(Moment::now(), EventKind::ErrorMessage)
            };
            self.write(&Record::Event(event));
        }
    }

    fn name_new_sites(&mut self, env: &jni::Env<'_>) {
        let mut records = Vec::new();
        naming::new_sites(env, &mut self.next_site, |record| records.push(record));
        for record in records {
            self.write(&record);
        }
    }

    fn change_pace(&mut self, sample: &Sample, now: Instant) {
        self.pressure.observe(sample, now);
        let reason = self.pressure.reason(now);
        if !self.pace.set_fast(reason.is_some(), now) {
            return;
        }
        let kind = if reason.is_some() {
            EventKind::SamplingFaster
        } else {
            EventKind::SamplingSlower
        };
        let event = Event {
            message: reason.map(str::to_owned),
            ..event(Moment::now(), kind)
        };
        self.write(&Record::Event(event));
    }

    fn tell_of_thinning(&mut self) {
        let thinned = self.writer.stats().thinned_bytes;
        let given_back =
            thinned.saturating_sub(std::mem::replace(&mut self.thinned_bytes, thinned));
        if given_back > 0 {
            let event = Event {
                bytes: Some(given_back),
                ..event(Moment::now(), EventKind::HistoryThinned)
            };
            self.write(&Record::Event(event));
        }
    }

    fn cost(&mut self, began: Instant) -> AgentCost {
        let (writer, losses) = (self.writer.stats(), off_heap::losses());
        let objects = native_objects::losses();
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        AgentCost {
            cpu_us: clock::thread_cpu().map(micros).unwrap_or_default(),
            memory_bytes: losses.memory_bytes + objects.memory_bytes + malloc::memory_bytes(),
            heap_bytes: own_heap::bytes(),
            disk_bytes: writer.disk_bytes,
            tick_us: micros(began.elapsed()),
            late_ticks: self.pace.late_ticks(),
            overslept_us: micros(std::mem::take(&mut self.overslept)),
            dropped_records: writer.dropped_records,
            dropped_samples: losses.dropped_samples + objects.dropped_samples,
            dropped_stacks: losses.dropped_stacks,
            dropped_sizes: losses.dropped_sizes,
            dropped_incidents: desk::dropped(),
            dropped_pauses: pauses::lost(),
            failed_reads: self.sources.failed_reads(),
        }
    }

    fn write(&mut self, record: &Record) {
        write(&mut self.writer, &mut self.said_that_writing_fails, record);
    }
}

/// Writes a record. A failure is counted by the writer, told once, and tried anew with the next record.
fn write(writer: &mut TraceWriter, said_that_writing_fails: &mut bool, record: &Record) {
    if let Err(error) = writer.write(record)
        && !std::mem::replace(said_that_writing_fails, true)
    {
        log::warn(format_args!("records are being lost: {error}"));
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reporter")
            .field("interval", &self.agent.options.interval)
            .finish_non_exhaustive()
    }
}

fn event(moment: Moment, kind: EventKind) -> Event {
    Event {
        t_ms: moment.t_ms,
        up_ms: moment.up_ms,
        event: kind,
        ..Event::default()
    }
}

fn hints(agent: &Agent) -> Hints {
    Hints {
        option: agent.options.dir.clone(),
        log_file: agent.jvmti.system_property("log.file").map(Into::into),
        flink_log_dir: std::env::var_os("FLINK_LOG_DIR").map(Into::into),
    }
}

fn begin_trace(agent: &Agent, parent: &Path, header: &Header) -> Result<TraceWriter, WriteError> {
    let mut result = Err(WriteError::NoRoom);
    for directory in trace_directory::candidates(parent, &header.host, header.pid, header.start_ms)
    {
        result = TraceWriter::create(
            &directory,
            header,
            DiskBudget::new(agent.options.max_disk_bytes),
        );
        let taken = matches!(&result, Err(WriteError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists);
        if !taken {
            break;
        }
    }
    result
}
