//! What one slot, one consumer and one buffer get of a TaskManager's pools.
//!
//! Flink works these out in the running process, after the pools: a value that is refused here does not refuse the
//! start of the JVM, but that of the TaskManager in it, or of a job.

use super::cpu::SlotCount;
use super::options::tm;
use super::reader::Reader;
use super::refusal::Refusal;
use super::rocksdb::RocksDbShare;
use super::segment::segment_size;
use super::taskmanager::TaskManagerModel;
use super::weights::{self, Weights};
use serde::Serialize;

/// Shares of a TaskManager's pools.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// Size of a page of managed memory and of a network buffer, bytes.
    pub page_size: Result<i32, Refusal>,
    /// Network buffers.
    pub network: Result<NetworkBuffers, Refusal>,
    /// One slot's pools.
    pub slot: Result<SlotShare, Refusal>,
    /// Weights of the consumers of managed memory; absent before 1.12.
    pub weights: Option<Result<Weights, Refusal>>,
    /// RocksDB's memory when it is a slot's only consumer; absent without slots.
    pub rocksdb: Option<Result<RocksDbShare, Refusal>>,
}

/// The pool of network buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NetworkBuffers {
    /// Buffers in the pool.
    #[serde(rename = "num_network_buffers")]
    pub count: u64,
    /// Exclusive buffers of a channel.
    pub buffers_per_channel: i32,
    /// Floating buffers of a gate.
    pub floating_per_gate: i32,
}

/// One slot's part of each pool. What does not divide is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotShare {
    /// Slots of the process.
    pub slots: u64,
    /// CPU cores.
    pub cpu: String,
    /// Heap for operators and user code, bytes.
    pub task_heap: u64,
    /// Direct and native memory for operators and user code, bytes.
    pub task_off_heap: u64,
    /// Managed memory, bytes.
    pub managed: u64,
    /// Network memory, bytes.
    pub network: u64,
}

pub(crate) fn derive(reader: &Reader<'_>, model: &TaskManagerModel) -> Shares {
    let slot = slot_share(reader, model);
    let names = reader.behaviour.consumer_weights;
    Shares {
        page_size: segment_size(reader),
        network: network_buffers(reader, model),
        rocksdb: slot
            .as_ref()
            .ok()
            .map(|slot| RocksDbShare::of(reader, slot.managed)),
        weights: names.map(|names| weights::read(reader, names)),
        slot,
    }
}

fn network_buffers(
    reader: &Reader<'_>,
    model: &TaskManagerModel,
) -> Result<NetworkBuffers, Refusal> {
    let page = segment_size(reader)?;
    let count = model.network.bytes() / u64::from(page.unsigned_abs()).max(1);
    if i32::try_from(count).is_err() {
        let bytes = model.network.bytes();
        let message = format!(
            "The given number of memory bytes ({bytes}) corresponds to more than MAX_INT pages."
        );
        return Err(Refusal::argument(message).about(&[tm::NETWORK_MAX.key, tm::SEGMENT.key]));
    }
    SlotCount::read(reader)?.effective()?;
    let number = |option, default| match reader.behaviour.configurable_buffers {
        true => reader.int(option).map(|number| number.unwrap_or(default)),
        false => Ok(default),
    };
    Ok(NetworkBuffers {
        count,
        buffers_per_channel: number(&tm::BUFFERS_PER_CHANNEL, 2)?,
        floating_per_gate: number(&tm::FLOATING_BUFFERS, 8)?,
    })
}

fn slot_share(reader: &Reader<'_>, model: &TaskManagerModel) -> Result<SlotShare, Refusal> {
    let configured = SlotCount::read(reader)?.configured();
    let by_zero = || Refusal::arithmetic("/ by zero").about(&[tm::SLOTS.key]);
    let slots = u64::try_from(configured).map_err(|_| {
        Refusal::argument("Resource value must be no less than 0").about(&[tm::SLOTS.key])
    })?;
    let share = |bytes: u64| bytes.checked_div(slots).ok_or_else(by_zero);
    let places = reader.behaviour.slot_cpu_places;
    Ok(SlotShare {
        slots,
        cpu: model.cpu.divided(slots, places).ok_or_else(by_zero)?,
        task_heap: share(model.task_heap.bytes())?,
        task_off_heap: share(model.task_off_heap.bytes())?,
        managed: share(model.managed.bytes())?,
        network: share(model.network.bytes())?,
    })
}
