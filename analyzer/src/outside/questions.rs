//! Asking the JVM, again and again, in a thread of its own: a JVM that collects does not answer, and nobody should wait for it.

use super::Answers;
use super::answers::{code_cache, flags, heap_used, metaspace, native_memory};
use crate::attach::{AttachError, Target, ask};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// From one round of questions to the next. Each takes the JVM less than a millisecond.
const EVERY: Duration = Duration::from_secs(5);

/// A JVM that collects or is stopped does not answer; the rest of it can be looked at meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// The answers, as they come in.
#[derive(Debug)]
pub(super) struct Questions {
    /// The thread ends when this is gone.
    latest: Arc<Mutex<Answers>>,
}

impl Questions {
    /// Begins to ask, and waits a little for the first answers, so that limits are known at once.
    pub(super) fn begin(pid: i32) -> Self {
        let latest = Arc::new(Mutex::new(Answers::default()));
        let told = Arc::downgrade(&latest);
        let (answered, is_answered) = mpsc::channel();
        let go_on = move || {
            while let Some(latest) = told.upgrade() {
                let before = latest
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone();
                let now = round(pid, &before);
                *latest.lock().unwrap_or_else(PoisonError::into_inner) = now;
                drop(latest);
                // Nobody waits any more after the first time.
                let _ = answered.send(());
                std::thread::sleep(EVERY);
            }
        };
        // Without the thread the JVM is not asked.
        let thread = std::thread::Builder::new().name("questions".to_owned());
        let _ = thread.spawn(go_on);
        let _ = is_answered.recv_timeout(PATIENCE);
        Self { latest }
    }

    pub(super) fn latest(&self) -> Answers {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// One round. What the JVM does not answer stays as it was.
fn round(pid: i32, before: &Answers) -> Answers {
    match asked(pid, before) {
        Ok(answers) => answers,
        Err(error) => Answers {
            refusal: Some(error.to_string()),
            ..before.clone()
        },
    }
}

fn asked(pid: i32, before: &Answers) -> Result<Answers, AttachError> {
    let target = Target::find(pid)?;
    let flags = match before.flags.is_empty() {
        true => flags(&ask(&target, "VM.flags")?),
        false => before.flags.clone(),
    };
    let heap = ask(&target, "GC.heap_info")?;
    let mut pools = metaspace(&heap);
    // Not known to some JVMs.
    pools.extend(
        ask(&target, "Compiler.codecache").map_or_else(|_| Vec::new(), |text| code_cache(&text)),
    );
    let tracks = flags
        .get("NativeMemoryTracking")
        .is_some_and(|mode| mode != "off");
    let native_memory = match tracks {
        true => native_memory(&ask(&target, "VM.native_memory summary scale=B")?),
        false => Vec::new(),
    };
    Ok(Answers {
        flags,
        heap_used_bytes: heap_used(&heap),
        pools,
        native_memory,
        refusal: None,
    })
}
