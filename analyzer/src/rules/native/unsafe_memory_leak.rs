//! `unsafe_memory_leak`: `Unsafe.allocateMemory` in user code or a library, which no limit of the JVM counts and nobody frees.

use super::{Native, Standing, call_site, no_size_helps};
use crate::finding::{Consumer, Finding, Label, Remedy, two_digits};
use crate::rules::Answer;
use crate::units::bytes;

pub(super) fn check(native: &Native<'_>) -> Answer {
    let Some(main) = native.off_heap.first() else {
        return Answer::DoesNotFire(
            "no call site takes off-heap memory beside the limits of JVM, Flink and Netty"
                .to_owned(),
        );
    };
    let standing = Standing::of(&native.container, &main.series);
    if let Standing::Not(reason) = &standing {
        return Answer::DoesNotFire(format!(
            "{} holds the most off-heap memory that nothing limits, but {reason}",
            main.owner.method
        ));
    }
    let consumer = {
        let n = f64::from(main.samples);
        call_site(main.frame, standing.share(), 0.97 * n / (n + 2.0))
    };
    let name = consumer.name.clone().unwrap_or_default();
    let share = two_digits(standing.share()) * 100.0;
    let rose = format!(
        "off-heap memory that {name} allocated and nobody freed ({share:.0} % of what grew)"
    );
    let finding = native.finding(Label::UnsafeMemoryLeak, &standing, &main.series, true);
    let facts = [
        Some(native.rose(&rose, "sites.live_bytes", &main.series)),
        native.container.met_evidence(),
        direct(native),
    ];
    Answer::Fires(Box::new(Finding {
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(&consumer),
        consumer,
        ..finding
    }))
}

/// That the JVM's own limit saw nothing of it.
fn direct(native: &Native<'_>) -> Option<crate::finding::Evidence> {
    let case = native.container.case;
    let last = case
        .timeline
        .moments
        .iter()
        .rev()
        .find(|moment| moment.direct.is_some())?;
    let (held, limit) = (last.direct_bytes()?, case.direct_limit()?);
    let text = format!(
        "MaxDirectMemorySize does not count it: the JVM's direct memory stands at {} of {}",
        bytes(held),
        bytes(limit)
    );
    Some(
        crate::finding::Evidence::new(text, "direct.capacity_bytes", last.t_ms, last.t_ms)
            .with_value(held),
    )
}

fn remedy(consumer: &Consumer) -> Remedy {
    let name = consumer.name.as_deref().unwrap_or_default();
    let line = consumer
        .line
        .map_or(String::new(), |line| format!(" (line {line})"));
    Remedy {
        text: format!(
            "Free what {name}{line} allocates, for each block when it is no longer used and for all of them in close(). {} -XX:MaxDirectMemorySize does not bound it either.",
            no_size_helps()
        ),
        ..Remedy::default()
    }
}
