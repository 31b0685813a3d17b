//! The ledger: every resident byte with its owner.

use super::{ReadProcess, bytes, epoch_s, gauge};
use crate::metrics::signal::{Signal, Unit};
use flinkmem_trace::Ledger;

pub(super) const SIGNALS: &[Signal<ReadProcess>] = &[
    bytes(
        "flinkmem.rss.owned",
        &["owner"],
        "Resident bytes by owner; they add up to the resident memory at the time of the ledger",
        |view, out| {
            for part in view.report.rss.iter().flat_map(|rss| &rss.parts) {
                out.add_with(&[("owner", &part.owner)], part.bytes);
            }
        },
    ),
    gauge(
        "flinkmem.rss.attributed",
        Unit::Ratio,
        &[],
        "Share of the resident memory that has an owner",
        |view, out| out.add(view.report.rss.as_ref().map(|rss| rss.attributed)),
    ),
    gauge(
        "flinkmem.rss.ledger.timestamp",
        Unit::Seconds,
        &[],
        "When the ledger was taken, seconds since the epoch: it is taken rarely",
        |view, out| {
            let ledger = view.case.evidence.last::<Ledger>();
            out.add(ledger.map(|ledger| epoch_s(ledger.taken.t_ms)));
        },
    ),
];
