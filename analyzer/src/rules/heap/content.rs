//! What the heap holds: the class that matters, how it grew, and the chain of holders above it.

use crate::case::{Case, share};
use crate::heap::{ClassGrowth, ClassKind, class_kind, growth};
use flinkmem_trace::{ClassCount, Histogram, Holder, HolderKind};

/// What the heap holds at the moment that matters.
#[derive(Debug)]
pub(in crate::rules) struct Content<'a> {
    /// The objects then.
    pub(in crate::rules) at: &'a Histogram,
    /// Growth by class since an earlier histogram, most first; empty where there is none.
    pub(in crate::rules) grown: Vec<ClassGrowth>,
    /// Seconds between the two.
    pub(in crate::rules) grown_in_s: f64,
    /// The class that matters: not an array, not a part of the JDK.
    pub(in crate::rules) subject: Option<Subject<'a>>,
    /// Who holds what there is most of, from the bottom up.
    pub(in crate::rules) chain: Vec<&'a Holder>,
}

/// A class that stands for what fills the heap.
#[derive(Debug, Clone, Copy)]
pub(in crate::rules) struct Subject<'a> {
    /// The class.
    pub(in crate::rules) class: &'a ClassCount,
    /// What it belongs to.
    pub(in crate::rules) kind: ClassKind,
}

/// A histogram shows what filled the heap only if it was still filled then, by this share of the limit.
const STILL_FULL: f64 = 0.6;
/// A class stands for the arrays that take the bytes if there is at least one of it for so many objects of the commonest class.
const FOR_SO_MANY: u64 = 10;
/// The first holder must hold at least this share of the references to stand for all.
const MAIN_HOLDER: f64 = 0.3;
/// Holders above holders that are followed.
const LONGEST_CHAIN: usize = 5;

impl<'a> Content<'a> {
    /// At an error: the fullest histogram around it. Without one: the last.
    pub(super) fn of(case: &'a Case, limit: Option<u64>, error_ms: Option<u64>) -> Option<Self> {
        let whole = || {
            case.evidence
                .all::<Histogram>()
                .filter(|found| found.complete && found.count > 0)
        };
        let least = error_ms
            .and(limit)
            .map_or(0.0, |limit| limit as f64 * STILL_FULL);
        let full = whole().filter(|found| found.bytes as f64 >= least);
        let at = match error_ms {
            Some(error_ms) => full.min_by_key(|found| found.taken.up_ms.abs_diff(error_ms))?,
            None => whole().next_back()?,
        };
        let before = whole().find(|found| found.taken.up_ms < at.taken.up_ms);
        let grown = before
            .and_then(|before| growth(before, at))
            .unwrap_or_default();
        let since = before.map_or(at.taken.up_ms, |before| before.taken.up_ms);
        let chain = chain(at, &grown);
        Some(Self {
            at,
            grown_in_s: at.taken.up_ms.saturating_sub(since) as f64 / 1000.0,
            subject: subject(at, &grown, &chain),
            grown,
            chain,
        })
    }

    /// The outermost known holder.
    pub(in crate::rules) fn holder(&self) -> Option<&'a Holder> {
        self.chain.last().copied()
    }

    /// Objects of a class, by its name.
    pub(in crate::rules) fn count_of(&self, class: &str) -> Option<&'a ClassCount> {
        self.at.classes.iter().find(|known| known.class == class)
    }

    /// Whether Flink's state backend holds what there is most of.
    pub(in crate::rules) fn is_state(&self) -> bool {
        let of_state = |class: &str| class_kind(class, None) == ClassKind::FlinkState;
        let held = self.chain.iter().any(|holder| {
            let through = holder.through.iter().any(|step| of_state(step));
            through || holder.class.as_deref().is_some_and(of_state)
        });
        held || self
            .subject
            .is_some_and(|subject| subject.kind == ClassKind::FlinkState)
    }
}

/// Holders from the class with the most bytes (that have grown, where that is known) up, as long as one of them has most.
fn chain<'a>(at: &'a Histogram, grown: &[ClassGrowth]) -> Vec<&'a Holder> {
    let first = match grown.first() {
        Some(most) => at.classes.iter().find(|class| class.class == most.class),
        None => at.classes.first(),
    };
    let mut chain: Vec<&Holder> = Vec::new();
    let mut class = first.map(|first| first.class.as_str());
    while let Some(name) = class.filter(|_| chain.len() < LONGEST_CHAIN) {
        let Some(main) = main_holder(at, name) else {
            break;
        };
        if chain.iter().any(|known| known.class == main.class) {
            break;
        }
        chain.push(main);
        let goes_on = main.kind == HolderKind::Field;
        class = main.class.as_deref().filter(|_| goes_on);
    }
    chain
}

