//! The model before 1.10 (TaskManager) and 1.11 (JobManager).
//!
//! Standalone processes were sized by a shell script in whole mebibytes ([`shell`]), containers by cutting a share off
//! for everything that is not heap ([`container`]). Neither knew metaspace or overhead.

mod container;
mod shell;
mod shell_size;

pub use container::ContainerModel;
pub use shell::ShellModel;

use super::question::{Deployment, Model, Process, Question};
use super::reader::Reader;
use super::refusal::Refusal;

pub(crate) fn derive(reader: &Reader<'_>, question: &Question) -> Result<Model, Refusal> {
    Ok(match (question.deployment, question.process) {
        (Deployment::Container, process) => {
            Model::Container(container::derive(reader, process, question.container_mb)?)
        }
        (_, Process::TaskManager) => {
            Model::Shell(shell::task_manager(reader, &question.environment)?)
        }
        (_, Process::JobManager) => {
            Model::Shell(shell::job_manager(reader, &question.environment)?)
        }
    })
}
