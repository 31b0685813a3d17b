//! Every pool with what was measured in it.

use super::Pools;
use crate::case::{Case, Moment, Origin, SiteSnapshot, is_direct, is_network_pool, owner_of};
use flinkmem_trace::{FlinkInside, Site, Slot};
use serde::Serialize;
use std::collections::BTreeMap;

/// One pool: what it may hold, and what it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct BudgetLine {
    /// Name of the pool, as in `flinkmem model`.
    pub component: &'static str,
    /// Bytes meant for it; absent where nothing limits it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configured: Option<u64>,
    /// Bytes in use at the last sample; absent where it was not measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// Most bytes in use at any sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<u64>,
    /// Bytes of it that are resident, or at least committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resident: Option<u64>,
}

/// The parts of direct and managed memory, as call sites tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    FrameworkOffHeap,
    TaskOffHeap,
    Network,
    Managed,
    Outside,
}

/// The budget of a process, Flink's pools first where it is Flink's. The JVM's own limits stand for the sums, for the
/// JVM does not tell Flink's share of the heap from the tasks'.
#[must_use]
pub fn budget_lines(case: &Case, pools: Option<&Pools>) -> Vec<BudgetLine> {
    let mut lines = Vec::new();
    if let Some(pools) = pools {
        let parts = parts_by_site(case);
        lines.push(configured("framework_heap", pools.framework_heap));
        lines.push(configured("task_heap", pools.task_heap));
        lines.push(sites_line(
            case,
            &parts,
            "framework_off_heap",
            pools.framework_off_heap,
            Part::FrameworkOffHeap,
        ));
        lines.push(sites_line(
            case,
            &parts,
            "task_off_heap",
            pools.task_off_heap,
            Part::TaskOffHeap,
        ));
        lines.push(network(case, &parts, pools.network));
        lines.push(managed(case, &parts, pools.managed));

        lines.push(configured("off_heap", pools.off_heap));
        lines.push(configured("jvm_overhead", pools.jvm_overhead));
        // A pool that neither has a size nor was seen in use does not exist in this process.
        lines.retain(|line| line.configured.is_some() || line.peak.is_some_and(|peak| peak > 0));
    }
    lines.extend(jvm_lines(case, pools));
    lines
}

fn jvm_lines(case: &Case, pools: Option<&Pools>) -> [BudgetLine; 3] {
    let heap_max = case.timeline.last(|moment| Some(moment.heap?.max_bytes));
    let heap = measured(
        case,
        "jvm_heap",
        pools.and_then(|pools| pools.jvm_heap).or(heap_max),
        |moment| Some(moment.heap?.used_bytes),
        |moment| Some(moment.heap?.committed_bytes),
    );
    let direct = measured(
        case,
        "jvm_direct",
        case.direct_limit()
            .or(pools.and_then(|pools| pools.jvm_direct)),
        Moment::direct_bytes,
        |_| None,
    );
    let metaspace = measured(
        case,
        "jvm_metaspace",
        pools
            .and_then(|pools| pools.jvm_metaspace)
            .or(case.observed.jvm_limits.metaspace),
        |moment| Some(moment.metaspace?.used_bytes),
        |moment| Some(moment.metaspace?.committed_bytes),
    );
    [heap, direct, metaspace]
}

fn configured(component: &'static str, configured: Option<u64>) -> BudgetLine {
    BudgetLine {
        component,
        configured,
        used: None,
        peak: None,
        resident: None,
    }
}

fn measured(
    case: &Case,
    component: &'static str,
    configured: Option<u64>,
    used: impl Fn(&Moment) -> Option<u64>,
    resident: impl Fn(&Moment) -> Option<u64>,
) -> BudgetLine {
    BudgetLine {
        component,
        configured,
        used: case.timeline.last(&used),
        peak: case.timeline.peak(&used),
        resident: case.timeline.last(resident),
    }
}

fn sites_line(
    case: &Case,
    parts: &BTreeMap<u32, Part>,
    component: &'static str,
    configured: Option<u64>,
    part: Part,
) -> BudgetLine {
    let used_at = |snapshot: &SiteSnapshot| {
        let of_part = snapshot
            .uses
            .iter()
            .filter(|site_use| parts.get(&site_use.id) == Some(&part));
        of_part.fold(0_u64, |sum, site_use| {
            sum.saturating_add(site_use.live_bytes)
        })
    };
    let snapshots = &case.timeline.snapshots;
    BudgetLine {
        component,
        configured,
        used: snapshots.last().map(used_at),
        peak: snapshots.iter().map(used_at).max(),
        resident: None,
    }
}

