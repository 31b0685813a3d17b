//! Where HotSpot keeps what: the Java heap, the code cache, class metadata, the stacks of Java threads.
//!
//! Found through [`VmStructs`] and read with [`OwnMemory`], for the JVM goes on meanwhile: what is read may be gone or
//! half-written. Each kind of finding proves itself or is left out:
//!
//! | area | proof |
//! | --- | --- |
//! | Java heap | a live object lies in it |
//! | code cache | its bounds enclose its heaps |
//! | class metadata | a class's constant pool points back to the class |
//! | stacks | their bounds are whole pages, and the caller finds a mapping there |

use super::vm_structs::VmStructs;
use crate::kernel::own_memory::OwnMemory;
use std::ops::Range;

/// Bytes of a pointer.
const WORD: u64 = 8;

/// Bits of a JNI reference that say of which kind it is.
const REFERENCE_TAGS: u64 = 7;

/// More class loaders than a process has that leaks one in a minute for a month.
const MOST_LOADERS: usize = 1 << 16;

/// More than any limit of threads in a container.
const MOST_THREADS: u64 = 1 << 16;

/// More code heaps than any JDK has.
const MOST_CODE_HEAPS: u64 = 16;

/// What is known of this JVM's layout. A part that is not is `None`.
#[derive(Debug)]
pub struct Areas {
    heap: Option<HeapFields>,
    code: Option<CodeFields>,
    classes: Option<ClassFields>,
    threads: Option<ThreadFields>,
}

#[derive(Debug)]
struct HeapFields {
    heap: u64,
    reserved: u64,
    start: u64,
    words: u64,
}

#[derive(Debug)]
struct CodeFields {
    low: u64,
    high: u64,
    heaps: u64,
    length: u64,
    data: u64,
    segment_map: u64,
    low_boundary: u64,
    high_boundary: u64,
}

#[derive(Debug)]
struct ClassFields {
    first_loader: u64,
    next_loader: u64,
    classes: u64,
    next_class: u64,
    constants: u64,
    holder: u64,
}

#[derive(Debug)]
struct ThreadFields {
    threads: ThreadList,
    stack_base: u64,
    stack_size: u64,
}

/// How HotSpot keeps its Java threads.
#[derive(Debug)]
enum ThreadList {
    /// JDK 11: each points to the next.
    Chain { first: u64, next: u64 },
    /// Later: an array of pointers.
    Array {
        list: u64,
        length: u64,
        threads: u64,
    },
}

/// A class and its constant pool: addresses in class metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassMetadata {
    /// The class. In compressed class space, where there is one.
    pub class: u64,
    /// Its constant pool. Never there.
    pub constants: u64,
}

impl Areas {
    /// Looks all fields up.
    #[must_use]
    pub fn find() -> Self {
        let structs = VmStructs::find();
        let structs = structs.as_ref();
        Self {
            heap: structs.and_then(HeapFields::find),
            code: structs.and_then(CodeFields::find),
            classes: structs.and_then(ClassFields::find),
            threads: structs.and_then(ThreadFields::find),
        }
    }

    /// Addresses reserved for the Java heap. `None` under ZGC, which has more than one range.
    #[must_use]
    pub fn java_heap(&self, memory: &OwnMemory) -> Option<Range<u64>> {
        let fields = self.heap.as_ref()?;
        let heap = memory.word(fields.heap)?;
        let reserved = heap.checked_add(fields.reserved)?;
        let start = memory.word(reserved.checked_add(fields.start)?)?;
        let words = memory.word(reserved.checked_add(fields.words)?)?;
        let end = start.checked_add(words.checked_mul(WORD)?)?;
        (start > 0 && start < end).then_some(start..end)
    }

    /// Addresses reserved for compiled code, and those of the tables beside it.
    #[must_use]
    pub fn code_cache(&self, memory: &OwnMemory) -> Vec<Range<u64>> {
        self.code
            .as_ref()
            .and_then(|fields| fields.read(memory))
            .unwrap_or_default()
    }

