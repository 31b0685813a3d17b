//! `native_engine_leak`: a library that came with the job or a connector keeps what it takes of `malloc`.

use super::libraries::{self, GrowingLibrary};
use super::{Native, Standing, no_size_helps};
use crate::finding::{Finding, Label, Remedy};
use crate::rules::Answer;
use crate::units::bytes;

pub(super) fn check(native: &Native<'_>) -> Answer {
    let case = native.container.case;
    if !libraries::is_counted(case) {
        if !native.container.killed() {
            return Answer::DoesNotFire(
                "nobody counted by library, and no need is seen".to_owned(),
            );
        }
        return Answer::NotEnoughData {
            missing: "what each library holds: the agent counts that with native=on only"
                .to_owned(),
            collect: None,
        };
    }
    let Some(main) = native.libraries.first() else {
        return Answer::DoesNotFire("no library beside the JVM's and RocksDB's grew".to_owned());
    };
    let standing = Standing::of(&native.container, &main.series);
    if let Standing::Not(reason) = &standing {
        return Answer::DoesNotFire(format!("{} grew most, but {reason}", main.name));
    }
    let finding = native.finding(Label::NativeEngineLeak, &standing, &main.series, false);
    let facts = [
        Some(native.rose(
            &format!("live malloc of {}", main.name),
            "libraries.live_bytes",
            &main.series,
        )),
        caller(native, main),
        native.container.met_evidence(),
        native.container.parts_evidence(3),
    ];
    Answer::Fires(Box::new(Finding {
        evidence: facts.into_iter().flatten().collect(),
        remedy: remedy(main),
        consumer: main.consumer(standing.share()),
        ..finding
    }))
}

fn caller(native: &Native<'_>, library: &GrowingLibrary<'_>) -> Option<crate::finding::Evidence> {
    let frame = library.called_by?;
    let line = frame
        .line
        .map_or(String::new(), |line| format!(" (line {line})"));
    let text = format!("most of it was allocated under {}{line}", frame.qualified());
    Some(native.evidence(text, "libraries.sites", &library.series))
}

fn remedy(library: &GrowingLibrary<'_>) -> Remedy {
    let who = library
        .called_by
        .map_or_else(|| "its users".to_owned(), |frame| frame.qualified());
    Remedy {
        text: format!(
            "Close what {who} opens in {} (it holds {} now), bound its pools by its own settings, or upgrade it. {}",
            library.name,
            bytes(library.series.last()),
            no_size_helps()
        ),
        ..Remedy::default()
    }
}
