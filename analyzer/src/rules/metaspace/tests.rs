//! Stories of class loaders, and which way they lean.

use super::retained::{in_words, pattern};
use super::{Leaning, MetaspacePicture};
use crate::case::{Case, Moment, Outcome, OutcomeKind, PoolUse};
use crate::finding::{ConsumerKind, Finding, Label, Severity};
use crate::rules::{Answer, Facts, Verdict, classloader_leak};
use flinkmem_trace::{
    Incident, IncidentKind, Loader, LoaderClass, Loaders, PathOutcome, PathStep, Record,
    ReferenceKind, Retention, RootPath, Taken,
};

const MIB: u64 = 1 << 20;
const JOB: &str = "org.apache.flink.util.ChildFirstClassLoader";

/// A TaskManager with 96 MiB of metaspace, of which it takes half itself.
struct Story {
    case: Case,
}

fn taken(s: u64) -> Taken {
    Taken {
        up_ms: s * 1000,
        t_ms: i64::try_from(s * 1000).unwrap(),
        ..Taken::default()
    }
}

impl Story {
    fn new() -> Self {
        Self {
            case: Case::default(),
        }
    }

    fn moment(&mut self, s: u64, used_mib: u64) {
        self.case.timeline.moments.push(Moment {
            up_ms: s * 1000,
            t_ms: i64::try_from(s * 1000).unwrap(),
            metaspace: Some(PoolUse {
                used_bytes: used_mib * MIB,
                committed_bytes: used_mib * MIB,
                max_bytes: Some(96 * MIB),
            }),
            ..Moment::default()
        });
    }

    /// A census of loaders of jobs of 10 MiB each: their numbers, and whether they are closed.
    fn census(&mut self, s: u64, loaders: &[(u32, bool)]) -> &mut Self {
        let count = u32::try_from(loaders.len()).unwrap();
        self.moment(s, 46 + 10 * u64::from(count));
        let loader = |&(id, closed): &(u32, bool)| Loader {
            id: Some(id),
            class: JOB.to_owned(),
            classes: 1000,
            closed: Some(closed),
            ..Loader::default()
        };
        let row = LoaderClass {
            class: JOB.to_owned(),
            loaders: count,
            classes: 1000 * count,
            metaspace_used_bytes: Some(10 * MIB * u64::from(count)),
            ..LoaderClass::default()
        };
        self.case.evidence.push(Record::Loaders(Box::new(Loaders {
            taken: taken(s),
            classes: 8000 + 1000 * count,
            user_loaders: count,
            generations: count,
            by_class: vec![row],
            loaders: loaders.iter().map(loader).collect(),
            ..Loaders::default()
        })));
        self
    }

    fn path(&mut self, s: u64, loader: u32, kind: Retention, thread: &str) -> &mut Self {
        let step = PathStep {
            class: "java.lang.Thread".to_owned(),
            by: Some(ReferenceKind::Field),
            field: Some("target".to_owned()),
            thread: Some(thread.to_owned()),
            ..PathStep::default()
        };
        let class = PathStep {
            class: "com.acme.Poller".to_owned(),
            by: Some(ReferenceKind::ClassLoader),
            ..PathStep::default()
        };
        self.case.evidence.push(Record::RootPath(Box::new(RootPath {
            taken: taken(s),
            target_class: JOB.to_owned(),
            target_loader: Some(loader),
            outcome: PathOutcome::Found,
            retention: Some(kind),
            steps: vec![step, class],
            ..RootPath::default()
        })));
        self
    }

    fn exhausted(&mut self, s: u64) -> &mut Self {
        self.case.incidents.push(Incident {
            up_ms: s * 1000,
            id: 1,
            incident: IncidentKind::ResourceExhausted,
            message: Some("Metaspace".to_owned()),
            ..Incident::default()
        });
        self
    }

    fn leaning(&self) -> Leaning {
        let outcome = Outcome {
            kind: OutcomeKind::Unknown,
            detail: String::new(),
        };
        let facts = Facts {
            case: &self.case,
            outcome: &outcome,
            budget: None,
        };
        MetaspacePicture::of(facts).leaning
    }

    fn verdict(&self) -> Verdict {
        let outcome = Outcome {
            kind: OutcomeKind::Unknown,
            detail: String::new(),
        };
        let facts = Facts {
            case: &self.case,
            outcome: &outcome,
            budget: None,
        };
        let mut verdict = Verdict::default();
        super::judge(facts, &mut verdict);
        verdict
    }

    fn only(&self) -> Finding {
        let mut verdict = self.verdict();
        assert_eq!(verdict.findings.len(), 1, "{:#?}", verdict.findings);
        verdict.findings.remove(0)
    }
}

