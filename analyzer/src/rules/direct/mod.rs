//! What the rules on direct memory look at: how the pool grew, how the limit was met, what became of the bytes
//! afterwards, and whose they are. `docs/leak-or-not.md` tells why these.

mod afterwards;
mod climb;
mod consumer;
mod counted;
mod evidence;
mod leaning;
mod mechanism;
mod rise;

pub(super) use afterwards::Afterwards;
pub(super) use climb::{Climb, Pace};
pub(super) use consumer::{consumer, pool_of};
pub(super) use counted::Counted;
pub(super) use evidence::{met_evidence, owner_evidence, wall};
pub(super) use leaning::probability;
pub(super) use mechanism::Mechanism;
pub(super) use rise::{Basis, Rise};

use super::{
    Answer, Facts, Verdict, direct_framework_shuffle, direct_leak, direct_nio_thread_cache,
    direct_undersized, network_pool_unallocatable,
};
use crate::budget::{Budget, DirectPool};
use crate::case::{
    Account, Case, DirectErrors, Moment, Outcome, OutcomeKind, OwnerUse, growth_by_owner,
    trend_by_owner,
};
use crate::finding::{Label, LimitClaim};
use flinkmem_trace::Incident;

type Rule = fn(&DirectPicture<'_>) -> Answer;

const RULES: [(Label, Rule); 5] = [
    (Label::DirectLeak, direct_leak::check),
    (Label::DirectUndersized, direct_undersized::check),
    (Label::DirectNioThreadCache, direct_nio_thread_cache::check),
    (
        Label::DirectFrameworkShuffle,
        direct_framework_shuffle::check,
    ),
    (
        Label::NetworkPoolUnallocatable,
        network_pool_unallocatable::check,
    ),
];

/// Asks the rules on direct memory, for every account of it.
pub(super) fn judge(facts: Facts<'_>, verdict: &mut Verdict) {
    for counted in Counted::all(facts.case) {
        let picture = DirectPicture::of(facts, counted);
        for (label, rule) in RULES {
            let answer = rule(&picture);
            // That a copy of Netty is all right is not worth a word.
            let is_told = picture.counted.account == Account::Jvm;
            if is_told || matches!(answer, Answer::Fires(_)) {
                verdict.take(label, answer);
            }
        }
    }
}

/// Everything about the direct memory of a case, on one account.
pub(super) struct DirectPicture<'a> {
    pub(super) counted: Counted<'a>,
    pub(super) case: &'a Case,
    pub(super) outcome: &'a Outcome,
    pub(super) budget: Option<&'a Budget>,
    pub(super) limit: Option<u64>,
    pub(super) peak: Option<u64>,
    /// How the limit was met.
    pub(super) met: DirectErrors<'a>,
    /// How fast the last three quarters of the way to the limit were.
    pub(super) climb: Option<Climb>,
    /// Growth of what collections leave, until the limit was met.
    pub(super) rise: Option<Rise>,
    /// What became of the bytes after the first error.
    pub(super) afterwards: Afterwards,
    /// Owners by growth; Flink's network pool is none of them unless it grew.
    pub(super) owners: Vec<OwnerUse<'a>>,
    /// Whether `owners` compares with an earlier moment.
    pub(super) growth_is_measured: bool,
    /// Which way the evidence leans.
    pub(super) leaning: Leaning,
    /// By which way the bytes came.
    pub(super) mechanism: Mechanism,
}

/// Which way the evidence leans, in log-odds for the label.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Leaning {
    /// Bytes are kept that nobody gives back.
    Leak(f64),
    /// The users need more than the limit.
    Undersized(f64),
    /// Neither, because of that.
    Neither(String),
    /// It cannot be told.
    NotEnoughData(String),
}

impl<'a> DirectPicture<'a> {
    pub(super) fn of(facts: Facts<'a>, counted: Counted<'a>) -> Self {
        let case = facts.case;
        let met = DirectErrors::of(case, &counted.account);
        let first_met = first_met(&met);
        let until = |incident: &Incident| &counted.moments[..case.timeline.until(incident).len()];
        let arrival = first_met.map(|incident| until(arrival(&met, incident)));
        let network = facts
            .budget
            .filter(|_| counted.account == Account::Jvm)
            .and_then(|budget| budget.started.network)
            .unwrap_or(0);
        let climb = arrival.and_then(|until| Climb::of(until, network));
        // After an error the pool stays at its limit, which is no growth; a slow path alone ends nothing.
        let failed = met.errors.first().map(|error| error.incident);
        let rise = Rise::of_pool(failed.map_or(&counted.moments, until), network);
        let (owners, growth_is_measured) = owners(case, &counted.account, failed, climb.as_ref());
        let afterwards = Afterwards::of(case, &counted, &met, owners.first(), climb.as_ref());
        let peak = counted
            .moments
            .iter()
            .filter_map(Moment::direct_bytes)
            .max();
        let mut picture = Self {
            case,
            outcome: facts.outcome,
            budget: facts.budget,
            limit: counted.limit,
            peak,
            mechanism: Mechanism::of(case, &met, &owners),
            met,
            climb,
            rise,
            afterwards,
            owners,
            growth_is_measured,
            leaning: Leaning::Neither(String::new()),
            counted,
        };
        picture.leaning = leaning::of(&picture);
        picture.look_at_the_main_owner();
        picture.look_at_the_first_slow_path(first_met);
        picture
    }

