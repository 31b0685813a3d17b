//! `native_growth_unattributed`: memory outside every counter grows, and nobody is known to hold it. The report says who it is not, and what would
//! tell.

use super::{Native, Series, Standing, libraries};
use crate::finding::{Evidence, Finding, Label, Remedy};
use crate::rules::Answer;
use crate::statistics::Point;
use crate::units::bytes;
use flinkmem_trace::Owner;

/// Confidence that somebody outside every counter is to blame, when no ledger tells who grew.
const WITHOUT_LEDGER: f64 = 0.4;

/// Said where the call sites of off-heap memory tell whose it is, whatever the rule on them says.
const BY_CALL_SITE: &str = "off-heap memory of Java code grew, whose owners are known by call site";

/// Somebody counted or told the kill, or the trace stops at the very limit.
const CERTAIN: f64 = 0.9;

/// A label for a kill that no rule explains.
const LIMIT_ALONE: f64 = 0.35;

/// Before the end nobody is accused on fewer ledgers than that, twenty minutes at the usual interval.
const FEWEST_LEDGERS: usize = 20;

/// Nor for less than that.
const LEAST_GROWTH: u64 = 48 << 20;

pub(super) fn check(native: &Native<'_>, explained: bool) -> Answer {
    if explained {
        return Answer::DoesNotFire("what grew has an owner".to_owned());
    }
    if native.container.parts.ledgers < 2 {
        return without_ledger(native);
    }
    let rest = rest(native);
    let standing = Standing::of(&native.container, &rest);
    if let Standing::Not(reason) = &standing {
        return Answer::DoesNotFire(format!("of what has no known owner: {reason}"));
    }
    let is_little = rest.points.len() < FEWEST_LEDGERS || rest.grown() < LEAST_GROWTH;
    if !native.container.killed() && is_little {
        return Answer::DoesNotFire(format!(
            "what has no known owner rose by {}, and was not watched for long",
            bytes(rest.grown())
        ));
    }
    let finding = native.finding(Label::NativeGrowthUnattributed, &standing, &rest, true);
    let facts = [
        Some(native.rose(
            "memory of malloc and of mappings whose owner nobody counts",
            "ledger.malloc_in_use",
            &rest,
        )),
        native.container.met_evidence(),
        native.container.parts_evidence(4),
        Some(excluded(native, &rest)),
    ];
    Answer::Fires(Box::new(Finding {
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(),
        collect: collect(native),
        ..finding
    }))
}

/// What malloc gave out, less what RocksDB says that it uses and codecs take, and what nobody claims.
fn rest(native: &Native<'_>) -> Series {
    let unclaimed = native.container.parts.get(Owner::Unclaimed);
    let rocksdb = native.rocksdb.as_ref().map(|used| &used.series);
    let explained = |s: f64| {
        let at = |series: &Series| {
            let before = series.points.iter().rfind(|point| point.s <= s);
            before.map_or(0.0, |point| point.bytes)
        };
        rocksdb.map_or(0.0, at)
    };
    let points = native.malloc.points.iter().enumerate();
    let rest = points.map(|(index, point)| {
        let unclaimed = unclaimed.and_then(|part| part.points.get(index));
        let more = unclaimed.map_or(0.0, |point| point.bytes);
        Point::new(point.s, (point.bytes + more - explained(point.s)).max(0.0))
    });
    Series::new(rest.collect())
}

/// Who was counted and is not to blame.
fn excluded(native: &Native<'_>, rest: &Series) -> Evidence {
    let mut innocent = vec![
        "off-heap memory of Java code by call site".to_owned(),
        format!(
            "freed memory that malloc keeps (+{})",
            bytes(native.kept.grown())
        ),
        format!(
            "other processes (+{})",
            bytes(native.container.others.growth())
        ),
        "objects of RocksDB and of codecs that nobody closed".to_owned(),
    ];
    if let Some(used) = &native.rocksdb {
        innocent.push(format!(
            "RocksDB by its own figures (+{})",
            bytes(used.series.grown())
        ));
    }
    let text = format!("counted and not to blame: {}", innocent.join(", "));
    native.evidence(text, "ledger.parts", rest)
}

fn without_ledger(native: &Native<'_>) -> Answer {
    if !native.container.killed() {
        return Answer::DoesNotFire("the container's limit was not met".to_owned());
    }
    let held = Series::new(native.container.held.points.clone());
    let standing = Standing::of(&native.container, &held);
    if !standing.stands() {
        return Answer::DoesNotFire("nothing grew before the kill".to_owned());
    }
    if native.counted_off_heap() > held.grown() / 5 * 2 {
        return Answer::DoesNotFire(BY_CALL_SITE.to_owned());
    }
    let finding = native.finding(Label::NativeGrowthUnattributed, &standing, &held, false);
    Answer::Fires(Box::new(Finding {
        confidence: WITHOUT_LEDGER,
        alternatives: vec![Label::JvmOverheadUndersized],
        evidence: native.container.met_evidence().into_iter().collect(),
        remedy: remedy(),
        collect: collect(native),
        ..finding
    }))
}

/// The container was full, and no rule of this family says why. The limit is certain, and what the ledgers tell is told.
pub(super) fn limit_alone(native: &Native<'_>) -> Option<Answer> {
    let container = &native.container;
    let certain = container.sure_of_kill() >= CERTAIN;
    let others = container
        .limit
        .is_some_and(|limit| container.others.peak > limit / 10);
    if !certain || others {
        return None;
    }
    let held = Series::new(container.held.points.clone());
    if native.counted_off_heap() > held.grown() / 5 * 2 {
        return None;
    }
    let standing = Standing::Killed { share: 0.0 };
    let finding = native.finding(Label::NativeGrowthUnattributed, &standing, &held, false);
    let facts = [container.met_evidence(), container.parts_evidence(5)];
    Some(Answer::Fires(Box::new(Finding {
        confidence: LIMIT_ALONE,
        alternatives: vec![Label::JvmOverheadUndersized],
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(),
        collect: collect(native),
        ..finding
    })))
}

fn remedy() -> Remedy {
    Remedy {
        text: "Find out which library it is before the container is made larger: if it leaks, no size holds. Heap, direct memory and metaspace have limits of their own and did not grow beyond them.".to_owned(),
        ..Remedy::default()
    }
}

fn collect(native: &Native<'_>) -> Vec<String> {
    let mut advice = Vec::new();
    if !libraries::is_counted(native.container.case) {
        advice.push(
            "run the process once more with the agent's option native=on: it counts malloc by library, with the Java code that called it"
                .to_owned(),
        );
    }
    advice.push(
        "which native libraries the job and its connectors bring, and their versions".to_owned(),
    );
    advice
}
