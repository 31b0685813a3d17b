//! Processes sized by the start scripts, in bash and awk, in whole mebibytes.

use super::shell_size::{self, ShellSize};
use crate::model::java_number::{java_trim, parse_double};
use crate::model::options::{FlinkOption, before_1_10, jm, tm};
use crate::model::question::{Environment, Process};
use crate::model::reader::Reader;
use crate::model::refusal::Refusal;
use serde::Serialize;
use std::fmt;

/// What the script passes to the JVM. It says nothing about metaspace, and next to nothing about direct memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShellModel {
    /// Heap, mebibytes; absent where the script sets none or fails to compute it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap_mb: Option<u64>,
    /// The JVM arguments.
    pub jvm_args: String,
}

const JOB_MANAGER_ERROR: &str = "[ERROR] Configured JobManager memory size is not a valid value. \
Please set 'jobmanager.heap.size' in flink-conf.yaml.";
const TASK_MANAGER_ERROR: &str = "[ERROR] Configured TaskManager JVM heap size is not a number. \
Please set 'taskmanager.heap.size' in flink-conf.yaml.";
/// What bash says when the script shifts the word `[ERROR]` by 20 bits.
const BASH_ERROR: &str = "config.sh: line 266: [ERROR] >> 20: syntax error: operand expected (error token is \"[ERROR] >> 20\")";

/// The script gives up: `complaint`, and whatever bash printed before it.
fn give_up(complaint: &str, size: ShellSize, text: &str) -> Refusal {
    let number: String = java_trim(text)
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let bash = match size {
        ShellSize::BadOctal => format!(
            "\nconfig.sh: line 236: ((: result={number}: value too great for base (error token is \"{number}\")\n{BASH_ERROR}"
        ),
        _ => format!("\n{BASH_ERROR}"),
    };
    Refusal::shell(format!("{complaint}{bash}"))
}

/// The legacy heap, mebibytes.
fn total_mb(
    reader: &Reader<'_>,
    process: Process,
    environment: &Environment,
) -> Result<u64, Refusal> {
    let (size, mebibytes, complaint) = match process {
        Process::TaskManager => (tm::LEGACY_HEAP, tm::LEGACY_HEAP_MB, TASK_MANAGER_ERROR),
        Process::JobManager => (jm::LEGACY_HEAP, jm::LEGACY_HEAP_MB, JOB_MANAGER_ERROR),
    };
    let text = environment
        .legacy_heap(process)
        .map(|(_, text)| text.to_owned())
        .or_else(|| text_of(reader, &size));
    if let Some(text) = text {
        let parsed = shell_size::parse(&text);
        return match parsed {
            ShellSize::Bytes(bytes) => Ok(bytes >> 20),
            _ => Err(give_up(complaint, parsed, &text).about(&[size.key])),
        };
    }
    let text = text_of(reader, &mebibytes).unwrap_or_default();
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number {
        let hint = format!(
            "used deprecated key `{}`, please replace with key `{}`\n{complaint}",
            mebibytes.key, size.key
        );
        return Err(Refusal::shell(hint).about(&[mebibytes.key]));
    }
    Ok(text.parse().unwrap_or_default())
}

fn text_of(reader: &Reader<'_>, option: &FlinkOption) -> Option<String> {
    reader
        .settings
        .get(option.key)
        .map(|setting| setting.value.to_string())
}

pub(super) fn job_manager(
    reader: &Reader<'_>,
    environment: &Environment,
) -> Result<ShellModel, Refusal> {
    let heap = total_mb(reader, Process::JobManager, environment)?;
    if heap == 0 {
        return Ok(ShellModel {
            heap_mb: None,
            jvm_args: String::new(),
        });
    }
    Ok(ShellModel {
        heap_mb: Some(heap),
        jvm_args: format!("-Xms{heap}m -Xmx{heap}m"),
    })
}

pub(super) fn task_manager(
    reader: &Reader<'_>,
    environment: &Environment,
) -> Result<ShellModel, Refusal> {
    let total = total_mb(reader, Process::TaskManager, environment)?;
    let collector = match is_true(reader, &before_1_10::PREALLOCATE) {
        true => "",
        false => "-XX:+UseG1GC ",
    };
    if total == 0 {
        return Ok(ShellModel {
            heap_mb: None,
            jvm_args: collector.trim_end().to_owned(),
        });
    }
    let heap = task_manager_heap(reader, total);
    let jvm_args = match &heap {
        // The message has more lines, and the first ends the command.
        HeapWord::FractionError(message) => format!("{collector}-Xms{message}"),
        _ => format!("{collector}-Xms{heap}M -Xmx{heap}M -XX:MaxDirectMemorySize=8388607T"),
    };
    let heap_mb = match heap {
        HeapWord::Mebibytes(heap) => Some(heap),
        _ => None,
    };
    Ok(ShellModel { heap_mb, jvm_args })
}

