//! Processes in containers: a cut-off is kept for everything that is not heap, and the rest is divided.
//!
//! Flink computed with 32-bit floats here, and so does this.

use crate::model::java_number::{java_trim, parse_float};
use crate::model::memory_size::MemorySize;
use crate::model::options::{FlinkOption, before_1_10, jm, tm};
use crate::model::question::Process;
use crate::model::reader::Reader;
use crate::model::refusal::Refusal;
use crate::model::segment::{check_segment, invalid};
use serde::Serialize;

/// A container's division, in mebibytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ContainerModel {
    /// Kept from the heap, for everything that no limit covers.
    pub cutoff_mb: u64,
    /// `-Xmx`.
    pub heap_mb: u64,
    /// `-XX:MaxDirectMemorySize`; a JobManager has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_limit_mb: Option<u64>,
}

impl ContainerModel {
    /// The JVM arguments that Flink uses.
    #[must_use]
    pub fn jvm_args(&self) -> String {
        let heap = self.heap_mb;
        let direct = self.direct_limit_mb;
        let direct =
            direct.map_or_else(String::new, |mb| format!(" -XX:MaxDirectMemorySize={mb}m"));
        format!("-Xms{heap}m -Xmx{heap}m{direct}")
    }
}

/// The start scripts' default for a container that nobody sized.
const DEFAULT_CONTAINER_MB: u64 = 1024;

pub(super) fn derive(
    reader: &Reader<'_>,
    process: Process,
    container_mb: Option<u64>,
) -> Result<ContainerModel, Refusal> {
    let container = match container_mb {
        Some(container) => container,
        None => configured_mb(reader, process)?,
    };
    let cutoff = cutoff_mb(reader, container)?;
    let jvm = container.saturating_sub(cutoff);
    if process == Process::JobManager {
        return Ok(ContainerModel {
            cutoff_mb: cutoff,
            heap_mb: jvm,
            direct_limit_mb: None,
        });
    }
    let heap = task_manager_heap(reader, jvm)? >> 20;
    Ok(ContainerModel {
        cutoff_mb: cutoff,
        heap_mb: heap,
        direct_limit_mb: Some(container.saturating_sub(heap)),
    })
}

/// The container's size from the legacy heap options.
fn configured_mb(reader: &Reader<'_>, process: Process) -> Result<u64, Refusal> {
    let (size, mebibytes) = match process {
        Process::TaskManager => (tm::LEGACY_HEAP, tm::LEGACY_HEAP_MB),
        Process::JobManager => (jm::LEGACY_HEAP, jm::LEGACY_HEAP_MB),
    };
    if let Some(size) = reader.size(&size)? {
        return Ok(size.mebibytes());
    }
    let mebibytes = reader.int(&mebibytes)?;
    Ok(mebibytes
        .and_then(|mb| u64::try_from(mb).ok())
        .unwrap_or(DEFAULT_CONTAINER_MB))
}

fn cutoff_mb(reader: &Reader<'_>, container: u64) -> Result<u64, Refusal> {
    let ratio = float(reader, &before_1_10::CUTOFF_RATIO);
    let is_share = ratio > 0.0 && ratio < 1.0;
    if !is_share {
        let key = before_1_10::CUTOFF_RATIO.key;
        return Err(Refusal::argument(format!(
            "The configuration value '{key}' must be between 0 and 1. Value given={}",
            java_float(ratio)
        ))
        .about(&[key]));
    }
    let key = before_1_10::CUTOFF_MIN.key;
    let min = text_of(reader, &before_1_10::CUTOFF_MIN);
    let min: i64 = min.parse().unwrap_or(600);
    let min_mb = u64::try_from(min).unwrap_or_default();
    if min_mb >= container {
        return Err(Refusal::argument(format!(
            "The configuration value '{key}'='{min}' is larger than the total container memory {container}"
        ))
        .about(&[key]));
    }
    Ok(truncated(container as f32 * ratio).max(min_mb))
}

/// What network buffers, and managed memory off the heap, leave of the JVM's memory, bytes.
fn task_manager_heap(reader: &Reader<'_>, jvm_mb: u64) -> Result<u64, Refusal> {
    let total = jvm_mb << 20;
    let network = network(reader, total)?;
    let rest = total.saturating_sub(network);
    let is_off_heap = text_of(reader, &before_1_10::OFF_HEAP).eq_ignore_ascii_case("true");
    if !is_off_heap {
        return Ok(rest);
    }
    let managed = managed(reader, rest)?;
    if managed >= rest {
        let reason = format!(
            "Managed memory size too large for {} MB network buffer memory and a total of {jvm_mb} MB JVM memory",
            network >> 20
        );
        return Err(invalid(
            before_1_10::MANAGED.key,
            &managed.to_string(),
            &reason,
        ));
    }
    Ok(rest - managed)
}

