//! Live blocks summed up by library, and by Java stack.

use super::account::{self, Place};
use super::functions::LIBRARIES;
use super::imports::{Imports, Skip};
use super::with_imports;
use crate::{gc_clock, stacks};
use flinkmem_trace::{Libraries, LibrarySite, LibraryUse, SiteUse, SkipReason, SkippedLibrary};
use std::collections::HashMap;

/// Most stacks in one record.
const MOST_SITES: usize = 32;

/// Stacks with less than one part in this many of the live bytes are left out.
const SMALLEST_SHARE: u64 = 200;

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    live_bytes: u64,
    live_count: f64,
    old_bytes: u64,
    samples: u32,
}

impl Sum {
    fn add(&mut self, weight: u64, size: u64, is_old: bool) {
        self.live_bytes = self.live_bytes.saturating_add(weight);
        self.live_count += weight as f64 / size.max(1) as f64;
        if is_old {
            self.old_bytes = self.old_bytes.saturating_add(weight);
        }
        self.samples += 1;
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count, far below 2^53"
    )]
    fn live_count(&self) -> u64 {
        self.live_count.round() as u64
    }
}

/// All that is known now; `None` when nothing is stood before.
pub(crate) fn read() -> Option<Libraries> {
    let (libraries, stacks) = sums();
    with_imports(|imports| {
        let imports = imports.as_ref()?;
        Some(Libraries {
            sampling_bytes: account::sampling_bytes(),
            dropped_samples: account::dropped(),
            libraries: by_library(imports, &libraries),
            sites: by_stack(imports, &stacks),
            skipped: skipped(imports),
            ..Libraries::default()
        })
    })
    .flatten()
}

/// Sums by library, and by library and stack.
fn sums() -> (Vec<Sum>, HashMap<(u8, u32), Sum>) {
    let mut libraries = vec![Sum::default(); LIBRARIES];
    let mut stacks: HashMap<(u8, u32), Sum> = HashMap::new();
    let now = gc_clock::collections() & 0xFFFF_FFFF;
    account::for_each_live(|weight, size, place: Place| {
        let age = now.wrapping_sub(place.collections) & 0xFFFF_FFFF;
        let is_old = age >= SiteUse::OLD_COLLECTIONS;
        if let Some(sum) = libraries.get_mut(usize::from(place.library)) {
            sum.add(weight, size, is_old);
        }
        if place.stack != stacks::UNKNOWN {
            let sum = stacks.entry((place.library, place.stack)).or_default();
            sum.add(weight, size, is_old);
        }
    });
    (libraries, stacks)
}

fn by_library(imports: &Imports, sums: &[Sum]) -> Vec<LibraryUse> {
    let mut libraries: Vec<LibraryUse> = sums
        .iter()
        .enumerate()
        .take(imports.libraries())
        .map(|(number, sum)| {
            let (allocated_bytes, allocated_samples) = account::allocated_so_far(number);
            let patched = imports.patched.get(number).copied().unwrap_or_default();
            LibraryUse {
                name: imports.name(number).to_owned(),
                live_bytes: sum.live_bytes,
                live_count: sum.live_count(),
                old_bytes: sum.old_bytes,
                samples: sum.samples,
                allocated_bytes,
                allocated_samples,
                objects: patched.objects,
                slots: patched.slots,
            }
        })
        .filter(|library| library.objects > 0 || library.allocated_samples > 0)
        .collect();
    libraries.sort_by_key(|library| std::cmp::Reverse(library.live_bytes));
    libraries
}

fn by_stack(imports: &Imports, sums: &HashMap<(u8, u32), Sum>) -> Vec<LibrarySite> {
    let total: u64 = sums.values().map(|sum| sum.live_bytes).sum();
    let mut sites: Vec<LibrarySite> = sums
        .iter()
        .filter(|(_, sum)| sum.live_bytes >= total / SMALLEST_SHARE)
        .map(|(&(library, stack), sum)| LibrarySite {
            library: imports.name(usize::from(library)).to_owned(),
            id: stacks::site(stack),
            live_bytes: sum.live_bytes,
            live_count: sum.live_count(),
            old_bytes: sum.old_bytes,
            samples: sum.samples,
        })
        .collect();
    for &(_, stack) in sums.keys() {
        stacks::still_used(stack);
    }
    sites.sort_by_key(|site| std::cmp::Reverse(site.live_bytes));
    sites.truncate(MOST_SITES);
    sites
}

fn skipped(imports: &Imports) -> Vec<SkippedLibrary> {
    let reason = |skip: &Skip| match skip {
        Skip::Allocator => SkipReason::Allocator,
        Skip::Agent => SkipReason::Agent,
        Skip::Protected => SkipReason::Protected,
        Skip::Foreign => SkipReason::Foreign,
    };
    let skipped = imports.skipped.iter().map(|(name, skip)| SkippedLibrary {
        name: name.clone(),
        reason: reason(skip),
    });
    skipped.collect()
}
