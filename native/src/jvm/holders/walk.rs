//! The callback of the walk.
#![allow(unsafe_code)]

use super::HolderKind;
use super::carried::Carried;
use super::instances::{Instances, NOBODY};
use super::trail::{NO_TRAIL, Step, Trails};
use jvmti_bindings::sys::jvmti::{
    JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT, JVMTI_HEAP_REFERENCE_CLASS, JVMTI_HEAP_REFERENCE_FIELD,
    JVMTI_HEAP_REFERENCE_JNI_GLOBAL, JVMTI_HEAP_REFERENCE_JNI_LOCAL, JVMTI_HEAP_REFERENCE_MONITOR,
    JVMTI_HEAP_REFERENCE_OTHER, JVMTI_HEAP_REFERENCE_STACK_LOCAL,
    JVMTI_HEAP_REFERENCE_STATIC_FIELD, JVMTI_HEAP_REFERENCE_THREAD, JVMTI_VISIT_ABORT,
    JVMTI_VISIT_OBJECTS, jvmtiHeapReferenceInfo, jvmtiHeapReferenceKind,
};
use std::collections::HashMap;
use std::ffi::c_void;
use std::time::{Duration, Instant};

/// Objects that may wait for their visit with a trail.
const MOST_WAITING: u64 = 100_000;

/// Elements of one array that are followed, about.
const ELEMENTS: i32 = 1024;

/// The clock is read once for that many references.
const REFERENCES_A_LOOK: u64 = 256;

/// Fields that are watched for leading only back to where the walk has been.
const FIELDS: usize = 1024;
/// A field is given up when of that many objects on which it has put a trail …
const TRIED: u32 = 4096;
/// … less than one in that many was visited with it.
const FRUITLESS: u32 = 16;

/// What a class is to the walk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Role {
    pub(super) is_array: bool,
    pub(super) is_collection: bool,
    pub(super) target: Option<u8>,
}

/// How often a field has put a trail on an object, and how often that was visited with it.
#[derive(Debug, Clone, Copy, Default)]
struct Fruit {
    put: u32,
    visited: u32,
}

pub(super) struct Walk {
    roles: Vec<Role>,
    pub(super) trails: Trails,
    pub(super) instances: Instances,
    fields: HashMap<(u32, i32), u16>,
    fruits: Vec<Fruit>,
    current: Option<Carried>,
    waiting: u64,
    pub(super) lost: u64,
    pub(super) references: u64,
    began: Option<Instant>,
    budget: Duration,
    pub(super) cut_off: bool,
}

/// One reference, without the pointers.
struct Reference {
    from: HolderKind,
    /// Tag of the referrer's class, or of the class whose static field it is.
    class: u32,
    /// Index of the field or element, or `jmethodID`.
    detail: u64,
    to: u32,
    length: i32,
    /// The referrer's own tag.
    of_referrer: i64,
}

/// New tags for both ends of a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Followed {
    carried: Option<Carried>,
    holder: Option<i64>,
}

