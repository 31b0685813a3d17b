//! Every resident byte with its owner.
//!
//! | step | module |
//! | --- | --- |
//! | `smaps`: what is mapped and how much of it is resident | `native` |
//! | who claims which addresses: the JVM, the loader, threads, `malloc` | `survey`, `metadata` |
//! | what a mapping's name tells | `names` |
//! | mappings cut at claims, resident pages counted where there are several | `balance`, `claims` |
//! | `malloc`'s memory split by what its blocks are | `off_heap`, `malloc` |
//!
//! The JVM and the application go on meanwhile. Nothing is read through a pointer that may be gone: the kernel copies it.

mod balance;
mod claims;
mod malloc;
mod metadata;
mod names;
mod off_heap;
mod survey;

use super::{Context, IncidentFacts, Signal};
use crate::agent::{self, Coming, jvmti};
use balance::Piece;
use claims::{Claimant, Claims};
use flinkmem_native::jvm::Areas;
use flinkmem_native::kernel::allocator::Allocator;
use flinkmem_native::kernel::host;
use flinkmem_native::kernel::own_memory::OwnMemory;
use flinkmem_native::kernel::pagemap::Pagemap;
use flinkmem_native::kernel::smaps::{Mapping, Smaps, SmapsFile};
use flinkmem_native::kernel::status::StatusFile;
use flinkmem_trace::{Ledger, LedgerPart, Owner, Record, UnclaimedMapping};
use malloc::Parts;
use metadata::Metadata;
use std::ops::Range;
use std::time::{Duration, Instant};
use survey::{Instruments, Survey};

const INTERVAL: Duration = Duration::from_secs(60);
const INTERVAL_NEAR: Duration = Duration::from_secs(10);

/// The intervals are stretched to so many times what a reading took, so that it never takes more than a thousandth.
const COST_TO_INTERVAL: u32 = 1000;

/// Unclaimed mappings that are listed.
const MOST_UNCLAIMED: usize = 10;

/// Keeps what a reading needs from one to the next.
pub(super) struct LedgerSignal {
    smaps: Smaps,
    smaps_file: Option<SmapsFile>,
    status_file: Option<StatusFile>,
    instruments: Instruments,
    allocator: Allocator,
    /// What was mapped for the JVM itself before the application ran.
    of_the_start: Claims,
    cost: Duration,
}

impl LedgerSignal {
    /// Opens the sources and looks at what is mapped now: when the JVM starts, all of it is the JVM's. In a JVM that has run
    /// for a while some of it may be a library's, and nothing is taken for granted.
    pub(super) fn open() -> Self {
        let feature =
            jvmti().and_then(|jvmti| jvmti.system_property("java.vm.specification.version"));
        let feature = feature.and_then(|version| version.parse().ok());
        let mut signal = Self {
            smaps: Smaps::default(),
            smaps_file: SmapsFile::open(),
            status_file: StatusFile::open(),
            instruments: Instruments {
                memory: OwnMemory::open(),
                areas: Areas::find(),
                pagemap: Pagemap::open(),
                page_bytes: host::page_size_bytes().unwrap_or(4096),
                metadata: Metadata::new(feature.unwrap_or(0)),
            },
            allocator: Allocator::detect(),
            of_the_start: Claims::default(),
            cost: Duration::ZERO,
        };
        if agent::get().is_some_and(|agent| agent.coming == Coming::WithTheJvm) {
            signal.note_start();
        }
        signal
    }

    fn note_start(&mut self) {
        if self.read_smaps().is_none() {
            return;
        }
        let survey = self.survey();
        let mut found = Claims::default();
        for (index, mapping) in self.smaps.mappings().iter().enumerate() {
            for (piece, holder) in survey.claims.within(mapping.range.clone()) {
                let is_free = holder.is_none() && self.by_nature(index, mapping, &piece).is_none();
                if is_free && metadata::may_be_reserved(mapping) {
                    found.add(piece, Claimant::Owner(Owner::GcStructures));
                }
            }
        }
        self.of_the_start = found;
    }

    fn read_smaps(&mut self) -> Option<()> {
        self.smaps_file.as_mut()?.read(&mut self.smaps).ok()
    }