/// Live bytes that come out of `task_off_heap` or `framework_off_heap`, by call sites, at every snapshot from `since_ms` on; by milliseconds since the
/// agent started.
pub(crate) fn off_heap_by_time(case: &Case, for_tasks: bool, since_ms: u64) -> Vec<(u64, u64)> {
    let part = if for_tasks {
        Part::TaskOffHeap
    } else {
        Part::FrameworkOffHeap
    };
    let parts = parts_by_site(case);
    let snapshots = &case.timeline.snapshots;
    let begin = snapshots.partition_point(|snapshot| snapshot.up_ms < since_ms);
    let used = |snapshot: &SiteSnapshot| {
        let uses = snapshot.uses.iter();
        let of_part = uses.filter(|site_use| parts.get(&site_use.id) == Some(&part));
        of_part.fold(0_u64, |sum, site_use| {
            sum.saturating_add(site_use.live_bytes)
        })
    };
    let recent = snapshots.iter().skip(begin);
    recent
        .map(|snapshot| (snapshot.up_ms, used(snapshot)))
        .collect()
}

/// Flink allocates the whole pool when it starts, and tells how large it is; call sites are an estimate by samples.
fn network(case: &Case, parts: &BTreeMap<u32, Part>, size: Option<u64>) -> BudgetLine {
    let told = told_by_flink(case, "network", size, |flink| {
        let pool = flink.network?;
        pool.segments_total.checked_mul(pool.segment_bytes)
    });
    told.unwrap_or_else(|| sites_line(case, parts, "network", size, Part::Network))
}

/// What slots have reserved, as Flink tells; state backends take it in native code, where no call site is seen. Without Flink's figures what
/// call sites show, if they show any.
fn managed(case: &Case, parts: &BTreeMap<u32, Part>, size: Option<u64>) -> BudgetLine {
    let told = told_by_flink(case, "managed", size, |flink| {
        flink.slots_total?;
        let reserved = |slot: &Slot| {
            Some(
                slot.managed_bytes?
                    .saturating_sub(slot.managed_available_bytes?),
            )
        };
        Some(flink.slots.iter().filter_map(reserved).sum())
    });
    if let Some(told) = told {
        return told;
    }
    let line = sites_line(case, parts, "managed", size, Part::Managed);
    let seen = line.peak.is_some_and(|peak| peak > 0);
    if seen {
        line
    } else {
        configured("managed", size)
    }
}

/// A pool by Flink's own figures; `None` where it told none.
fn told_by_flink(
    case: &Case,
    component: &'static str,
    configured: Option<u64>,
    figure: impl Fn(&FlinkInside) -> Option<u64>,
) -> Option<BudgetLine> {
    let inside = case.timeline.inside.iter();
    let figures: Vec<u64> = inside
        .filter_map(|inside| figure(inside.flink.as_ref()?))
        .collect();
    Some(BudgetLine {
        component,
        configured,
        used: Some(*figures.last()?),
        peak: figures.iter().max().copied(),
        resident: None,
    })
}

/// Judged once per site, for a long trace has many snapshots.
pub(super) fn parts_by_site(case: &Case) -> BTreeMap<u32, Part> {
    case.sites
        .iter()
        .map(|(&id, site)| (id, part_of(site)))
        .collect()
}

/// Which part of the budget a call site's memory comes out of.
fn part_of(site: &Site) -> Part {
    let through = |class: &str| site.frames.iter().any(|frame| frame.class == class);
    if is_network_pool(site) {
        return Part::Network;
    }
    if through("org.apache.flink.core.memory.MemoryUtils") {
        return Part::Managed;
    }
    match owner_of(site) {
        Some((owner, frame)) if is_direct(site) => {
            if serves_tasks(owner.origin, frame.loader.is_some()) {
                Part::TaskOffHeap
            } else {
                Part::FrameworkOffHeap
            }
        }
        _ => Part::Outside,
    }
}

/// User code and what came with the job are the tasks'; Flink and its own libraries are the framework.
pub(crate) fn serves_tasks(origin: Origin, came_with_the_job: bool) -> bool {
    match origin {
        Origin::User | Origin::Jdk => true,
        Origin::Flink | Origin::Library(_) => came_with_the_job,
    }
}