    /// At most `most` classes, the newest of each class loader first, at most `each` of one.
    #[must_use]
    pub fn class_metadata(
        &self,
        memory: &OwnMemory,
        most: usize,
        each: usize,
    ) -> Vec<ClassMetadata> {
        let mut found = Vec::new();
        if let Some(fields) = &self.classes {
            fields.read(memory, most, each, &mut found);
        }
        found
    }

    /// Whether `metadata` is still what it was.
    #[must_use]
    pub fn is_alive(&self, memory: &OwnMemory, metadata: ClassMetadata) -> bool {
        self.classes
            .as_ref()
            .is_some_and(|fields| fields.metadata(memory, metadata.class) == Some(metadata))
    }

    /// The stacks of the threads that run Java code or compile it, as the JVM has laid them out.
    #[must_use]
    pub fn java_stacks(&self, memory: &OwnMemory) -> Vec<Range<u64>> {
        self.threads
            .as_ref()
            .and_then(|fields| fields.read(memory))
            .unwrap_or_default()
    }
}

/// The address of the object that `reference` refers to, at this moment: the object may move at any time.
#[must_use]
pub fn object_address(memory: &OwnMemory, reference: &jni::objects::JObject<'_>) -> Option<u64> {
    let slot = reference.as_raw().addr() as u64 & !REFERENCE_TAGS;
    memory.word(slot).filter(|&address| address != 0)
}

impl HeapFields {
    fn find(structs: &VmStructs) -> Option<Self> {
        Some(Self {
            heap: structs.address(c"Universe", c"_collectedHeap")?,
            reserved: structs.offset(c"CollectedHeap", c"_reserved")?,
            start: structs.offset(c"MemRegion", c"_start")?,
            words: structs.offset(c"MemRegion", c"_word_size")?,
        })
    }
}

impl CodeFields {
    fn find(structs: &VmStructs) -> Option<Self> {
        Some(Self {
            low: structs.address(c"CodeCache", c"_low_bound")?,
            high: structs.address(c"CodeCache", c"_high_bound")?,
            heaps: structs.address(c"CodeCache", c"_heaps")?,
            // `GenericGrowableArray` before JDK 16.
            length: structs
                .offset(c"GrowableArrayBase", c"_len")
                .or_else(|| structs.offset(c"GenericGrowableArray", c"_len"))?,
            data: structs.offset(c"GrowableArray<int>", c"_data")?,
            segment_map: structs.offset(c"CodeHeap", c"_segmap")?,
            low_boundary: structs.offset(c"VirtualSpace", c"_low_boundary")?,
            high_boundary: structs.offset(c"VirtualSpace", c"_high_boundary")?,
        })
    }

    fn read(&self, memory: &OwnMemory) -> Option<Vec<Range<u64>>> {
        let bounds = memory.word(self.low)?..memory.word(self.high)?;
        if bounds.start == 0 || bounds.is_empty() {
            return None;
        }
        let mut found = vec![bounds];
        let heaps = memory.word(self.heaps)?;
        let count = memory.word(heaps.checked_add(self.length)?)? & 0xFFFF_FFFF;
        let data = memory.word(heaps.checked_add(self.data)?)?;
        for index in 0..count.min(MOST_CODE_HEAPS) {
            let heap = memory.word(data.checked_add(index * WORD)?)?;
            let map = heap.checked_add(self.segment_map)?;
            let start = memory.word(map.checked_add(self.low_boundary)?)?;
            let end = memory.word(map.checked_add(self.high_boundary)?)?;
            if start > 0 && start < end {
                found.push(start..end);
            }
        }
        Some(found)
    }
}

impl ClassFields {
    fn find(structs: &VmStructs) -> Option<Self> {
        Some(Self {
            first_loader: structs.address(c"ClassLoaderDataGraph", c"_head")?,
            next_loader: structs.offset(c"ClassLoaderData", c"_next")?,
            classes: structs.offset(c"ClassLoaderData", c"_klasses")?,
            next_class: structs.offset(c"Klass", c"_next_link")?,
            constants: structs.offset(c"InstanceKlass", c"_constants")?,
            holder: structs.offset(c"ConstantPool", c"_pool_holder")?,
        })
    }