/// What the script puts behind `-Xms` and `-Xmx`. Its own checks run in a sub-shell, so an error does not stop it: the
/// words of the error, or nothing, end up on the command line.
enum HeapWord {
    Mebibytes(u64),
    Nothing,
    SizeError(String),
    FractionError(String),
}

impl fmt::Display for HeapWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mebibytes(heap) => write!(f, "{heap}"),
            Self::Nothing => Ok(()),
            Self::SizeError(message) | Self::FractionError(message) => f.write_str(message),
        }
    }
}

/// What network buffers and off-heap managed memory leave to the heap.
fn task_manager_heap(reader: &Reader<'_>, total: u64) -> HeapWord {
    let Some(network) = network_bytes(reader, total).map(|bytes| bytes >> 20) else {
        return HeapWord::Nothing;
    };
    let rest = total.saturating_sub(network);
    if !is_true(reader, &before_1_10::OFF_HEAP) {
        return HeapWord::Mebibytes(rest);
    }
    match managed_mb(reader) {
        0 => {
            let fraction = awk_number(reader, &before_1_10::MANAGED_FRACTION);
            if !is_share(fraction) {
                let text = text_of(reader, &before_1_10::MANAGED_FRACTION).unwrap_or_default();
                return HeapWord::FractionError(format!(
                    "[ERROR] Configured TaskManager managed memory fraction '{text}' is not a valid value."
                ));
            }
            HeapWord::Mebibytes(rest.saturating_sub(rounded(rest as f64 * fraction)))
        }
        managed if managed >= rest => HeapWord::SizeError(format!(
            "[ERROR] Remaining TaskManager memory size ({rest} MB, from: '{}' ({total} MB) minus network buffer memory size \
             ({network} MB, from: '{}', '{}', '{}', and '{}')) must be larger than the managed memory size ({managed} MB, from: '{}').",
            tm::LEGACY_HEAP.key,
            before_1_10::NETWORK_FRACTION.key,
            before_1_10::NETWORK_MIN.key,
            before_1_10::NETWORK_MAX.key,
            before_1_10::NUMBER_OF_BUFFERS.key,
            before_1_10::MANAGED.key,
        )),
        managed => HeapWord::Mebibytes(rest - managed),
    }
}

fn is_share(fraction: f64) -> bool {
    fraction > 0.0 && fraction < 1.0
}

/// Managed memory, mebibytes if it has no unit.
fn managed_mb(reader: &Reader<'_>) -> u64 {
    let text = text_of(reader, &before_1_10::MANAGED).unwrap_or_default();
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if only_digits {
        format!("{text}m")
    } else {
        text
    };
    match shell_size::parse(&text) {
        ShellSize::Bytes(bytes) => bytes >> 20,
        _ => 0,
    }
}

fn network_bytes(reader: &Reader<'_>, total: u64) -> Option<u64> {
    let bound = |option: &FlinkOption| {
        // A quirk of the script: the number of buffers, where it is set, is taken for bytes, and for both bounds.
        let text = text_of(reader, &before_1_10::NUMBER_OF_BUFFERS)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .or_else(|| text_of(reader, option))
            .or_else(|| option.default.map(str::to_owned))
            .unwrap_or_default();
        match shell_size::parse(&text) {
            ShellSize::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    };
    let (min, max) = (
        bound(&before_1_10::NETWORK_MIN)?,
        bound(&before_1_10::NETWORK_MAX)?,
    );
    if min == max {
        return Some(min);
    }
    let fraction = awk_number(reader, &before_1_10::NETWORK_FRACTION);
    if min > max || !is_share(fraction) {
        return None;
    }
    let share = rounded((total << 20) as f64 * fraction);
    Some(share.clamp(min, max))
}

fn awk_number(reader: &Reader<'_>, option: &FlinkOption) -> f64 {
    let text = text_of(reader, option).or_else(|| option.default.map(str::to_owned));
    text.and_then(|text| parse_double(&text))
        .unwrap_or_default()
}

/// awk's `%.0f`: halves go to the even neighbour.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturating is what is wanted of absurd sizes, and none is negative"
)]
fn rounded(value: f64) -> u64 {
    value.round_ties_even() as u64
}

fn is_true(reader: &Reader<'_>, option: &FlinkOption) -> bool {
    text_of(reader, option).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}
