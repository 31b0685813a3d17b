//! What libraries hold of `malloc`, with the agent's `native=on`.

use super::Series;
use crate::case::{Case, owner_of};
use crate::finding::{Consumer, ConsumerKind};
use flinkmem_trace::{Frame, Libraries};

/// A library whose live bytes grew.
pub(super) struct GrowingLibrary<'a> {
    pub(super) name: &'a str,
    pub(super) series: Series,
    pub(super) samples: u32,
    /// The Java code under which it allocated most of what lives.
    pub(super) called_by: Option<&'a Frame>,
}

/// Libraries of the JDK and of RocksDB: others judge their growth. `other` stands for many.
const NOT_AN_ENGINE: [&str; 9] = [
    "libjvm.so",
    "libjava.so",
    "libnio.so",
    "libnet.so",
    "libzip.so",
    "libjli.so",
    "librocksdbjni",
    "libforstjni",
    "other",
];

/// Whether the agent counted by library.
pub(super) fn is_counted(case: &Case) -> bool {
    case.evidence.last::<Libraries>().is_some()
}

/// Libraries that grew, most first; neither the JVM's nor RocksDB's.
pub(super) fn growing(case: &Case) -> Vec<GrowingLibrary<'_>> {
    let Some(last) = case.evidence.last::<Libraries>() else {
        return Vec::new();
    };
    let engine = |name: &str| !NOT_AN_ENGINE.iter().any(|known| name.starts_with(known));
    let mut all: Vec<GrowingLibrary<'_>> = last
        .libraries
        .iter()
        .filter(|library| engine(&library.name))
        .map(|library| GrowingLibrary {
            name: &library.name,
            series: series(case, &library.name),
            samples: library.samples,
            called_by: called_by(case, last, &library.name),
        })
        .filter(|library| library.series.grown() > 0)
        .collect();
    all.sort_by_key(|library| std::cmp::Reverse(library.series.grown()));
    all
}

fn series(case: &Case, name: &str) -> Series {
    Series::of(case.evidence.all::<Libraries>().map(|record| {
        let found = record.libraries.iter().find(|found| found.name == name);
        (
            record.taken.up_ms,
            found.map_or(0, |found| found.live_bytes),
        )
    }))
}

fn called_by<'a>(case: &'a Case, last: &Libraries, name: &str) -> Option<&'a Frame> {
    let own = last.sites.iter().filter(|site| site.library == name);
    let most = own.max_by_key(|site| site.live_bytes)?;
    let (_, frame) = owner_of(case.sites.get(&most.id)?)?;
    Some(frame)
}

impl GrowingLibrary<'_> {
    pub(super) fn consumer(&self, share: f64) -> Consumer {
        let n = f64::from(self.samples);
        Consumer {
            kind: ConsumerKind::Library,
            name: Some(self.name.to_owned()),
            line: None,
            share: Some(crate::finding::two_digits(share)),
            confidence: crate::finding::two_digits(0.95 * n / (n + 2.0)),
        }
    }
}
