//! Class loaders: a census where classes came or went since the last one.

use super::root_path::{Searches, explain_in_passing};
use super::{Context, IncidentFacts, Signal};
use flinkmem_native::jvm::{
    LoaderCensus, LoaderKind, LoaderReading, LoaderTable, WalkTarget, loader_metaspace,
};
use flinkmem_trace::{
    Classes, IncidentKind, Loader, LoaderClass, Loaders, Occasion, PoolKind, Record, RootPath,
    Sample,
};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Time between two looks whether classes came or went.
const INTERVAL: Duration = Duration::from_secs(60);

/// The same near the limit of metaspace.
const INTERVAL_NEAR: Duration = Duration::from_secs(10);

/// Metaspace is near its limit from this share on.
const NEAR: f64 = 0.85;

/// Entries of each list.
const LISTED: usize = 32;

/// The JVM's answer about metaspace has a line for each loader; it is made several times over on its way.
const BYTES_PER_LOADER: u64 = 512;
const LEAST_FREE: u64 = 1 << 20;

/// What may have come or gone between the pool's reading and the JVM's answer, besides a quarter.
const UNIT_SLACK: u64 = 512 << 10;

/// Loaders for which a path from a root is looked for, by walks as long as there is time.
const EXPLAINED: usize = 8;

/// Loaders for which a path is looked for without an occasion, where that takes no walk, in one census.
const EXPLAINED_IN_PASSING: usize = 2;

/// Censuses in which that is tried for one loader: what two do not show takes a walk.
const TRIES: u8 = 2;

/// Knows the loaders of earlier censuses.
#[derive(Default)]
pub(super) struct LoadersSignal {
    table: LoaderTable,
    first_seen: BTreeMap<u32, u64>,
    /// Closed loaders of the last census, and how often a path was looked for in passing. [`TRIES`] once one was found.
    closed: BTreeMap<u32, u8>,
    last: Option<(Classes, Instant)>,
}

impl Signal for LoadersSignal {
    fn interval(&self, near: bool) -> Option<Duration> {
        Some(if near { INTERVAL_NEAR } else { INTERVAL })
    }

    fn wants(&self, incident: &IncidentFacts) -> bool {
        incident.kind == IncidentKind::ResourceExhausted && incident.is_metaspace
    }

    fn take(&mut self, context: &mut Context<'_, '_>) {
        let now = Instant::now();
        if !self.is_worth_it(context.occasion, context.sample, now) {
            return;
        }
        let Some(census) = self.table.census(context.agent.jvmti, context.env) else {
            return;
        };
        self.last = context.sample.classes.map(|classes| (classes, now));
        let mut loaders = self.record(&census, context);
        ask_for_metaspace(&mut loaders, context);
        loaders.taken = context.taken();
        context.write(Record::Loaders(Box::new(loaders)));
        self.explain(&census, context);
    }
}

impl LoadersSignal {
    fn is_worth_it(&self, occasion: Occasion, sample: &Sample, now: Instant) -> bool {
        let Some((classes, taken)) = self.last else {
            return true;
        };
        let asked = matches!(occasion, Occasion::Incident | Occasion::Demand);
        let moved = sample.classes.is_none_or(|now| now != classes);
        let rested = now.duration_since(taken) >= INTERVAL || is_near(sample);
        asked || (moved && (rested || occasion == Occasion::Routine))
    }

    /// The same without a walk, for closed loaders that were closed at the last census already: a job has just ended
    /// somewhere all the time.
    fn explain_in_passing(&mut self, census: &LoaderCensus, context: &mut Context<'_, '_>) {
        let before = std::mem::take(&mut self.closed);
        let mut left = EXPLAINED_IN_PASSING;
        for loader in census.loaders.iter().filter(|loader| is_closed(loader)) {
            let Some(id) = loader.id else {
                continue;
            };
            let mut tries = before.get(&id).copied().unwrap_or(0);
            if left > 0 && tries < TRIES && before.contains_key(&id) {
                left -= 1;
                let about = about(loader, id);
                let found = explain_in_passing(context, &self.table, id, about);
                tries = if found { TRIES } else { tries + 1 };
            }
            self.closed.insert(id, tries);
        }
    }

    /// Why loaders whose jobs have ended are alive, the oldest first.
    fn explain(&mut self, census: &LoaderCensus, context: &mut Context<'_, '_>) {
        let Some(searches) = Searches::allowed(context.occasion, context.patience) else {
            return self.explain_in_passing(census, context);
        };
        let ended = census.loaders.iter().filter(|loader| has_ended(loader));
        for (loader, id) in ended
            .filter_map(|loader| Some((loader, loader.id?)))
            .take(EXPLAINED)
        {
            let target = WalkTarget::Loader(&self.table, id);
            let about = about(loader, id);
            // When the time is over what needs no walk is still told.
            searches.explain(context, target, about, Duration::ZERO);
        }
    }

    fn record(&mut self, census: &LoaderCensus, context: &Context<'_, '_>) -> Loaders {
        let users = || {
            census
                .loaders
                .iter()
                .filter(|loader| loader.kind == LoaderKind::User)
        };
        let up_ms = context.taken().up_ms;
        let first_seen = std::mem::take(&mut self.first_seen);
        for id in users().filter_map(|loader| loader.id) {
            let seen = first_seen.get(&id).copied().unwrap_or(up_ms);
            self.first_seen.insert(id, seen);
        }
        let most = users().max_by_key(|loader| loader.generations);
        Loaders {
            taken: context.taken(),
            classes: census.classes,
            user_loaders: count(users().count()),
            generations: most.map_or(0, |loader| loader.generations),
            generations_of: most.and_then(|loader| loader.shared_class.clone()),
            threads_of_closed_wrappers: census.emptied_wrappers,
            by_class: by_class(&census.loaders),
            loaders: listed(users()).map(|loader| self.loader(loader)).collect(),
        }
    }