    fn read(
        &self,
        memory: &OwnMemory,
        most: usize,
        each: usize,
        found: &mut Vec<ClassMetadata>,
    ) -> Option<()> {
        let mut loader = memory.word(self.first_loader)?;
        for _ in 0..MOST_LOADERS {
            if loader == 0 || found.len() >= most {
                break;
            }
            self.read_loader(memory, loader, each, found);
            loader = memory.word(loader.checked_add(self.next_loader)?)?;
        }
        found.truncate(most);
        Some(())
    }

    fn read_loader(
        &self,
        memory: &OwnMemory,
        loader: u64,
        each: usize,
        found: &mut Vec<ClassMetadata>,
    ) -> Option<()> {
        let mut class = memory.word(loader.checked_add(self.classes)?)?;
        for _ in 0..each {
            if class == 0 {
                break;
            }
            found.extend(self.metadata(memory, class));
            class = memory.word(class.checked_add(self.next_class)?)?;
        }
        Some(())
    }

    /// Classes of arrays have no constant pool; what is read in its place does not point back.
    fn metadata(&self, memory: &OwnMemory, class: u64) -> Option<ClassMetadata> {
        let constants = memory.word(class.checked_add(self.constants)?)?;
        let holder = memory.word(constants.checked_add(self.holder)?)?;
        (holder == class).then_some(ClassMetadata { class, constants })
    }
}

impl ThreadFields {
    fn find(structs: &VmStructs) -> Option<Self> {
        Some(Self {
            threads: ThreadList::find_array(structs).or_else(|| ThreadList::find_chain(structs))?,
            stack_base: structs.offset(c"JavaThread", c"_stack_base")?,
            stack_size: structs.offset(c"JavaThread", c"_stack_size")?,
        })
    }

    fn read(&self, memory: &OwnMemory) -> Option<Vec<Range<u64>>> {
        let stack = |thread: u64| {
            let base = memory.word(thread.checked_add(self.stack_base)?)?;
            let size = memory.word(thread.checked_add(self.stack_size)?)?;
            let start = base.checked_sub(size)?;
            let is_whole = base.is_multiple_of(4096) && size.is_multiple_of(4096) && size > 0;
            is_whole.then_some(start..base)
        };
        let threads = self.threads.read(memory)?;
        Some(threads.into_iter().filter_map(stack).collect())
    }
}

impl ThreadList {
    fn find_array(structs: &VmStructs) -> Option<Self> {
        Some(Self::Array {
            list: structs.address(c"ThreadsSMRSupport", c"_java_thread_list")?,
            length: structs.offset(c"ThreadsList", c"_length")?,
            threads: structs.offset(c"ThreadsList", c"_threads")?,
        })
    }

    fn find_chain(structs: &VmStructs) -> Option<Self> {
        Some(Self::Chain {
            first: structs.address(c"Threads", c"_thread_list")?,
            next: structs.offset(c"JavaThread", c"_next")?,
        })
    }

    fn read(&self, memory: &OwnMemory) -> Option<Vec<u64>> {
        match *self {
            Self::Array {
                list,
                length,
                threads,
            } => {
                let list = memory.word(list)?;
                let count = memory.word(list.checked_add(length)?)? & 0xFFFF_FFFF;
                let array = memory.word(list.checked_add(threads)?)?;
                let thread = |index| memory.word(array.checked_add(index * WORD)?);
                Some((0..count.min(MOST_THREADS)).filter_map(thread).collect())
            }
            Self::Chain { first, next } => {
                let first = memory.word(first).filter(|&thread| thread != 0);
                let following = |thread: &u64| {
                    let next = memory.word(thread.checked_add(next)?)?;
                    (next != 0).then_some(next)
                };
                let most = usize::try_from(MOST_THREADS).ok()?;
                Some(std::iter::successors(first, following).take(most).collect())
            }
        }
    }
}
