//! Where Java threads hand their notes to the agent's thread: a queue of fixed length and a bounded wait.
//!
//! Notes are taken from VMInit on, before the agent's thread is ready: what happens while it looks at the JVM waits in the
//! queue, and a JVM that ends within its first moments waits a moment for its trace.

use super::limiter::Limiter;
use crate::agent::{Moment, jvmti};
use crate::guard;
use flinkmem_native::jvm::{HeldThrowable, StackBuffer};
use flinkmem_trace::IncidentKind;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread in trouble waits for its record to be on disk: long enough for a slow disk, too short to be
/// noticed beside the half second that a failing reservation takes anyway.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// How long the ending JVM waits for the last sample.
const LAST_PATIENCE: Duration = Duration::from_millis(300);

/// Notes that may wait at once.
const LENGTH: usize = 32;

/// What a thread in trouble knows.
pub(crate) struct Incident {
    pub(crate) id: u32,
    pub(crate) moment: Moment,
    pub(crate) kind: IncidentKind,
    pub(crate) thread: Option<String>,
    pub(crate) stack: StackBuffer,
    pub(crate) error_class: Option<String>,
    pub(crate) throwable: Option<HeldThrowable>,
    pub(crate) message: Option<String>,
    pub(crate) flags: Option<u32>,
    pub(crate) suppressed: u64,
}

impl Incident {
    pub(super) fn new(kind: IncidentKind) -> Self {
        Self {
            id: 0,
            moment: Moment::now(),
            kind,
            thread: None,
            stack: StackBuffer::default(),
            error_class: None,
            throwable: None,
            message: None,
            flags: None,
            suppressed: 0,
        }
    }
}

/// Work for the agent's thread.
pub(crate) enum Work {
    /// Write an incident; somebody waits for it.
    Incident(Box<Incident>),
    /// A reservation that took the slow path has succeeded.
    SlowPathSucceeded {
        incident: u32,
        bytes: u64,
        moment: Moment,
    },
    /// The JVM ends; somebody waits.
    Death,
}

struct Queue {
    work: VecDeque<Work>,
    /// Work put in so far, and done so far: a thread waits until what it put in is done.
    put: u64,
    done: u64,
    limiters: [Limiter; 3],
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    work: VecDeque::new(),
    put: 0,
    done: 0,
    limiters: [Limiter::new(); 3],
});
static ARRIVED: Condvar = Condvar::new();
static DONE: Condvar = Condvar::new();
static OPEN: AtomicBool = AtomicBool::new(false);
static NEXT_ID: AtomicU32 = AtomicU32::new(1);
static DROPPED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The agent's own thread never waits for itself.
    static BEHIND_THE_DESK: Cell<bool> = const { Cell::new(false) };
}

/// From now on work is taken; the thread that does it is being started.
pub(crate) fn open() {
    queue().work.reserve(LENGTH);
    OPEN.store(true, Ordering::Release);
}

/// Declares the calling thread the one that does the work.
pub(crate) fn staff() {
    BEHIND_THE_DESK.set(true);
}

/// Whether the calling thread is the one that does the work.
pub(crate) fn is_staff() -> bool {
    BEHIND_THE_DESK.get()
}

/// Takes no more work. Those who wait go on.
pub(crate) fn close() {
    OPEN.store(false, Ordering::Release);
    let mut queue = queue();
    queue.done = queue.put;
    let left = std::mem::take(&mut queue.work);
    drop(queue);
    DONE.notify_all();
    // Calls into the JVM, to give references back, and so not while others wait for the queue.
    drop(left);
}

/// Incidents that were counted but not written.
pub(crate) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Hands an incident over and waits until it is on disk. Returns its number, or 0 when it was not taken.
pub(super) fn submit(mut incident: Incident) -> u32 {
    let admitted = accepts_work().then(|| {
        let mut queue = queue();
        let has_room = queue.work.len() < LENGTH;
        let limiter = queue.limiters.get_mut(kind_index(incident.kind));
        limiter
            .filter(|_| has_room)
            .and_then(|limiter| limiter.admit(Instant::now()))
    });
    let Some(Some(suppressed)) = admitted else {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return 0;
    };
    incident.suppressed = suppressed;
    incident.id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    incident.thread = jvmti().and_then(|jvmti| jvmti.current_thread_name());
    let id = incident.id;
    if put_and_wait(Work::Incident(Box::new(incident)), PATIENCE) {
        id
    } else {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        0
    }
}

/// Hands a note over without waiting; given up when the queue is full.
pub(super) fn tell(work: Work) {
    if accepts_work() {
        put(work);
    }
}

/// Tells that the JVM ends, and waits for the last records.
pub(crate) fn announce_death() {
    if accepts_work() {
        put_and_wait(Work::Death, LAST_PATIENCE);
    }
}

/// The next work, waiting for it at most until `deadline`.
pub(crate) fn next(deadline: Instant) -> Option<Work> {
    let mut queue = queue();
    loop {
        if let Some(work) = queue.work.pop_front() {
            return Some(work);
        }
        let left = deadline.checked_duration_since(Instant::now())?;
        queue = ARRIVED
            .wait_timeout(queue, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}

/// The work that [`next`] gave is done.
pub(crate) fn finished() {
    queue().done += 1;
    DONE.notify_all();
}

fn accepts_work() -> bool {
    OPEN.load(Ordering::Acquire) && !guard::is_disabled() && !is_staff()
}

fn put(work: Work) -> Option<u64> {
    let mut queue = queue();
    // Looked at anew: what is put in after the desk was closed would be waited for in vain.
    if queue.work.len() >= LENGTH || !OPEN.load(Ordering::Acquire) {
        return None;
    }
    queue.work.push_back(work);
    queue.put += 1;
    let number = queue.put;
    drop(queue);
    ARRIVED.notify_one();
    Some(number)
}

/// False when the work was not taken.
fn put_and_wait(work: Work, patience: Duration) -> bool {
    let Some(number) = put(work) else {
        return false;
    };
    let still_to_do = |queue: &mut Queue| queue.done < number;
    drop(DONE.wait_timeout_while(queue(), patience, still_to_do));
    true
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kind_index(kind: IncidentKind) -> usize {
    match kind {
        IncidentKind::DirectSlowPath => 0,
        IncidentKind::OutOfMemoryError => 1,
        IncidentKind::ResourceExhausted => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_desk_takes_nothing_that_would_be_waited_for() {
        close();
        assert_eq!(put(Work::Death), None);
        assert!(!put_and_wait(Work::Death, Duration::from_secs(3600)));
    }
}
