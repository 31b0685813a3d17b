//! The three ways from options to pools.

use super::TaskManagerModel;
use super::network::{
    network_as_rest, network_from_buffers, network_range, uses_number_of_buffers,
};
use super::parts::{Fixed, Inside, sum_of_all_but_network};
use super::refusals::{nothing_set, too_much_for_flink};
use crate::model::cpu::{CpuCores, SlotCount};
use crate::model::memory_size::MemorySize;
use crate::model::options::{FlinkOption, tm};
use crate::model::origin::Derived;
use crate::model::process::{AroundFlink, ProcessOptions};
use crate::model::range::{Range, RangeOptions};
use crate::model::reader::Reader;
use crate::model::refusal::Refusal;

const OPTIONS: ProcessOptions = ProcessOptions {
    process: tm::PROCESS,
    flink: tm::FLINK,
    metaspace: tm::METASPACE,
    overhead_min: tm::OVERHEAD_MIN,
    overhead_max: tm::OVERHEAD_MAX,
    overhead_fraction: tm::OVERHEAD_FRACTION,
};

const FLINK: &str = "total Flink memory";
const PREFIX: &str = "TaskManager memory configuration failed: ";

/// Derives a TaskManager's memory.
///
/// # Errors
/// Flink's refusal.
pub(crate) fn derive(reader: &Reader<'_>) -> Result<TaskManagerModel, Refusal> {
    let prefixed = reader.behaviour.task_manager_prefix;
    derive_unprefixed(reader).map_err(|refusal| match prefixed {
        true => refusal.wrapped(PREFIX),
        false => refusal,
    })
}

fn derive_unprefixed(reader: &Reader<'_>) -> Result<TaskManagerModel, Refusal> {
    let is_fine_grained = reader.has(&tm::TASK_HEAP) && reader.has(&tm::MANAGED);
    let (inside, around, total_flink, total_process) = if is_fine_grained {
        from_parts(reader)?
    } else if reader.has(&tm::FLINK) {
        from_flink(reader)?
    } else if reader.has(&tm::PROCESS) {
        from_process(reader)?
    } else {
        return Err(nothing_set(reader.behaviour));
    };
    let cpu = CpuCores::read(reader)?;
    let slots = match reader.behaviour.slots_in_derivation {
        true => Some(SlotCount::read(reader)?),
        false => None,
    };
    Ok(TaskManagerModel {
        cpu,
        slots,
        framework_heap: inside.framework_heap,
        framework_off_heap: inside.framework_off_heap,
        task_heap: inside.task_heap,
        task_off_heap: inside.task_off_heap,
        network: inside.network,
        managed: inside.managed,
        metaspace: around.metaspace,
        overhead: around.overhead,
        total_flink,
        total_process,
    })
}

type Pools = (Inside, AroundFlink, Derived, Derived);

/// Task heap and managed memory are set: the rest is added.
fn from_parts(reader: &Reader<'_>) -> Result<Pools, Refusal> {
    let task_heap = required(reader, &tm::TASK_HEAP)?;
    let managed = required(reader, &tm::MANAGED)?;
    let fixed = Fixed::read(reader)?;
    let others = sum_of_all_but_network(&fixed, &task_heap, &managed)?;
    let network = match reader.size(&tm::FLINK)? {
        Some(flink) => network_as_rest(reader, &fixed, &task_heap, &managed, flink)?,
        None if uses_number_of_buffers(reader) => network_from_buffers(reader)?,
        None => network_range(reader)?.added_to(
            reader,
            others,
            "total Flink memory, from its other parts",
        )?,
    };
    let flink = others.plus(network.size)?;
    let total_flink = match reader.has(&tm::FLINK) {
        true => Derived::new((flink, reader.origin_of(&tm::FLINK))),
        false => Derived::sum(flink),
    };
    let inside = fixed.with(task_heap, managed, network);
    let around = OPTIONS.around_flink(reader, flink)?;
    let total_process = process_around(reader, flink, &around)?;
    Ok((inside, around, total_flink, total_process))
}

/// Flink's memory is set: it is divided, and metaspace and overhead are added.
fn from_flink(reader: &Reader<'_>) -> Result<Pools, Refusal> {
    let total_flink = required(reader, &tm::FLINK)?;
    let inside = divide(reader, total_flink.size)?;
    let around = OPTIONS.around_flink(reader, total_flink.size)?;
    let total_process = process_around(reader, total_flink.size, &around)?;
    Ok((inside, around, total_flink, total_process))
}

/// The process's memory is set: metaspace and overhead come off, and what is left is divided.
fn from_process(reader: &Reader<'_>) -> Result<Pools, Refusal> {
    let total_process = required(reader, &tm::PROCESS)?;
    let (around, flink) = OPTIONS.within_process(reader, total_process.size)?;
    let inside = divide(reader, flink)?;
    let total_flink = Derived::rest_of(flink, "total process memory");
    Ok((inside, around, total_flink, total_process))
}

fn process_around(
    reader: &Reader<'_>,
    flink: MemorySize,
    around: &AroundFlink,
) -> Result<Derived, Refusal> {
    let size = flink
        .plus(around.metaspace.size)?
        .plus(around.overhead.size)?;
    Ok(match reader.has(&tm::PROCESS) {
        true => Derived::new((size, reader.origin_of(&tm::PROCESS))),
        false => Derived::sum(size),
    })
}

/// Divides Flink's memory.
fn divide(reader: &Reader<'_>, flink: MemorySize) -> Result<Inside, Refusal> {
    let fixed = Fixed::read(reader)?;
    if reader.has(&tm::TASK_HEAP) {
        let task_heap = required(reader, &tm::TASK_HEAP)?;
        let managed = managed(reader, flink)?;
        let network = network_as_rest(reader, &fixed, &task_heap, &managed, flink)?;
        return Ok(fixed.with(task_heap, managed, network));
    }
    let managed = managed(reader, flink)?;
    let network = match uses_number_of_buffers(reader) {
        true => network_from_buffers(reader)?,
        false => network_range(reader)?.share_of(reader, flink, FLINK)?,
    };
    let others = fixed.sum()?.plus(managed.size)?.plus(network.size)?;
    if others > flink {
        return Err(too_much_for_flink(&fixed, &managed, &network, flink));
    }
    let task_heap = Derived::rest_of(flink.minus(others)?, FLINK);
    Ok(fixed.with(task_heap, managed, network))
}

fn managed(reader: &Reader<'_>, flink: MemorySize) -> Result<Derived, Refusal> {
    if let Some(size) = reader.size(&tm::MANAGED)? {
        return Ok(Derived::new((size, reader.origin_of(&tm::MANAGED))));
    }
    let range = Range::read(
        reader,
        RangeOptions {
            bounds: None,
            max_default: MemorySize::MAX,
            fraction: tm::MANAGED_FRACTION,
            name: "managed memory",
        },
    )?;
    range.share_of(reader, flink, FLINK)
}

fn required(reader: &Reader<'_>, option: &FlinkOption) -> Result<Derived, Refusal> {
    Ok(Derived::new(reader.size_or_default(option)?))
}