    /// Slow paths without a leak and without an error: who filled the pool then?
    fn look_at_the_first_slow_path(&mut self, first_met: Option<&Incident>) {
        if !self.failed() && matches!(self.leaning, Leaning::Undersized(_)) {
            let climb = self.climb.as_ref();
            let account = &self.counted.account;
            (self.owners, self.growth_is_measured) = owners(self.case, account, first_met, climb);
            self.mechanism = Mechanism::of(self.case, &self.met, &self.owners);
        }
    }

    /// Where the pool as a whole shows no leak, its fastest growing owner may.
    fn look_at_the_main_owner(&mut self) {
        let seen_already = matches!(self.leaning, Leaning::Leak(_));
        let Some(main) = self.owners.first().filter(|_| self.growth_is_measured) else {
            return;
        };
        if seen_already || self.failed() {
            return;
        }
        let of_owner = Rise::of_owner(
            self.case,
            &self.counted.account,
            &main.owner,
            self.rise.as_ref(),
        );
        let of_pool = std::mem::replace(&mut self.rise, of_owner);
        match leaning::of(self) {
            leak @ Leaning::Leak(_) => self.leaning = leak,
            _ => self.rise = of_pool,
        }
    }

    /// The claim that direct memory is the limit.
    pub(super) fn limit_claim(&self, reached: bool) -> LimitClaim {
        LimitClaim {
            name: "direct",
            confidence: None,
            bytes: self.limit,
            peak: self.peak,
            reached,
        }
    }

    /// Whether an error reached Java code.
    pub(super) fn failed(&self) -> bool {
        !self.met.errors.is_empty()
    }

    /// Whether the process may still be alive, so that a forecast has a meaning.
    pub(super) fn may_run(&self) -> bool {
        matches!(
            self.outcome.kind,
            OutcomeKind::Running | OutcomeKind::Unknown
        )
    }

    /// Bytes a second at which the pool grew.
    pub(super) fn slope(&self) -> Option<f64> {
        let steady = self.rise.as_ref().map(|rise| rise.growth.trend.slope);
        let climbing = self.climb.as_ref().map(Climb::slope);
        steady
            .filter(|slope| *slope > 0.0)
            .or(climbing)
            .filter(|slope| slope.is_finite() && *slope > 0.0)
    }

    /// The pool that the main owner's memory comes out of.
    pub(super) fn owner_pool(&self) -> Option<DirectPool> {
        pool_of(self.case, self.owners.first())
    }
}

/// How the limit was met first: the first error; without any, the first slow path.
fn first_met<'a>(met: &DirectErrors<'a>) -> Option<&'a Incident> {
    let error = met.errors.first().map(|error| error.incident);
    error.or_else(|| met.first())
}

/// Slow paths this shortly before an error belong to the same arrival at the limit.
const SAME_ARRIVAL_MS: u64 = 5_000;

/// When the pool arrived at the limit: the first of the slow paths that led to the error. Each takes up to half a second,
/// which is not part of the climb.
fn arrival<'a>(met: &DirectErrors<'a>, error: &'a Incident) -> &'a Incident {
    let begin_ms = error.up_ms.saturating_sub(SAME_ARRIVAL_MS);
    let led_to_it = |incident: &&&Incident| (begin_ms..=error.up_ms).contains(&incident.up_ms);
    met.slow_paths
        .iter()
        .find(led_to_it)
        .map_or(error, |first| first)
}

/// Owners by growth: during the climb to where the limit was met, or over the whole trace. Where no growth can be told, by use.
fn owners<'a>(
    case: &'a Case,
    account: &Account,
    first_met: Option<&Incident>,
    climb: Option<&Climb>,
) -> (Vec<OwnerUse<'a>>, bool) {
    let mut grown = match first_met {
        None => trend_by_owner(case, account, &case.timeline.snapshots),
        Some(incident) => grown_until(case, account, incident, climb),
    };
    // What Flink takes once, at its start, and as much as configured, did not fill the rest.
    grown.retain(|owner| !owner.is_network_pool);
    let is_measured = grown.first().is_some_and(|owner| owner.growth_bytes > 0);
    if is_measured {
        return (grown, true);
    }
    let mut owners = grown;
    owners.sort_by(|a, b| b.live_bytes.cmp(&a.live_bytes).then(a.owner.cmp(&b.owner)));
    (owners, false)
}

/// What each owner grew from before the climb to the incident. All growths are 0 where there is nothing to compare with.
fn grown_until<'a>(
    case: &'a Case,
    account: &Account,
    incident: &Incident,
    climb: Option<&Climb>,
) -> Vec<OwnerUse<'a>> {
    let until = case.timeline.snapshots_until(incident);
    let begin_ms = climb.map_or(incident.up_ms, |climb| climb.from_ms);
    // A snapshot from before the climb says nothing about who filled the pool.
    let Some(at_limit) = until.last().filter(|last| last.up_ms >= begin_ms) else {
        return Vec::new();
    };
    let before = until
        .iter()
        .rev()
        .find(|s| s.up_ms <= begin_ms && s.up_ms < at_limit.up_ms);
    growth_by_owner(case, account, before.unwrap_or(at_limit), at_limit)
}
