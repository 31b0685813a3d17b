//! How the limit on direct memory was met: slow paths, errors, and what the JVM said.

use super::{Account, Case};
use flinkmem_trace::{Event, EventKind, Frame, Incident, IncidentKind};

/// Every time that the limit on direct memory was met.
#[derive(Debug, Default)]
pub struct DirectErrors<'a> {
    /// Errors that reached Java code, as far as they were written down.
    pub errors: Vec<DirectError<'a>>,
    /// Errors in all, those that were only counted included.
    pub error_count: u64,
    /// Reservations that did not fit at once, as far as they were written down.
    pub slow_paths: Vec<&'a Incident>,
    /// The same in all.
    pub slow_path_count: u64,
    /// When slow paths ended well, for a collection made room; milliseconds since the agent started.
    pub succeeded_ms: Vec<u64>,
}

/// One `OutOfMemoryError` for direct memory.
#[derive(Debug, Clone, Copy)]
pub struct DirectError<'a> {
    /// The record.
    pub incident: &'a Incident,
    /// The JVM's words.
    pub message: Option<&'a str>,
    /// Bytes that were asked for.
    pub requested_bytes: Option<u64>,
    /// Bytes in use then.
    pub allocated_bytes: Option<u64>,
    /// The limit then.
    pub limit_bytes: Option<u64>,
}

impl<'a> DirectErrors<'a> {
    /// Gathers from a case how the limit of one account was met.
    #[must_use]
    pub fn of(case: &'a Case, account: &Account) -> Self {
        let mut found = Self::default();
        let on_this_account = |incident: &&Incident| account_of(incident) == *account;
        for incident in case.incidents.iter().filter(on_this_account) {
            let times = incident.suppressed.saturating_add(1);
            match incident.incident {
                IncidentKind::DirectSlowPath => {
                    found.slow_path_count = found.slow_path_count.saturating_add(times);
                    found.slow_paths.push(incident);
                }
                IncidentKind::OutOfMemoryError => {
                    if let Some(error) = DirectError::of(incident, &case.events) {
                        found.error_count = found.error_count.saturating_add(times);
                        found.errors.push(error);
                    }
                }
                IncidentKind::ResourceExhausted => {}
            }
        }
        let succeeded = |event: &&Event| event.event == EventKind::SlowPathSucceeded;
        // Netty refuses at once; only the JVM collects and tries again.
        if *account == Account::Jvm {
            let events = case.events.iter().filter(succeeded);
            found.succeeded_ms = events.map(|event| event.up_ms).collect();
        }
        found
    }

    /// Whether the limit was met at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.errors.is_empty() && self.slow_paths.is_empty()
    }

    /// The first incident of either kind.
    #[must_use]
    pub fn first(&self) -> Option<&'a Incident> {
        let error = self.errors.first().map(|error| error.incident);
        let slow_path = self.slow_paths.first().copied();
        error
            .into_iter()
            .chain(slow_path)
            .min_by_key(|incident| incident.up_ms)
    }

    /// The largest request that did not fit.
    #[must_use]
    pub fn largest_request(&self) -> Option<u64> {
        let of_errors = self.errors.iter().filter_map(|error| error.requested_bytes);
        let of_slow_paths = self.slow_paths.iter().filter_map(|i| i.requested_bytes);
        of_errors.chain(of_slow_paths).max()
    }
}

impl<'a> DirectError<'a> {
    /// The incident as an error of direct memory, or `None` for another kind of error.
    fn of(incident: &'a Incident, events: &'a [Event]) -> Option<Self> {
        let told_later = || {
            let tells = |event: &&Event| {
                event.event == EventKind::ErrorMessage && event.incident == Some(incident.id)
            };
            events.iter().find(tells)?.message.as_deref()
        };
        let message = incident.message.as_deref().or_else(told_later);
        let reserving = |frame: &Frame| frame.class == "java.nio.Bits";
        let says_so = message.is_some_and(|text| {
            let text = text.to_ascii_lowercase();
            text.contains("direct buffer memory") || text.contains("direct memory")
        });
        if !says_so && !incident.frames.iter().any(reserving) {
            return None;
        }
        let figure = |before: &str| message.and_then(|text| number_after(text, before));
        let direct = incident.sample.direct;
        Some(Self {
            incident,
            message,
            requested_bytes: incident
                .requested_bytes
                .or_else(|| figure("reserve "))
                .or_else(|| figure("allocate ")),
            allocated_bytes: figure("allocated: ")
                .or_else(|| figure("used: "))
                .or(direct.map(|direct| direct.capacity_bytes)),
            limit_bytes: figure("limit: ")
                .or_else(|| figure("max: "))
                .or(direct.and_then(|direct| direct.max_bytes)),
        })
    }
}

/// Who refused. Netty's errors have a class of their own.
fn account_of(incident: &Incident) -> Account {
    const OF_NETTY: &str = ".util.internal.OutOfDirectMemoryError";
    let class = incident.error_class.as_deref();
    let package = class.and_then(|class| class.strip_suffix(OF_NETTY));
    package.map_or(Account::Jvm, |package| Account::Netty(package.to_owned()))
}

/// The whole number that follows the first `before` in a text.
fn number_after(text: &str, before: &str) -> Option<u64> {
    let (_, rest) = text.split_once(before)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, class: &str) -> Incident {
        Incident {
            id: 4,
            incident: IncidentKind::OutOfMemoryError,
            message: (!message.is_empty()).then(|| message.to_owned()),
            frames: vec![Frame {
                class: class.to_owned(),
                method: "m".to_owned(),
                ..Frame::default()
            }],
            ..Incident::default()
        }
    }

    #[test]
    fn the_figures_of_jdk_17_are_read() {
        let incident = error(
            "Cannot reserve 1048576 bytes of direct buffer memory (allocated: 213000000, limit: 213070644)",
            "x.Y",
        );
        let found = DirectError::of(&incident, &[]).unwrap();
        assert_eq!(
            (
                found.requested_bytes,
                found.allocated_bytes,
                found.limit_bytes
            ),
            (Some(1_048_576), Some(213_000_000), Some(213_070_644))
        );
    }

    #[test]
    fn the_words_of_jdk_11_may_come_later_in_an_event() {
        let event = Event {
            incident: Some(4),
            message: Some("Direct buffer memory".to_owned()),
            ..Event::default()
        };
        let incident = error("", "x.Y");
        assert!(DirectError::of(&incident, &[]).is_none());
        let events = [event];
        assert_eq!(
            DirectError::of(&incident, &events).unwrap().message,
            Some("Direct buffer memory")
        );
    }

    #[test]
    fn netty_has_a_limit_of_its_own() {
        let incident = error(
            "failed to allocate 16777216 byte(s) of direct memory (used: 100, max: 120)",
            "x.Y",
        );
        let found = DirectError::of(&incident, &[]).unwrap();
        assert_eq!(
            (found.requested_bytes, found.limit_bytes),
            (Some(16_777_216), Some(120))
        );
    }

    #[test]
    fn bits_on_the_stack_is_enough_and_a_heap_error_is_none_of_ours() {
        assert!(DirectError::of(&error("", "java.nio.Bits"), &[]).is_some());
        assert!(DirectError::of(&error("Java heap space", "x.Y"), &[]).is_none());
    }
}
