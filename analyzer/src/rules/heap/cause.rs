//! Weighs the evidence: which of the causes of a full heap it is. Confidences are judgements, written down here in one place.

use super::{Basis, HeapPicture, stack};
use crate::case::Origin;
use crate::heap::{ClassKind, class_kind};
use crate::statistics::Shape;
use crate::units::{bytes, duration};
use flinkmem_trace::{Frame, Histogram, HolderKind};

/// A cause of a full heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Cause {
    /// Legitimate, and more than the heap.
    Undersized,
    /// State of Flink's.
    State,
    /// Objects that nobody forgets.
    Leak,
    /// One call's whole result.
    Bulk,
    /// Buffers of open writers.
    Writers,
    /// Splits, executions and the like, in a JobManager.
    Metadata,
}

/// Which way the evidence leans.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::rules) enum Leaning {
    /// That cause, so sure; whether the limit was met.
    To(Cause, f64),
    /// None, because of that.
    Neither(String),
    /// It cannot be told.
    NotEnoughData(String),
}

/// Cause by cause, how sure a plain case of it is. Calibrated on the lab's runs.
mod sure {
    /// Flink's own classes of state hold the heap: nothing else has them.
    pub(super) const STATE: f64 = 0.92;
    /// Many instances of a writer allocate the buffers.
    pub(super) const WRITERS: f64 = 0.88;
    /// The heap filled while an operator opened.
    pub(super) const OPENING: f64 = 0.88;
    /// One call site filled it in one go, after a quiet time.
    pub(super) const BULK: f64 = 0.85;
    /// The same, and it was given back with the call.
    pub(super) const BULK_GIVEN_BACK: f64 = 0.92;
    /// It filled in small steps, and one user class or call site has most.
    pub(super) const LEAK: f64 = 0.82;
    /// The same without any owner.
    pub(super) const LEAK_OF_NOBODY: f64 = 0.55;
    /// A coordinator's stack, or its classes.
    pub(super) const METADATA: f64 = 0.9;
    /// A JobManager's heap, and nothing else.
    pub(super) const METADATA_BY_PROCESS: f64 = 0.55;
    /// A burst of many call sites.
    pub(super) const BURST: f64 = 0.6;
    /// The live set was large and flat.
    pub(super) const FLAT: f64 = 0.75;
    /// Nothing tells: of public reports this is the commonest, by little.
    pub(super) const UNKNOWN: f64 = 0.3;
}

/// A call that is in progress fills the heap within this time; what takes longer is many calls.
const BURST_S: f64 = 60.0;
/// And the time before was quiet for that many times as long.
const QUIET_BEFORE: f64 = 2.0;
/// A site with this share of what survives is the one.
const ONE_SITE: f64 = 0.5;
/// So many writers are many.
const MANY: u64 = 16;
/// After a bulk load failed, the heap falls below this share of what was in use.
const GIVEN_BACK: f64 = 0.5;
/// Within this time, else something else ended.
const SOON_MS: u64 = 10_000;

/// Which way a picture leans.
pub(super) fn of(picture: &HeapPicture<'_>) -> Leaning {
    match picture.exhausted_ms() {
        Some(at_ms) => {
            let (cause, sure) = at_the_limit(picture, at_ms);
            Leaning::To(cause, sure)
        }
        None => early(picture),
    }
}

