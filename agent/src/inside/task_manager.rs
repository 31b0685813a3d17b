//! A TaskManager from the inside: network buffers, slots with their managed memory, tasks.
//!
//! The names of the fields are those of Flink's sources; `docs/evidence.md` has them by version.

use super::{Id, Reading, Remembered};
use flinkmem_native::jvm::{ArrayDeques, Maps, ObjectReader, Path, jni};
use flinkmem_trace::{Event, EventKind, FlinkInside, Job, NetworkPool, Slot};
use jni::objects::JObject;
use jni::refs::Weak;
use std::collections::BTreeMap;

/// Slots and tasks that are looked at.
const MOST_SLOTS: usize = 256;
const MOST_TASKS: usize = 1024;

/// Characters of a task's name that are kept: names may hold a whole query.
const NAME_CHARACTERS: usize = 80;

/// Events about tasks at one tick; what is more goes into one without a name.
const MOST_EVENTS: usize = 16;

/// From `TaskManagerRunner` on.
pub(super) struct TaskManager {
    executor: Remembered,
    pool: PoolPaths,
    slots: SlotPaths,
    tasks: TaskPaths,
    maps: Maps,
    /// A map within a map is read by a reader of its own.
    inner_maps: Maps,
    known: Vec<Task>,
    started: u64,
    ended: u64,
}

/// From `TaskExecutor` on; the rest from `NetworkBufferPool`.
struct PoolPaths {
    pool: Remembered,
    total: Path,
    available: Path,
    required: Path,
    segment: Path,
    deques: ArrayDeques,
}

/// From `TaskExecutor` on; the rest from `TaskSlot`.
struct SlotPaths {
    total: Path,
    all: Path,
    index: Path,
    job: Id,
    managed: Path,
    available: Path,
    tasks: Path,
}

/// From `Task` on.
struct TaskPaths {
    job: Id,
    name: Path,
    state: Path,
    state_name: Path,
    checkpoint: Path,
    running: Weak<JObject<'static>>,
}

/// A task that was there at the last tick.
struct Task {
    task: Weak<JObject<'static>>,
    job: String,
    name: String,
    attempt: Option<u64>,
    is_there: bool,
}

impl Default for TaskManager {
    fn default() -> Self {
        Self {
            executor: Remembered::new("taskExecutorService.taskExecutor"),
            pool: PoolPaths {
                pool: Remembered::new("shuffleEnvironment.networkBufferPool"),
                total: Path::new(&["totalNumberOfMemorySegments"]),
                available: Path::new(&["availableMemorySegments"]),
                required: Path::new(&["numTotalRequiredBuffers"]),
                segment: Path::new(&["memorySegmentSize"]),
                deques: ArrayDeques::default(),
            },
            slots: SlotPaths {
                total: Path::new(&["taskSlotTable.numberSlots"]),
                all: Path::new(&["taskSlotTable.taskSlots"]),
                index: Path::new(&["index"]),
                job: Id::new("jobId.lowerPart", "jobId.upperPart"),
                managed: Path::new(&["memoryManager.memoryBudget.totalMemorySize"]),
                available: Path::new(&["memoryManager.memoryBudget.availableMemorySize.value"]),
                tasks: Path::new(&["tasks"]),
            },
            tasks: TaskPaths {
                job: Id::new("jobId.lowerPart", "jobId.upperPart"),
                name: Path::new(&["taskNameWithSubtask"]),
                state: Path::new(&["executionState"]),
                state_name: Path::new(&["name"]),
                checkpoint: Path::new(&["invokable.subtaskCheckpointCoordinator.lastCheckpointId"]),
                running: Weak::null(),
            },
            maps: Maps::default(),
            inner_maps: Maps::default(),
            known: Vec::new(),
            started: 0,
            ended: 0,
        }
    }
}

