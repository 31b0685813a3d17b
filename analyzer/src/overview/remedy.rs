//! The smallest changes that make a refused configuration acceptable, each verified by deriving it again.

use crate::model::changes::Behaviour;
use crate::model::options::{FlinkOption, jm, tm};
use crate::model::{MemorySize, Process, Question, Refusal, Source, derive};
use serde::Serialize;

/// One option set to another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The option.
    pub key: String,
    /// What it was; absent if it was not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What to set it to; absent if it is to be removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How far the two are apart, bytes; what is no size is taken to be near.
    #[serde(skip)]
    distance: u64,
}

impl Change {
    /// In one line.
    #[must_use]
    pub fn text(&self) -> String {
        let was = self
            .from
            .as_ref()
            .map_or_else(|| "is not set".to_owned(), |from| format!("is {from}"));
        match &self.to {
            Some(to) => format!("{}: {to}   (it {was})", self.key),
            None => format!("remove {}   (it {was})", self.key),
        }
    }

    /// The question with this change made.
    #[must_use]
    pub fn applied_to(&self, question: &Question) -> Question {
        let mut changed = question.clone();
        match &self.to {
            Some(to) => changed
                .settings
                .set(self.key.as_str(), to.as_str(), Source::Given),
            None => {
                changed.settings.remove(&self.key);
            }
        }
        changed
    }
}

/// As many as a reader cares for.
const MOST_CHANGES: usize = 5;
const MIB: u64 = 1 << 20;
/// Sizes are searched up to this many mebibytes, 1 PiB.
const LARGEST_MIB: u64 = 1 << 30;

/// The smallest single changes that Flink would accept, nearest first.
#[must_use]
pub fn accepted_changes(question: &Question, refusal: &Refusal) -> Vec<Change> {
    let mut changes: Vec<Change> = candidates(question, refusal)
        .into_iter()
        .flat_map(|key| changes_of(question, &key))
        .filter(|change| is_accepted(&change.applied_to(question)))
        .collect();
    changes.sort_by_key(|change| (change.to.is_none(), change.distance, change.from.is_none()));
    changes.dedup_by(|a, b| a.key == b.key && a.to == b.to);
    changes.truncate(MOST_CHANGES);
    changes
}

fn is_accepted(question: &Question) -> bool {
    derive(question).is_ok()
}

/// The options to turn: those that disagree, and the totals.
fn candidates(question: &Question, refusal: &Refusal) -> Vec<String> {
    let totals = match question.process {
        Process::TaskManager => [tm::PROCESS.key, tm::FLINK.key],
        Process::JobManager => [jm::PROCESS.key, jm::FLINK.key],
    };
    let mut keys = refusal.options.clone();
    for total in totals {
        let is_new = !keys.iter().any(|key| key == total);
        if is_new {
            keys.push(total.to_owned());
        }
    }
    keys
}

fn changes_of(question: &Question, key: &str) -> Vec<Change> {
    let proper = deprecated_spelling(question, key).unwrap_or(key);
    let current = question
        .settings
        .get(proper)
        .map(|setting| setting.value.to_string());
    let to = |to: String, distance| Change {
        key: proper.to_owned(),
        from: current.clone(),
        to: Some(to),
        distance,
    };
    let Some(text) = &current else {
        return match default_of(question, key) {
            Some(default) => turned(question, proper, default)
                .into_iter()
                .map(|(mib, distance)| to(format!("{mib}m"), distance))
                .collect(),
            None => {
                let is_process_size = [tm::PROCESS.key, jm::PROCESS.key].contains(&key);
                let smallest = is_process_size
                    .then(|| smallest_above(question, key, 0))
                    .flatten();
                smallest
                    .map(|mib| to(format!("{mib}m"), mib * MIB))
                    .into_iter()
                    .collect()
            }
        };
    };
    let removal = Change {
        key: proper.to_owned(),
        from: current.clone(),
        to: None,
        distance: u64::MAX,
    };
    let mut changes = vec![removal];
    match MemorySize::parse(text) {
        Ok(size) => {
            let found = turned(question, proper, size).into_iter();
            changes.extend(found.map(|(mib, distance)| to(format!("{mib}m"), distance)));
        }
        Err(_) => changes.extend(respelled(text).map(|text| to(text, 0))),
    }
    changes
}

/// The nearest accepted sizes above and below `size`, mebibytes, with their distance in bytes.
fn turned(question: &Question, key: &str, size: MemorySize) -> Vec<(u64, u64)> {
    let bytes = size.bytes();
    let up = smallest_above(question, key, bytes.div_ceil(MIB));
    let down = largest_below(question, key, bytes / MIB);
    let found = [up, down].into_iter().flatten();
    found
        .map(|mib| (mib, (mib * MIB).abs_diff(bytes)))
        .collect()
}

/// The default of a size that may be turned though it is not set.
fn default_of(question: &Question, key: &str) -> Option<MemorySize> {
    let behaviour = Behaviour::of(question.version);
    let metaspace = MemorySize::from_bytes(behaviour.metaspace_default_bytes);
    match key {
        _ if key == tm::METASPACE.key || key == jm::METASPACE.key => return Some(metaspace),
        _ if key == tm::NETWORK_MAX.key => {
            return Some(MemorySize::from_bytes(behaviour.network_max_default_bytes));
        }
        _ => {}
    }
    let options = [
        tm::OVERHEAD_MIN,
        tm::OVERHEAD_MAX,
        tm::NETWORK_MIN,
        tm::FRAMEWORK_HEAP,
        tm::FRAMEWORK_OFF_HEAP,
        tm::TASK_OFF_HEAP,
        jm::OVERHEAD_MIN,
        jm::OVERHEAD_MAX,
        jm::OFF_HEAP,
    ];
    let default = options.iter().find(|option| option.key == key)?.default?;
    MemorySize::parse(default).ok()
}

