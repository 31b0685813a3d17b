//! Who fills the heap, as a claim of its own: the call that allocates what survives, else the field that holds it, else its class.

use super::cause::{writer_class, writer_stack};
use super::{Cause, HeapPicture, SiteOwner, stack};
use crate::case::{Origin, Owner};
use crate::finding::{Consumer, ConsumerKind, two_digits};
use crate::heap::{ClassKind, class_kind};
use flinkmem_trace::{Frame, Holder, HolderKind};

/// Nothing that rests on sampled stacks is surer.
const MOST_CONFIDENCE: f64 = 0.95;
/// A walk over the heap's references told it.
const BY_HOLDER: f64 = 0.9;
/// The commonest class that is not the JDK's.
const BY_CLASS: f64 = 0.75;
/// Who met the limit, with code of the job's on the stack: mostly not a chance, for it allocates most.
const BY_REQUESTER: f64 = 0.5;

pub(in crate::rules) fn consumer(picture: &HeapPicture<'_>, cause: Cause) -> Consumer {
    let of_class = || by_class(picture);
    let of_holder = || by_holder(picture);
    let of_site = || picture.sites.first().and_then(by_site);
    let of_requester = || by_requester(picture);
    let found = match cause {
        Cause::State => by_state(picture),
        Cause::Writers => by_writer(picture),
        Cause::Leak | Cause::Metadata => of_holder(),
        Cause::Undersized | Cause::Bulk => None,
    };
    found
        .or_else(of_site)
        .or_else(of_holder)
        .or_else(of_class)
        .or_else(of_requester)
        .unwrap_or_else(Consumer::unknown)
}

/// The call that allocates, less sure the smaller its share.
fn by_site(site: &SiteOwner<'_>) -> Option<Consumer> {
    /// An owner of less than this share is not *the* consumer.
    const SMALLEST_SHARE: f64 = 0.3;
    let samples = f64::from(site.samples);
    let sure = MOST_CONFIDENCE * (2.0 * site.share).min(1.0) * samples / (samples + 1.0);
    (site.share >= SMALLEST_SHARE).then(|| named(&site.owner, site.frame, Some(site.share), sure))
}

pub(in crate::rules) fn named(
    owner: &Owner,
    frame: &Frame,
    share: Option<f64>,
    sure: f64,
) -> Consumer {
    let (kind, name) = match owner.origin {
        Origin::User | Origin::Jdk => (ConsumerKind::CallSite, owner.method.clone()),
        Origin::Flink => (ConsumerKind::Component, owner.method.clone()),
        Origin::Library(name) => (ConsumerKind::Library, name.to_owned()),
    };
    Consumer {
        kind,
        name: Some(name),
        line: frame.line,
        share: share.map(two_digits),
        confidence: two_digits(sure),
    }
}

/// A field that somebody can look at: of the job's, or of a library's.
fn by_holder(picture: &HeapPicture<'_>) -> Option<Consumer> {
    let holder = picture.content.as_ref()?.holder()?;
    let class = holder.class.as_deref()?;
    let kind = class_kind(class, holder.loader.as_deref());
    // A field of what is held by the thousand is not who holds it.
    let is_outermost =
        holder.kind != HolderKind::Field || picture.content.as_ref()?.chain.len() > 1;
    let is_telling = is_outermost && !matches!(kind, ClassKind::Jdk | ClassKind::Framework);
    is_telling.then(|| Consumer {
        kind: match holder.kind {
            HolderKind::Local => ConsumerKind::CallSite,
            _ => ConsumerKind::Class,
        },
        name: Some(holder_name(holder)),
        line: None,
        share: None,
        confidence: BY_HOLDER,
    })
}

/// `com.acme.Cache.ENTRIES`.
pub(in crate::rules) fn holder_name(holder: &Holder) -> String {
    let class = holder.class.as_deref().unwrap_or("?");
    match &holder.member {
        Some(member) => format!("{class}.{member}"),
        None => class.to_owned(),
    }
}

/// The state of which operator: the user's class on the stack of what survives; else the class of state.
fn by_state(picture: &HeapPicture<'_>) -> Option<Consumer> {
    let user = picture
        .sites
        .first()
        .filter(|site| site.is_user())
        .and_then(by_site);
    let of_requester = || by_requester(picture);
    user.or_else(|| by_class(picture)).or_else(of_requester)
}

fn by_writer(picture: &HeapPicture<'_>) -> Option<Consumer> {
    let frames = writer_stack(picture)?;
    let class = writer_class(frames)?;
    Some(Consumer {
        kind: ConsumerKind::Class,
        name: Some(class.to_owned()),
        line: None,
        share: picture.sites.first().map(|site| two_digits(site.share)),
        confidence: 0.9,
    })
}

fn by_class(picture: &HeapPicture<'_>) -> Option<Consumer> {
    let content = picture.content.as_ref()?;
    let subject = content.subject?;
    Some(Consumer {
        kind: ConsumerKind::Class,
        name: Some(subject.class.class.clone()),
        line: None,
        share: None,
        confidence: BY_CLASS,
    })
}

fn by_requester(picture: &HeapPicture<'_>) -> Option<Consumer> {
    let frames = picture.user_stack()?;
    let (owner, frame) = stack::owner(frames)?;
    Some(named(&owner, frame, None, BY_REQUESTER))
}