    fn survey(&mut self) -> Survey {
        let mut survey = Survey::of_the_jvm(&mut self.instruments, &self.smaps);
        if self.allocator == Allocator::Glibc {
            survey.arenas(&self.instruments.memory, &self.smaps);
        }
        for mapping in self.smaps.mappings() {
            for (piece, holder) in self.of_the_start.within(mapping.range.clone()) {
                if let Some(holder) = holder.filter(|_| metadata::may_be_reserved(mapping)) {
                    survey.claims.add(piece, holder);
                }
            }
        }
        if self.allocator == Allocator::Glibc {
            survey.large_blocks(&mut self.instruments, &self.smaps);
        }
        survey
    }

    /// Whose a piece is that nobody has claimed, by what kind of mapping it lies in.
    fn by_nature(&self, index: usize, mapping: &Mapping, piece: &Range<u64>) -> Option<Claimant> {
        let named = names::of_mapping(&self.smaps, mapping);
        let has_name = mapping.inode != 0 || !mapping.permissions.private;
        if named.is_some() || has_name || mapping.permissions.none() {
            return named;
        }
        let neighbour = |index: Option<usize>| self.smaps.mappings().get(index?);
        let after = neighbour(index.checked_add(1)).filter(|next| next.range.start == piece.end);
        let before = neighbour(index.checked_sub(1)).filter(|last| last.range.end == piece.start);
        let is_guard = |mapping: &Mapping| mapping.permissions.none() && !mapping.is_noreserve;
        let is_reserve = |mapping: &Mapping| mapping.permissions.none() && mapping.is_noreserve;
        if mapping.permissions.execute {
            Some(Claimant::Owner(Owner::CodeCache))
        } else if mapping.has_no_huge_pages && before.is_some_and(is_guard) {
            // A stack of a thread that runs all the time, or one kept for the next thread.
            Some(Claimant::Owner(Owner::NativeThreadStacks))
        } else if mapping.is_noreserve && self.allocator != Allocator::Glibc {
            // jemalloc and mimalloc map so; the JVM never does where it commits.
            Some(Claimant::Arena)
        } else if !mapping.is_noreserve && after.is_some_and(is_reserve) {
            Some(Claimant::Owner(Owner::GcStructures))
        } else {
            None
        }
    }

    fn read(&mut self, live_off_heap_bytes: u64) -> Option<Ledger> {
        let began = Instant::now();
        self.read_smaps()?;
        let smaps_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let status = self.status_file.as_ref().and_then(StatusFile::read);
        let survey = self.survey();
        let mut pagemap = self.instruments.pagemap.take();
        let pieces = balance::pieces(
            &self.smaps,
            &survey.claims,
            pagemap.as_mut(),
            |index, mapping, piece| self.by_nature(index, mapping, piece),
        );
        let (mut parts, arenas_bytes, large_bytes) = sum(&pieces);
        let [in_arenas, in_large] =
            off_heap::estimate(live_off_heap_bytes, &survey.claims, pagemap.as_mut());
        self.instruments.pagemap = pagemap;
        let (mut figures, told) = malloc::figures(self.allocator);
        malloc::split_arenas(&mut parts, arenas_bytes, told, &in_arenas);
        malloc::split_large_blocks(&mut parts, large_bytes, &in_large);
        figures.resident_bytes = arenas_bytes.saturating_add(large_bytes);
        if self.allocator == Allocator::Glibc {
            figures.mmapped_found_bytes = Some(survey.large_block_bytes);
            // The main arena has no heap of that kind.
            figures.arenas = u64::try_from(survey.arenas.len() + 1).ok();
        }
        Some(Ledger {
            rss_bytes: self.smaps.rss_bytes(),
            status_rss_bytes: status.map(|status| status.vm_rss_bytes),
            swap_bytes: self.smaps.sum(|mapping| mapping.swap_bytes),
            hugetlb_bytes: self.smaps.sum(|mapping| mapping.hugetlb_bytes),
            mappings: u32::try_from(self.smaps.mappings().len()).unwrap_or(u32::MAX),
            parts: listed(&parts),
            allocator: Some(figures),
            unclaimed: self.unclaimed(&pieces, &survey.claims),
            threads: survey.threads,
            threads_without_stack: survey.threads_without_stack,
            smaps_us,
            ..Ledger::default()
        })
    }

