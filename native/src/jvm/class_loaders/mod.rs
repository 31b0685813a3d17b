//! Class loaders: which are alive, what each defined, and how often the same class was defined anew.
//!
//! JVMTI lists classes, not loaders. The list comes grouped by loader, so that most classes are told by one comparison with
//! the loader of the class before; a loader met again out of turn is found by its identity hash. No object is tagged, no
//! Java code runs.
//!
//! # Safety
//! See the module above. All local references are made within one local frame, which is popped at the end. Field ids are
//! used with objects that were proven to be of their class.
#![allow(unsafe_code)]

mod fields;
mod generations;
mod table;

pub use table::{LoaderKind, LoaderTable};

use super::env::ALL_CLASSES;
use super::jvmti::{Jvmti, delete_local};
use fields::LoaderFields;
use generations::Generations;
use jni::Env;
use jni::sys::{JNIEnv, jobject};
use jvmti_bindings::env::Jvmti as Bindings;
use std::collections::HashMap;

/// All loaders that define classes, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoaderCensus {
    /// The loaders, in the order in which the table first saw them; those that it has no room for come last.
    pub loaders: Vec<LoaderReading>,
    /// Classes of all loaders, arrays and hidden classes included.
    pub classes: u32,
    /// Flink's safety-net wrappers without a loader inside, so of jobs that ended, that some thread has as its context
    /// class loader.
    pub emptied_wrappers: u32,
}

/// One loader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoaderReading {
    /// Number in the table; `None` for the JVM's own loaders, and where the table is full.
    pub id: Option<u32>,
    /// Whose it is.
    pub kind: LoaderKind,
    /// Its class; empty for the boot loader.
    pub class: String,
    /// `ClassLoader.getName()`, where it has one.
    pub name: Option<String>,
    /// Whether it is a `java.net.URLClassLoader`.
    pub is_url_class_loader: bool,
    /// Classes that it defined, arrays and hidden classes included.
    pub classes: u32,
    /// Whether it was closed; `None` where that cannot be told.
    pub closed: Option<bool>,
    /// Class of its parent; `None` for the boot loader.
    pub parent_class: Option<String>,
    /// The parent's number.
    pub parent_id: Option<u32>,
    /// Live threads that have it, or a wrapper around it, as their context class loader.
    pub context_of_threads: u32,
    /// Live loaders, this one included, that define the class of [`shared_class`](Self::shared_class).
    pub generations: u32,
    /// Of them, those that the table saw later than this one.
    pub newer_generations: u32,
    /// A class that most other loaders define as well.
    pub shared_class: Option<String>,
}

/// A loader met in this census, with a local reference that the frame of the census holds.
struct Met {
    loader: jobject,
    known: Option<usize>,
    kind: LoaderKind,
    class: String,
    is_url: bool,
    classes: u32,
    positions: u64,
}

/// What one census gathers.
struct Gathering<'a> {
    env: *mut JNIEnv,
    bindings: Bindings,
    fields: &'a LoaderFields,
    met: Vec<Met>,
    by_hash: HashMap<i32, Vec<usize>>,
    boot_classes: u32,
    boot_positions: u64,
}

impl LoaderTable {
    /// Counts the classes of every loader. `None` when the JVM refuses or has no memory for it.
    pub fn census(&mut self, jvmti: Jvmti, env: &mut Env<'_>) -> Option<LoaderCensus> {
        let fields = self.fields(env)?;
        let counted = env.with_local_frame(ALL_CLASSES, |env| {
            Ok::<_, jni::errors::Error>(self.take_census(jvmti, env, &fields))
        });
        if env.exception_check() {
            env.exception_clear();
        }
        counted.ok().flatten()
    }

    fn take_census(
        &mut self,
        jvmti: Jvmti,
        env: &mut Env<'_>,
        fields: &LoaderFields,
    ) -> Option<LoaderCensus> {
        let env = env.get_raw();
        let bindings = jvmti.bindings();
        let classes = bindings.get_loaded_classes().ok()?;
        let mut gathering = Gathering {
            env,
            bindings,
            fields,
            met: Vec::new(),
            by_hash: HashMap::new(),
            boot_classes: 0,
            boot_positions: 0,
        };
        // SAFETY: the environment of this thread.
        unsafe { self.forget_dead(env) };
        let mut generations = Generations::default();
        let mut last = None;
        for (position, class) in (0u64..).zip(&classes) {
            // SAFETY: a class that the JVM has just given to us.
            let index = unsafe { gathering.loader_of(self, class.cast(), last) }?;
            last = index;
            let Some(met) = index.and_then(|index| gathering.met.get_mut(index)) else {
                gathering.boot_classes += 1;
                gathering.boot_positions += position;
                // SAFETY: a local reference of ours that is not used again.
                unsafe { delete_local(env, class.cast()) };
                continue;
            };
            met.classes += 1;
            met.positions += position;
            if met.kind == LoaderKind::User {
                // SAFETY: as above.
                unsafe {
                    generations.add(&gathering.bindings, index.unwrap_or_default(), class.cast())
                };
            } else {
                // SAFETY: as above.
                unsafe { delete_local(env, class.cast()) };
            }
        }
        self.learn(&mut gathering);
        // SAFETY: the references of this frame.
        Some(unsafe { self.readings(&gathering, &generations, classes.len()) })
    }