fn at_the_limit(picture: &HeapPicture<'_>, at_ms: u64) -> (Cause, f64) {
    let opening = is_opening(picture);
    let is_state = is_state(picture);
    if picture.is_job_manager() {
        return of_a_job_manager(picture);
    }
    if is_state {
        return (Cause::State, sure::STATE);
    }
    if writers(picture).is_some_and(|count| count >= MANY) {
        return (Cause::Writers, sure::WRITERS);
    }
    if opening {
        return (Cause::Undersized, sure::OPENING);
    }
    if is_unseen(picture, at_ms) {
        return match picture.user_stack() {
            Some(_) => (Cause::Bulk, sure::BULK),
            None => (Cause::Bulk, sure::BURST),
        };
    }
    if is_burst(picture, at_ms) {
        return match (has_one_site(picture), is_given_back(picture, at_ms)) {
            (true, true) => (Cause::Bulk, sure::BULK_GIVEN_BACK),
            (true, false) => (Cause::Bulk, sure::BULK),
            (false, _) => (Cause::Undersized, sure::BURST),
        };
    }
    if is_flat(picture) {
        return (Cause::Undersized, sure::FLAT);
    }
    match (is_gradual(picture), has_owner(picture)) {
        (true, true) => (Cause::Leak, sure::LEAK + kept_bonus(picture)),
        (true, false) => (Cause::Leak, sure::LEAK_OF_NOBODY),
        (false, _) => (Cause::Undersized, sure::UNKNOWN),
    }
}

fn of_a_job_manager(picture: &HeapPicture<'_>) -> (Cause, f64) {
    if is_static_of_user(picture) {
        return (Cause::Leak, sure::LEAK);
    }
    let stack = picture
        .sites
        .first()
        .map(|site| site.frames)
        .or(picture.user_stack());
    let by_stack = stack.is_some_and(stack::is_coordinating);
    let coordinates = |name: &str| {
        ["Enumerator", "Coordinator", "Execution", "Split"]
            .iter()
            .any(|part| name.contains(part))
    };
    let content = picture.content.as_ref();
    let by_class = content.is_some_and(|content| {
        let mut holders = content
            .chain
            .iter()
            .filter_map(|holder| holder.class.as_deref());
        let subject = content.subject.map(|subject| subject.class.class.as_str());
        holders.any(coordinates) || subject.is_some_and(coordinates)
    });
    match by_stack || by_class {
        true => (Cause::Metadata, sure::METADATA),
        false if picture.sites.first().is_some_and(super::SiteOwner::is_user) => {
            (Cause::Leak, sure::LEAK_OF_NOBODY)
        }
        false => (Cause::Metadata, sure::METADATA_BY_PROCESS),
    }
}

/// A static field of the job's holds what fills the heap.
fn is_static_of_user(picture: &HeapPicture<'_>) -> bool {
    let holder = picture.content.as_ref().and_then(super::Content::holder);
    holder.is_some_and(|holder| {
        let class = holder.class.as_deref().unwrap_or_default();
        let kind = class_kind(class, holder.loader.as_deref());
        holder.kind == HolderKind::StaticField && kind == ClassKind::User
    })
}

fn is_state(picture: &HeapPicture<'_>) -> bool {
    let content = picture.content.as_ref();
    let by_stack = picture.sites.first().is_some_and(|site| {
        let of_state = |frame: &Frame| class_kind(&frame.class, None) == ClassKind::FlinkState;
        site.frames.iter().take(6).any(of_state)
    });
    content.is_some_and(super::Content::is_state) || by_stack
}

/// How many writers there are, where the stack of what survives, or of who met the limit, is one of a writer.
pub(super) fn writers(picture: &HeapPicture<'_>) -> Option<u64> {
    let frames = writer_stack(picture)?;
    let class = writer_class(frames)?;
    picture
        .content
        .as_ref()?
        .count_of(class)
        .map(|class| class.count)
}

pub(super) fn writer_stack<'a>(picture: &HeapPicture<'a>) -> Option<&'a [Frame]> {
    let of_sites = picture.sites.first().map(|site| site.frames);
    of_sites
        .or(picture.user_stack())
        .filter(|frames| frames.iter().any(opens_a_file))
}

/// Code of sinks and of formats that write files: what it makes exists once for each open file.
fn opens_a_file(frame: &Frame) -> bool {
    let is_writer = class_kind(&frame.class, frame.loader.as_deref()) == ClassKind::Writer;
    let simple = frame.class.rsplit('.').next().unwrap_or_default();
    is_writer
        && (simple.contains("Writer") || simple.contains("Appender") || simple.contains("Encoder"))
}

