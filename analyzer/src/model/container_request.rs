//! What a resource manager is asked for.

use super::changes::Behaviour;
use super::java_number::parse_double;
use super::memory_size::MemorySize;
use super::options::{FlinkOption, jm, tm};
use super::question::{Process, Question};
use serde::Serialize;

/// A container's memory, whole mebibytes: what the process size has beyond them is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ContainerRequest {
    /// Kubernetes' request; YARN's scheduler may round it up.
    pub request_mib: u64,
    /// Kubernetes' limit: the request times the limit factor (1.15 and later).
    pub limit_mib: u64,
}

impl ContainerRequest {
    /// The request for a process of `size`; none if the limit factor is no number.
    #[must_use]
    pub fn of(question: &Question, size: MemorySize) -> Option<Self> {
        let request_mib = size.mebibytes();
        let option = match question.process {
            Process::TaskManager => tm::KUBERNETES_LIMIT_FACTOR,
            Process::JobManager => jm::KUBERNETES_LIMIT_FACTOR,
        };
        let factor = limit_factor(question, &option)?;
        Some(Self {
            request_mib,
            limit_mib: times(request_mib, factor),
        })
    }
}

fn limit_factor(question: &Question, option: &FlinkOption) -> Option<f64> {
    let setting = question.settings.get(option.key);
    match setting {
        Some(setting) if Behaviour::of(question.version).limit_factor => {
            parse_double(&setting.value.to_string())
        }
        _ => Some(1.0),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Flink cuts to an integer; saturating is right for absurd factors"
)]
fn times(mebibytes: u64, factor: f64) -> u64 {
    (mebibytes as f64 * factor) as u64
}
