//! Flink's REST interface.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use ureq::Agent;

/// A job's id, 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobId(String);

impl JobId {
    /// The id in what the client prints: `Job has been submitted with JobID …`.
    #[must_use]
    pub(super) fn in_client_output(output: &str) -> Option<Self> {
        let (_, rest) = output.split_once("JobID ")?;
        let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        (id.len() == 32).then_some(Self(id))
    }
}

impl std::fmt::Display for JobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The JobManager's interface.
#[derive(Debug)]
pub struct Rest {
    base: String,
    agent: Agent,
}

impl Rest {
    /// The interface at a port of this machine.
    #[must_use]
    pub fn at(port: u16) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        Self {
            base: format!("http://127.0.0.1:{port}"),
            agent: config.into(),
        }
    }

    /// Reads a resource.
    ///
    /// # Errors
    /// When it is not there, or no JSON.
    pub fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let mut response = self.agent.get(&url).call().with_context(|| url.clone())?;
        response.body_mut().read_json().context(url)
    }

    /// How many TaskManagers are registered.
    ///
    /// # Errors
    /// When the JobManager does not answer.
    pub fn taskmanagers(&self) -> Result<usize> {
        let answer = self.get("/taskmanagers")?;
        Ok(answer["taskmanagers"].as_array().map_or(0, Vec::len))
    }

    /// A job's state, such as `RUNNING`.
    ///
    /// # Errors
    /// When the job is not known.
    pub fn job_state(&self, job: &JobId) -> Result<String> {
        let answer = self.get(&format!("/jobs/{job}"))?;
        let state = answer["state"].as_str();
        Ok(state.context("a job without a state")?.to_owned())
    }

    /// How many checkpoints of a job are complete.
    ///
    /// # Errors
    /// When the job is not known.
    pub fn completed_checkpoints(&self, job: &JobId) -> Result<u64> {
        let answer = self.get(&format!("/jobs/{job}/checkpoints"))?;
        Ok(answer["counts"]["completed"].as_u64().unwrap_or(0))
    }

    /// How often a job was restarted: the highest attempt of any of its tasks.
    ///
    /// # Errors
    /// When the job is not known.
    pub fn restarts(&self, job: &JobId) -> Result<u64> {
        let told = self.get(&format!("/jobs/{job}"))?;
        let mut highest = 0;
        for vertex in told["vertices"].as_array().into_iter().flatten() {
            let id = vertex["id"].as_str().context("a vertex without an id")?;
            let told = self.get(&format!("/jobs/{job}/vertices/{id}"))?;
            let subtasks = told["subtasks"].as_array().into_iter().flatten();
            let attempts = subtasks.filter_map(|subtask| subtask["attempt"].as_u64());
            highest = attempts.fold(highest, u64::max);
        }
        Ok(highest)
    }

    /// Uploads a jar; its id.
    ///
    /// # Errors
    /// When the JobManager does not take it.
    pub fn upload(&self, jar: &Path) -> Result<String> {
        const BOUNDARY: &str = "--------flinkmem-lab";
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"jobs.jar\"\r\n\
             Content-Type: application/x-java-archive\r\n\r\n"
        );
        let mut body = head.into_bytes();
        body.extend(std::fs::read(jar)?);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
        let url = format!("{}/jars/upload", self.base);
        let content = format!("multipart/form-data; boundary={BOUNDARY}");
        let request = self.agent.post(&url).header("Content-Type", &content);
        let mut response = request.send(&body[..]).with_context(|| url.clone())?;
        let answer: Value = response.body_mut().read_json().context(url)?;
        let path = answer["filename"].as_str().context("no file name")?;
        Ok(path.rsplit('/').next().unwrap_or(path).to_owned())
    }

    /// Runs the main class of an uploaded jar in the JobManager, and submits what it defines.
    ///
    /// # Errors
    /// When the JobManager refuses.
    pub fn run(&self, jar: &str, main_class: &str, arguments: &[&str]) -> Result<JobId> {
        let url = format!("{}/jars/{jar}/run", self.base);
        let request = json!({"entryClass": main_class, "programArgsList": arguments});
        let response = self.agent.post(&url).send_json(request);
        let mut response = response.with_context(|| url.clone())?;
        let answer: Value = response.body_mut().read_json().context(url)?;
        let id = answer["jobid"].as_str().context("a job without an id")?;
        Ok(JobId(id.to_owned()))
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// When the job is not known.
    pub fn cancel(&self, job: &JobId) -> Result<()> {
        let url = format!("{}/jobs/{job}?mode=cancel", self.base);
        self.agent.patch(&url).send_empty().context(url)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::JobId;

    #[test]
    fn the_id_is_found_in_what_the_client_prints() {
        let id = "0123456789abcdef0123456789abcdef";
        let output = format!("Job has been submitted with JobID {id}\n");
        let found = JobId::in_client_output(&output).map(|job| job.to_string());
        assert_eq!(found.as_deref(), Some(id));
        assert_eq!(JobId::in_client_output("The program finished"), None);
    }
}
