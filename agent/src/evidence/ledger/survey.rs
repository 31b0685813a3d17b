//! Who claims which addresses, asked of everyone who can tell: the JVM, the loader, the threads, `malloc`.

use super::claims::{Claimant, Claims};
use super::metadata::{self, Metadata};
use super::names;
use flinkmem_native::jvm::{Areas, object_address};
use flinkmem_native::kernel::dynamic_linker;
use flinkmem_native::kernel::glibc_malloc::{HEAP_BYTES, arena_heap, large_block_bytes};
use flinkmem_native::kernel::own_memory::OwnMemory;
use flinkmem_native::kernel::pagemap::Pagemap;
use flinkmem_native::kernel::smaps::{Mapping, Smaps};
use flinkmem_native::kernel::thread_stacks::thread_stacks;
use flinkmem_trace::Owner;
use std::collections::BTreeSet;
use std::ops::Range;

/// Pages that are looked at for the header of a large block, at most, in one reading.
const MOST_PROBES: u32 = 20_000;

/// What the survey reads with.
pub(super) struct Instruments {
    pub(super) memory: OwnMemory,
    pub(super) areas: Areas,
    pub(super) pagemap: Option<Pagemap>,
    pub(super) page_bytes: u64,
    pub(super) metadata: Metadata,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) claims: Claims,
    pub(super) threads: u32,
    pub(super) threads_without_stack: u32,
    /// Distinct arenas of glibc's, the main one not counted.
    pub(super) arenas: BTreeSet<u64>,
    pub(super) large_block_bytes: u64,
}

impl Survey {
    /// What is sure: areas that their owners name.
    pub(super) fn of_the_jvm(instruments: &mut Instruments, smaps: &Smaps) -> Self {
        let mut survey = Self::default();
        survey.loaded_objects(instruments.page_bytes);
        survey.java(instruments, smaps);
        survey.stacks(instruments, smaps);
        survey
    }

    fn claim(&mut self, range: Range<u64>, owner: Owner) {
        self.claims.add(range, Claimant::Owner(owner));
    }

    fn loaded_objects(&mut self, page_bytes: u64) {
        let segments = dynamic_linker::segments(page_bytes);
        let here = (names::is_jvm_thread as *const ()).addr() as u64;
        if let Some(own) = dynamic_linker::object_at(&segments, here) {
            self.claim(own, Owner::Agent);
        }
        for segment in segments {
            self.claim(segment, Owner::MappedLibraries);
        }
    }

    fn java(&mut self, instruments: &mut Instruments, smaps: &Smaps) {
        let memory = &instruments.memory;
        if let Some(heap) = java_heap(instruments, smaps) {
            self.claim(heap, Owner::JavaHeap);
        }
        for range in instruments.areas.code_cache(memory) {
            self.claim(range, Owner::CodeCache);
        }
        for (range, owner) in instruments
            .metadata
            .areas(memory, &instruments.areas, smaps)
        {
            self.claim(range, owner);
        }
    }

    /// A stack that the JVM laid out has its bounds from there; of another the mapping counts that its pointer points into.
    fn stacks(&mut self, instruments: &Instruments, smaps: &Smaps) {
        let laid_out = instruments.areas.java_stacks(&instruments.memory);
        let laid_out = laid_out
            .into_iter()
            .filter(|stack| smaps.at(stack.end.saturating_sub(1)).is_some_and(is_plain));
        let mut laid_out: Vec<_> = laid_out
            .map(|stack| (stack, Owner::JavaThreadStacks))
            .collect();
        let threads = thread_stacks();
        self.threads = u32::try_from(threads.len()).unwrap_or(u32::MAX);
        for thread in threads {
            let owner = if names::is_jvm_thread(&thread.name) {
                Owner::JvmThreadStacks
            } else {
                Owner::NativeThreadStacks
            };
            let Some(pointer) = thread.stack_pointer else {
                self.threads_without_stack += 1;
                continue;
            };
            let known = laid_out
                .iter_mut()
                .find(|(stack, _)| stack.contains(&pointer));
            match known {
                Some((_, known)) if owner == Owner::JvmThreadStacks => *known = owner,
                Some(_) => {}
                None => self.stack_at(smaps, pointer, owner),
            }
        }
        self.threads_without_stack = self.threads_without_stack.min(
            self.threads
                .saturating_sub(u32::try_from(laid_out.len()).unwrap_or(u32::MAX)),
        );
        for (stack, owner) in laid_out {
            self.claim(stack, owner);
        }
    }

