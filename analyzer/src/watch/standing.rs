//! What holds of one process, and what of it was told.
//!
//! A false alarm is worse than a miss: whoever is woken for nothing twice does not get up the third time. So what rests on a trend must hold at
//! [`LOOKS_TO_TELL`] looks in a row before it is told. What failed for want of memory is told at once. To clear takes
//! [`LOOKS_TO_CLEAR`] looks, six times as many: a leak that pauses for a while is one leak, not two.

use super::event::Reason;
use crate::finding::{Finding, Label, Severity};
use crate::forecast::Forecast;

/// Looks in a row at which a finding must hold before it is told, and a told one be worse before that is. One collection can bend a trend for one
/// look, and the next sample for a second; a third in a row is neither.
pub const LOOKS_TO_TELL: u32 = 3;

/// Looks in a row at which a finding must be absent before it has cleared.
pub const LOOKS_TO_CLEAR: u32 = 18;

/// A forecast is much nearer when no more than this share of the time is left that should be, by what was told.
const MUCH_NEARER: f64 = 0.5;

/// The findings of one process.
#[derive(Debug, Default)]
pub(super) struct Standing {
    known: Vec<Known>,
}

/// What is new about a finding.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    Appeared(Box<Finding>, Option<Label>),
    Worsened(Box<Finding>, Reason),
    Cleared(Box<Finding>),
}

/// One look at a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Wall clock, milliseconds since the epoch.
    pub(super) now_ms: i64,
    /// It is so long since the last one that it says something new. Looks come faster when facts are written.
    pub(super) counts: bool,
}

#[derive(Debug)]
struct Known {
    finding: Finding,
    /// Looks in a row.
    present: u32,
    absent: u32,
    worse: u32,
    milder: u32,
    told: Option<Told>,
}

/// What was told of a finding last.
#[derive(Debug, Clone, Copy)]
struct Told {
    severity: Severity,
    reached: bool,
    /// Wall clock at which the limit was to be met.
    exhausted_ms: Option<f64>,
}

impl Standing {
    /// Compares what is found now with what was told.
    pub(super) fn observe(&mut self, findings: &[Finding], look: Look) -> Vec<Change> {
        let mut changes = Vec::new();
        for finding in findings {
            self.note_present(finding, look);
        }
        self.note_absent(findings, look);
        for index in 0..self.known.len() {
            changes.extend(self.change(index, look));
        }
        changes.extend(self.clear());
        changes
    }

    /// The last look of all: what was met, or ended the process, is told though it could not be seen often enough.
    pub(super) fn observe_the_end(
        &mut self,
        findings: &[Finding],
        was_ended_by_memory: bool,
        now_ms: i64,
    ) -> Vec<Change> {
        let look = Look {
            now_ms,
            counts: true,
        };
        let mut changes = self.observe(findings, look);
        let is_sure = |known: &Known| {
            known.absent == 0 && was_ended_by_memory && known.finding.severity > Severity::Info
        };
        for index in 0..self.known.len() {
            if self.known[index].told.is_none() && is_sure(&self.known[index]) {
                changes.push(self.tell(index, look));
            }
        }
        changes
    }

    /// What was told and has not cleared.
    pub(super) fn told(&self) -> Vec<Label> {
        let told = self.known.iter().filter(|known| known.told.is_some());
        told.map(|known| known.finding.label).collect()
    }

    fn note_present(&mut self, finding: &Finding, look: Look) {
        let same = |known: &&mut Known| is_same(&known.finding, finding);
        match self.known.iter_mut().find(same) {
            Some(known) => {
                known.finding = finding.clone();
                known.absent = 0;
                known.present += u32::from(look.counts);
            }
            None => self.known.push(Known {
                finding: finding.clone(),
                present: u32::from(look.counts),
                absent: 0,
                worse: 0,
                milder: 0,
                told: None,
            }),
        }
    }

    fn note_absent(&mut self, findings: &[Finding], look: Look) {
        for known in &mut self.known {
            if !findings.iter().any(|it| is_same(it, &known.finding)) {
                known.absent += u32::from(look.counts);
                (known.present, known.worse) = (0, 0);
            }
        }
        // What was not told need not be remembered.
        let holds = |known: &Known| known.told.is_some() || known.present > 0 || !look.counts;
        self.known.retain(holds);
    }