/// The key that a value really stands under.
fn deprecated_spelling<'a>(question: &Question, key: &str) -> Option<&'a str> {
    let aliased: [FlinkOption; 4] = [
        tm::MANAGED,
        tm::NETWORK_MIN,
        tm::NETWORK_MAX,
        tm::NETWORK_FRACTION,
    ];
    let option = aliased.iter().find(|option| option.key == key)?;
    question.settings.find(option).map(|(key, _)| key)
}

/// What was likely meant by a size that Flink cannot read: `2gib`, `1.5g`, `'2g'`.
fn respelled(text: &str) -> Option<String> {
    let plain = text
        .trim_matches(|c: char| c.is_whitespace() || c == '\'' || c == '"')
        .replace('_', "");
    let end = plain
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(plain.len());
    let (number, unit) = plain.split_at_checked(end)?;
    let shift = match unit.trim().to_lowercase().chars().next() {
        None | Some('b') => 0,
        Some('k') => 10,
        Some('m') => 20,
        Some('g') => 30,
        Some('t') => 40,
        Some(_) => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    let places = u32::try_from(fraction.len()).ok()?;
    let fraction =
        fraction.parse::<u64>().ok()?.checked_mul(1 << shift)? / 10_u64.checked_pow(places)?;
    let bytes = whole.checked_mul(1 << shift)?.checked_add(fraction)?;
    Some(MemorySize::from_bytes(bytes).to_option())
}

fn with_size(question: &Question, key: &str, mib: u64) -> Question {
    let mut changed = question.clone();
    changed.settings.set(key, format!("{mib}m"), Source::Given);
    changed
}

/// The smallest size above `from` that is accepted: doubling until one is, then halving the distance. What is accepted
/// may have an upper end too, so sizes close to `from` are tried first.
fn smallest_above(question: &Question, key: &str, from: u64) -> Option<u64> {
    let accepted = |mib| is_accepted(&with_size(question, key, mib));
    let mut low = from;
    let mut step = 1;
    let found = loop {
        let next = low.saturating_add(step);
        if next > LARGEST_MIB {
            return None;
        }
        if accepted(next) {
            break next;
        }
        low = next;
        step = longer(step);
    };
    Some(nearest(found, low, accepted))
}

/// The largest size below `from` that is accepted.
fn largest_below(question: &Question, key: &str, from: u64) -> Option<u64> {
    let accepted = |mib| is_accepted(&with_size(question, key, mib));
    let mut high = from.saturating_add(1);
    let mut step = 1;
    let found = loop {
        if high == 0 {
            return None;
        }
        let next = high.saturating_sub(step);
        if accepted(next) {
            break next;
        }
        high = next;
        step = longer(step);
    };
    Some(nearest(found, high, accepted))
}

/// Doubling alone could step over a narrow window of accepted sizes.
fn longer(step: u64) -> u64 {
    (step + step.div_ceil(4)).max(step + 1)
}

/// The accepted size that is nearest to a refused one, between the two.
fn nearest(mut accepted: u64, mut refused: u64, is_accepted: impl Fn(u64) -> bool) -> u64 {
    while accepted.abs_diff(refused) > 1 {
        let middle = accepted.midpoint(refused);
        if is_accepted(middle) {
            accepted = middle;
        } else {
            refused = middle;
        }
    }
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlinkVersion, Settings};

    fn changes(settings: Settings) -> Vec<Change> {
        let question = Question::new(
            FlinkVersion::release(1, 20, 5),
            Process::TaskManager,
            settings,
        );
        let refused = derive(&question).unwrap_err();
        accepted_changes(&question, &refused.refusal)
    }

    #[test]
    fn a_process_that_is_too_small_is_told_the_smallest_that_is_not() {
        let changes = changes(Settings::new().with("taskmanager.memory.process.size", "300m"));
        let first = changes.first().unwrap();
        assert_eq!(first.key, "taskmanager.memory.process.size");
        let mib: u64 = first
            .to
            .as_ref()
            .unwrap()
            .trim_end_matches('m')
            .parse()
            .unwrap();
        let accepted = |mib: u64| {
            let settings =
                Settings::new().with("taskmanager.memory.process.size", format!("{mib}m"));
            derive(&Question::new(
                FlinkVersion::release(1, 20, 5),
                Process::TaskManager,
                settings,
            ))
            .is_ok()
        };
        assert!(accepted(mib) && !accepted(mib - 1));
    }

    #[test]
    fn nothing_set_is_told_a_process_size() {
        let changes = changes(Settings::new());
        assert_eq!(
            changes.first().unwrap().key,
            "taskmanager.memory.process.size"
        );
    }

    #[test]
    fn a_misspelt_size_is_spelt_as_it_was_meant() {
        let changes = changes(Settings::new().with("taskmanager.memory.process.size", "1.5gib"));
        assert_eq!(changes.first().unwrap().to.as_deref(), Some("1536m"));
    }

    #[test]
    fn too_much_overhead_is_a_choice_between_the_sizes_that_make_it() {
        let changes = changes(
            Settings::new()
                .with("taskmanager.memory.process.size", "8g")
                .with("taskmanager.memory.flink.size", "4g"),
        );
        let keys: Vec<&str> = changes.iter().map(|change| change.key.as_str()).collect();
        assert!(keys.contains(&"taskmanager.memory.flink.size"), "{keys:?}");
        // A bound that is not set may be turned too.
        assert!(
            keys.contains(&"taskmanager.memory.jvm-overhead.max"),
            "{keys:?}"
        );
    }
}