fn managed(reader: &Reader<'_>, rest: u64) -> Result<u64, Refusal> {
    let text = text_of(reader, &before_1_10::MANAGED);
    let is_set = !matches!(text.as_str(), "" | "0");
    if is_set {
        let has_unit = java_trim(&text).bytes().any(|byte| !byte.is_ascii_digit());
        let with_unit = if has_unit { text } else { format!("{text}m") };
        return MemorySize::parse(&with_unit).map(MemorySize::bytes);
    }
    let fraction = float(reader, &before_1_10::MANAGED_FRACTION);
    Ok(truncated(fraction * rest as f32))
}

fn network(reader: &Reader<'_>, total: u64) -> Result<u64, Refusal> {
    let page = u64::from(check_segment(size(reader, &tm::SEGMENT)?)?.unsigned_abs());
    let newer = [
        before_1_10::NETWORK_FRACTION,
        before_1_10::NETWORK_MIN,
        before_1_10::NETWORK_MAX,
    ];
    let is_newer = newer.iter().any(|option| reader.settings.has(option));
    if !is_newer && reader.settings.has(&before_1_10::NUMBER_OF_BUFFERS) {
        return network_from_buffers(reader, page, total);
    }
    let fraction = float(reader, &before_1_10::NETWORK_FRACTION);
    let min = size(reader, &before_1_10::NETWORK_MIN)?.bytes();
    let max = size(reader, &before_1_10::NETWORK_MAX)?.bytes();
    check_network(fraction, min, max, page)?;
    let share = truncated(total as f32 * fraction);
    let network = max.min(min.max(share));
    if network >= total {
        let keys = format!(
            "({}, {}, {})",
            before_1_10::NETWORK_FRACTION.key,
            before_1_10::NETWORK_MIN.key,
            before_1_10::NETWORK_MAX.key
        );
        let values = format!("({}, {min}, {max})", java_float(fraction));
        let reason = format!(
            "Network buffer memory size too large: {network} >= {total} (maximum JVM memory size)"
        );
        return Err(invalid(&keys, &values, &reason));
    }
    Ok(network)
}

fn network_from_buffers(reader: &Reader<'_>, page: u64, total: u64) -> Result<u64, Refusal> {
    let key = before_1_10::NUMBER_OF_BUFFERS.key;
    let buffers: i32 = text_of(reader, &before_1_10::NUMBER_OF_BUFFERS)
        .parse()
        .unwrap_or(2048);
    let count = u64::try_from(buffers).ok().filter(|count| *count > 0);
    let Some(count) = count else {
        return Err(invalid(
            key,
            &buffers.to_string(),
            "Must have at least one network buffer",
        ));
    };
    let network = count.saturating_mul(page);
    if network >= total {
        let reason = format!(
            "Network buffer memory size too large: {network} >= {total} (total JVM memory size)"
        );
        return Err(invalid(key, &network.to_string(), &reason));
    }
    Ok(network)
}

fn check_network(fraction: f32, min: u64, max: u64, page: u64) -> Result<(), Refusal> {
    let one_buffer = "memory for network buffers must allow at least one network buffer with respect to the memory segment size";
    let (key, value, reason) = if fraction <= 0.0 || fraction >= 1.0 {
        let reason =
            "Network buffer memory fraction of the free memory must be between 0.0 and 1.0";
        (
            before_1_10::NETWORK_FRACTION,
            java_float(fraction),
            reason.to_owned(),
        )
    } else if min < page {
        (
            before_1_10::NETWORK_MIN,
            min.to_string(),
            format!("Minimum {one_buffer}"),
        )
    } else if max < page {
        (
            before_1_10::NETWORK_MAX,
            max.to_string(),
            format!("Maximum {one_buffer}"),
        )
    } else if max < min {
        let key = before_1_10::NETWORK_MAX.key;
        let reason = format!(
            "Maximum memory for network buffers must not be smaller than minimum memory ({key}: {min})"
        );
        (before_1_10::NETWORK_MAX, max.to_string(), reason)
    } else {
        return Ok(());
    };
    Err(invalid(key.key, &value, &reason))
}

fn text_of(reader: &Reader<'_>, option: &FlinkOption) -> String {
    let setting = reader.settings.get(option.key);
    setting.map_or_else(
        || option.default.unwrap_or_default().to_owned(),
        |setting| setting.value.to_string(),
    )
}

fn size(reader: &Reader<'_>, option: &FlinkOption) -> Result<MemorySize, Refusal> {
    MemorySize::parse(&text_of(reader, option)).map_err(|refusal| refusal.about(&[option.key]))
}

/// A float; what is none silently becomes the default.
fn float(reader: &Reader<'_>, option: &FlinkOption) -> f32 {
    let default = option.default.and_then(parse_float).unwrap_or_default();
    narrow(parse_float(&text_of(reader, option)).unwrap_or(default))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the double was widened from a float"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// Java's cast of a float to a long, for what is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates as Java's cast does; less than nothing is nothing"
)]
fn truncated(value: f32) -> u64 {
    value as u64
}

/// As Java's `Float.toString` prints it, for values of the size of a share.
fn java_float(value: f32) -> String {
    format!("{value:?}")
}
