//! What libraries and Flink itself keep account of, read from their fields: Netty's counters, Flink's pools, slots, tasks,
//! jobs.
//!
//! Nothing is called and nothing is loaded: the class that holds Netty's counter is looked for among those that are loaded, and
//! Flink's objects are reached from the shutdown hooks that its processes register. Everything is held weakly.

mod changes;
mod job_manager;
mod netty;
mod root;
mod task_manager;

use crate::agent::Agent;
use changes::Changes;
use flinkmem_native::jvm::{ObjectReader, Path, jni};
use flinkmem_trace::{Event, FlinkInside, Sample};
use jni::objects::JObject;
use jni::refs::Weak;
use root::{Root, Roots};
use std::time::{Duration, Instant};

/// Reads it all, once a base interval.
pub(crate) struct Inside {
    classes: Lookout,
    netty: netty::Copies,
    roots: Roots,
    task_manager: task_manager::TaskManager,
    job_manager: job_manager::JobManager,
    changes: Changes,
}

impl Inside {
    pub(crate) fn new(base_interval: Duration) -> Self {
        Self {
            classes: Lookout::new(base_interval),
            netty: netty::Copies::default(),
            roots: Roots::new(base_interval),
            task_manager: task_manager::TaskManager::default(),
            job_manager: job_manager::JobManager::default(),
            changes: Changes::default(),
        }
    }

    /// Adds its readings to `sample`. Gives what has changed since the last time.
    pub(crate) fn read(
        &mut self,
        agent: &Agent,
        env: &mut jni::Env<'_>,
        sample: &mut Sample,
    ) -> Vec<Event> {
        let loaded = sample.classes.map(|classes| classes.loaded);
        self.look_for_classes(agent, env, loaded);
        sample.netty = self.netty.read(agent.jvmti, env);
        let began = Instant::now();
        let mut reader = ObjectReader::new(agent.jvmti, env);
        let inside = reader.in_frame(|reader| {
            let root = self.roots.get(reader, loaded)?;
            Some(match root {
                Root::TaskManager(runner) => self.task_manager.read(reader, &runner),
                Root::JobManager(entrypoint) => self.job_manager.read(reader, &entrypoint),
            })
        });
        if env.exception_check() {
            env.exception_clear();
        }
        let Some((reading, mut events)) = inside.flatten() else {
            return Vec::new();
        };
        events.extend(self.changes.between(&reading.jobs));
        sample.flink = Some(FlinkInside {
            cost_us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
            ..reading
        });
        for event in &mut events {
            (event.t_ms, event.up_ms) = (sample.t_ms, sample.up_ms);
        }
        events
    }

    fn look_for_classes(&mut self, agent: &Agent, env: &mut jni::Env<'_>, loaded: Option<u64>) {
        if !self.classes.is_due(loaded) {
            return;
        }
        let is_wanted = |signature: &str| netty::is_wanted(signature) || root::is_wanted(signature);
        // Failed for want of memory: the next time is as good.
        let found = agent
            .jvmti
            .loaded_classes(env, is_wanted)
            .unwrap_or_default();
        for class in found {
            if root::is_wanted(&class.signature) {
                self.roots.set_hooks(class);
            } else {
                self.netty.add(agent.jvmti, env, class);
            }
        }
        self.classes.rest();
    }
}

/// A reading with the events that it makes; `None` when it is not to be trusted.
type Reading = Option<(FlinkInside, Vec<Event>)>;

/// When to look for something that can only appear when classes have been loaded, and never for more than a small share of
/// the time.
struct Lookout {
    /// Of the time that looking takes, the rest after it.
    rest: f64,
    loaded: u64,
    began: Option<Instant>,
    next: Option<Instant>,
}

/// Share of the time that looking may take, at a base interval of a second or more: one in so many parts.
const SHARE: f64 = 5_000.0;

/// It is looked for at least that often, in seconds, while classes are being loaded.
const LONGEST_REST: f64 = 60.0;

impl Lookout {
    fn new(base_interval: Duration) -> Self {
        Self {
            rest: SHARE * base_interval.as_secs_f64().min(1.0),
            loaded: 0,
            began: None,
            next: None,
        }
    }

    /// Whether to look now. Begins to measure what it takes.
    fn is_due(&mut self, loaded: Option<u64>) -> bool {
        let (now, loaded) = (Instant::now(), loaded.unwrap_or(0));
        if loaded == self.loaded || self.next.is_some_and(|next| now < next) {
            return false;
        }
        (self.loaded, self.began) = (loaded, Some(now));
        true
    }

    /// The look is over.
    fn rest(&mut self) {
        let now = Instant::now();
        let cost = self.began.map(|began| now.duration_since(began));
        let rest = cost.unwrap_or_default().as_secs_f64() * self.rest;
        self.next = Some(now + Duration::from_secs_f64(rest.min(LONGEST_REST)));
    }
}

/// An object that stays the same as long as it lives: the way to it is gone once.
struct Remembered {
    way: Path,
    object: Weak<JObject<'static>>,
}

impl Remembered {
    fn new(way: &'static str) -> Self {
        Self {
            way: Path::new(&[way]),
            object: Weak::null(),
        }
    }

    fn object<'local>(
        &mut self,
        reader: &mut ObjectReader<'_, 'local>,
        from: &JObject<'_>,
    ) -> Option<JObject<'local>> {
        let known = self.object.upgrade_local(reader.env()).ok().flatten();
        // Before the first time it is a null reference, not none.
        if let Some(known) = known.filter(|known| !known.is_null()) {
            return Some(known);
        }
        let object = self.way.object(reader, from)?;
        self.object = reader.env().new_weak_ref(&object).unwrap_or_default();
        Some(object)
    }
}

/// Reads an `org.apache.flink.util.AbstractID`, such as a job's, and writes it as Flink does.
struct Id {
    lower: Path,
    upper: Path,
}

impl Id {
    /// The id in `field`, or the object itself without a field.
    fn new(lower: &'static str, upper: &'static str) -> Self {
        Self {
            lower: Path::new(&[lower]),
            upper: Path::new(&[upper]),
        }
    }

    fn read(&mut self, reader: &mut ObjectReader<'_, '_>, from: &JObject<'_>) -> Option<String> {
        let lower = self.lower.integer(reader, from)?;
        let upper = self.upper.integer(reader, from)?;
        Some(format!("{lower:016x}{upper:016x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::Lookout;

    #[test]
    fn it_is_looked_again_only_when_classes_were_loaded() {
        let mut lookout = Lookout::new(super::Duration::from_secs(1));
        assert!(!lookout.is_due(None), "no class that we know of");
        assert!(lookout.is_due(Some(10)));
        assert!(!lookout.is_due(Some(10)));
        assert!(lookout.is_due(Some(11)));
    }
}