impl TaskManager {
    /// Reads everything. `None` while the executor is not there, or when the slots are being changed just now.
    pub(super) fn read(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        runner: &JObject<'_>,
    ) -> Reading {
        let executor = self.executor.object(reader, runner)?;
        let network = self.pool.read(reader, &executor);
        let mut slots = Vec::new();
        let mut jobs = BTreeMap::new();
        let mut started = Events::new(EventKind::TaskStarted);
        self.read_slots(reader, &executor, &mut slots, &mut jobs, &mut started)?;
        self.started += started.total;
        let mut ended = Events::new(EventKind::TaskEnded);
        self.known.retain_mut(|task| {
            if !std::mem::take(&mut task.is_there) {
                ended.add(&task.job, &task.name);
                return false;
            }
            true
        });
        self.ended += ended.total;
        let inside = FlinkInside {
            network,
            slots_total: self.slots.total.count(reader, &executor),
            slots,
            tasks_started: Some(self.started),
            tasks_ended: Some(self.ended),
            jobs: jobs.into_values().collect(),
            ..FlinkInside::default()
        };
        Some((inside, ended.into_iter().chain(started).collect()))
    }

    fn read_slots(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        executor: &JObject<'_>,
        slots: &mut Vec<Slot>,
        jobs: &mut BTreeMap<String, Job>,
        started: &mut Events,
    ) -> Option<()> {
        let Self {
            slots: paths,
            tasks,
            maps,
            inner_maps,
            known,
            ..
        } = self;
        let all = paths.all.object(reader, executor)?;
        let mut is_complete = true;
        maps.for_each(reader, &all, MOST_SLOTS, |reader, entry| {
            let Some(slot) = entry.value(reader) else {
                is_complete = false;
                return;
            };
            let mut reading = paths.read(reader, &slot);
            if let Some(id) = &reading.job {
                jobs.entry(id.clone()).or_insert_with(|| new_job(id));
            }
            let in_slot = paths.tasks.object(reader, &slot);
            let count = in_slot.and_then(|in_slot| {
                inner_maps.for_each(reader, &in_slot, MOST_TASKS, |reader, entry| {
                    if let Some(task) = entry.value(reader) {
                        tasks.read(reader, &task, known, jobs, started);
                    }
                })
            });
            is_complete &= count.is_some();
            reading.tasks = count.and_then(|count| count.try_into().ok()).unwrap_or(0);
            slots.push(reading);
        })?;
        is_complete.then_some(())
    }
}

impl PoolPaths {
    fn read(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        executor: &JObject<'_>,
    ) -> Option<NetworkPool> {
        let pool = self.pool.object(reader, executor)?;
        let available = self.available.object(reader, &pool);
        Some(NetworkPool {
            segments_total: self.total.count(reader, &pool)?,
            segment_bytes: self.segment.count(reader, &pool)?,
            segments_available: available.and_then(|available| self.deques.len(reader, &available)),
            segments_required: self.required.count(reader, &pool),
        })
    }
}

impl SlotPaths {
    fn read(&mut self, reader: &mut ObjectReader<'_, '_>, slot: &JObject<'_>) -> Slot {
        Slot {
            index: self.index.integer(reader, slot).unwrap_or(-1),
            job: self.job.read(reader, slot),
            tasks: 0,
            managed_bytes: self.managed.count(reader, slot),
            managed_available_bytes: self.available.count(reader, slot),
        }
    }
}

impl TaskPaths {
    /// Adds `task` to its job, and to the known ones if it is new.
    fn read(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        task: &JObject<'_>,
        known: &mut Vec<Task>,
        jobs: &mut BTreeMap<String, Job>,
        started: &mut Events,
    ) {
        // Tables keep their order, so it is the first one that was not met yet, as a rule.
        let position = known
            .iter()
            .position(|known| !known.is_there && reader.is_same(&known.task, task));
        let position = match position {
            Some(position) => position,
            None => {
                let Some(new) = self.new_task(reader, task) else {
                    return;
                };
                started.add(&new.job, &new.name);
                known.push(new);
                known.len() - 1
            }
        };
        let Some(known) = known.get_mut(position) else {
            return;
        };
        known.is_there = true;
        let is_running = self.is_running(reader, task);
        let checkpoint = self.checkpoint.count(reader, task);
        let job = jobs
            .entry(known.job.clone())
            .or_insert_with(|| new_job(&known.job));
        job.tasks = job.tasks.map(|tasks| tasks + 1);
        job.running = job.running.map(|running| running + u64::from(is_running));
        job.attempt = job.attempt.max(known.attempt);
        job.checkpoint_id = job.checkpoint_id.max(checkpoint);
    }

