use super::*;
use crate::finding::{Consumer, LimitClaim, Remedy};

/// Five seconds.
const INTERVAL_MS: i64 = 5_000;

fn finding(label: Label, severity: Severity) -> Finding {
    Finding {
        label,
        severity,
        confidence: 0.9,
        alternatives: Vec::new(),
        limit: LimitClaim {
            name: "direct",
            confidence: None,
            bytes: Some(160 << 20),
            peak: None,
            reached: false,
        },
        consumer: Consumer::unknown(),
        forecast: None,
        evidence: Vec::new(),
        remedy: Remedy::default(),
        collect: Vec::new(),
        told_ms: None,
    }
}

fn leak() -> Finding {
    finding(Label::DirectLeak, Severity::Warning)
}

fn critical() -> Finding {
    finding(Label::DirectLeak, Severity::Critical)
}

/// Will be met in so many seconds, give or take a tenth.
fn leak_until(exhausted_in_s: f64) -> Finding {
    Finding {
        forecast: Some(Forecast {
            exhausted_in_s,
            earliest_s: exhausted_in_s * 0.9,
            latest_s: exhausted_in_s * 1.1,
        }),
        ..leak()
    }
}

fn met(mut finding: Finding) -> Finding {
    finding.limit.reached = true;
    finding.severity = Severity::Critical;
    finding
}

/// A process that is looked at.
#[derive(Default)]
struct Looks {
    standing: Standing,
    now_ms: i64,
}

impl Looks {
    /// What is told in so many looks at the same.
    fn told(&mut self, looks: u32, findings: &[Finding]) -> Vec<&'static str> {
        let mut told = Vec::new();
        for _ in 0..looks {
            self.now_ms += INTERVAL_MS;
            let look = Look {
                now_ms: self.now_ms,
                counts: true,
            };
            let changes = self.standing.observe(findings, look);
            told.extend(changes.iter().map(in_a_word));
        }
        told
    }
}

fn in_a_word(change: &Change) -> &'static str {
    match change {
        Change::Appeared(_, None) => "appeared",
        Change::Appeared(_, Some(_)) => "appeared in place",
        Change::Worsened(_, Reason::LimitReached) => "met",
        Change::Worsened(_, Reason::Severity) => "more severe",
        Change::Worsened(_, Reason::Forecast) => "sooner",
        Change::Cleared(_) => "cleared",
    }
}

#[test]
fn a_trend_is_told_at_the_third_look_and_once() {
    let mut looks = Looks::default();
    assert!(looks.told(LOOKS_TO_TELL - 1, &[leak()]).is_empty());
    assert_eq!(looks.told(1, &[leak()]), ["appeared"]);
    assert!(looks.told(1000, &[leak()]).is_empty());
}

#[test]
fn a_trend_that_comes_and_goes_is_never_told() {
    let mut looks = Looks::default();
    for _ in 0..100 {
        assert!(looks.told(LOOKS_TO_TELL - 1, &[leak()]).is_empty());
        assert!(looks.told(1, &[]).is_empty());
    }
}

#[test]
fn looks_in_quick_succession_are_one() {
    let mut standing = Standing::default();
    for now_ms in 0..50 {
        let look = Look {
            now_ms,
            counts: now_ms == 0,
        };
        assert!(standing.observe(&[leak()], look).is_empty());
    }
}

#[test]
fn a_failure_is_told_at_once_even_between_two_looks() {
    let mut standing = Standing::default();
    let look = Look {
        now_ms: 0,
        counts: false,
    };
    let told = standing.observe(&[met(leak())], look);
    assert_eq!(in_a_word(&told[0]), "appeared");
    let mut looks = Looks::default();
    looks.told(3, &[leak()]);
    assert_eq!(looks.told(1, &[met(leak())]), ["met"]);
    assert!(looks.told(10, &[met(leak())]).is_empty());
}

#[test]
fn a_limit_that_was_met_without_a_failure_is_told_at_the_third_look() {
    let waited = Finding {
        severity: Severity::Warning,
        ..met(leak())
    };
    let mut looks = Looks::default();
    assert!(looks.told(2, std::slice::from_ref(&waited)).is_empty());
    assert_eq!(looks.told(1, std::slice::from_ref(&waited)), ["appeared"]);
    let mut looks = Looks::default();
    looks.told(3, &[leak()]);
    assert_eq!(looks.told(3, &[waited]), ["met"]);
}