/// A holder that the JVM itself has is none that anybody means.
fn main_holder<'a>(at: &'a Histogram, class: &str) -> Option<&'a Holder> {
    let held = at.holders.iter().find(|held| held.class == class)?;
    let is_searched = at.holder_search.is_some_and(|search| search.complete);
    let main = held.holders.first().filter(|_| is_searched)?;
    let name = main.class.as_deref()?;
    let is_jdk = class_kind(name, main.loader.as_deref()) == ClassKind::Jdk;
    let is_main = share(main.references, held.references) >= MAIN_HOLDER;
    (is_main && !is_jdk).then_some(main)
}

fn subject<'a>(at: &'a Histogram, grown: &[ClassGrowth], chain: &[&Holder]) -> Option<Subject<'a>> {
    let with_kind = |class: &'a ClassCount| Subject {
        class,
        kind: class_kind(&class.class, class.loader.as_deref()),
    };
    let held_by = chain.first().and_then(|holder| holder.class.as_deref());
    let holding = held_by.and_then(|name| at.classes.iter().find(|class| class.class == name));
    if let Some(holding) = holding {
        return Some(with_kind(holding));
    }
    let bytes = |class: &ClassCount| {
        let growth = grown
            .iter()
            .find(|g| g.class == class.class && g.loader == class.loader);
        growth.map_or(i64::try_from(class.bytes).unwrap_or(i64::MAX), |growth| {
            growth.bytes
        })
    };
    let commonest = at.classes.iter().map(|class| class.count).max()?;
    let candidates = at.classes.iter().map(with_kind).filter(|subject| {
        let is_array = subject.class.class.ends_with("[]");
        !is_array && subject.kind != ClassKind::Jdk
    });
    let largest = candidates.max_by_key(|subject| bytes(subject.class))?;
    (largest.class.count >= commonest / FOR_SO_MANY).then_some(largest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flinkmem_trace::{HeldClass, HolderSearch, Record, Taken};

    fn class(name: &str, loader: Option<&str>, count: u64, bytes: u64) -> ClassCount {
        ClassCount {
            class: name.to_owned(),
            loader: loader.map(str::to_owned),
            count,
            bytes,
            ..ClassCount::default()
        }
    }

    const JOB: Option<&str> = Some("org.apache.flink.util.ChildFirstClassLoader");

    fn histogram() -> Histogram {
        Histogram {
            complete: true,
            count: 1,
            bytes: 100,
            classes: vec![
                class("byte[]", None, 1000, 80),
                class("java.util.HashMap$Node", None, 900, 10),
                class("com.acme.Row", JOB, 800, 5),
                class("org.apache.flink.Other", None, 20, 4),
            ],
            ..Histogram::default()
        }
    }

    fn held(class: &str, holder: Holder) -> HeldClass {
        HeldClass {
            class: class.to_owned(),
            references: 1000,
            holders: vec![holder],
            ..HeldClass::default()
        }
    }

    fn field(kind: HolderKind, class: &str, member: &str) -> Holder {
        Holder {
            kind,
            class: Some(class.to_owned()),
            loader: JOB.map(str::to_owned),
            member: Some(member.to_owned()),
            references: 800,
            ..Holder::default()
        }
    }

    #[test]
    fn without_holders_the_class_with_as_many_objects_stands_for_the_arrays() {
        let at = histogram();
        let found = subject(&at, &[], &[]).unwrap();
        assert_eq!(
            (found.class.class.as_str(), found.kind),
            ("com.acme.Row", ClassKind::User)
        );
        let mut few = at.clone();
        few.classes.retain(|class| class.class != "com.acme.Row");
        assert!(
            subject(&few, &[], &[]).is_none(),
            "20 of 1000 stand for nothing"
        );
    }

    #[test]
    fn holders_are_followed_upwards() {
        let mut at = histogram();
        at.holders = vec![
            held(
                "byte[]",
                field(HolderKind::Field, "com.acme.Row", "payload"),
            ),
            held(
                "com.acme.Row",
                field(HolderKind::StaticField, "com.acme.Cache", "ROWS"),
            ),
        ];
        at.holder_search = Some(HolderSearch {
            complete: true,
            ..HolderSearch::default()
        });
        let names: Vec<_> = chain(&at, &[])
            .iter()
            .map(|holder| holder.member.clone().unwrap())
            .collect();
        assert_eq!(names, ["payload", "ROWS"]);
        at.holder_search = Some(HolderSearch::default());
        assert!(
            chain(&at, &[]).is_empty(),
            "a part of the heap tells nobody's share"
        );
    }

    #[test]
    fn a_histogram_of_an_emptied_heap_shows_nothing_of_the_error() {
        let mut case = Case::default();
        let mut at = histogram();
        at.taken = Taken {
            up_ms: 5_000,
            ..Taken::default()
        };
        case.evidence = crate::case::Evidence::of_records([Record::Histogram(Box::new(at))]);
        assert!(Content::of(&case, Some(1000), Some(4_000)).is_none());
        assert!(Content::of(&case, Some(120), Some(4_000)).is_some());
        assert!(Content::of(&case, Some(1000), None).is_some());
    }
}