    /// Numbers the loaders that were not known before, the oldest first.
    fn learn(&mut self, gathering: &mut Gathering<'_>) {
        let newest_first = gathering.lists_newest_first();
        let mut unknown: Vec<usize> = (0..gathering.met.len())
            .filter(|&index| {
                let met = &gathering.met[index];
                met.known.is_none() && met.kind == LoaderKind::User
            })
            .collect();
        if newest_first {
            unknown.reverse();
        }
        for index in unknown {
            let Some(met) = gathering.met.get_mut(index) else {
                continue;
            };
            // SAFETY: a reference of the census's frame.
            met.known = unsafe {
                self.add(
                    gathering.env,
                    &gathering.bindings,
                    met.loader,
                    &met.class,
                    met.is_url,
                )
            };
        }
    }

    /// # Safety
    /// Within the census's frame.
    unsafe fn readings(
        &self,
        gathering: &Gathering<'_>,
        generations: &Generations,
        classes: usize,
    ) -> LoaderCensus {
        let ids: Vec<u32> = gathering
            .met
            .iter()
            .map(|met| self.id(met.known).unwrap_or(u32::MAX))
            .collect();
        let shared = generations.shared(&ids);
        // SAFETY: the caller's promise.
        let (contexts, emptied_wrappers) = unsafe { gathering.contexts() };
        let mut loaders = vec![LoaderReading::boot(gathering.boot_classes)];
        for (index, met) in gathering.met.iter().enumerate() {
            // SAFETY: the caller's promise.
            let mut reading = unsafe { gathering.reading(self, met) };
            reading.context_of_threads = contexts.get(&index).copied().unwrap_or(0);
            if let Some(shared) = shared.get(&index) {
                reading.generations = shared.loaders;
                reading.newer_generations = shared.newer;
                // SAFETY: the caller's promise.
                reading.shared_class =
                    unsafe { generations.name(&gathering.bindings, shared.class) };
            }
            loaders.push(reading);
        }
        loaders.sort_by_key(|loader| {
            (
                loader.kind == LoaderKind::User,
                loader.id.unwrap_or(u32::MAX),
            )
        });
        LoaderCensus {
            loaders,
            classes: u32::try_from(classes).unwrap_or(u32::MAX),
            emptied_wrappers,
        }
    }
}

impl LoaderReading {
    fn boot(classes: u32) -> Self {
        Self {
            id: None,
            kind: LoaderKind::Boot,
            class: String::new(),
            name: None,
            is_url_class_loader: false,
            classes,
            closed: None,
            parent_class: None,
            parent_id: None,
            context_of_threads: 0,
            generations: 1,
            newer_generations: 0,
            shared_class: None,
        }
    }
}