#[test]
fn what_is_absent_for_a_while_has_not_cleared() {
    let mut looks = Looks::default();
    looks.told(3, &[leak()]);
    for _ in 0..10 {
        assert!(looks.told(LOOKS_TO_CLEAR - 1, &[]).is_empty());
        assert!(looks.told(1, &[leak()]).is_empty());
    }
    assert_eq!(looks.told(LOOKS_TO_CLEAR, &[]), ["cleared"]);
    assert!(looks.told(100, &[]).is_empty());
    assert_eq!(looks.told(3, &[leak()]), ["appeared"]);
}

#[test]
fn a_severity_that_rises_is_told_when_it_stays_so() {
    let mut looks = Looks::default();
    looks.told(3, &[leak()]);
    assert!(looks.told(2, &[critical()]).is_empty());
    assert!(looks.told(1, &[leak()]).is_empty());
    assert_eq!(looks.told(3, &[critical()]), ["more severe"]);
    // A fall is not told; that it rises again is, if it had fallen for long.
    assert!(looks.told(LOOKS_TO_CLEAR - 1, &[leak()]).is_empty());
    assert!(looks.told(10, &[critical()]).is_empty());
    assert!(looks.told(LOOKS_TO_CLEAR, &[leak()]).is_empty());
    assert_eq!(looks.told(3, &[critical()]), ["more severe"]);
}

#[test]
fn time_that_passes_brings_a_limit_no_nearer_than_was_told() {
    let mut looks = Looks::default();
    for look in 0..700 {
        let left_s = 3600.0 - 5.0 * f64::from(look);
        let told = looks.told(1, &[leak_until(left_s)]);
        assert_eq!(told.len(), usize::from(look == 2), "{look}: {told:?}");
    }
}

#[test]
fn a_limit_that_is_twice_as_near_as_was_told_is_told_again() {
    let mut looks = Looks::default();
    looks.told(3, &[leak_until(3600.0)]);
    assert!(looks.told(20, &[leak_until(2000.0)]).is_empty());
    // 3500 s were left.
    assert_eq!(looks.told(3, &[leak_until(1500.0)]), ["sooner"]);
    assert!(looks.told(20, &[leak_until(1400.0)]).is_empty());
}

#[test]
fn a_forecast_that_may_as_well_be_as_was_told_is_not_told_again() {
    let mut looks = Looks::default();
    looks.told(3, &[leak_until(3600.0)]);
    let mut unsure = leak_until(1000.0);
    unsure.forecast = unsure.forecast.map(|forecast| Forecast {
        latest_s: 9000.0,
        ..forecast
    });
    assert!(looks.told(20, &[unsure]).is_empty());
}

#[test]
fn a_time_that_was_told_and_passed_is_no_news() {
    let mut looks = Looks::default();
    looks.told(3, &[leak_until(60.0)]);
    // Slower and slower: always a minute left.
    assert!(looks.told(1000, &[leak_until(60.0)]).is_empty());
}

#[test]
fn a_first_forecast_is_news() {
    let mut looks = Looks::default();
    looks.told(3, &[leak()]);
    assert_eq!(looks.told(3, &[leak_until(600.0)]), ["sooner"]);
    // It comes and goes with the trend.
    for _ in 0..10 {
        assert!(looks.told(3, &[leak()]).is_empty());
        assert!(looks.told(3, &[leak_until(590.0)]).is_empty());
    }
}

#[test]
fn a_cause_that_is_better_understood_takes_the_place_of_the_first() {
    let undersized = finding(Label::DirectUndersized, Severity::Warning);
    let mut looks = Looks::default();
    looks.told(3, std::slice::from_ref(&undersized));
    assert_eq!(looks.told(3, &[leak()]), ["appeared in place"]);
    assert!(looks.told(100, &[leak()]).is_empty());
    assert_eq!(looks.standing.told(), [Label::DirectLeak]);
    // Two at a time are two.
    assert_eq!(looks.told(3, &[leak(), undersized]), ["appeared"]);
}

#[test]
fn at_the_end_what_memory_did_is_told_however_short_it_was_seen() {
    let end = |was_ended_by_memory, finding: Finding| {
        let mut standing = Standing::default();
        let told = standing.observe_the_end(&[finding], was_ended_by_memory, 0);
        told.iter().map(in_a_word).collect::<Vec<_>>()
    };
    assert_eq!(end(true, leak()), ["appeared"]);
    assert_eq!(end(false, met(leak())), ["appeared"]);
    assert!(end(false, leak()).is_empty());
    let info = finding(Label::MmapFileAccounting, Severity::Info);
    assert!(end(true, info).is_empty());
}

#[test]
fn what_was_seen_before_the_end_and_is_no_longer_is_not_told() {
    let mut looks = Looks::default();
    looks.told(2, &[leak()]);
    assert!(looks.standing.observe_the_end(&[], true, 0).is_empty());
}
