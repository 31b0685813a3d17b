//! Many judgements at a glance: a table, a confusion matrix, and how often a confidence is right.

use super::Judgement;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a healthy process is called among labels.
const HEALTHY: &str = "healthy";

/// One line for each.
#[must_use]
pub fn table(judgements: &[Judgement]) -> String {
    let mut text = String::from(
        "| scenario | Flink | JDK | verdict | consumer | confidence | remedy | seconds | |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for one in judgements {
        let confidence = one
            .confidence
            .map_or_else(String::new, |c| format!("{c:.2}"));
        let remedy = match one.remedy_held {
            None => "",
            Some(true) => "held",
            Some(false) => "did not hold",
        };
        let right = if one.wrong.is_empty() {
            "right".to_owned()
        } else {
            format!("WRONG: {}", one.wrong.join("; "))
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {confidence} | {remedy} | {:.0} | {right} |",
            one.scenario,
            one.flink,
            one.java,
            said(one),
            one.consumer.as_deref().unwrap_or(""),
            one.seconds
        );
    }
    text
}

/// What was expected against what was said, where it is not the same; and the sums.
#[must_use]
pub fn matrix(judgements: &[Judgement]) -> String {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for one in judgements {
        *counts
            .entry((meant(one), said(one).to_owned()))
            .or_default() += 1;
    }
    let mut text = String::from("| expected | said | times |\n| --- | --- | --- |\n");
    for ((meant, said), times) in &counts {
        let _ = writeln!(text, "| {meant} | {said} | {times} |");
    }
    let faults: Vec<_> = judgements
        .iter()
        .filter(|one| !one.expected.is_empty())
        .collect();
    let healthy = judgements.len() - faults.len();
    let right = faults.iter().filter(|one| one.label_right).count();
    let named = faults.iter().filter_map(|one| one.consumer_right);
    let (named, named_right) =
        named.fold((0, 0), |(all, right), is| (all + 1, right + u32::from(is)));
    let alarms = judgements
        .iter()
        .filter(|one| one.expected.is_empty() && one.label.is_some());
    let tried = judgements.iter().filter_map(|one| one.remedy_held);
    let (tried, held) = tried.fold((0, 0), |(all, held), is| (all + 1, held + u32::from(is)));
    let _ = writeln!(
        text,
        "\nright first verdicts {right} of {}; false alarms {} of {healthy}; consumers right {named_right} of {named}; remedies that held {held} of {tried}",
        faults.len(),
        alarms.count()
    );
    text
}

/// How many of the verdicts, and of the consumers named, of each confidence were right. A false alarm is a wrong verdict.
#[must_use]
pub fn calibration(judgements: &[Judgement]) -> String {
    let verdicts = judgements
        .iter()
        .filter_map(|one| Some((one.confidence?, one.label_right)));
    let consumers = judgements
        .iter()
        .filter_map(|one| Some((one.consumer_confidence?, one.consumer_right?)));
    let verdicts = bins("verdicts", &verdicts.collect::<Vec<_>>());
    let consumers = bins("consumers", &consumers.collect::<Vec<_>>());
    format!("{verdicts}\n{consumers}")
}

/// A table of what was said so surely, and how often that was right.
fn bins(what: &str, said: &[(f64, bool)]) -> String {
    const BINS: [(f64, f64); 5] = [
        (0.0, 0.5),
        (0.5, 0.7),
        (0.7, 0.85),
        (0.85, 0.95),
        (0.95, 1.01),
    ];
    let mut text = format!(
        "| confidence | {what} | mean confidence | right | share right |\n| --- | --- | --- | --- | --- |\n"
    );
    for (low, high) in BINS {
        let of_bin = said.iter().filter(|(c, _)| (low..high).contains(c));
        let (count, sum, right) = of_bin.fold((0_u32, 0.0, 0_u32), |(count, sum, right), one| {
            (count + 1, sum + one.0, right + u32::from(one.1))
        });
        if count == 0 {
            continue;
        }
        let (mean, share) = (sum / f64::from(count), f64::from(right) / f64::from(count));
        let _ = writeln!(
            text,
            "| {low:.2} to {:.2} | {count} | {mean:.2} | {right} | {share:.2} |",
            high.min(1.0),
        );
    }
    text
}

/// The first of the accepted labels that was said, else the first accepted.
fn meant(one: &Judgement) -> String {
    let accepted = one
        .expected
        .iter()
        .find(|label| Some(*label) == one.label.as_ref());
    let meant = accepted.or(one.expected.first());
    meant.map_or(HEALTHY, String::as_str).to_owned()
}

fn said(one: &Judgement) -> &str {
    one.label.as_deref().unwrap_or(if one.expected.is_empty() {
        HEALTHY
    } else {
        "nothing"
    })
}

#[cfg(test)]
mod tests {
    use super::bins;

    #[test]
    fn a_bin_tells_what_was_said_and_how_often_it_was_right() {
        let said = [(0.9, true), (0.86, false), (0.97, true)];
        let text = bins("verdicts", &said);
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| 0.85 to 0.95 | 2 | 0.88 | 1 | 0.50 |",
                "| 0.95 to 1.00 | 1 | 0.97 | 1 | 1.00 |"
            ]
        );
    }
}
