//! What RocksDB makes of the managed memory that it is given.

use super::changes::Behaviour;
use super::memory_size::MemorySize;
use super::options::tm;
use super::question::Question;
use super::reader::Reader;
use super::refusal::Refusal;

/// RocksDB's division of its memory in one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocksDbShare {
    /// What it is given, bytes.
    pub total: u64,
    /// Share of write buffers.
    pub write_buffer_ratio: f64,
    /// Share of the cache for indexes and filters.
    pub high_priority_ratio: f64,
    /// Block cache, bytes. Write buffers are charged to it too, and may exceed it by half of theirs.
    pub cache: i64,
    /// Write buffers, bytes.
    pub write_buffers: i64,
    /// Whether Flink compares the arena block with the mutable limit (1.12 and later).
    pub checks_arena: bool,
}

/// Where RocksDB's memory comes from: the first that is set counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RocksDbSource {
    /// A fixed size a slot, outside managed memory and so outside every pool.
    FixedPerSlot(MemorySize),
    /// The slot's share of managed memory.
    Managed,
    /// A fixed size for the process (1.17 and later), outside managed memory and so outside every pool.
    FixedPerProcess(MemorySize),
    /// Nowhere: RocksDB's own defaults for each column family, and there is no bound on those.
    Unbounded,
}

impl RocksDbSource {
    /// The source that a configuration names.
    ///
    /// # Errors
    /// Flink's refusal of a value; it comes when a job starts, not with the process.
    pub fn of(question: &Question) -> Result<Self, Refusal> {
        let behaviour = Behaviour::of(question.version);
        let reader = Reader::new(&question.settings, &behaviour);
        if let Some(size) = reader.size(&tm::ROCKSDB_FIXED_PER_SLOT)? {
            return Ok(Self::FixedPerSlot(size));
        }
        if reader.boolean(&tm::ROCKSDB_MANAGED)? {
            return Ok(Self::Managed);
        }
        let fixed = match behaviour.rocksdb_fixed_per_tm {
            true => reader.size(&tm::ROCKSDB_FIXED_PER_TM)?,
            false => None,
        };
        Ok(fixed.map_or(Self::Unbounded, Self::FixedPerProcess))
    }
}

/// RocksDB's default write buffer.
const WRITE_BUFFER: i64 = 64 << 20;
const PAGE: i64 = 4096;

impl RocksDbShare {
    pub(crate) fn of(reader: &Reader<'_>, total: u64) -> Result<Self, Refusal> {
        let ratio = reader.double(&tm::ROCKSDB_WRITE_RATIO)?.unwrap_or(0.5);
        let high = reader
            .double(&tm::ROCKSDB_HIGH_PRIORITY_RATIO)?
            .unwrap_or(0.1);
        let cache = (3.0 - ratio) * total as f64 / 3.0;
        let write_buffers = total.saturating_mul(2) as f64 * ratio / 3.0;
        Ok(Self {
            total,
            write_buffer_ratio: ratio,
            high_priority_ratio: high,
            cache: truncated(cache),
            write_buffers: truncated(write_buffers),
            checks_arena: reader.behaviour.rocksdb_arena_check,
        })
    }

    /// Block from which a write buffer of the default size is filled, bytes.
    #[must_use]
    pub fn default_arena_block(&self) -> i64 {
        (WRITE_BUFFER / 8 + PAGE - 1) / PAGE * PAGE
    }

    /// Filled write buffers beyond which RocksDB flushes, bytes.
    #[must_use]
    pub fn mutable_limit(&self) -> i64 {
        self.write_buffers.wrapping_mul(7) / 8
    }

    /// Whether a single arena block is over the limit, so that RocksDB would flush without end.
    #[must_use]
    pub fn flushes_constantly(&self) -> bool {
        self.checks_arena && self.default_arena_block() > self.mutable_limit()
    }

    /// Flink's refusal of the two ratios together, in its words.
    #[must_use]
    pub fn invalid_ratios(&self) -> Option<String> {
        let write = 2.0 * self.write_buffer_ratio / (3.0 - self.write_buffer_ratio);
        let sum = write + self.high_priority_ratio;
        (sum >= 1.0).then(|| {
            format!(
                "Invalid configuration: writeBufferRatio {} with highPriPoolRatio {}",
                self.write_buffer_ratio, self.high_priority_ratio
            )
        })
    }
}

/// Java's cast of a double to a long saturates, and so does Rust's.
#[expect(
    clippy::cast_possible_truncation,
    reason = "absurd ratios saturate, as in Flink"
)]
fn truncated(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlinkVersion, Process, Settings};

    fn source(version: FlinkVersion, settings: Settings) -> RocksDbSource {
        RocksDbSource::of(&Question::new(version, Process::TaskManager, settings)).unwrap()
    }

    #[test]
    fn a_fixed_size_a_slot_comes_before_managed_memory_and_one_for_the_process_behind_it() {
        let new = FlinkVersion::release(1, 17, 0);
        let both = Settings::new()
            .with("state.backend.rocksdb.memory.fixed-per-slot", "1g")
            .with("state.backend.rocksdb.memory.fixed-per-tm", "2g");
        assert_eq!(
            source(new, both.clone()),
            RocksDbSource::FixedPerSlot(MemorySize::from_mebibytes(1024))
        );
        let mut per_process = both;
        per_process.remove("state.backend.rocksdb.memory.fixed-per-slot");
        assert_eq!(source(new, per_process.clone()), RocksDbSource::Managed);
        let unmanaged = per_process.with("state.backend.rocksdb.memory.managed", "false");
        assert_eq!(
            source(new, unmanaged.clone()),
            RocksDbSource::FixedPerProcess(MemorySize::from_mebibytes(2048))
        );
        // Before 1.17 nobody read the size for the process.
        assert_eq!(
            source(FlinkVersion::release(1, 16, 3), unmanaged),
            RocksDbSource::Unbounded
        );
    }
}
