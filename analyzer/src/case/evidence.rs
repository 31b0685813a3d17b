//! Evidence that is taken rarely, by kind and time: what rules ask for when a sample does not say enough.

use flinkmem_trace::{
    HeapSites, Histogram, Ledger, Libraries, Loaders, NativeObjects, Pause, Record, RootPath,
    Surroundings, Taken, ThreadCensus,
};

/// All evidence of a trace, in the order of time.
#[derive(Debug, Default)]
pub struct Evidence {
    records: Vec<Record>,
}

/// A kind of evidence.
pub trait Kind: Sized + 'static {
    /// The record, if it is of this kind.
    fn of(record: &Record) -> Option<&Self>;

    /// When it was taken, milliseconds since the agent started.
    fn up_ms(&self) -> u64;

    /// When and why; `None` for what happens by itself.
    fn taken(&self) -> Option<&Taken>;
}

/// Evidence that is taken: a box in [`Record`], with a field `taken`.
macro_rules! taken {
    ($($kind:ident),*) => {
        $(impl Kind for $kind {
            fn of(record: &Record) -> Option<&Self> {
                match record {
                    Record::$kind(found) => Some(found),
                    _ => None,
                }
            }

            fn up_ms(&self) -> u64 {
                self.taken.up_ms
            }

            fn taken(&self) -> Option<&Taken> {
                Some(&self.taken)
            }
        })*
    };
}

taken!(
    HeapSites,
    Histogram,
    Ledger,
    Libraries,
    Loaders,
    NativeObjects,
    RootPath,
    Surroundings,
    ThreadCensus
);

impl Kind for Pause {
    fn of(record: &Record) -> Option<&Self> {
        match record {
            Record::Pause(pause) => Some(pause),
            _ => None,
        }
    }

    fn up_ms(&self) -> u64 {
        self.up_ms
    }

    fn taken(&self) -> Option<&Taken> {
        None
    }
}

impl Evidence {
    pub(crate) fn push(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Evidence for tests of rules.
    #[cfg(test)]
    pub(crate) fn of_records(records: impl IntoIterator<Item = Record>) -> Self {
        let mut evidence = Self {
            records: records.into_iter().collect(),
        };
        evidence.sort();
        evidence
    }

    /// Forgets all but the last records, as [`Timeline::keep_last`](super::Timeline::keep_last).
    pub(crate) fn keep_last(&mut self, most: usize) {
        if self.records.len() > most.saturating_mul(2) {
            self.records.drain(..self.records.len() - most);
        }
    }

    pub(super) fn append(&mut self, next: Self) {
        self.records.extend(next.records);
    }

    /// Facts and history are read one after the other, and each is in order.
    pub(crate) fn sort(&mut self) {
        self.records.sort_by_key(Record::t_ms);
    }

    /// The records, for who thins them.
    pub(super) fn records_mut(&mut self) -> &mut Vec<Record> {
        &mut self.records
    }

    /// Everything of one kind, in order: `evidence.all::<Ledger>()`.
    pub fn all<T: Kind>(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.records.iter().filter_map(T::of)
    }

    /// The last of one kind.
    #[must_use]
    pub fn last<T: Kind>(&self) -> Option<&T> {
        self.all().next_back()
    }

    /// The last of one kind that was taken until then.
    #[must_use]
    pub fn until<T: Kind>(&self, up_ms: u64) -> Option<&T> {
        self.all::<T>().rfind(|found| found.up_ms() <= up_ms)
    }

    /// What was taken because of an incident.
    pub fn of_incident<T: Kind>(&self, incident: u32) -> impl Iterator<Item = &T> {
        let belongs = move |found: &&T| {
            found
                .taken()
                .is_some_and(|taken| taken.incident == Some(incident))
        };
        self.all::<T>().filter(belongs)
    }

    /// Whether there is none at all, as in traces of older agents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(
        clippy::needless_update,
        reason = "a record has more fields than when it was taken, or will have"
    )]
    fn ledger(up_ms: u64, incident: Option<u32>) -> Record {
        let taken = Taken {
            up_ms,
            t_ms: i64::try_from(up_ms).unwrap(),
            incident,
            ..Taken::default()
        };
        Record::Ledger(Box::new(Ledger {
            taken,
            ..Ledger::default()
        }))
    }

    #[test]
    fn evidence_is_found_by_kind_time_and_incident() {
        let mut evidence = Evidence::default();
        for record in [
            ledger(30, Some(4)),
            ledger(10, None),
            Record::Pause(Pause {
                up_ms: 20,
                t_ms: 20,
                ..Pause::default()
            }),
        ] {
            evidence.push(record);
        }
        evidence.sort();
        let times: Vec<u64> = evidence.all::<Ledger>().map(Kind::up_ms).collect();
        assert_eq!(times, [10, 30]);
        assert_eq!(evidence.last::<Pause>().map(Kind::up_ms), Some(20));
        assert_eq!(evidence.until::<Ledger>(29).map(Kind::up_ms), Some(10));
        assert!(evidence.until::<Ledger>(9).is_none());
        assert_eq!(evidence.of_incident::<Ledger>(4).count(), 1);
        assert!(evidence.last::<Loaders>().is_none());
    }
}