/// The class that allocates the buffers: the innermost one that is not the JDK's.
pub(super) fn writer_class(frames: &[Frame]) -> Option<&str> {
    let own = frames
        .iter()
        .find(|frame| Origin::of(frame) != Origin::Jdk)?;
    Some(own.class.as_str())
}

/// Whether the heap filled while an operator was opened, by the stacks of what survives or of who met the limit.
pub(super) fn is_opening(picture: &HeapPicture<'_>) -> bool {
    let by_site = picture
        .sites
        .first()
        .map(|site| stack::is_opening(site.frames));
    let by_requester = || picture.user_stack().is_some_and(stack::is_opening);
    by_site.unwrap_or_else(by_requester)
}

/// The way up took a short time after a quiet one. Where all of it was given back at once, it need not have been that quiet.
fn is_burst(picture: &HeapPicture<'_>, at_ms: u64) -> bool {
    let Some(climb) = picture.live.climb else {
        return false;
    };
    let begin = picture.tasks_started_ms(at_ms).unwrap_or(0).max(
        picture
            .case
            .timeline
            .moments
            .first()
            .map_or(0, |moment| moment.up_ms),
    );
    let quiet_s = climb.from_ms.saturating_sub(begin) as f64 / 1000.0;
    let quiet_before = match is_given_back(picture, at_ms) {
        true => QUIET_BEFORE / 2.0,
        false => QUIET_BEFORE,
    };
    climb.seconds() <= BURST_S && quiet_s >= quiet_before * climb.seconds()
}

/// Below this share of the limit the heap has room.
const ROOMY: f64 = 0.7;

/// No reading until then showed a full heap: it filled and emptied between two of them, which only a single call does.
fn is_unseen(picture: &HeapPicture<'_>, at_ms: u64) -> bool {
    let moments = picture.case.timeline.moments.iter();
    let until = moments.filter(|moment| moment.up_ms <= at_ms && moment.incident.is_none());
    let most = until
        .filter_map(|moment| moment.heap)
        .map(|heap| heap.used_bytes)
        .max();
    let limit = picture.limit.unwrap_or(0) as f64;
    most.is_some_and(|most| (most as f64) < ROOMY * limit)
}

fn has_one_site(picture: &HeapPicture<'_>) -> bool {
    let by_sites = picture
        .sites
        .first()
        .map(|site| site.share >= ONE_SITE && site.is_user());
    by_sites.unwrap_or_else(|| picture.user_stack().is_some())
}

fn is_given_back(picture: &HeapPicture<'_>, at_ms: u64) -> bool {
    let full = picture.live.climb.map_or(0.0, |climb| climb.top) * GIVEN_BACK;
    let soon = at_ms.saturating_add(SOON_MS);
    let after = picture
        .moments_after(at_ms)
        .iter()
        .take_while(|moment| moment.up_ms <= soon);
    let by_samples = after
        .filter_map(|moment| moment.heap)
        .any(|heap| (heap.used_bytes as f64) < full);
    // A process that ends soon has a histogram, if anything.
    let mut histograms = picture.case.evidence.all::<Histogram>();
    let by_histogram = histograms.any(|found| {
        let is_soon = (at_ms..=soon).contains(&found.taken.up_ms);
        is_soon && found.complete && found.count > 0 && (found.bytes as f64) < full
    });
    by_samples || by_histogram
}

/// A way up of at least this long is gradual, if it has no large step.
const GRADUAL_S: f64 = 6.0;

fn is_gradual(picture: &HeapPicture<'_>) -> bool {
    let steady = picture
        .live
        .growth
        .is_some_and(|(growth, _)| growth.shape == Shape::Steady);
    let climb = picture.live.climb;
    steady || climb.is_some_and(|climb| climb.seconds() >= GRADUAL_S)
}