/// `jvmtiHeapReferenceCallback`.
#[allow(clippy::too_many_arguments, reason = "JVMTI's signature")]
pub(super) unsafe extern "system" fn reference(
    kind: jvmtiHeapReferenceKind,
    info: *const jvmtiHeapReferenceInfo,
    class_tag: i64,
    referrer_class_tag: i64,
    _size: i64,
    tag: *mut i64,
    referrer_tag: *mut i64,
    length: i32,
    walk: *mut c_void,
) -> i32 {
    // SAFETY: the walk that was handed over with this callback, which the JVM calls from one thread; the pointers to tags
    // are valid for the call or null.
    let (walk, tag, referrer_tag) = unsafe {
        (
            walk.cast::<Walk>().as_mut(),
            tag.as_mut(),
            referrer_tag.as_mut(),
        )
    };
    let (Some(walk), Some(tag)) = (walk, tag) else {
        return JVMTI_VISIT_ABORT;
    };
    if walk.is_over() {
        return JVMTI_VISIT_ABORT;
    }
    if kind == JVMTI_HEAP_REFERENCE_CLASS {
        walk.visit(referrer_tag);
        return JVMTI_VISIT_OBJECTS;
    }
    // SAFETY: the JVM fills the part of the union that belongs to the kind; others are not read.
    let detail = unsafe { detail(kind, info) };
    let class = |tag: i64| u32::try_from(tag).unwrap_or(0);
    let from = match kind {
        JVMTI_HEAP_REFERENCE_FIELD => HolderKind::Field,
        JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT => HolderKind::Array,
        JVMTI_HEAP_REFERENCE_STATIC_FIELD => HolderKind::StaticField,
        JVMTI_HEAP_REFERENCE_STACK_LOCAL => HolderKind::Local,
        JVMTI_HEAP_REFERENCE_THREAD => HolderKind::Thread,
        // HotSpot tells the constants of compiled code on a stack as JNI locals of its thread: a static final field that hot code reads.
        // Followed from here, all that it holds would have no holder; the field itself comes later, and tells it.
        JVMTI_HEAP_REFERENCE_JNI_LOCAL => return 0,
        JVMTI_HEAP_REFERENCE_JNI_GLOBAL => HolderKind::Jni,
        JVMTI_HEAP_REFERENCE_MONITOR | JVMTI_HEAP_REFERENCE_OTHER => HolderKind::Root,
        _ => return JVMTI_VISIT_OBJECTS,
    };
    let of_referrer = referrer_tag.as_ref().map_or(0, |tag| **tag);
    let of_static = (from == HolderKind::StaticField).then_some(of_referrer);
    let reference = Reference {
        from,
        class: class(of_static.unwrap_or(referrer_class_tag)),
        detail,
        to: class(class_tag),
        length,
        of_referrer,
    };
    let followed = walk.follow(&reference, *tag == 0);
    if let (Some(new), Some(referrer_tag)) = (followed.holder, referrer_tag) {
        *referrer_tag = new;
    }
    if let Some(carried) = followed.carried {
        *tag = carried.tag();
    }
    JVMTI_VISIT_OBJECTS
}

/// # Safety
/// `info` is what the JVM gave for `kind`.
unsafe fn detail(kind: jvmtiHeapReferenceKind, info: *const jvmtiHeapReferenceInfo) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        match (kind, info.as_ref()) {
            (JVMTI_HEAP_REFERENCE_FIELD | JVMTI_HEAP_REFERENCE_STATIC_FIELD, Some(info)) => {
                u64::try_from(info.field.index).unwrap_or(0)
            }
            (JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT, Some(info)) => {
                u64::try_from(info.array.index).unwrap_or(0)
            }
            (JVMTI_HEAP_REFERENCE_STACK_LOCAL, Some(info)) => info.stack_local.method as u64,
            _ => 0,
        }
    }
}

impl Walk {
    pub(super) fn new(roles: Vec<Role>, budget: Duration) -> Self {
        Self {
            instances: Instances::new(roles.len()),
            roles,
            trails: Trails::new(),
            fields: HashMap::with_capacity(FIELDS),
            fruits: vec![Fruit::default(); FIELDS],
            current: None,
            waiting: 0,
            lost: 0,
            references: 0,
            began: None,
            budget,
            cut_off: false,
        }
    }

    fn is_over(&mut self) -> bool {
        if self.references.is_multiple_of(REFERENCES_A_LOOK) {
            let now = Instant::now();
            let began = *self.began.get_or_insert(now);
            self.cut_off |= now.duration_since(began) > self.budget;
        }
        self.references += 1;
        self.cut_off
    }

    /// The visit of an object begins: what it carries holds for the references that follow.
    fn visit(&mut self, tag: Option<&mut i64>) {
        self.current = tag.as_ref().and_then(|tag| Carried::of(**tag));
        let (Some(current), Some(tag)) = (self.current, tag) else {
            return;
        };
        *tag = 0;
        self.waiting = self.waiting.saturating_sub(1);
        if let Some(fruit) = self.fruits.get_mut(usize::from(current.field)) {
            fruit.visited += 1;
        }
    }

