//! How long a peer waits for a heartbeat.

use crate::case::Case;

/// Flink's default of `heartbeat.timeout`.
pub(super) const DEFAULT_MS: u64 = 50_000;

/// `heartbeat.timeout` as a log's head tells it; `None` where none does.
pub(super) fn configured_ms(case: &Case) -> Option<u64> {
    let of_sources = case
        .sources
        .iter()
        .map(|source| &source.observed.configured);
    let mut all = std::iter::once(&case.observed.configured).chain(of_sources);
    let setting = all.find_map(|configured| configured.get("heartbeat.timeout"))?;
    milliseconds(&setting.value.to_string())
}

/// A duration as Flink reads it: `50000`, `50 s`, `1min`.
fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn durations_are_read_as_flink_reads_them() {
        let read = ["50000", "50 s", "3s", "1 min", "soon", ""].map(milliseconds);
        assert_eq!(
            read,
            [
                Some(50_000),
                Some(50_000),
                Some(3_000),
                Some(60_000),
                None,
                None
            ]
        );
    }
}
