//! Figures and names as short as a table needs them.

use crate::top::view::{Exhaustion, Pace, Unit};
use crate::units::{bytes, duration, to_bytes};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) fn quantity(value: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(value),
        Unit::Count => value.to_string(),
    }
}

pub(super) fn optional(value: Option<u64>, unit: Unit) -> String {
    value.map_or("-".to_owned(), |value| quantity(value, unit))
}

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or(String::new(), |share| format!("{:.0} %", share * 100.0))
}

/// Change a minute, with its sign.
pub(super) fn pace(pace: Option<Pace>, unit: Unit) -> String {
    match pace {
        None => "-".to_owned(),
        Some(Pace::Steady) => "steady".to_owned(),
        Some(Pace::PerMinute(change)) => {
            let sign = if change < 0.0 { '-' } else { '+' };
            match unit {
                Unit::Bytes => format!("{sign}{}", bytes(to_bytes(change.abs()))),
                Unit::Count => format!("{sign}{:.1}", change.abs()),
            }
        }
    }
}

/// When a limit is exhausted, as exactly as there is room for.
pub(super) fn exhaustion(exhaustion: Option<Exhaustion>, columns: usize) -> String {
    match exhaustion {
        None => String::new(),
        Some(Exhaustion::Met) => "met".to_owned(),
        Some(Exhaustion::In(forecast)) => {
            let about = duration(forecast.exhausted_in_s);
            let first_unit: Vec<&str> = about.split(' ').take(2).collect();
            let forms = [forecast.in_words(), about.clone(), first_unit.join(" ")];
            let mut fitting = forms.into_iter().filter(|form| form.width() <= columns);
            fitting.next().unwrap_or_default()
        }
    }
}

/// `####....` for a share from 0 to 1.
pub(super) fn bar(share: Option<f64>, cells: u16) -> String {
    let Some(share) = share else {
        return String::new();
    };
    let filled = to_bytes((share.clamp(0.0, 1.0) * f64::from(cells)).ceil());
    (0..u64::from(cells))
        .map(|cell| if cell < filled { '#' } else { '.' })
        .collect()
}

/// The end of a name, for the method says more than the package.
pub(super) fn end_of(name: &str, columns: usize) -> String {
    if name.width() <= columns {
        return name.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let mut kept: Vec<char> = Vec::new();
    for c in name.chars().rev() {
        let width = c.width().unwrap_or(0);
        if width > left {
            break;
        }
        left -= width;
        kept.push(c);
    }
    kept.push('…');
    kept.iter().rev().collect()
}

/// Text on lines of that width, of which at most `most` are kept.
pub(super) fn wrapped(text: &str, columns: u16, most: usize) -> Vec<String> {
    let columns = usize::from(columns.max(1));
    let printable: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let bound = printable.replace(" %", "\u{a0}%");
    let mut lines: Vec<String> = textwrap::wrap(&bound, columns)
        .into_iter()
        .map(|line| line.replace('\u{a0}', " "))
        .collect();
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while last.width() + 2 > columns && last.pop().is_some() {}
            last.push_str(" …");
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Forecast;

    #[test]
    fn of_a_long_name_the_end_is_kept() {
        assert_eq!(end_of("com.acme.Enricher.open:47", 12), "…her.open:47");
        assert_eq!(end_of("Enricher.open", 13), "Enricher.open");
        assert_eq!(end_of("x", 0), "…");
    }

    #[test]
    fn a_bar_is_full_at_the_limit_and_not_empty_at_a_little() {
        assert_eq!(bar(Some(0.0), 4), "....");
        assert_eq!(bar(Some(0.01), 4), "#...");
        assert_eq!(bar(Some(0.75), 4), "###.");
        assert_eq!(bar(Some(1.7), 4), "####");
        assert_eq!(bar(None, 4), "");
    }

    #[test]
    fn a_pace_has_its_sign_and_what_is_not_known_is_a_dash() {
        assert_eq!(
            pace(Some(Pace::PerMinute(1_048_576.0 * 1.5)), Unit::Bytes),
            "+1.50 MiB"
        );
        assert_eq!(
            pace(Some(Pace::PerMinute(-2048.0)), Unit::Bytes),
            "-2.00 KiB"
        );
        assert_eq!(pace(Some(Pace::PerMinute(0.25)), Unit::Count), "+0.2");
        assert_eq!(pace(Some(Pace::Steady), Unit::Bytes), "steady");
        assert_eq!(pace(None, Unit::Bytes), "-");
    }

    #[test]
    fn a_forecast_is_told_as_exactly_as_there_is_room() {
        let forecast = Forecast {
            exhausted_in_s: 7860.0,
            earliest_s: 7200.0,
            latest_s: 9000.0,
        };
        let told = |columns| exhaustion(Some(Exhaustion::In(forecast)), columns);
        assert_eq!(told(40), "2 h 11 min (2 h 0 min to 2 h 30 min)");
        assert_eq!(told(11), "2 h 11 min");
        assert_eq!(told(8), "2 h");
        assert_eq!(exhaustion(Some(Exhaustion::Met), 8), "met");
    }

    #[test]
    fn text_that_is_cut_says_so() {
        assert_eq!(wrapped("one two three", 7, 2), ["one two", "three"]);
        assert_eq!(wrapped("one two three", 7, 1), ["one t …"]);
        assert_eq!(wrapped("a\x1b[2Jb", 20, 1), ["a [2Jb"]);
    }
}