    fn role(&self, class: u32) -> Role {
        let role = usize::try_from(class)
            .ok()
            .and_then(|class| self.roles.get(class));
        role.copied().unwrap_or_default()
    }

    /// Counts a reference, and says what the object that it leads to shall carry.
    fn follow(&mut self, reference: &Reference, is_untagged: bool) -> Followed {
        let to = self.role(reference.to);
        if to.target.is_none() && !to.is_collection {
            return Followed::default();
        }
        let inside = matches!(reference.from, HolderKind::Field | HolderKind::Array);
        let from = self
            .current
            .filter(|_| inside && self.role(reference.class).is_collection);
        let Some(trail) = self.trail(reference, from) else {
            self.lost += 1;
            return Followed::default();
        };
        let is_of_use = to.target.is_some() || is_untagged;
        let (holder, new_tag) = match from {
            Some(from) => (from.holder, None),
            None if inside && is_of_use => self
                .instances
                .holder(reference.class, reference.of_referrer),
            None => (NOBODY, None),
        };
        Followed {
            carried: self.pass_on(
                reference,
                to,
                Carried {
                    trail,
                    holder,
                    ..from.unwrap_or_default()
                },
                is_untagged,
            ),
            holder: new_tag,
        }
    }

    /// What the object at the end of a reference carries of what came with the referrer.
    fn pass_on(
        &mut self,
        reference: &Reference,
        to: Role,
        from: Carried,
        is_untagged: bool,
    ) -> Option<Carried> {
        let mut weight = from.weight;
        if let Some(target) = to.target {
            self.count(reference, from, target);
        }
        if reference.from == HolderKind::Array {
            if reference.detail & ((1 << from.stride) - 1) != 0 {
                return None;
            }
            weight += from.stride;
        }
        if !to.is_collection || !is_untagged {
            return None;
        }
        self.carry(reference, to, Carried { weight, ..from })
    }

    /// A reference from a sampled object stands for those from its like, which will be met without their trail.
    fn count(&mut self, reference: &Reference, from: Carried, target: u8) {
        let references = 1 << from.weight.min(40);
        self.trails.add(from.trail, target, references);
        self.instances.add(from.holder, target, references);
        if from.weight > 0
            && let Some(without) = self.trail(reference, None)
        {
            self.trails.is_counted(without, target, references - 1);
        }
    }

    fn carry(&mut self, reference: &Reference, to: Role, from: Carried) -> Option<Carried> {
        let field = self.field(reference);
        let fruit = self.fruits.get_mut(usize::from(field))?;
        if field > 0 && fruit.put >= TRIED && fruit.visited < fruit.put / FRUITLESS {
            return None;
        }
        if self.waiting >= MOST_WAITING {
            self.lost += 1;
            return None;
        }
        fruit.put = fruit.put.saturating_add(1);
        self.waiting += 1;
        Some(Carried {
            stride: if to.is_array {
                stride(reference.length)
            } else {
                0
            },
            field,
            ..from
        })
    }

    /// The trail of a reference: that of the collection which it is in, or a new one.
    fn trail(&mut self, reference: &Reference, from: Option<Carried>) -> Option<u32> {
        let is_collection = self.role(reference.class).is_collection;
        let step = |parent, kind, detail| Step {
            parent,
            kind,
            class: reference.class,
            detail,
        };
        match (reference.from, from) {
            // From one node of a list or a tree to the next, and into an array: no step worth telling.
            (HolderKind::Array, Some(from)) => Some(from.trail),
            (HolderKind::Field, Some(from)) if reference.to == reference.class => Some(from.trail),
            (kind, Some(from)) => self.trails.with(step(from.trail, kind, reference.detail)),
            (HolderKind::Array, None) => self.trails.with(step(NO_TRAIL, HolderKind::Array, 0)),
            (HolderKind::Field, None) if is_collection => {
                let kind = HolderKind::Collection;
                self.trails.with(step(NO_TRAIL, kind, reference.detail))
            }
            (kind, None) => self.trails.with(step(NO_TRAIL, kind, reference.detail)),
        }
    }

