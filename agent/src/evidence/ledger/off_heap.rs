//! How much of the off-heap memory of each owner is resident, estimated from the sampled live blocks.

use super::claims::{Claimant, Claims};
use crate::off_heap::{self, owner};
use crate::stacks;
use flinkmem_native::kernel::pagemap::Pagemap;
use flinkmem_trace::Owner;
use std::collections::BTreeMap;

/// Live off-heap memory in one kind of `malloc`'s memory.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct OffHeap {
    /// Live bytes, resident or not.
    pub(super) live_bytes: u64,
    /// Of them resident, by owner, with the samples behind the figure.
    pub(super) resident: BTreeMap<Owner, (u64, u32)>,
}

/// Live off-heap memory: in arenas, and in large blocks. `live_bytes` is what is live in all, known exactly.
pub(super) fn estimate(
    live_bytes: u64,
    claims: &Claims,
    mut pagemap: Option<&mut Pagemap>,
) -> [OffHeap; 2] {
    let mut blocks = Vec::new();
    off_heap::for_each_live(|block| blocks.push(block));
    let weights: u64 = blocks.iter().map(|block| block.weight).sum();
    let mut found = [OffHeap::default(), OffHeap::default()];
    if weights == 0 {
        // Too little for a sample.
        found[0].live_bytes = live_bytes;
        found[0]
            .resident
            .insert(Owner::OtherOffHeap, (live_bytes, 0));
        return found;
    }
    let scale = live_bytes as f64 / weights as f64;
    for block in blocks {
        let is_large = claims.at(block.address) == Some(Claimant::LargeBlock);
        let [arenas, large] = &mut found;
        let place = if is_large { large } else { arenas };
        let bytes = scaled(block.weight, scale);
        place.live_bytes = place.live_bytes.saturating_add(bytes);
        let share = pagemap
            .as_deref_mut()
            .and_then(|pagemap| resident_share(pagemap, block.address, block.size));
        let owner = owner::decode(stacks::owner(block.stack));
        let (resident, samples) = place.resident.entry(owner).or_default();
        *resident = resident.saturating_add(scaled(bytes, share.unwrap_or(1.0)));
        *samples += 1;
    }
    found
}

/// Share of a block's pages that is in memory.
fn resident_share(pagemap: &mut Pagemap, address: u64, size: u64) -> Option<f64> {
    let page = pagemap.page_bytes().max(1);
    let end = address.checked_add(size.max(1))?;
    let pages = end.div_ceil(page) - address / page;
    let resident = pagemap.resident_bytes(address..end)?;
    Some(resident as f64 / (pages * page) as f64)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bytes in memory, far below 2^53; a float to integer cast saturates"
)]
fn scaled(bytes: u64, factor: f64) -> u64 {
    (bytes as f64 * factor).round() as u64
}
