//! Java objects that hold native memory: created and disposed of, per class.
//!
//! A small Java object that is never closed may pin much native memory, and no heap dump shows it. Such objects are made and
//! deleted by native methods; JVMTI's NativeMethodBind event lets the agent stand before those that the [`catalogue`] names.
//! They are counted exactly, in the calling thread, without a lock, an allocation or a Java call but `GetStackTrace` for
//! the sampled few.

mod catalogue;
mod figures;
mod groups;
mod handles;
mod live;
mod role;
mod signature;
mod slots;

pub(crate) use figures::Reader as Figures;

use crate::agent;
use crate::stacks;
use catalogue::Action;
use flinkmem_native::kernel::huge_pages;
use role::{Asked, Handle, Role};
use signature::Signature;
use slots::Refusal;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Methods that should have been wrapped but found no slot.
static DROPPED_METHODS: AtomicU64 = AtomicU64::new(0);

/// Prepares the tables.
pub(crate) fn prepare() {
    live::prepare();
    if let Some(group) = groups::get(0) {
        huge_pages::avoid(group);
    }
}

fn given_classes() -> &'static [String] {
    agent::get().map_or(&[], |agent| &agent.options.native_objects)
}

/// Whether a method of this name may be one that creates or disposes; cheap, for most are not.
pub(crate) fn is_candidate(name: &str) -> bool {
    catalogue::is_candidate(name, !given_classes().is_empty())
}

/// Whether a class, as JVMTI writes it, may have such methods.
pub(crate) fn is_candidate_class(class: &str) -> bool {
    let class = class.trim_start_matches('L').trim_end_matches(';');
    catalogue::may_have(&class.replace('/', "."), given_classes())
}

/// The function to bind instead of `address`, or `None` for a method that is not ours. `class` as JVMTI writes it, such as
/// `Ljava/util/zip/Inflater;`; `method` is its `jmethodID`.
pub(crate) fn wrap(
    class: &str,
    name: &str,
    signature: &str,
    method: *mut c_void,
    address: *mut c_void,
) -> Option<*mut c_void> {
    let class = class
        .strip_prefix('L')?
        .strip_suffix(';')?
        .replace('/', ".");
    let signature = Signature::parse(signature)?;
    let entry = catalogue::find(&class, name, &signature, given_classes())?;
    if address.is_null() {
        return None;
    }
    let asked = asked(&entry, address as usize);
    let role = role(&entry, &signature, asked);
    let bound = role
        .ok_or(Refusal::NoRoom)
        .and_then(|role| slots::bind(method as usize, address as usize, &signature, role));
    if bound == Err(Refusal::NoRoom) {
        DROPPED_METHODS.fetch_add(1, Ordering::Relaxed);
        let ends = matches!(entry.action, Action::Closes | Action::Disposes(_));
        if ends && catalogue::asked(&entry.class).is_some() {
            handles::give_up();
        }
        if let Some(group) = groups::index_of(&entry.class).and_then(groups::get) {
            group.is_incomplete.store(true, Ordering::Relaxed);
        }
    }
    bound.ok()
}

/// `None` when there are more classes than are told apart.
fn role(entry: &catalogue::Entry, signature: &Signature, asked: Option<Asked>) -> Option<Role> {
    let index = |class: &str| u16::try_from(groups::index_of(class)?).ok();
    let group = index(&entry.class)?;
    Some(match &entry.action {
        Action::Creates => Role::Creates {
            group,
            returns: signature.returns,
            asked,
        },
        Action::CreatesEach => Role::CreatesEach {
            first: group,
            further: group,
            asked: None,
        },
        Action::CreatesFirst(further) => Role::CreatesEach {
            first: group,
            further: index(further)?,
            asked,
        },
        Action::Closes => Role::Closes { asked: asked? },
        Action::Disposes(argument) => {
            if argument.is_none() {
                let group = groups::get(usize::from(group))?;
                group.is_anonymous.store(true, Ordering::Relaxed);
            }
            Role::Disposes {
                group,
                handle: argument.map(|index| Handle {
                    index,
                    is_int: signature.is_int(index),
                }),
                asked,
            }
        }
    })
}

/// What the library that holds `address` can be asked about such objects.
fn asked(entry: &catalogue::Entry, address: usize) -> Option<Asked> {
    let (kind, package) = catalogue::asked(&entry.class)?;
    let library = u8::try_from(handles::library_of(address, package)?).ok()?;
    Some(Asked { kind, library })
}

/// What is known of the objects of one class.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Objects {
    pub(crate) class: String,
    pub(crate) created: u64,
    pub(crate) disposed: u64,
    /// A native method of the class is not wrapped.
    pub(crate) is_incomplete: bool,
    /// Live objects by stack, estimated: how many, from how many samples.
    pub(crate) sites: BTreeMap<u32, (u64, u32)>,
}

/// All classes of which an object was seen, or should have been. Keeps the stacks of live ones from being forgotten.
pub(crate) fn read() -> Vec<Objects> {
    let mut sites: BTreeMap<usize, BTreeMap<u32, (u64, u32)>> = BTreeMap::new();
    live::for_each(|group, stack, weight| {
        stacks::still_used(stack);
        let site = sites.entry(group).or_default().entry(stack).or_default();
        *site = (site.0.saturating_add(weight), site.1.saturating_add(1));
    });
    let objects = |(index, group): (usize, &groups::Group)| {
        let (created, disposed) = group.counts();
        let is_anonymous = group.is_anonymous.load(Ordering::Relaxed);
        let sites = sites.remove(&index).filter(|_| !is_anonymous);
        Objects {
            class: group.name().to_owned(),
            created,
            disposed,
            is_incomplete: group.is_incomplete.load(Ordering::Relaxed),
            sites: sites.unwrap_or_default(),
        }
    };
    groups::all()
        .map(objects)
        .filter(|objects| objects.created + objects.disposed > 0 || objects.is_incomplete)
        .collect()
}

/// Called by the agent's thread at its base interval: relaxes the sampling.
pub(crate) fn tick(elapsed: Duration) {
    for (_, group) in groups::all() {
        group.rate.relax(elapsed);
    }
}

/// What was lost, and the memory in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Losses {
    pub(crate) dropped_samples: u64,
    pub(crate) dropped_methods: u64,
    pub(crate) memory_bytes: u64,
}

/// Losses so far.
pub(crate) fn losses() -> Losses {
    Losses {
        dropped_samples: live::dropped(),
        dropped_methods: DROPPED_METHODS.load(Ordering::Relaxed),
        memory_bytes: u64::try_from(live::used_bytes()).unwrap_or(u64::MAX),
    }
}