    /// Number of a field among those that are watched; 0 for what is not watched.
    fn field(&mut self, reference: &Reference) -> u16 {
        if reference.from != HolderKind::Field {
            return 0;
        }
        let index = i32::try_from(reference.detail).unwrap_or(-1);
        let key = (reference.class, index);
        if let Some(&known) = self.fields.get(&key) {
            return known;
        }
        let next = self.fields.len() + 1;
        if next >= FIELDS {
            return 0;
        }
        let number = u16::try_from(next).unwrap_or(0);
        self.fields.insert(key, number);
        number
    }
}

/// Of an array of that length every how many-th element is followed, as a power of two.
fn stride(length: i32) -> u8 {
    let mut power = 0;
    while (length >> power) > ELEMENTS {
        power += 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_arrays_are_followed_by_samples() {
        assert_eq!(
            [0, -1, 1024, 1025, 4096, 1 << 30].map(stride),
            [0, 0, 0, 1, 2, 20]
        );
    }

    // Classes: 1 holder, 2 map, 3 its array, 4 its nodes, 5 wanted.
    fn walk() -> Walk {
        let collection = |is_array| Role {
            is_array,
            is_collection: true,
            target: None,
        };
        let wanted = Role {
            target: Some(0),
            ..Role::default()
        };
        let roles = vec![
            Role::default(),
            Role::default(),
            collection(false),
            collection(true),
            collection(false),
            wanted,
        ];
        Walk::new(roles, Duration::from_secs(3600))
    }

    fn field(class: u32, detail: u64, to: u32, length: i32) -> Reference {
        Reference {
            from: HolderKind::Field,
            class,
            detail,
            to,
            length,
            of_referrer: 0,
        }
    }

    #[test]
    fn what_lies_in_a_map_belongs_to_the_field_that_holds_the_map() {
        let mut walk = walk();
        let first = walk.follow(&field(1, 7, 2, -1), true);
        let map = first.carried.unwrap();
        walk.visit(Some(&mut map.tag()));
        let table = walk.follow(&field(2, 1, 3, 4096), true).carried.unwrap();
        assert_eq!(table.stride, 2);
        walk.visit(Some(&mut table.tag()));
        let element = |index| Reference {
            from: HolderKind::Array,
            class: 3,
            detail: index,
            to: 4,
            length: -1,
            of_referrer: 0,
        };
        assert_eq!(
            walk.follow(&element(1), true).carried,
            None,
            "not of the sample"
        );
        let node = walk.follow(&element(4), true).carried.unwrap();
        walk.visit(Some(&mut node.tag()));
        walk.follow(&field(4, 2, 5, -1), true);
        assert_eq!(walk.waiting, 0);
        for _ in 0..3 {
            walk.visit(Some(&mut 0));
            walk.follow(&field(4, 2, 5, -1), true);
        }
        let found: Vec<_> = walk.trails.counts(0).collect();
        assert_eq!(
            found.len(),
            1,
            "the others are not counted again: {found:?}"
        );
        let (trail, references) = found[0];
        assert_eq!(references, 4, "one of four stands for all");
        assert_eq!(
            walk.instances.foremost(1, 0),
            first.holder.map(|tag| (tag, 4))
        );
        let mut steps = Vec::new();
        let mut at = trail;
        while let Some(step) = walk.trails.step(at) {
            steps.push((step.kind, step.class, step.detail));
            at = step.parent;
        }
        let field = HolderKind::Field;
        assert_eq!(steps, [(field, 4, 2), (field, 2, 1), (field, 1, 7)]);
    }

    #[test]
    fn a_field_that_only_leads_back_is_given_up() {
        let mut walk = walk();
        let back = field(1, 0, 4, -1);
        let put = (0..10_000).filter(|_| walk.follow(&back, true).carried.is_some());
        assert_eq!(put.count(), usize::try_from(TRIED).unwrap());
    }
}
