//! Who claims which addresses. Where two claims overlap the earlier one holds: callers put the surest first.

use flinkmem_trace::Owner;
use std::collections::BTreeMap;
use std::ops::Range;

/// What a piece of address space was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claimant {
    /// An owner's.
    Owner(Owner),
    /// `malloc`'s, shared by many blocks.
    Arena,
    /// A large block of `malloc`'s, mapped on its own.
    LargeBlock,
}

/// Ranges that do not overlap.
#[derive(Debug, Default)]
pub(super) struct Claims(BTreeMap<u64, (u64, Claimant)>);

impl Claims {
    /// Claims what of `range` nobody has claimed.
    pub(super) fn add(&mut self, range: Range<u64>, claimant: Claimant) {
        let free: Vec<_> = self
            .within(range)
            .filter_map(|(piece, holder)| holder.is_none().then_some(piece))
            .collect();
        for piece in free {
            self.0.insert(piece.start, (piece.end, claimant));
        }
    }

    /// Who has claimed `address`.
    pub(super) fn at(&self, address: u64) -> Option<Claimant> {
        let (_, &(end, claimant)) = self.0.range(..=address).next_back()?;
        (address < end).then_some(claimant)
    }

    /// All of `range`, cut where claims begin and end.
    pub(super) fn within(
        &self,
        range: Range<u64>,
    ) -> impl Iterator<Item = (Range<u64>, Option<Claimant>)> {
        let before = self.0.range(..range.start).next_back();
        let mut claims = before.into_iter().chain(self.0.range(range.start..));
        let mut next = claims.next();
        let mut position = range.start;
        std::iter::from_fn(move || {
            while next.is_some_and(|(_, &(end, _))| end <= position) {
                next = claims.next();
            }
            if position >= range.end {
                return None;
            }
            let (end, claimant) = match next {
                Some((&start, &(end, claimant))) if start <= position => (end, Some(claimant)),
                Some((&start, _)) => (start, None),
                None => (range.end, None),
            };
            let piece = position..end.min(range.end);
            position = piece.end;
            Some((piece, claimant))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAP: Claimant = Claimant::Owner(Owner::JavaHeap);

    #[test]
    fn an_earlier_claim_holds() {
        let mut claims = Claims::default();
        claims.add(10..20, HEAP);
        claims.add(0..40, Claimant::Arena);
        claims.add(5..60, Claimant::LargeBlock);
        let pieces: Vec<_> = claims.within(0..70).collect();
        let expected = [
            (0..10, Some(Claimant::Arena)),
            (10..20, Some(HEAP)),
            (20..40, Some(Claimant::Arena)),
            (40..60, Some(Claimant::LargeBlock)),
            (60..70, None),
        ];
        assert_eq!(pieces, expected);
        assert_eq!(claims.at(19), Some(HEAP));
        assert_eq!(claims.at(20), Some(Claimant::Arena));
        assert_eq!(claims.at(60), None);
    }

    #[test]
    fn a_range_is_cut_at_its_own_ends() {
        let mut claims = Claims::default();
        claims.add(10..20, HEAP);
        let pieces: Vec<_> = claims.within(12..15).collect();
        assert_eq!(pieces, [(12..15, Some(HEAP))]);
        assert_eq!(claims.within(20..20).count(), 0);
        assert_eq!(claims.within(0..5).collect::<Vec<_>>(), [(0..5, None)]);
    }
}
