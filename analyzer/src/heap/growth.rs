//! What has grown between two histograms.

use super::{ClassKind, class_kind};
use flinkmem_trace::{ClassCount, Histogram};
use std::collections::HashMap;

/// Growth of one class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassGrowth {
    /// Class as in the histogram.
    pub class: String,
    /// Class of its loader, if it is one of user code.
    pub loader: Option<String>,
    /// What it belongs to.
    pub kind: ClassKind,
    /// Objects more than before; negative for fewer.
    pub count: i64,
    /// Bytes more than before.
    pub bytes: i64,
}

/// Classes that `after` names, most growth in bytes first; `None` unless both histograms are complete. A class that `before`
/// does not name was too small there, so its growth is told a little too large: at most by the smallest that `before` names.
#[must_use]
pub fn growth(before: &Histogram, after: &Histogram) -> Option<Vec<ClassGrowth>> {
    if !before.complete || !after.complete {
        return None;
    }
    let key = |class: &ClassCount| (class.class.clone(), class.loader.clone());
    let was: HashMap<_, &ClassCount> = before.classes.iter().map(|c| (key(c), c)).collect();
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let mut grown: Vec<ClassGrowth> = after
        .classes
        .iter()
        .map(|class| {
            let (count, bytes) = was.get(&key(class)).map_or((0, 0), |c| (c.count, c.bytes));
            ClassGrowth {
                class: class.class.clone(),
                loader: class.loader.clone(),
                kind: class_kind(&class.class, class.loader.as_deref()),
                count: signed(class.count) - signed(count),
                bytes: signed(class.bytes) - signed(bytes),
            }
        })
        .collect();
    grown.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.class.cmp(&b.class)));
    Some(grown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(classes: &[(&str, u64, u64)]) -> Histogram {
        let class = |&(class, count, bytes): &(&str, u64, u64)| ClassCount {
            class: class.to_owned(),
            count,
            bytes,
            ..ClassCount::default()
        };
        Histogram {
            complete: true,
            classes: classes.iter().map(class).collect(),
            ..Histogram::default()
        }
    }

    #[test]
    fn classes_are_compared_by_name() {
        let before = histogram(&[("byte[]", 10, 1000), ("com.acme.Row", 5, 80)]);
        let after = histogram(&[
            ("byte[]", 9, 900),
            ("com.acme.Row", 50, 800),
            ("com.acme.Key", 1, 16),
        ]);
        let grown = growth(&before, &after).unwrap();
        let figures: Vec<_> = grown
            .iter()
            .map(|g| (g.class.as_str(), g.count, g.bytes))
            .collect();
        assert_eq!(
            figures,
            [
                ("com.acme.Row", 45, 720),
                ("com.acme.Key", 1, 16),
                ("byte[]", -1, -100)
            ]
        );
    }

    #[test]
    fn a_part_of_the_heap_is_not_compared() {
        let whole = histogram(&[]);
        let part = Histogram::default();
        assert_eq!(growth(&part, &whole), None);
        assert_eq!(growth(&whole, &part), None);
    }
}