#[test]
fn loaders_of_ended_jobs_at_the_limit_are_a_leak_named_by_what_keeps_them() {
    let mut story = Story::new();
    story.census(60, &[(1, true), (2, false)]);
    story.census(120, &[(1, true), (2, true), (3, true), (4, false)]);
    story.exhausted(121);
    story.path(122, 1, Retention::Thread, "poller-1");
    story.path(122, 2, Retention::Thread, "poller-2");
    let finding = story.only();
    assert_eq!(finding.label, Label::ClassloaderLeak);
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!(finding.consumer.kind, ConsumerKind::Thread);
    let name = finding.consumer.name.as_deref();
    assert_eq!(name, Some("com.acme.Poller in thread poller-#"));
    assert!(finding.remedy.config.is_empty(), "no size helps");
    assert!(finding.remedy.text.starts_with("End thread poller-#"));
}

#[test]
fn each_kind_of_path_has_a_remedy_of_its_own() {
    let texts = [
        (Retention::Thread, "End thread"),
        (
            Retention::InheritedContextClassLoader,
            "setContextClassLoader",
        ),
        (Retention::ThreadLocal, "remove()"),
        (Retention::ShutdownHook, "removeShutdownHook"),
        (Retention::JniGlobal, "JNI global"),
    ];
    for (kind, text) in texts {
        let mut story = Story::new();
        story.census(60, &[(1, true), (2, true), (3, false)]);
        story.exhausted(61).path(62, 1, kind, "worker");
        let finding = story.only();
        assert!(finding.remedy.text.contains(text), "{:?}", finding.remedy);
    }
}

#[test]
fn one_generation_at_the_limit_is_too_small() {
    let mut story = Story::new();
    story.census(60, &[(1, false)]).exhausted(61);
    assert!(matches!(story.leaning(), Leaning::Undersized(p) if p > 0.8));
    let finding = story.only();
    assert_eq!(finding.label, Label::MetaspaceUndersized);
}

#[test]
fn an_error_without_a_census_names_the_limit_only() {
    let mut story = Story::new();
    story.moment(1, 90);
    story.exhausted(2);
    assert!(matches!(story.leaning(), Leaning::NotEnoughData(_)));
    assert!(story.verdict().findings.is_empty());
}

#[test]
fn many_honest_jobs_whose_loaders_wait_for_a_collection_are_silent() {
    let mut story = Story::new();
    story.census(60, &[(1, true), (2, true), (3, true)]);
    story.census(120, &[(1, true), (2, true), (3, true), (4, true)]);
    assert!(matches!(story.leaning(), Leaning::Neither(_)));
    // A collection takes the oldest, though some thread has just kept two.
    story.census(180, &[(3, true), (4, true), (5, true)]);
    story.path(181, 4, Retention::Thread, "slow-1");
    story.path(181, 5, Retention::Thread, "slow-2");
    assert!(matches!(story.leaning(), Leaning::Neither(_)));
}

#[test]
fn generations_that_are_held_are_seen_before_the_limit() {
    let mut story = Story::new();
    story.census(60, &[(1, true), (2, false)]);
    story.census(120, &[(1, true), (2, true), (3, true), (4, false)]);
    story.path(121, 1, Retention::Thread, "poller-1");
    assert!(
        matches!(story.leaning(), Leaning::Neither(_)),
        "one may be slow"
    );
    story.path(121, 2, Retention::Thread, "poller-2");
    let finding = story.only();
    assert_eq!(finding.label, Label::ClassloaderLeak);
    assert_eq!(finding.severity, Severity::Warning);
    assert!(!finding.limit.reached);
}

#[test]
fn the_same_thread_in_two_ways_is_told_once() {
    let mut story = Story::new();
    story
        .census(60, &[(1, true), (2, true), (3, false)])
        .exhausted(61);
    for loader in [1, 2] {
        story.path(62, loader, Retention::Thread, "poller");
        story.path(62, loader, Retention::InheritedContextClassLoader, "poller");
    }
    let finding = story.only();
    let paths = finding
        .evidence
        .iter()
        .filter(|fact| fact.signal == "root_path");
    assert_eq!(paths.count(), 1, "{:#?}", finding.evidence);
}

#[test]
fn names_of_threads_lose_their_numbers_and_paths_are_one_line() {
    assert_eq!(pattern("pool-12-thread-3"), "pool-#-thread-#");
    assert_eq!(pattern("flusher"), "flusher");
    let mut story = Story::new();
    story.path(1, 1, Retention::Thread, "poller-1");
    let path = story.case.evidence.last::<RootPath>().unwrap();
    assert_eq!(
        in_words(path),
        "thread \"poller-1\".target → class com.acme.Poller"
    );
}

#[test]
fn an_answer_that_does_not_fire_says_why() {
    let story = Story::new();
    let outcome = Outcome {
        kind: OutcomeKind::Unknown,
        detail: String::new(),
    };
    let facts = Facts {
        case: &story.case,
        outcome: &outcome,
        budget: None,
    };
    let threads = crate::rules::threads::ThreadPicture::of(facts);
    let answer = classloader_leak::check(&MetaspacePicture::of(facts), &threads);
    assert!(matches!(answer, Answer::DoesNotFire(reason) if !reason.is_empty()));
}
