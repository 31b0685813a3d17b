//! The beginning of a log line: time, level, logger. Layouts of log4j and logback as Flink configures them, of the JVM's unified logging, and of
//! whatever else begins with a date. Whoever reads logs, for their facts ([`crate::lines`]) or for a configuration ([`crate::configuration`]), takes
//! lines apart with this.

use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// A line taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout<'a> {
    /// Wall clock, milliseconds since the epoch; a time without a zone is taken for UTC.
    pub t_ms: Option<i64>,
    /// The class that logs; absent where the layout has none.
    pub logger: Option<&'a str>,
    /// What it says.
    pub message: &'a str,
}

const LEVELS: [&str; 6] = ["INFO", "WARN", "ERROR", "DEBUG", "TRACE", "FATAL"];

/// Takes a line apart. A line of no known layout is all message.
#[must_use]
pub fn layout(line: &str) -> Layout<'_> {
    let (t_ms, rest) = match stamp(line) {
        Some((t_ms, rest)) => (Some(t_ms), rest),
        None => (None, line),
    };
    match logged(rest) {
        Some((logger, message)) => Layout {
            t_ms,
            logger,
            message,
        },
        None => Layout {
            t_ms,
            logger: None,
            message: rest.trim_start_matches([' ', ':']),
        },
    }
}

/// Whether a line begins with a date: it then begins a record, and is no part of a stack.
#[must_use]
pub fn begins_record(line: &str) -> bool {
    stamp(line).is_some()
}

/// `INFO  org.apache.flink.Foo [] - message`, `[main] INFO  o.a.f.Foo - message`: what stands behind the first dash after a level.
fn logged(rest: &str) -> Option<(Option<&str>, &str)> {
    let (head, message) = rest.split_once(" - ")?;
    let mut words = head.split_ascii_whitespace();
    words.by_ref().find(|word| LEVELS.contains(word))?;
    let logger = words.find(|word| word.contains('.') && !word.starts_with('['));
    Some((logger, message))
}

/// A date and time at the begin, in brackets or not, and what follows.
fn stamp(line: &str) -> Option<(i64, &str)> {
    let (text, in_brackets) = match line.strip_prefix('[') {
        Some(text) => (text, true),
        None => (line, false),
    };
    let bytes = text.as_bytes();
    let is_shape = |index: usize, shape: &[u8]| bytes.get(index).is_some_and(|b| shape.contains(b));
    let separators = is_shape(4, b"-/")
        && is_shape(7, b"-/")
        && is_shape(10, b" T")
        && is_shape(13, b":")
        && is_shape(16, b":");
    if !separators {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let part = |from: usize| number(from, from + 2).and_then(|n| i8::try_from(n).ok());
    let date = Date::new(number(0, 4)?, part(5)?, part(8)?).ok()?;
    let rest = text.get(19..)?;
    let (nanos, rest) = fraction(rest);
    let time = Time::new(part(11)?, part(14)?, part(17)?, nanos).ok()?;
    let (offset, rest) = zone(rest);
    let rest = match in_brackets {
        true => rest.strip_prefix(']').unwrap_or(rest),
        false => rest,
    };
    let at = offset.to_timestamp(date.to_datetime(time)).ok()?;
    Some((at.as_millisecond(), rest))
}

/// `,123` or `.123456`.
fn fraction(rest: &str) -> (i32, &str) {
    let Some(digits) = rest.strip_prefix([',', '.']) else {
        return (0, rest);
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(end);
    let millis: i32 = digits.get(..3).and_then(|ms| ms.parse().ok()).unwrap_or(0);
    (millis * 1_000_000, rest)
}

/// `Z`, `+0100` or `+01:00`; UTC where there is none.
fn zone(rest: &str) -> (Offset, &str) {
    if let Some(rest) = rest.strip_prefix('Z') {
        return (Offset::UTC, rest);
    }
    let parsed = (|| {
        let sign = match rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let hours: i32 = rest.get(1..3)?.parse().ok()?;
        let colon = usize::from(rest.as_bytes().get(3) == Some(&b':'));
        let minutes: i32 = rest.get(3 + colon..5 + colon)?.parse().ok()?;
        let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
        Some((offset, rest.get(5 + colon..)?))
    })();
    parsed.unwrap_or((Offset::UTC, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::rfc3339;

    fn at(line: &str) -> Option<String> {
        layout(line).t_ms.map(rfc3339)
    }

    #[test]
    fn log4j_and_logback() {
        let log4j = layout(
            "2026-11-20 17:15:42,392 WARN  org.apache.flink.runtime.taskmanager.Task                    [] - Map (1/1)#0 switched - twice",
        );
        assert_eq!(
            log4j.logger,
            Some("org.apache.flink.runtime.taskmanager.Task")
        );
        assert_eq!(log4j.message, "Map (1/1)#0 switched - twice");
        let logback = layout(
            "2026-11-20 17:15:42.392 [main] INFO  o.a.f.r.taskexecutor.TaskManagerRunner  -    -Xmx1",
        );
        assert_eq!(
            logback.logger,
            Some("o.a.f.r.taskexecutor.TaskManagerRunner")
        );
        assert_eq!(logback.message, "   -Xmx1");
        let old = layout(
            "2020-03-03 12:00:00,123 INFO  org.apache.flink.yarn.YarnTaskExecutorRunner                  -  JVM Options:",
        );
        assert_eq!(old.message, " JVM Options:");
    }

    #[test]
    fn times_with_and_without_a_zone() {
        let utc = Some("2026-11-20T17:15:42.392Z".to_owned());
        assert_eq!(at("2026-11-20 17:15:42,392 x"), utc);
        assert_eq!(at("[2026-11-20T18:15:42.392+0100][12.3s][info][gc] x"), utc);
        assert_eq!(at("2026-11-20T17:15:42.392345Z stdout F x"), utc);
        assert_eq!(at("2026-13-40 17:15:42,392 x"), None);
        assert_eq!(at("[12.3s] x"), None);
    }
}
