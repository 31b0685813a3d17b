//! RocksDB's own figures.

use serde::{Deserialize, Serialize};

/// What RocksDB (and ForSt) says of itself, summed up over all its live objects that Java code made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RocksDb {
    /// Block caches. Flink makes one for each slot, shared by the slot's databases.
    pub caches: u64,
    /// What they were made with.
    pub cache_capacity_bytes: u64,
    /// What they hold, `Cache.getUsage`. Includes what a write buffer manager charges to its cache. Absent where the library does
    /// not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_usage_bytes: Option<u64>,
    /// What of it cannot be evicted now, `Cache.getPinnedUsage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_pinned_bytes: Option<u64>,
    /// Write buffer managers.
    pub write_buffer_managers: u64,
    /// Their limits.
    pub write_buffer_limit_bytes: u64,
    /// Open databases.
    pub databases: u64,
    /// Their memtables, active and not yet flushed, `rocksdb.cur-size-all-mem-tables`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memtables_bytes: Option<u64>,
    /// Objects that could not be asked: they were being made or disposed of, or there are too many. The sums lack them.
    #[serde(skip_serializing_if = "is_zero")]
    pub missed: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
