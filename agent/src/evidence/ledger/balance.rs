//! From mappings and claims to resident bytes by claimant. Every byte of `Rss` is given to exactly one.

use super::claims::{Claimant, Claims};
use flinkmem_native::kernel::pagemap::Pagemap;
use flinkmem_native::kernel::smaps::{Mapping, Smaps};
use std::collections::BTreeMap;
use std::ops::Range;

/// A part of a mapping with one claimant, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) range: Range<u64>,
    pub(super) claimant: Option<Claimant>,
    /// Its mapping.
    pub(super) mapping: usize,
    pub(super) rss_bytes: u64,
}

/// All pieces with something resident. `by_nature` says whose a piece is that nobody has claimed.
pub(super) fn pieces(
    smaps: &Smaps,
    claims: &Claims,
    mut pagemap: Option<&mut Pagemap>,
    by_nature: impl Fn(usize, &Mapping, &Range<u64>) -> Option<Claimant>,
) -> Vec<Piece> {
    let mut all = Vec::new();
    for (index, mapping) in smaps.mappings().iter().enumerate() {
        if mapping.rss_bytes == 0 {
            continue;
        }
        let mut own: Vec<Piece> = Vec::new();
        for (range, claimant) in claims.within(mapping.range.clone()) {
            let claimant = claimant.or_else(|| by_nature(index, mapping, &range));
            match own.last_mut() {
                Some(last) if last.claimant == claimant => last.range.end = range.end,
                _ => own.push(Piece {
                    range,
                    claimant,
                    mapping: index,
                    rss_bytes: 0,
                }),
            }
        }
        share(mapping.rss_bytes, &mut own, pagemap.as_deref_mut());
        all.extend(own.into_iter().filter(|piece| piece.rss_bytes > 0));
    }
    all
}

/// Shares what is resident of a mapping among its pieces, by their pages in memory where that can be known, else by
/// their length.
fn share(rss_bytes: u64, pieces: &mut [Piece], pagemap: Option<&mut Pagemap>) {
    if let [only] = pieces {
        only.rss_bytes = rss_bytes;
        return;
    }
    let resident = pagemap.and_then(|pagemap| {
        let pages = |piece: &Piece| pagemap.resident_bytes(piece.range.clone());
        pieces.iter().map(pages).collect::<Option<Vec<_>>>()
    });
    let length = |piece: &Piece| piece.range.end.saturating_sub(piece.range.start);
    let shares = resident
        .filter(|shares| shares.iter().any(|&share| share > 0))
        .unwrap_or_else(|| pieces.iter().map(length).collect());
    for (piece, bytes) in pieces.iter_mut().zip(in_proportion(rss_bytes, &shares)) {
        piece.rss_bytes = bytes;
    }
}

/// `total` shared out in proportion, to the byte.
pub(super) fn in_proportion(total: u64, shares: &[u64]) -> Vec<u64> {
    let sum = shares
        .iter()
        .map(|&share| u128::from(share))
        .sum::<u128>()
        .max(1);
    let (mut share_before, mut given) = (0_u128, 0_u64);
    let mut parts = Vec::with_capacity(shares.len());
    for &share in shares {
        share_before += u128::from(share);
        let until_here = u128::from(total) * share_before / sum;
        let until_here = u64::try_from(until_here).unwrap_or(total);
        parts.push(until_here.saturating_sub(given));
        given = until_here;
    }
    parts
}

/// Resident bytes by claimant.
pub(super) fn by_claimant(pieces: &[Piece]) -> BTreeMap<Option<Claimant>, u64> {
    let mut sums = BTreeMap::new();
    for piece in pieces {
        let sum: &mut u64 = sums.entry(piece.claimant).or_default();
        *sum = sum.saturating_add(piece.rss_bytes);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::Owner;

    #[test]
    fn shares_add_up_to_the_byte() {
        assert_eq!(in_proportion(10, &[1, 1, 1]), [3, 3, 4]);
        assert_eq!(in_proportion(0, &[5, 5]), [0, 0]);
        assert_eq!(in_proportion(7, &[0, 0]), [0, 0]);
        assert_eq!(
            in_proportion(u64::MAX, &[1, 0, 1]).iter().sum::<u64>(),
            u64::MAX
        );
    }

    #[test]
    fn every_resident_byte_is_given_once() {
        let smaps = Smaps::parse(
            b"1000-9000 rw-p 0 00:00 0\nRss: 12 kB\na000-b000 rw-p 0 00:00 0\nRss: 4 kB\nb000-c000 ---p 0 00:00 0\nRss: 0 kB\n",
        );
        let mut claims = Claims::default();
        let heap = Claimant::Owner(Owner::JavaHeap);
        claims.add(0x2000..0x4000, heap);
        claims.add(0xA000..0xC000, Claimant::Arena);
        let pieces = pieces(&smaps, &claims, None, |_, _, _| None);
        let sums = by_claimant(&pieces);
        assert_eq!(sums.values().sum::<u64>(), smaps.rss_bytes());
        assert_eq!(sums[&Some(heap)], 12 * 1024 / 4);
        assert_eq!(sums[&Some(Claimant::Arena)], 4096);
        assert_eq!(sums[&None], 12 * 1024 / 4 * 3);
        assert_eq!(pieces.len(), 4);
    }
}
