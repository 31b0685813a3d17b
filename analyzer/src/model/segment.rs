//! The size of a page of managed memory, which is also that of a network buffer.

use super::memory_size::MemorySize;
use super::options::tm;
use super::reader::Reader;
use super::refusal::Refusal;

/// The smallest page.
const MIN_SEGMENT: u64 = 4096;

/// The page size, checked as Flink checks it.
pub(crate) fn segment_size(reader: &Reader<'_>) -> Result<i32, Refusal> {
    let (size, _) = reader.size_or_default(&tm::SEGMENT)?;
    check_segment(size)
}

pub(crate) fn check_segment(size: MemorySize) -> Result<i32, Refusal> {
    let bytes = size.bytes();
    let page = i32::try_from(bytes).map_err(|_| {
        Refusal::argument(format!("Cannot downcast long value {bytes} to integer."))
            .about(&[tm::SEGMENT.key])
    })?;
    if bytes < MIN_SEGMENT {
        let reason = format!("Minimum memory segment size is {MIN_SEGMENT}");
        return Err(invalid(tm::SEGMENT.key, &bytes.to_string(), &reason));
    }
    if !bytes.is_power_of_two() {
        return Err(invalid(
            tm::SEGMENT.key,
            &bytes.to_string(),
            "Memory segment size must be a power of 2.",
        ));
    }
    Ok(page)
}

/// Flink's form of a value out of range.
pub(crate) fn invalid(key: &str, value: &str, reason: &str) -> Refusal {
    Refusal::configuration(format!(
        "Invalid configuration value for {key} : {value} - {reason}"
    ))
    .about(&[key])
}
