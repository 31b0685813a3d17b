//! Whose holders are worth looking for, and what is a collection on the way to them.

use super::micros;
use crate::evidence::Context;
use flinkmem_native::jvm::{
    self, ClassIdentity, FoundHolders, HolderRequest, HoldingObject, MOST_TARGETS, find_holders,
};
use flinkmem_trace::{
    ClassCount, HeldClass, Histogram, Holder, HolderKind, HolderSearch, Holds, RootPath,
};
use std::collections::HashMap;
use std::time::Duration;

/// Holders of each class that are written down.
const HOLDERS: usize = 5;

/// Classes of the last histogram with their bytes.
pub(super) type Sizes = HashMap<(String, Option<String>), u64>;

pub(super) fn sizes(histogram: &Histogram) -> Sizes {
    let size = |class: &ClassCount| ((class.class.clone(), class.loader.clone()), class.bytes);
    histogram.classes.iter().map(size).collect()
}

/// The object that is the foremost holder of a class, and what is known of it.
pub(super) struct Foremost {
    pub(super) about: RootPath,
    pub(super) object: HoldingObject,
}

/// Looks for the holders of the classes that have grown most since `before`. The objects among them, in that order, each
/// field once.
pub(super) fn add(
    histogram: &mut Histogram,
    before: &Sizes,
    context: &mut Context<'_, '_>,
    budget: Duration,
) -> Vec<Foremost> {
    let targets = targets(histogram, before);
    let request = HolderRequest {
        budget,
        targets: &targets,
        is_collection: &is_collection,
        most: HOLDERS,
    };
    let jvmti = context.agent.jvmti;
    match find_holders(context.env, jvmti, &request) {
        Ok(found) => record(histogram, targets, found),
        Err(_) => Vec::new(),
    }
}

/// Share of all bytes by which a class must have grown to be of interest for that.
const GROWTH: u64 = 100;

/// The classes that have grown most, then the largest.
fn targets(histogram: &Histogram, before: &Sizes) -> Vec<ClassIdentity> {
    let grown = |class: &&ClassCount| {
        let key = (class.class.clone(), class.loader.clone());
        let was = before.get(&key).copied().unwrap_or(0);
        let growth = class.bytes.saturating_sub(was);
        let worth_telling = growth >= histogram.bytes / GROWTH;
        std::cmp::Reverse(if worth_telling { growth } else { 0 })
    };
    let mut classes: Vec<_> = histogram
        .classes
        .iter()
        .filter(|class| !is_collection(class.class.trim_end_matches("[]")))
        .collect();
    classes.sort_by_cached_key(grown);
    let classes = classes.into_iter().take(MOST_TARGETS);
    classes
        .map(|class| ClassIdentity {
            name: class.class.clone(),
            loader: class.loader.clone(),
        })
        .collect()
}

/// Packages of collections: what lies in one of their objects belongs to whoever holds the collection.
const COLLECTIONS: [&str; 8] = [
    "java.util.",
    "scala.collection.",
    "com.google.common.collect.",
    "com.google.common.cache.",
    "com.github.benmanes.caffeine.cache.",
    "it.unimi.dsi.fastutil.",
    "gnu.trove.",
    "com.carrotsearch.hppc.",
];

/// Single classes of the JDK that are parts of collections, or that a reader never means.
const PARTS: [&str; 3] = [
    "java.lang.String",
    "java.lang.ThreadLocal$ThreadLocalMap",
    "java.lang.ThreadLocal$ThreadLocalMap$Entry",
];

/// Whether a class is a part of a collection. Arrays are, without being asked about.
fn is_collection(class: &str) -> bool {
    let shaded = || class.contains(".guava") && class.contains(".com.google.common.c");
    COLLECTIONS.iter().any(|package| class.starts_with(package))
        || PARTS.contains(&class)
        || shaded()
}