    /// The largest pieces without an owner, with their neighbours.
    fn unclaimed(&self, pieces: &[Piece], claims: &Claims) -> Vec<UnclaimedMapping> {
        let mut free: Vec<&Piece> = pieces.iter().filter(|p| p.claimant.is_none()).collect();
        free.sort_by_key(|piece| std::cmp::Reverse(piece.rss_bytes));
        let described = free.iter().take(MOST_UNCLAIMED).filter_map(|piece| {
            let mapping = self.smaps.mappings().get(piece.mapping)?;
            Some(UnclaimedMapping {
                address: format!("{:x}", piece.range.start),
                size_bytes: piece.range.end.saturating_sub(piece.range.start),
                rss_bytes: piece.rss_bytes,
                permissions: mapping.permissions.to_string(),
                name: self.smaps.name(mapping).into_owned(),
                before: self.neighbour(claims, piece.range.start.saturating_sub(1)),
                after: self.neighbour(claims, piece.range.end),
            })
        });
        described.collect()
    }

    /// What is at an address: an owner, the last part of a path, or permissions.
    fn neighbour(&self, claims: &Claims, address: u64) -> Option<String> {
        let index = self.smaps.position(address)?;
        let mapping = self.smaps.mappings().get(index)?;
        let piece = mapping.range.clone();
        let claimant = claims
            .at(address)
            .or_else(|| self.by_nature(index, mapping, &piece));
        let name = self.smaps.name(mapping);
        let file = name.rsplit('/').next().filter(|file| !file.is_empty());
        Some(match (claimant, file) {
            (Some(Claimant::Arena), None) => "malloc".to_owned(),
            (Some(Claimant::LargeBlock), None) => "large malloc block".to_owned(),
            (_, Some(file)) => file.to_owned(),
            (Some(Claimant::Owner(owner)), None) => serde_json::to_value(owner)
                .ok()
                .and_then(|name| name.as_str().map(str::to_owned))
                .unwrap_or_default(),
            (None, None) => mapping.permissions.to_string(),
        })
    }
}

impl Signal for LedgerSignal {
    fn interval(&self, near: bool) -> Option<Duration> {
        let base = if near { INTERVAL_NEAR } else { INTERVAL };
        self.smaps_file.as_ref()?;
        Some(base.max(self.cost.saturating_mul(COST_TO_INTERVAL)))
    }

    fn wants(&self, _: &IncidentFacts) -> bool {
        true
    }

    fn take(&mut self, context: &mut Context<'_, '_>) {
        let began = Instant::now();
        let live = context
            .sample
            .off_heap
            .map_or(0, |off_heap| off_heap.live_bytes);
        let ledger = self.read(live);
        self.cost = began.elapsed();
        if let Some(ledger) = ledger {
            let taken = context.taken();
            context.write(Record::Ledger(Box::new(Ledger { taken, ..ledger })));
        }
    }
}

/// Resident bytes by owner, of arenas, and of large blocks.
fn sum(pieces: &[Piece]) -> (Parts, u64, u64) {
    let (mut parts, mut arenas, mut large) = (Parts::new(), 0, 0);
    for (claimant, bytes) in balance::by_claimant(pieces) {
        match claimant {
            Some(Claimant::Owner(owner)) => malloc::add(&mut parts, owner, bytes, None),
            Some(Claimant::Arena) => arenas = bytes,
            Some(Claimant::LargeBlock) => large = bytes,
            None => malloc::add(&mut parts, Owner::Unclaimed, bytes, None),
        }
    }
    (parts, arenas, large)
}

/// The parts as they are written: largest first, none that is empty.
fn listed(parts: &Parts) -> Vec<LedgerPart> {
    let mut listed: Vec<_> = parts
        .iter()
        .filter(|(_, (bytes, _))| *bytes > 0)
        .map(|(&owner, &(bytes, samples))| LedgerPart {
            owner,
            bytes,
            samples,
        })
        .collect();
    listed.sort_by_key(|part| std::cmp::Reverse(part.bytes));
    listed
}
