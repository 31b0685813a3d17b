//! Where a plot is played: a running cluster and the jobs in it.

use super::End;
use crate::flink::{JobId, Role};
use crate::process::Process;
use crate::wait::wait_for;
use crate::{Cluster, artefacts};
use anyhow::{Result, ensure};
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a plot may take that sets itself no limit.
const DEADLINE: Duration = Duration::from_secs(150);

/// How long a job may take that does hardly anything.
const SHORT_JOB: Duration = Duration::from_secs(12);

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A cluster, and the jobs that were submitted to it.
#[derive(Debug)]
pub struct Stage {
    /// The cluster.
    pub cluster: Cluster,
    /// The jobs in the order in which they were submitted.
    pub jobs: Vec<JobId>,
    subject: Role,
}

impl Stage {
    pub(super) fn new(cluster: Cluster, subject: Role) -> Self {
        Self {
            cluster,
            jobs: Vec::new(),
            subject,
        }
    }

    /// Submits a job and waits until it is over, or the subject is.
    ///
    /// # Errors
    /// When Flink does not accept it, or nothing is over in good time.
    pub fn run(&mut self, job: &str, arguments: &[&str]) -> Result<()> {
        self.submit(job, arguments)?;
        self.until_over(DEADLINE)
    }

    /// Submits a job and lets it run that long; less where it or the subject is over before.
    ///
    /// # Errors
    /// When Flink does not accept it.
    pub fn run_for(&mut self, job: &str, arguments: &[&str], time: Duration) -> Result<()> {
        self.submit(job, arguments)?;
        self.go_on_for(time)
    }

    /// Runs a job that many times, one after the other, submitted through the JobManager; less where the subject ends, a job does not
    /// end in good time, or the JobManager refuses one.
    ///
    /// # Errors
    /// When not even the first is accepted.
    pub fn repeat(&mut self, times: usize, job: &str, arguments: &[&str]) -> Result<()> {
        for round in 0..times {
            match self.cluster.submit_by_rest(job, arguments) {
                Ok(id) => self.jobs.push(id),
                Err(refused) if round == 0 => return Err(refused),
                Err(_) => break,
            }
            self.go_on_for(SHORT_JOB)?;
            if self.ended()? != End::JobFinished {
                break;
            }
        }
        Ok(())
    }

    /// Submits a job.
    ///
    /// # Errors
    /// When Flink does not accept it.
    pub fn submit(&mut self, job: &str, arguments: &[&str]) -> Result<JobId> {
        let id = self.cluster.submit(job, arguments)?;
        self.jobs.push(id.clone());
        Ok(id)
    }

    /// Asks the subject's agent for everything now, as a user would; walks over its heap may stop it that long.
    ///
    /// # Errors
    /// When the agent does not answer.
    pub fn snapshot(&mut self, patience: Duration) -> Result<()> {
        let pid = self.subject().id().to_string();
        let patience = patience.as_secs().to_string();
        let output = Command::new(artefacts::flinkmem()?)
            .args(["snapshot", &pid, "--patience", &patience])
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "no snapshot: {stderr}");
        Ok(())
    }

    /// Waits until the last job is over, or the subject is.
    ///
    /// # Errors
    /// When nothing is over at the deadline.
    pub fn until_over(&mut self, deadline: Duration) -> Result<()> {
        wait_for("the job or the process to end", deadline, || {
            Ok((self.ended()? != End::Alive).then_some(()))
        })
    }

    /// Lets it all go on that long; less where the last job or the subject is over before.
    ///
    /// # Errors
    /// When the cluster cannot be asked.
    pub fn go_on_for(&mut self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        while Instant::now() < until && self.ended()? == End::Alive {
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Cancels a job and waits until it is.
    ///
    /// # Errors
    /// When it does not end, or the subject is gone.
    pub fn cancel(&mut self, job: &JobId) -> Result<()> {
        self.cluster.rest().cancel(job)?;
        self.cluster.wait_for_job(job, &["CANCELED"], DEADLINE)?;
        Ok(())
    }

    /// How things stand: the subject first, then the last job.
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    pub fn ended(&mut self) -> Result<End> {
        if let Some(status) = self.subject().status()? {
            let killed = status.signal() == Some(libc::SIGKILL);
            return Ok(if killed { End::Killed } else { End::Exited });
        }
        let Some(job) = self.jobs.last() else {
            return Ok(End::Alive);
        };
        // A JobManager that is busy dying does not answer.
        let state = self.cluster.rest().job_state(job).unwrap_or_default();
        Ok(match state.as_str() {
            "FAILED" => End::JobFailed,
            "FINISHED" => End::JobFinished,
            "CANCELED" => End::JobCanceled,
            _ => End::Alive,
        })
    }

    pub(super) fn subject(&mut self) -> &mut Process {
        match self.subject {
            Role::TaskManager => self.cluster.taskmanager(),
            Role::JobManager => self.cluster.jobmanager(),
        }
    }
}