fn record(
    histogram: &mut Histogram,
    targets: Vec<ClassIdentity>,
    found: FoundHolders,
) -> Vec<Foremost> {
    histogram.holder_search = Some(HolderSearch {
        pause_us: micros(found.pause),
        references: found.references,
        complete: found.complete,
        lost: found.lost,
    });
    let mut objects: Vec<Foremost> = Vec::new();
    for (class, found) in targets.into_iter().zip(found.targets) {
        if found.references == 0 {
            continue;
        }
        let held = HeldClass {
            class: class.name,
            loader: class.loader,
            references: found.references,
            holders: found.holders.into_iter().map(holder).collect(),
        };
        if let Some(object) = found.foremost
            && let Some(foremost) = foremost(&held, object)
            && !objects.iter().any(|known| is_same_field(known, &foremost))
        {
            objects.push(foremost);
        }
        histogram.holders.push(held);
    }
    objects
}

/// A static field of a class that is never unloaded is where its path begins: there is nothing above it to be told.
fn foremost(held: &HeldClass, object: HoldingObject) -> Option<Foremost> {
    let holder = held.holders.first()?;
    if holder.kind == HolderKind::StaticField && holder.loader.is_none() {
        return None;
    }
    let holds = Holds {
        class: held.class.clone(),
        loader: held.loader.clone(),
        member: holder.member.clone(),
        references: object.references,
    };
    let about = RootPath {
        target_class: holder.class.clone()?,
        holds: Some(holds),
        ..RootPath::default()
    };
    Some(Foremost { about, object })
}

/// What lies in one map is mostly of several classes.
fn is_same_field(one: &Foremost, other: &Foremost) -> bool {
    let member = |of: &Foremost| {
        of.about
            .holds
            .as_ref()
            .and_then(|holds| holds.member.clone())
    };
    one.about.target_class == other.about.target_class && member(one) == member(other)
}

fn holder(found: jvm::FoundHolder) -> Holder {
    let (class, loader) = found
        .class
        .map_or((None, None), |class| (Some(class.name), class.loader));
    Holder {
        kind: match found.kind {
            jvm::HolderKind::Field => HolderKind::Field,
            jvm::HolderKind::StaticField => HolderKind::StaticField,
            jvm::HolderKind::Local => HolderKind::Local,
            jvm::HolderKind::Thread => HolderKind::Thread,
            jvm::HolderKind::Jni => HolderKind::Jni,
            jvm::HolderKind::Root => HolderKind::Root,
            jvm::HolderKind::Collection => HolderKind::Collection,
            jvm::HolderKind::Array => HolderKind::Array,
        },
        class,
        loader,
        member: found.member,
        through: found.through,
        references: found.references,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_grown_most_is_looked_for_and_collections_are_not() {
        let count = |class: &str, bytes| ClassCount {
            class: class.to_owned(),
            bytes,
            ..ClassCount::default()
        };
        let histogram = Histogram {
            bytes: 3000,
            classes: vec![
                count("byte[]", 900),
                count("java.util.HashMap$Node", 800),
                count("java.util.HashMap$Node[]", 700),
                count("com.acme.Row", 500),
            ],
            ..Histogram::default()
        };
        let names = |before: &Sizes| -> Vec<String> {
            targets(&histogram, before)
                .into_iter()
                .map(|class| class.name)
                .collect()
        };
        assert_eq!(names(&Sizes::new()), ["byte[]", "com.acme.Row"]);
        let before = Sizes::from([(("byte[]".to_owned(), None), 890)]);
        assert_eq!(names(&before), ["com.acme.Row", "byte[]"]);
    }

    #[test]
    fn collections_are_known_by_package() {
        assert!(is_collection("java.util.concurrent.ConcurrentHashMap$Node"));
        assert!(is_collection(
            "org.apache.flink.shaded.guava31.com.google.common.cache.LocalCache$StrongEntry"
        ));
        assert!(!is_collection(
            "org.apache.flink.runtime.state.heap.CopyOnWriteStateMap"
        ));
        assert!(!is_collection("java.lang.Thread"));
    }
}
