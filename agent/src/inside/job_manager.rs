//! A JobManager from the inside: its jobs with their states, restarts and checkpoints, and the TaskManagers that it knows.
//!
//! The names of the fields are those of Flink's sources; `docs/evidence.md` has them by version.

use super::{Id, Reading};
use flinkmem_native::jvm::{Maps, ObjectReader, Path, jni};
use flinkmem_trace::{FlinkInside, Job};
use jni::objects::JObject;

/// Jobs that are looked at.
const MOST_JOBS: usize = 256;

/// From `ClusterEntrypoint` on.
pub(super) struct JobManager {
    runners: Path,
    task_managers: Path,
    maps: Maps,
    jobs: JobPaths,
}

/// From the runner of a job on.
struct JobPaths {
    id: Id,
    scheduler: Path,
    graph: Path,
    state: Path,
    restarts: Path,
    checkpoints: Path,
    completed: Path,
    failed: Path,
}

impl Default for JobManager {
    fn default() -> Self {
        const DISPATCHER: [&str; 2] = [
            "clusterComponent.dispatcherRunner.dispatcherRunner?.dispatcherLeaderProcess.dispatcherService.dispatcher.jobManagerRunnerRegistry.delegate?.jobManagerRunners",
            "clusterComponent.dispatcherRunner.dispatcherRunner?.dispatcherLeaderProcess.dispatcherService.dispatcher.runningJobs",
        ];
        Self {
            runners: Path::new(&DISPATCHER),
            task_managers: Path::new(&[
                "clusterComponent.resourceManagerService.leaderResourceManager.taskExecutors.size",
                "clusterComponent.resourceManagerService.resourceManager.taskExecutors.size",
            ]),
            maps: Maps::default(),
            jobs: JobPaths {
                id: Id::new("lowerPart", "upperPart"),
                scheduler: Path::new(&[
                    "jobMasterServiceProcess.jobMasterServiceFuture.result.schedulerNG",
                ]),
                graph: Path::new(&["executionGraph", "state.executionGraph"]),
                state: Path::new(&["state.name"]),
                restarts: Path::new(&["numRestarts", "executionFailureHandler.numberOfRestarts"]),
                checkpoints: Path::new(&["checkpointStatsTracker"]),
                completed: Path::new(&["latestCompletedCheckpoint.checkpointId"]),
                failed: Path::new(&["counts.numFailedCheckpoints"]),
            },
        }
    }
}

impl JobManager {
    /// Reads everything. `None` while there is no dispatcher that leads, or when its jobs are being changed just now.
    pub(super) fn read(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        entrypoint: &JObject<'_>,
    ) -> Reading {
        let Self {
            runners,
            task_managers,
            maps,
            jobs: paths,
        } = self;
        let runners = runners.object(reader, entrypoint)?;
        let mut jobs = Vec::new();
        maps.for_each(reader, &runners, MOST_JOBS, |reader, entry| {
            let key_and_value = entry.key(reader).zip(entry.value(reader));
            jobs.extend(key_and_value.and_then(|(id, runner)| paths.read(reader, &id, &runner)));
        })?;
        jobs.sort_by(|one, other| one.id.cmp(&other.id));
        let inside = FlinkInside {
            jobs,
            task_managers: task_managers.count(reader, entrypoint),
            ..FlinkInside::default()
        };
        Some((inside, Vec::new()))
    }
}

impl JobPaths {
    fn read(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        id: &JObject<'_>,
        runner: &JObject<'_>,
    ) -> Option<Job> {
        let mut job = Job {
            id: self.id.read(reader, id)?,
            ..Job::default()
        };
        let Some(scheduler) = self.scheduler.object(reader, runner) else {
            return Some(job);
        };
        job.restarts = self.restarts.count(reader, &scheduler);
        let Some(graph) = self.graph.object(reader, &scheduler) else {
            return Some(job);
        };
        job.state = self.state.text(reader, &graph);
        if let Some(checkpoints) = self.checkpoints.object(reader, &graph) {
            job.checkpoint_id = self.completed.count(reader, &checkpoints);
            job.checkpoints_failed = self.failed.count(reader, &checkpoints);
        }
        Some(job)
    }
}
