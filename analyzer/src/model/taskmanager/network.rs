//! Network memory: a share of Flink's, a number of buffers, or what the others leave.

use super::parts::{Fixed, sum_of_all_but_network};
use super::refusals::too_much_without_network;
use crate::model::decimal::java_double;
use crate::model::memory_size::MemorySize;
use crate::model::note::Note;
use crate::model::options::tm;
use crate::model::origin::{Derived, Origin};
use crate::model::range::{Range, RangeOptions};
use crate::model::reader::Reader;
use crate::model::refusal::Refusal;
use crate::model::segment::segment_size;

pub(super) fn network_range(reader: &Reader<'_>) -> Result<Range, Refusal> {
    Range::read(
        reader,
        RangeOptions {
            bounds: Some((tm::NETWORK_MIN, tm::NETWORK_MAX)),
            max_default: MemorySize::from_bytes(reader.behaviour.network_max_default_bytes),
            fraction: tm::NETWORK_FRACTION,
            name: "network memory",
        },
    )
}

/// Network memory was set as a number of buffers, and in no newer way.
pub(super) fn uses_number_of_buffers(reader: &Reader<'_>) -> bool {
    let newer = [tm::NETWORK_MIN, tm::NETWORK_MAX, tm::NETWORK_FRACTION];
    let is_newer = newer.iter().any(|option| reader.has(option));
    reader.behaviour.legacy_options && !is_newer && reader.has(&tm::NUMBER_OF_BUFFERS)
}

pub(super) fn network_from_buffers(reader: &Reader<'_>) -> Result<Derived, Refusal> {
    let buffers = reader.int(&tm::NUMBER_OF_BUFFERS)?.unwrap_or_default();
    let page = segment_size(reader)?;
    let size = MemorySize::from_signed(i64::from(buffers).saturating_mul(i64::from(page)))?;
    let key = tm::NUMBER_OF_BUFFERS.key.to_owned();
    Ok(Derived::new((size, Origin::Buffers { key })))
}

/// Network memory is what the others leave of Flink's; it must be what the network options allow.
pub(super) fn network_as_rest(
    reader: &Reader<'_>,
    fixed: &Fixed,
    task_heap: &Derived,
    managed: &Derived,
    flink: MemorySize,
) -> Result<Derived, Refusal> {
    let others = sum_of_all_but_network(fixed, task_heap, managed)?;
    if others > flink {
        return Err(too_much_without_network(fixed, task_heap, managed, flink));
    }
    let network = flink.minus(others)?;
    check_network(reader, network, flink)
        .map_err(|refusal| refusal.explained(NETWORK_IS_THE_REST))?;
    Ok(Derived::rest_of(network, "total Flink memory"))
}

const NETWORK_IS_THE_REST: &str = "If Total Flink, Task Heap and (or) Managed Memory sizes are explicitly configured then \
the Network Memory size is the rest of the Total Flink memory after subtracting all other configured types of memory, \
but the derived Network Memory is inconsistent with its configuration.";

fn check_network(
    reader: &Reader<'_>,
    network: MemorySize,
    flink: MemorySize,
) -> Result<(), Refusal> {
    if uses_number_of_buffers(reader) {
        let configured = network_from_buffers(reader)?.size;
        if network != configured {
            let message = format!(
                "Derived Network Memory size ({network}) does not match configured Network Memory size ({configured})."
            );
            return Err(Refusal::configuration(message).about(&[
                tm::NUMBER_OF_BUFFERS.key,
                tm::FLINK.key,
                tm::TASK_HEAP.key,
                tm::MANAGED.key,
            ]));
        }
        return Ok(());
    }
    let range = network_range(reader)?;
    if !range.contains(network) {
        let message = format!(
            "Derived Network Memory size ({network}) is not in configured Network Memory range [{}, {}].",
            range.min, range.max
        );
        return Err(Refusal::configuration(message).about(&[
            tm::FLINK.key,
            tm::TASK_HEAP.key,
            tm::MANAGED.key,
            tm::NETWORK_MIN.key,
            tm::NETWORK_MAX.key,
        ]));
    }
    if reader.has(&tm::NETWORK_FRACTION) && network != flink.times(range.fraction)? {
        reader.note(Note::info(format!(
            "The derived Network Memory size ({network}) does not match the configured Network Memory fraction ({}) \
             from the configured Total Flink Memory size ({flink}). The derived Network Memory size will be used.",
            java_double(range.fraction)
        )));
    }
    Ok(())
}