    fn stack_at(&mut self, smaps: &Smaps, pointer: u64, owner: Owner) {
        if let Some(mapping) = smaps.at(pointer).filter(|mapping| is_plain(mapping)) {
            self.claim(mapping.range.clone(), owner);
        }
    }

    /// The heaps of glibc's arenas. They are told apart from what the JVM maps by being mapped without a reserve of swap.
    pub(super) fn arenas(&mut self, memory: &OwnMemory, smaps: &Smaps) {
        for mapping in smaps.mappings().iter().filter(|mapping| is_plain(mapping)) {
            let mut start = mapping.range.start.next_multiple_of(HEAP_BYTES);
            while start < mapping.range.end {
                let is_free = self.claims.at(start).is_none();
                if let Some(heap) = is_free.then(|| arena_heap(memory, start)).flatten() {
                    self.claims.add(heap.range, Claimant::Arena);
                    self.arenas.insert(heap.arena);
                }
                start = start.saturating_add(HEAP_BYTES);
            }
        }
    }

    /// Large blocks of glibc's, in what nobody has claimed.
    pub(super) fn large_blocks(&mut self, instruments: &mut Instruments, smaps: &Smaps) {
        let mut probes = MOST_PROBES;
        for mapping in smaps.mappings() {
            let may_hold = is_plain(mapping)
                && !mapping.is_noreserve
                && !mapping.has_no_huge_pages
                && mapping.rss_bytes > 0
                && smaps.name(mapping).is_empty();
            if !may_hold {
                continue;
            }
            let free: Vec<_> = self
                .claims
                .within(mapping.range.clone())
                .filter_map(|(piece, holder)| holder.is_none().then_some(piece))
                .collect();
            for piece in free {
                self.large_blocks_in(instruments, piece, &mut probes);
            }
        }
    }

    /// The kernel maps downwards and merges: blocks stand at the beginning, or reach the end, or both.
    fn large_blocks_in(
        &mut self,
        instruments: &mut Instruments,
        piece: Range<u64>,
        probes: &mut u32,
    ) {
        let chain = |start: u64| {
            let mut end = start;
            while let Some(bytes) =
                large_block_bytes(&instruments.memory, end, piece.end, instruments.page_bytes)
            {
                end = end.saturating_add(bytes);
            }
            start..end
        };
        let first = chain(piece.start);
        self.large_block(first.clone());
        if first.end >= piece.end {
            return;
        }
        let Some(pagemap) = &mut instruments.pagemap else {
            return;
        };
        let mut last = None;
        // A file that fails in between leaves what was found.
        let _ = pagemap.for_each_resident(first.end..piece.end, |page| {
            if last.is_none() && *probes > 0 {
                *probes -= 1;
                let chain = chain(page);
                last = (chain.end == piece.end).then_some(chain);
            }
        });
        if let Some(last) = last {
            self.large_block(last);
        }
    }

    fn large_block(&mut self, blocks: Range<u64>) {
        self.large_block_bytes = self
            .large_block_bytes
            .saturating_add(blocks.end.saturating_sub(blocks.start));
        self.claims.add(blocks, Claimant::LargeBlock);
    }
}

/// Where the JVM says, if a live object proves it; else the run of mappings that the object lies in. ZGC's heap needs
/// no claim: its mappings have a name.
fn java_heap(instruments: &Instruments, smaps: &Smaps) -> Option<Range<u64>> {
    let memory = &instruments.memory;
    let object = object_address(memory, crate::classes::bits()?.class())?;
    let reserved = instruments.areas.java_heap(memory);
    reserved
        .filter(|heap| heap.contains(&object))
        .or_else(|| metadata::run_at(smaps, object))
}

/// Private memory without a file that is read and written, not executed.
pub(super) fn is_plain(mapping: &Mapping) -> bool {
    mapping.is_anonymous()
        && mapping.permissions.read
        && mapping.permissions.write
        && !mapping.permissions.execute
}
