//! What happened to jobs between two readings.

use flinkmem_trace::{Event, EventKind, Job};
use std::collections::BTreeMap;

/// The jobs of the last reading, with the highest numbers that were seen.
#[derive(Default)]
pub(super) struct Changes(BTreeMap<String, Numbers>);

#[derive(Clone, Copy, Default, PartialEq)]
struct Numbers {
    checkpoint: Option<u64>,
    /// Attempt or restarts.
    restart: Option<u64>,
}

impl Numbers {
    fn of(job: &Job) -> Self {
        Self {
            checkpoint: job.checkpoint_id,
            restart: job.restarts.or(job.attempt),
        }
    }
}

impl Changes {
    /// What has happened until this reading.
    pub(super) fn between(&mut self, jobs: &[Job]) -> Vec<Event> {
        let event = |kind, job: &str, number| Event {
            event: kind,
            job: Some(job.to_owned()),
            number,
            ..Event::default()
        };
        let mut events = Vec::new();
        self.0.retain(|id, _| {
            let is_here = jobs.iter().any(|job| job.id == *id);
            if !is_here {
                events.push(event(EventKind::JobGone, id, None));
            }
            is_here
        });
        for job in jobs {
            let now = Numbers::of(job);
            let known = self.0.get(&job.id).copied();
            let before = known.unwrap_or_default();
            if known.is_none() {
                events.push(event(EventKind::JobSeen, &job.id, None));
            }
            // A job's first attempt is no restart, nor is whatever happened before we saw it.
            if before.restart.is_some() && now.restart > before.restart {
                events.push(event(EventKind::Restart, &job.id, now.restart));
            }
            if now.checkpoint > before.checkpoint {
                events.push(event(EventKind::Checkpoint, &job.id, now.checkpoint));
            }
            let highest = Numbers {
                checkpoint: now.checkpoint.max(before.checkpoint),
                restart: now.restart.max(before.restart),
            };
            self.0.insert(job.id.clone(), highest);
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind::{Checkpoint, JobGone, JobSeen, Restart};

    fn job(checkpoint: u64, attempt: Option<u64>) -> [Job; 1] {
        [Job {
            id: "a".to_owned(),
            attempt,
            checkpoint_id: Some(checkpoint).filter(|&id| id > 0),
            ..Job::default()
        }]
    }

    #[test]
    fn a_job_comes_makes_progress_is_restarted_and_goes() {
        let mut changes = Changes::default();
        for (jobs, expected) in [
            (&job(0, None)[..], vec![(JobSeen, None)]),
            (&job(0, Some(0)), vec![]),
            (&job(1, Some(0)), vec![(Checkpoint, Some(1))]),
            (&job(1, Some(0)), vec![]),
            // Its tasks have ended, and new ones begin without a checkpoint.
            (&job(0, None), vec![]),
            (&job(0, Some(1)), vec![(Restart, Some(1))]),
            (&job(3, Some(1)), vec![(Checkpoint, Some(3))]),
            (&[], vec![(JobGone, None)]),
            (&[], vec![]),
        ] {
            let events = changes.between(jobs);
            let events: Vec<_> = events
                .iter()
                .map(|event| (event.event, event.number))
                .collect();
            assert_eq!(events, expected);
        }
    }
}
