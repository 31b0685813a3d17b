//! Bytes, rates, durations and times as people read them. How Flink reads and writes sizes is
//! [`crate::model::MemorySize`]'s business.

use jiff::Timestamp;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Bytes with a binary unit and three or more digits: `87.5 MiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let (factor, unit) = match bytes {
        0..KIB => return format!("{bytes} B"),
        KIB..MIB => (KIB, "KiB"),
        MIB..GIB => (MIB, "MiB"),
        GIB.. => (GIB, "GiB"),
    };
    let value = bytes as f64 / factor as f64;
    let digits = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {unit}")
}

/// Bytes of a computed value; what is not a size is 0.
#[must_use]
pub fn to_bytes(value: f64) -> u64 {
    // A cast from float saturates and takes NaN for 0, which is what is wanted.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    {
        value.max(0.0).round() as u64
    }
}

/// Bytes a second, in the unit of time that gives a readable figure: `1.2 MiB/min`.
#[must_use]
pub fn rate(bytes_per_s: f64) -> String {
    let (factor, unit) = if bytes_per_s >= MIB as f64 {
        (1.0, "s")
    } else if bytes_per_s * 60.0 >= MIB as f64 / 4.0 {
        (60.0, "min")
    } else {
        (3600.0, "h")
    };
    format!("{}/{unit}", bytes(to_bytes(bytes_per_s * factor)))
}

/// How fast, with the bounds that hold with 95 % where they differ from it: `3.0 MiB/s (95 %: 2.8 MiB/s to 3.2 MiB/s)`.
#[must_use]
pub fn rate_within(bytes_per_s: f64, low: f64, high: f64) -> String {
    let [about, low, high] = [bytes_per_s, low, high].map(rate);
    if low == about && high == about {
        about
    } else {
        format!("{about} (95 %: {low} to {high})")
    }
}

/// A number of things: `1 job`, `2 jobs`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// That something happened so often in all, the last time then: `, 12 times until 03:37:11Z`. Nothing where it happened once.
#[must_use]
pub fn and_again(times: u64, last_ms: i64) -> String {
    if times > 1 {
        format!(", {times} times until {}", time_of_day(last_ms))
    } else {
        String::new()
    }
}

/// A duration in its two largest units: `2 h 14 min`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    let s = to_bytes(seconds);
    match s {
        0..10 => format!("{seconds:.1} s"),
        10..120 => format!("{s} s"),
        120..7_200 => format!("{} min", (s + 30) / 60),
        7_200..172_800 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// A stretch of durations, the unit once where both have the same: `11 to 19 min`.
#[must_use]
pub fn duration_range(shortest_s: f64, longest_s: f64) -> String {
    let (shortest, longest) = (duration(shortest_s), duration(longest_s));
    let unit = |text: &str| text.split_once(' ').map(|(_, unit)| unit.to_owned());
    if shortest == longest {
        return shortest;
    }
    match shortest.split_once(' ') {
        Some((figure, of)) if Some(of) == unit(&longest).as_deref() => {
            format!("{figure} to {longest}")
        }
        _ => format!("{shortest} to {longest}"),
    }
}

/// A wall-clock time in milliseconds as RFC 3339, UTC, to the millisecond.
#[must_use]
pub fn rfc3339(t_ms: i64) -> String {
    Timestamp::from_millisecond(t_ms).map_or_else(|_| format!("{t_ms} ms"), |t| format!("{t:.3}"))
}

/// The time of day of a wall-clock time, UTC, to the second.
#[must_use]
pub fn time_of_day(t_ms: i64) -> String {
    Timestamp::from_millisecond(t_ms).map_or_else(
        |_| format!("{t_ms} ms"),
        |t| t.strftime("%H:%M:%SZ").to_string(),
    )
}

/// Day and time of a wall-clock time, UTC, to the second.
#[must_use]
pub fn day_and_time(t_ms: i64) -> String {
    Timestamp::from_millisecond(t_ms).map_or_else(
        |_| format!("{t_ms} ms"),
        |t| t.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}

/// The next multiple of `step` at or above a number of bytes.
#[must_use]
pub fn round_up(bytes: u64, step: u64) -> u64 {
    bytes.checked_next_multiple_of(step).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1536), "1.50 KiB");
        assert_eq!(bytes(213_070_644), "203 MiB");
        assert_eq!(bytes(10 * MIB), "10.0 MiB");
        assert_eq!(bytes(2 * GIB), "2.00 GiB");
    }

    #[test]
    fn rates_pick_a_readable_unit_of_time() {
        assert_eq!(rate(3.0 * MIB as f64), "3.00 MiB/s");
        assert_eq!(rate(100_000.0), "5.72 MiB/min");
        assert_eq!(rate(100.0), "352 KiB/h");
    }

    #[test]
    fn a_rate_without_spread_is_told_once() {
        let mib = MIB as f64;
        assert_eq!(rate_within(mib, mib, mib), "1.00 MiB/s");
        let wide = rate_within(2.0 * mib, mib, 3.0 * mib);
        assert_eq!(wide, "2.00 MiB/s (95 %: 1.00 MiB/s to 3.00 MiB/s)");
    }

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!(
            [0, 1, 2].map(|n| counted(n, "job")),
            ["0 jobs", "1 job", "2 jobs"]
        );
    }

    #[test]
    fn durations_have_at_most_two_units() {
        assert_eq!(duration(4.25), "4.2 s");
        assert_eq!(duration(90.0), "90 s");
        assert_eq!(duration(840.0), "14 min");
        assert_eq!(duration(8_070.0), "2 h 14 min");
        assert_eq!(duration(200_000.0), "2 d 7 h");
        assert_eq!(duration_range(660.0, 1140.0), "11 to 19 min");
        assert_eq!(duration_range(90.0, 1140.0), "90 s to 19 min");
        assert_eq!(duration_range(3000.0, 3001.0), "50 min");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(rfc3339(1_767_225_600_123), "2026-01-01T00:00:00.123Z");
        assert_eq!(time_of_day(1_767_229_261_000), "01:01:01Z");
        assert_eq!(rfc3339(i64::MAX), "9223372036854775807 ms");
    }
}