    fn new_task(&mut self, reader: &mut ObjectReader<'_, '_>, task: &JObject<'_>) -> Option<Task> {
        let job = self.job.read(reader, task)?;
        let full_name = self.name.text(reader, task).unwrap_or_default();
        let (name, attempt) = name_and_attempt(&full_name);
        Some(Task {
            task: reader.env().new_weak_ref(task).ok()?,
            job,
            name,
            attempt,
            is_there: true,
        })
    }

    /// The name of a state is read once: the constant is the same object ever after.
    fn is_running(&mut self, reader: &mut ObjectReader<'_, '_>, task: &JObject<'_>) -> bool {
        let Some(state) = self.state.object(reader, task) else {
            return false;
        };
        if reader.is_same(&self.running, &state) {
            return true;
        }
        let is_running = self.state_name.text(reader, &state).as_deref() == Some("RUNNING");
        if is_running {
            self.running = reader.env().new_weak_ref(&state).unwrap_or_default();
        }
        is_running
    }
}

fn new_job(id: &str) -> Job {
    Job {
        id: id.to_owned(),
        tasks: Some(0),
        running: Some(0),
        ..Job::default()
    }
}

/// Flink's name of a subtask, `Map -> Sink (2/4)#1`, to the task's, shortened, and the attempt's number.
fn name_and_attempt(full: &str) -> (String, Option<u64>) {
    let (name, attempt) = match full.rsplit_once(")#") {
        Some((name, attempt)) => (name, attempt.parse().ok()),
        None => (full, None),
    };
    let name = name.rsplit_once(" (").map_or(name, |(name, _)| name);
    (name.chars().take(NAME_CHARACTERS).collect(), attempt)
}

/// Events of one kind about tasks, one for each job and name.
struct Events {
    kind: EventKind,
    counts: BTreeMap<(String, String), u64>,
    total: u64,
}

impl Events {
    fn new(kind: EventKind) -> Self {
        Self {
            kind,
            counts: BTreeMap::new(),
            total: 0,
        }
    }

    fn add(&mut self, job: &str, name: &str) {
        let is_full = self.counts.len() >= MOST_EVENTS;
        let mut key = (job.to_owned(), name.to_owned());
        if is_full && !self.counts.contains_key(&key) {
            key.1.clear();
        }
        *self.counts.entry(key).or_insert(0) += 1;
        self.total += 1;
    }
}

impl IntoIterator for Events {
    type Item = Event;
    type IntoIter = std::vec::IntoIter<Event>;

    fn into_iter(self) -> Self::IntoIter {
        let event = |((job, name), number): ((String, String), u64)| Event {
            event: self.kind,
            job: Some(job),
            message: Some(name).filter(|name| !name.is_empty()),
            number: Some(number),
            ..Event::default()
        };
        let events: Vec<_> = self.counts.into_iter().map(event).collect();
        events.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_subtask_is_taken_apart() {
        for (full, name, attempt) in [
            ("Source: a -> Map (2/4)#1", "Source: a -> Map", Some(1)),
            ("Map (sum) (1/1)#0", "Map (sum)", Some(0)),
            ("Map (1/1)", "Map", None),
            ("", "", None),
        ] {
            assert_eq!(name_and_attempt(full), (name.to_owned(), attempt), "{full}");
        }
        assert_eq!(name_and_attempt(&"ä".repeat(500)).0.chars().count(), 80);
    }

    #[test]
    fn many_tasks_make_few_events() {
        let mut events = Events::new(EventKind::TaskStarted);
        for task in 0..100 {
            events.add("job", &format!("task {task:02}"));
            events.add("job", &format!("task {task:02}"));
        }
        assert_eq!(events.total, 200);
        let events: Vec<_> = events.into_iter().collect();
        assert_eq!(events.len(), MOST_EVENTS + 1);
        let told: u64 = events.iter().filter_map(|event| event.number).sum();
        assert_eq!(told, 200);
    }
}
