//! `codec_native_leak`: contexts of compressors, such as Inflater and Deflater, are made and never ended.

use super::objects::{LiveObjects, is_rocksdb};
use super::{Native, Series, Standing, call_site, no_size_helps};
use crate::finding::{Consumer, ConsumerKind, Finding, Label, Remedy};
use crate::rules::Answer;
use crate::units::bytes;

/// Fewer live objects than that are no leak: every open jar and every stream has one or two.
const LEAST_OBJECTS: u64 = 100;

pub(super) fn check(native: &Native<'_>) -> Answer {
    let mut codecs = native
        .objects
        .iter()
        .filter(|objects| !is_rocksdb(objects.class));
    let Some(main) = codecs.next() else {
        return Answer::DoesNotFire("every codec that was made was ended".to_owned());
    };
    if main.live.last() < LEAST_OBJECTS {
        return Answer::DoesNotFire(format!(
            "only {} of {} are live",
            main.live.last(),
            main.class
        ));
    }
    let series = bytes_of(native, main);
    let standing = Standing::of(&native.container, &series);
    if let Standing::Not(reason) = &standing {
        return Answer::DoesNotFire(format!(
            "{} live {}, but {reason}",
            main.live.last(),
            main.class
        ));
    }
    let finding = native.finding(Label::CodecNativeLeak, &standing, &series, true);
    let consumer = consumer(main, standing.share());
    let facts = [
        Some(counted(native, main)),
        Some(native.rose(
            "the native memory that they take (about)",
            "native_objects",
            &series,
        )),
        native.container.met_evidence(),
        native.container.parts_evidence(3),
    ];
    Answer::Fires(Box::new(Finding {
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(main, &consumer),
        consumer,
        ..finding
    }))
}

/// Count times size; of classes whose size is not known, what malloc gave out.
fn bytes_of(native: &Native<'_>, objects: &LiveObjects<'_>) -> Series {
    match objects.object_bytes {
        Some(size) => objects.live.times(size),
        None if objects.live.rises_at_the_end() => native.malloc.clone(),
        None => Series::default(),
    }
}

/// Exact counts of what was made and what was ended.
pub(super) fn counted(native: &Native<'_>, objects: &LiveObjects<'_>) -> crate::finding::Evidence {
    let at_least = match objects.incomplete {
        true => " (not all of its methods are watched)",
        false => "",
    };
    let text = format!(
        "{} of {} were made and {} disposed of{at_least}: {} live, {} more than at the first count",
        objects.created,
        objects.class,
        objects.disposed,
        objects.live.last(),
        objects.live.grown(),
    );
    native
        .evidence(text, "native_objects.created", &objects.live)
        .with_value(objects.live.last())
}

/// Who made them; without a stack the class.
pub(super) fn consumer(objects: &LiveObjects<'_>, share: f64) -> Consumer {
    match &objects.creator {
        Some(creator) => {
            let n = f64::from(creator.samples);
            let confidence = 0.97 * creator.share.min(1.0) * n / (n + 2.0);
            call_site(creator.frame, share, confidence)
        }
        None => Consumer {
            kind: ConsumerKind::Class,
            name: Some(objects.class.to_owned()),
            line: None,
            share: Some(crate::finding::two_digits(share)),
            confidence: 0.7,
        },
    }
}

fn remedy(objects: &LiveObjects<'_>, consumer: &Consumer) -> Remedy {
    let class = objects.class.rsplit('.').next().unwrap_or(objects.class);
    let how = match class {
        "Inflater" | "Deflater" => "end()",
        _ => "close()",
    };
    let each = objects.object_bytes.map_or(String::new(), |size| {
        format!(" Each holds about {}.", bytes(size))
    });
    let line = consumer
        .line
        .map_or(String::new(), |line| format!(" (line {line})"));
    let whose = match consumer.kind {
        ConsumerKind::CallSite => format!(
            "Call {how} on every {class} that {}{line} makes, also when it fails, or make one and reset() it.",
            consumer.name.as_deref().unwrap_or_default()
        ),
        _ => format!("Find who makes {class} objects, and call {how} on each."),
    };
    Remedy {
        text: format!("{whose}{each} {}", no_size_helps()),
        ..Remedy::default()
    }
}