impl Gathering<'_> {
    /// Index of the loader of `class`; `Some(None)` for the boot loader, `None` when the JVM refuses.
    ///
    /// # Safety
    /// `class` is a local reference of the calling thread.
    unsafe fn loader_of(
        &mut self,
        table: &LoaderTable,
        class: jobject,
        last: Option<usize>,
    ) -> Option<Option<usize>> {
        // SAFETY: the caller's promise; the reference is deleted or kept in `met`.
        unsafe {
            let loader: jobject = self.bindings.get_class_loader(class.cast()).ok()?.cast();
            if loader.is_null() {
                return Some(None);
            }
            let is = |index: &usize| {
                self.met
                    .get(*index)
                    .is_some_and(|met| self.is_same(met.loader, loader))
            };
            if let Some(index) = last.filter(is) {
                delete_local(self.env, loader);
                return Some(Some(index));
            }
            let hash = self.bindings.get_object_hash_code(loader.cast()).ok()?;
            let candidates = self.by_hash.get(&hash);
            let found = candidates.and_then(|list| list.iter().copied().find(|index| is(index)));
            if let Some(index) = found {
                delete_local(self.env, loader);
                return Some(Some(index));
            }
            let met = self.meet(table, loader, hash)?;
            self.met.push(met);
            let index = self.met.len() - 1;
            self.by_hash.entry(hash).or_default().push(index);
            Some(Some(index))
        }
    }

    /// # Safety
    /// `loader` is a local reference of the calling thread.
    unsafe fn meet(&self, table: &LoaderTable, loader: jobject, hash: i32) -> Option<Met> {
        // SAFETY: the caller's promise.
        let known = unsafe { table.find(self.env, loader, hash) };
        let (class, is_url) = match known.and_then(|index| table.identity(index)) {
            Some(identity) => identity,
            // SAFETY: the caller's promise.
            None => unsafe { fields::identity(self.env, &self.bindings, loader)? },
        };
        Some(Met {
            loader,
            known,
            kind: LoaderKind::of(&class),
            class,
            is_url,
            classes: 0,
            positions: 0,
        })
    }

    /// # Safety
    /// Both are references that this thread may use.
    unsafe fn is_same(&self, one: jobject, other: jobject) -> bool {
        // SAFETY: the caller's promise.
        unsafe { ((**self.env).v1_1.IsSameObject)(self.env, one, other) }
    }

    /// JDK versions differ in the order of the list. The boot loader is the oldest, and has the most classes.
    fn lists_newest_first(&self) -> bool {
        let others: u64 = self.met.iter().map(|met| u64::from(met.classes)).sum();
        let positions: u64 = self.met.iter().map(|met| met.positions).sum();
        let mean = |sum: u64, count: u64| sum.checked_div(count).unwrap_or(0);
        mean(positions, others) < mean(self.boot_positions, u64::from(self.boot_classes))
    }

    /// # Safety
    /// `met` is of this census.
    unsafe fn reading(&self, table: &LoaderTable, met: &Met) -> LoaderReading {
        // SAFETY: the caller's promise.
        unsafe {
            let parent = self.fields.parent(self.env, met.loader);
            let known_parent = (!parent.is_null()).then(|| self.index_of(parent)).flatten();
            let parent_met = known_parent.and_then(|index| self.met.get(index));
            let parent_class = match parent_met {
                Some(parent) => Some(parent.class.clone()),
                None if parent.is_null() => None,
                None => fields::class_of(self.env, &self.bindings, parent),
            };
            delete_local(self.env, parent);
            LoaderReading {
                id: table.id(met.known),
                kind: met.kind,
                class: met.class.clone(),
                name: self.fields.name(self.env, met.loader),
                is_url_class_loader: met.is_url,
                classes: met.classes,
                closed: met
                    .is_url
                    .then(|| fields::is_closed(self.env, &self.bindings, met.loader))
                    .flatten(),
                parent_class,
                parent_id: parent_met.and_then(|parent| table.id(parent.known)),
                context_of_threads: 0,
                generations: 1,
                newer_generations: 0,
                shared_class: None,
            }
        }
    }

    /// # Safety
    /// `loader` is a reference that this thread may use, not null.
    unsafe fn index_of(&self, loader: jobject) -> Option<usize> {
        // SAFETY: the caller's promise.
        unsafe {
            let hash = self.bindings.get_object_hash_code(loader.cast()).ok()?;
            let mut candidates = self.by_hash.get(&hash)?.iter().copied();
            candidates.find(|&index| {
                self.met
                    .get(index)
                    .is_some_and(|met| self.is_same(met.loader, loader))
            })
        }
    }

    /// How many threads have each loader as their context class loader, and how many have an emptied wrapper.
    ///
    /// # Safety
    /// Within the census's frame.
    unsafe fn contexts(&self) -> (HashMap<usize, u32>, u32) {
        let (mut counts, mut emptied) = (HashMap::new(), 0);
        for thread in self.bindings.get_all_threads().unwrap_or_default() {
            // SAFETY: references that the JVM has just given to us; all are deleted.
            unsafe {
                if let Ok(info) = self.bindings.get_thread_info(thread) {
                    delete_local(self.env, info.thread_group.cast());
                    let context: jobject = info.context_class_loader.cast();
                    match (!context.is_null()).then(|| self.context(context)) {
                        Some(Context::Of(index)) => *counts.entry(index).or_insert(0) += 1,
                        Some(Context::Emptied) => emptied += 1,
                        _ => {}
                    }
                    delete_local(self.env, context);
                }
                delete_local(self.env, thread.cast());
            }
        }
        (counts, emptied)
    }

    /// # Safety
    /// `context` is a reference that this thread may use, not null.
    unsafe fn context(&self, context: jobject) -> Context {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some(index) = self.index_of(context) {
                return Context::Of(index);
            }
            match fields::inner(self.env, &self.bindings, context) {
                Some(inner) if inner.is_null() => Context::Emptied,
                Some(inner) => {
                    let index = self.index_of(inner);
                    delete_local(self.env, inner);
                    index.map_or(Context::Other, Context::Of)
                }
                None => Context::Other,
            }
        }
    }
}

/// What a thread's context class loader is to the census.
enum Context {
    /// This loader, or a wrapper around it.
    Of(usize),
    /// A wrapper whose loader is gone.
    Emptied,
    /// A loader without classes.
    Other,
}
