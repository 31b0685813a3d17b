//! `rocksdb_native_leak`: Java objects of RocksDB are not closed, and what they own or pin stays.

use super::codec_native_leak::{consumer, counted};
use super::objects::{LiveObjects, is_rocksdb};
use super::{Native, Standing, no_size_helps};
use crate::finding::{ConsumerKind, Finding, Label, Remedy};
use crate::rules::Answer;

/// Fewer live objects than that are what state backends have: some for each column family and slot.
const LEAST_OBJECTS: u64 = 200;

pub(super) fn check(native: &Native<'_>) -> Answer {
    let mut grown = native
        .objects
        .iter()
        .filter(|objects| is_rocksdb(objects.class));
    let Some(main) = grown.next() else {
        return Answer::DoesNotFire("objects of RocksDB did not become more".to_owned());
    };
    if main.live.grown() < LEAST_OBJECTS || !main.live.rises_at_the_end() {
        return Answer::DoesNotFire(format!(
            "live {} went from {} to {} and stayed",
            short(main.class),
            main.live.first(),
            main.live.last()
        ));
    }
    // What they own is of malloc; how much one takes is not known.
    let standing = Standing::of(&native.container, &native.malloc);
    if let Standing::Not(reason) = &standing {
        return Answer::DoesNotFire(format!(
            "live {} became {} more; of what malloc gave out: {reason}",
            short(main.class),
            main.live.grown()
        ));
    }
    let explained = native.explained_of_malloc();
    if explained > native.malloc.grown() / 2 && explained > 0 {
        return Answer::DoesNotFire(
            "most of what malloc gave out is explained otherwise".to_owned(),
        );
    }
    let finding = native.finding(Label::RocksdbNativeLeak, &standing, &native.malloc, true);
    let consumer = consumer(main, standing.share());
    let also = grown
        .filter(|other| other.live.grown() * 2 > main.live.grown())
        .take(2)
        .map(|other| counted(native, other));
    let facts = [
        Some(counted(native, main)),
        Some(native.rose(
            "what malloc gave out",
            "ledger.malloc_in_use",
            &native.malloc,
        )),
        native.container.met_evidence(),
        native
            .rocksdb
            .as_ref()
            .and_then(|used| used.evidence(native)),
    ];
    Answer::Fires(Box::new(Finding {
        evidence: facts.into_iter().flatten().chain(also).collect(),
        remedy: remedy(main, consumer.kind, consumer.name.as_deref()),
        consumer,
        ..finding
    }))
}

fn short(class: &str) -> &str {
    class.rsplit('.').next().unwrap_or(class)
}

fn remedy(objects: &LiveObjects<'_>, kind: ConsumerKind, name: Option<&str>) -> Remedy {
    let class = short(objects.class);
    let who = match (kind, name) {
        (ConsumerKind::CallSite, Some(name)) => format!("Close every {class} that {name} makes"),
        _ => format!("Find who makes objects of {class}, and close them"),
    };
    Remedy {
        text: format!(
            "{who}, with try-with-resources or in close(); the collector does not do it. If it is the state backend's own, upgrade Flink, and until then switch off what makes them (native metrics, statistics). {}",
            no_size_helps()
        ),
        ..Remedy::default()
    }
}