    fn change(&mut self, index: usize, look: Look) -> Option<Change> {
        let known = &mut self.known[index];
        if known.absent > 0 {
            return None;
        }
        let Some(told) = known.told else {
            let is_sure = has_failed(&known.finding) || known.present >= LOOKS_TO_TELL;
            return is_sure.then(|| self.tell(index, look));
        };
        known.lower(look, told);
        let Some(reason) = worse_than(&mut known.told, &known.finding, look.now_ms) else {
            known.worse = 0;
            return None;
        };
        known.worse += u32::from(look.counts);
        if !has_failed(&known.finding) && known.worse < LOOKS_TO_TELL {
            return None;
        }
        known.worse = 0;
        known.told = Some(Told::now(&known.finding, look.now_ms));
        Some(Change::Worsened(Box::new(known.finding.clone()), reason))
    }

    /// Tells a finding. One on the same limit that is no longer found is the same matter, better understood by now.
    fn tell(&mut self, index: usize, look: Look) -> Change {
        let known = &mut self.known[index];
        known.told = Some(Told::now(&known.finding, look.now_ms));
        let finding = known.finding.clone();
        let before = self.known.iter().position(|other| {
            other.absent > 0
                && other.told.is_some()
                && other.finding.limit.name == finding.limit.name
        });
        let in_place_of = before.map(|before| {
            let before = &mut self.known[before];
            before.told = None;
            before.finding.label
        });
        Change::Appeared(Box::new(finding), in_place_of)
    }

    fn clear(&mut self) -> Vec<Change> {
        let is_over = |known: &mut Known| {
            known.absent >= LOOKS_TO_CLEAR || (known.absent > 0 && known.told.is_none())
        };
        let over: Vec<Known> = self.known.extract_if(.., is_over).collect();
        let told = over.into_iter().filter(|known| known.told.is_some());
        told.map(|known| Change::Cleared(Box::new(known.finding)))
            .collect()
    }
}

impl Known {
    /// A severity that fell for as long as it takes to clear may rise again, and that is news.
    fn lower(&mut self, look: Look, told: Told) {
        if self.finding.severity >= told.severity {
            self.milder = 0;
            return;
        }
        self.milder += u32::from(look.counts);
        if self.milder >= LOOKS_TO_CLEAR {
            self.milder = 0;
            self.told = Some(Told {
                severity: self.finding.severity,
                ..told
            });
        }
    }
}

impl Told {
    fn now(finding: &Finding, now_ms: i64) -> Self {
        Self {
            severity: finding.severity,
            reached: finding.limit.reached,
            exhausted_ms: exhausted_ms(finding, now_ms),
        }
    }
}

fn exhausted_ms(finding: &Finding, now_ms: i64) -> Option<f64> {
    let forecast = finding.forecast?;
    Some(now_ms as f64 + forecast.exhausted_in_s * 1000.0)
}

/// Something did not fit, and failed. Where it fitted in the end, what is behind it is often better known a moment later.
fn has_failed(finding: &Finding) -> bool {
    finding.limit.reached && finding.severity == Severity::Critical
}

/// The same matter: one label on one limit. Who is named as the consumer may change as more is seen of it.
fn is_same(one: &Finding, other: &Finding) -> bool {
    (one.label, one.limit.name) == (other.label, other.limit.name)
}

/// How a finding is worse than what was told of it.
fn worse_than(told: &mut Option<Told>, finding: &Finding, now_ms: i64) -> Option<Reason> {
    let told = told.as_mut()?;
    if finding.limit.reached && !told.reached {
        return Some(Reason::LimitReached);
    }
    if finding.severity > told.severity {
        return Some(Reason::Severity);
    }
    let forecast = finding.forecast?;
    let Some(exhausted_ms) = told.exhausted_ms else {
        return Some(Reason::Forecast);
    };
    let left_s = (exhausted_ms - now_ms as f64) / 1000.0;
    if left_s <= 0.0 {
        // It did not come as was told: what is forecast now is later, and no news.
        told.exhausted_ms = self::exhausted_ms(finding, now_ms);
        return None;
    }
    is_much_nearer(&forecast, left_s).then_some(Reason::Forecast)
}

/// Time that merely passes brings no limit nearer than was told. The whole interval must be nearer, or chance is told.
fn is_much_nearer(forecast: &Forecast, left_s: f64) -> bool {
    forecast.exhausted_in_s <= left_s * MUCH_NEARER && forecast.latest_s < left_s
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