/// The live set had long been what it was when the limit was met.
fn is_flat(picture: &HeapPicture<'_>) -> bool {
    let Some((growth, _)) = picture.live.growth else {
        return false;
    };
    let is_long = growth.trend.span_s >= 60.0;
    let share = picture
        .limit
        .map_or(0.0, |limit| picture.live.last as f64 / limit as f64);
    is_long && share >= 0.7 && matches!(growth.shape, Shape::Flat | Shape::Settled)
}

fn has_owner(picture: &HeapPicture<'_>) -> bool {
    let by_site = picture
        .sites
        .first()
        .is_some_and(|site| site.share >= ONE_SITE);
    let content = picture.content.as_ref();
    by_site || content.is_some_and(|content| content.subject.is_some() || !content.chain.is_empty())
}

/// Old objects, and a long way up, make a leak surer.
fn kept_bonus(picture: &HeapPicture<'_>) -> f64 {
    let old = picture
        .sites
        .first()
        .is_some_and(|site| site.old_share >= 0.8);
    let long = picture.climb_s().is_some_and(|s| s >= 30.0);
    let held = is_static_of_user(picture);
    [old, long, held].iter().filter(|sign| **sign).count() as f64 * 0.04
}

/// Shorter growth is taken for a warm-up.
const SHORTEST_WATCH_S: f64 = 60.0;
/// Smaller growth does not matter, whatever its shape: a share of the limit.
const SMALLEST_RISE: f64 = 0.08;
/// Nor does growth that leaves this much time: a week.
const FAR_S: f64 = 7.0 * 86_400.0;

/// Before the limit: only growth that collections of the old generation have left is evidence, for without them old garbage rises as
/// steadily as any leak.
fn early(picture: &HeapPicture<'_>) -> Leaning {
    let Some((growth, basis)) = picture.live.growth else {
        return Leaning::NotEnoughData(
            "too few collections to tell the live set's trend".to_owned(),
        );
    };
    if basis == Basis::Any {
        let text = "no collection of the old generation has told how much of the heap is live";
        return match growth.shape {
            Shape::Steady => Leaning::NotEnoughData(text.to_owned()),
            _ => Leaning::Neither(
                "the heap in use after collections does not rise steadily".to_owned(),
            ),
        };
    }
    if growth.shape != Shape::Steady {
        return Leaning::Neither("the live set does not rise steadily".to_owned());
    }
    let (Some(limit), trend) = (picture.limit, growth.trend) else {
        return Leaning::NotEnoughData("the heap's limit is not known".to_owned());
    };
    if trend.span_s < SHORTEST_WATCH_S {
        let watched = duration(trend.span_s);
        return Leaning::Neither(format!(
            "the live set has been rising for {watched} only: a warm-up looks the same"
        ));
    }
    let to_go = limit.saturating_sub(picture.live.last) as f64 / trend.slope;
    if trend.rise() < SMALLEST_RISE * limit as f64 || to_go > FAR_S {
        let rise = bytes(crate::units::to_bytes(trend.rise()));
        return Leaning::Neither(format!("the live set rose by {rise} only"));
    }
    early_cause(picture)
}

fn early_cause(picture: &HeapPicture<'_>) -> Leaning {
    let watched: f64 = match picture.watched_s() {
        0.0..600.0 => 0.0,
        600.0..3600.0 => 0.08,
        _ => 0.15,
    };
    let (cause, sure) = if picture.is_job_manager() {
        of_a_job_manager(picture)
    } else if is_state(picture) {
        (Cause::State, 0.75)
    } else if is_static_of_user(picture) {
        (Cause::Leak, 0.75)
    } else if has_owner(picture) {
        (Cause::Leak, 0.7)
    } else {
        (Cause::Leak, 0.6)
    };
    Leaning::To(cause, (sure.min(0.75) + watched).min(0.9))
}