    fn loader(&self, reading: &LoaderReading) -> Loader {
        Loader {
            id: reading.id,
            class: reading.class.clone(),
            name: reading.name.clone(),
            first_seen_up_ms: reading.id.and_then(|id| self.first_seen.get(&id).copied()),
            classes: reading.classes,
            parent_class: reading.parent_class.clone().unwrap_or_else(boot),
            parent: reading.parent_id,
            closed: reading.closed,
            context_of_threads: reading.context_of_threads,
            generations: reading.generations,
            newer_generations: reading.newer_generations,
            shared_class: reading.shared_class.clone(),
        }
    }
}

/// Whether a loader's job seems to have ended: it was closed, or its classes were defined anew.
fn has_ended(loader: &LoaderReading) -> bool {
    loader.kind == LoaderKind::User && (is_closed(loader) || loader.newer_generations > 0)
}

fn is_closed(loader: &LoaderReading) -> bool {
    loader.kind == LoaderKind::User && loader.closed == Some(true)
}

fn about(loader: &LoaderReading, id: u32) -> RootPath {
    RootPath {
        target_class: loader.class.clone(),
        target_loader: Some(id),
        ..RootPath::default()
    }
}

/// Adds what the JVM says of metaspace by class of loader, where the heap has room for its answer.
fn ask_for_metaspace(loaders: &mut Loaders, context: &mut Context<'_, '_>) {
    let answer = u64::from(loaders.user_loaders) * BYTES_PER_LOADER + LEAST_FREE;
    let has_room = context
        .sample
        .heap
        .is_some_and(|heap| heap.max_bytes.saturating_sub(heap.used_bytes) > answer);
    if !has_room {
        return;
    }
    let Some(sums) = loader_metaspace(context.env) else {
        return;
    };
    let total = sums.values().map(|sum| sum.used_bytes).sum();
    let Some(unit) = unit(total, context.sample) else {
        return;
    };
    for row in &mut loaders.by_class {
        let class = if row.class == boot() { "" } else { &row.class };
        if let Some(sum) = sums.get(class) {
            row.metaspace_used_bytes = Some(sum.used_bytes.saturating_mul(unit));
            row.metaspace_reserved_bytes = Some(sum.reserved_bytes.saturating_mul(unit));
        }
    }
}

/// Bytes in the unit of the JVM's answer. Some releases count words and call them bytes, so the sum is held against the pool;
/// `None` where neither fits.
fn unit(total: u64, sample: &Sample) -> Option<u64> {
    let pool = sample
        .pools
        .iter()
        .find(|pool| pool.kind == PoolKind::Metaspace)?;
    let off = |unit: &u64| total.saturating_mul(*unit).abs_diff(pool.used_bytes);
    let nearest = [1, 8].into_iter().min_by_key(off)?;
    (off(&nearest) <= pool.used_bytes / 4 + UNIT_SLACK).then_some(nearest)
}

fn is_near(sample: &Sample) -> bool {
    let metaspace = |kind| matches!(kind, PoolKind::Metaspace | PoolKind::ClassSpace);
    sample
        .pools
        .iter()
        .filter(|pool| metaspace(pool.kind))
        .any(|pool| {
            pool.max_bytes
                .is_some_and(|max| pool.committed_bytes as f64 >= NEAR * max as f64)
        })
}

fn boot() -> String {
    "boot".to_owned()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn by_class(loaders: &[LoaderReading]) -> Vec<LoaderClass> {
    let mut sums: BTreeMap<&str, LoaderClass> = BTreeMap::new();
    for loader in loaders {
        let sum = sums.entry(&loader.class).or_default();
        sum.loaders += 1;
        sum.classes += loader.classes;
    }
    let name = |class: &str| {
        if class.is_empty() {
            boot()
        } else {
            class.to_owned()
        }
    };
    let mut rows: Vec<LoaderClass> = sums
        .into_iter()
        .map(|(class, sum)| LoaderClass {
            class: name(class),
            ..sum
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse((row.classes, row.loaders)));
    rows.truncate(LISTED);
    rows
}

/// Those that tell most, in order of age.
fn listed<'a>(
    loaders: impl Iterator<Item = &'a LoaderReading>,
) -> impl Iterator<Item = &'a LoaderReading> {
    let mut loaders: Vec<_> = loaders.collect();
    let rank = |loader: &LoaderReading| {
        (
            loader.closed == Some(true),
            loader.newer_generations > 0,
            loader.classes,
        )
    };
    loaders.sort_by_key(|loader| std::cmp::Reverse(rank(loader)));
    loaders.truncate(LISTED);
    loaders.sort_by_key(|loader| loader.id.unwrap_or(u32::MAX));
    loaders.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::Pool;

    #[test]
    fn words_are_told_from_bytes_by_the_pool() {
        let pool = Pool {
            kind: PoolKind::Metaspace,
            used_bytes: 25_000_000,
            ..Pool::default()
        };
        let sample = Sample {
            pools: vec![pool],
            ..Sample::default()
        };
        assert_eq!(unit(24_800_000, &sample), Some(1));
        assert_eq!(unit(3_100_000, &sample), Some(8));
        assert_eq!(unit(12_000_000, &sample), None);
        assert_eq!(unit(60_000_000, &sample), None);
        assert_eq!(unit(24_800_000, &Sample::default()), None);
    }
}
