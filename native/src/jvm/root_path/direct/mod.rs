//! Paths to a loader that are found by looking where jobs are known to leave something behind: threads with their context
//! class loader, their task and their locals, shutdown hooks, drivers of `DriverManager`.
//!
//! Everything here is a field read in the agent's thread and no Java code runs; only a thread that is found to keep the loader is asked for its
//! stack, which stops it for a moment (on JDK 11 all threads). Fields have other names
//! in other releases, and objects change while they are read; what is not there is passed over. Bounded in objects and time.
//!
//! # Safety
//! See the module above, and `fields.rs`. An array is one where its class says so.
#![allow(unsafe_code)]

mod registries;
mod steps;

use super::super::fields::{Field, ObjectReader};
use super::super::jvmti::Jvmti;
use super::threads::CodeOf;
use super::{ObjectPath, PathStep, Reference, Root, RootKind, describe, fields};
use jni::Env;
use jni::objects::{JClass, JObject};
use jni::sys::jobject;
use std::time::{Duration, Instant};
use steps::{name_of, step};

/// Time for one target in each of the places where it may be.
const TIME: Duration = Duration::from_millis(200);

/// Entries of a table, elements of an array and fields of an object that are looked at.
const ENTRIES: usize = 4096;
const ELEMENTS: usize = 64;
const FIELDS: usize = 32;

/// Links from the value of a thread local to an object of the target: a list, its array, its element.
const LEVELS: usize = 3;

/// At most `most` paths to `target`, a loader, those of different kinds first.
pub(super) fn paths(
    jvmti: Jvmti,
    env: &mut Env<'_>,
    target: jobject,
    most: usize,
) -> Vec<ObjectPath> {
    let bindings = jvmti.bindings();
    let code = CodeOf {
        env: env.get_raw(),
        bindings: &bindings,
        loader: target,
    };
    let mut look = Look::new(code);
    let mut reader = ObjectReader::new(jvmti, env);
    look.threads(&mut reader);
    look.classes(&mut reader);
    // Last, for it takes longest: what is some links from a thread local's value.
    if look.found.locals.is_empty() {
        look.deep_locals(&mut reader);
    }
    look.chosen(most)
}

/// Paths that were found, by where.
#[derive(Default)]
struct Found {
    contexts: Vec<ObjectPath>,
    tasks: Vec<ObjectPath>,
    locals: Vec<ObjectPath>,
    makers: Vec<ObjectPath>,
    hooks: Vec<ObjectPath>,
    drivers: Vec<ObjectPath>,
}

struct Look<'a> {
    code: CodeOf<'a>,
    deadline: Instant,
    names: Names,
    found: Found,
}

fn of_thread(steps: Vec<PathStep>) -> ObjectPath {
    let root = Root {
        kind: RootKind::Thread,
        ..Root::default()
    };
    ObjectPath { root, steps }
}

/// Fields that are read.
struct Names {
    context: Field,
    inner: Field,
    target: Field,
    holder: Field,
    task: Field,
    locals: [(&'static str, Field); 2],
    maker: Field,
    domains: Field,
    loader: Field,
    table: Field,
    value: Field,
    array: Field,
    driver: Field,
}

impl Default for Names {
    fn default() -> Self {
        let local = |name| (name, Field::new(name));
        Self {
            context: Field::new("contextClassLoader"),
            inner: Field::new("inner"),
            target: Field::new("target"),
            holder: Field::new("holder"),
            task: Field::new("task"),
            locals: [local("threadLocals"), local("inheritableThreadLocals")],
            maker: Field::new("inheritedAccessControlContext"),
            domains: Field::new("context"),
            loader: Field::new("classloader"),
            table: Field::new("table"),
            value: Field::new("value"),
            array: Field::new("array"),
            driver: Field::new("driver"),
        }
    }
}

impl<'a> Look<'a> {
    fn new(code: CodeOf<'a>) -> Self {
        Self {
            code,
            deadline: Instant::now() + TIME,
            names: Names::default(),
            found: Found::default(),
        }
    }

    /// Each place has a time of its own: a busy machine may need it all for one, and the others are not to go without.
    fn begin(&mut self) {
        self.deadline = Instant::now() + TIME;
    }

    fn is_over(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// One of each kind in turn. Threads that run code of the target come before those that only have it as context.
    fn chosen(mut self, most: usize) -> Vec<ObjectPath> {
        let runs_code = |path: &ObjectPath| path.steps.iter().any(|step| step.runs_code_of_target);
        self.found.contexts.sort_by_key(|path| !runs_code(path));
        let found = self.found;
        let kinds = [
            found.contexts,
            found.tasks,
            found.locals,
            found.makers,
            found.hooks,
            found.drivers,
        ];
        let mut kinds = kinds.map(Vec::into_iter);
        let mut chosen = Vec::new();
        while chosen.len() < most {
            let before = chosen.len();
            chosen.extend(kinds.iter_mut().filter_map(Iterator::next));
            if chosen.len() == before {
                break;
            }
        }
        chosen.truncate(most);
        chosen
    }

    fn threads(&mut self, reader: &mut ObjectReader<'_, '_>) {
        self.each_thread(reader, |look, reader, thread| look.thread(reader, thread));
    }

    fn deep_locals(&mut self, reader: &mut ObjectReader<'_, '_>) {
        self.each_thread(reader, |look, reader, thread| {
            look.all_locals(reader, thread, LEVELS);
        });
    }

    fn each_thread(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        each: fn(&mut Self, &mut ObjectReader<'_, '_>, &JObject<'_>),
    ) {
        self.begin();
        for thread in self.code.bindings.get_all_threads().unwrap_or_default() {
            // SAFETY: a local reference that the JVM has just given to us, given back below.
            let thread = unsafe { JObject::from_raw(reader.env(), thread.cast()) };
            if !self.is_over() {
                reader.in_frame(|reader| {
                    each(self, reader, &thread);
                    Some(())
                });
            }
            // SAFETY: as above; it is not used again.
            unsafe { super::super::jvmti::delete_local(self.code.env, thread.into_raw()) };
        }
    }

    fn thread(&mut self, reader: &mut ObjectReader<'_, '_>, thread: &JObject<'_>) {
        if let Some(steps) = self.context(reader, thread) {
            self.found.contexts.push(of_thread(steps));
        } else if let Some(steps) = self.task(reader, thread) {
            self.found.tasks.push(of_thread(steps));
        } else if let Some(steps) = self.maker(reader, thread) {
            self.found.makers.push(of_thread(steps));
        }
        self.all_locals(reader, thread, 0);
    }

    fn all_locals(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
        levels: usize,
    ) {
        for which in 0..self.names.locals.len() {
            if let Some(steps) = self.locals(reader, thread, which, levels) {
                self.found.locals.push(of_thread(steps));
            }
        }
    }

    /// By `contextClassLoader`, or Flink's wrapper there.
    fn context(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
    ) -> Option<Vec<PathStep>> {
        let context = reader.object(&mut self.names.context, thread)?;
        let mut steps = vec![self.thread_step(reader, thread, "contextClassLoader")];
        if !self.is_target(&context) {
            let inner = reader.object(&mut self.names.inner, &context)?;
            if !self.is_target(&inner) {
                return None;
            }
            steps.push(self.field_step(reader, &context, "inner"));
        }
        steps.extend(self.target_step(reader));
        Some(steps)
    }

    /// By its class or its `Runnable`.
    fn task(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
    ) -> Option<Vec<PathStep>> {
        if let Some(mut steps) = self.reaches(reader, thread) {
            if let Some(first) = steps.first_mut() {
                first.thread = self.thread_name(thread);
                first.runs_code_of_target = true;
            }
            return Some(steps);
        }
        let (mut steps, task) = if let Some(task) = reader.object(&mut self.names.target, thread) {
            (vec![self.thread_step(reader, thread, "target")], task)
        } else {
            let holder = reader.object(&mut self.names.holder, thread)?;
            let task = reader.object(&mut self.names.task, &holder)?;
            let steps = vec![
                self.thread_step(reader, thread, "holder"),
                self.field_step(reader, &holder, "task"),
            ];
            (steps, task)
        };
        steps.extend(self.reaches(reader, &task)?);
        Some(steps)
    }

    /// By the access control context of its maker, which names the loaders of all code on its stack (up to JDK 23).
    fn maker(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
    ) -> Option<Vec<PathStep>> {
        let context = reader.object(&mut self.names.maker, thread)?;
        let domains = reader.object(&mut self.names.domains, &context)?;
        // SAFETY: `AccessControlContext.context` is an array of protection domains.
        let length = unsafe { reader.length(&domains) }.min(ELEMENTS);
        let (index, domain) = (0..length).find_map(|index| {
            reader.in_frame(|reader| {
                // SAFETY: as above, below its length.
                let domain = unsafe { reader.element(&domains, index) }?;
                let loader = reader.object(&mut self.names.loader, &domain)?;
                let is_target = self.is_target(&loader);
                is_target.then(|| (index, self.field_step(reader, &domain, "classloader")))
            })
        })?;
        let mut steps = vec![
            self.thread_step(reader, thread, "inheritedAccessControlContext"),
            self.field_step(reader, &context, "context"),
            self.element_step(reader, &domains, index),
            domain,
        ];
        steps.extend(self.target_step(reader));
        Some(steps)
    }

    /// By the value of a thread local, or what that refers to in so many links.
    fn locals(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
        which: usize,
        levels: usize,
    ) -> Option<Vec<PathStep>> {
        let (name, field) = self.names.locals.get_mut(which)?;
        let name = *name;
        let map = reader.object(field, thread)?;
        let table = reader.object(&mut self.names.table, &map)?;
        // SAFETY: `ThreadLocalMap.table` is an array of entries.
        for index in 0..unsafe { reader.length(&table) }.min(ENTRIES) {
            if self.is_over() {
                return None;
            }
            let within = reader.in_frame(|reader| {
                // SAFETY: as above, below its length.
                let entry = unsafe { reader.element(&table, index) }?;
                let value = reader.object(&mut self.names.value, &entry)?;
                let mut steps = vec![self.field_step(reader, &entry, "value")];
                steps.extend(self.reaches_within(reader, &value, levels)?);
                Some(steps)
            });
            if let Some(within) = within {
                let mut steps = vec![
                    self.thread_step(reader, thread, name),
                    self.field_step(reader, &map, "table"),
                    self.element_step(reader, &table, index),
                ];
                steps.extend(within);
                return Some(steps);
            }
        }
        None
    }

    /// The links from `object` if it is the target, one of its classes or an instance of one.
    fn reaches(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        object: &JObject<'_>,
    ) -> Option<Vec<PathStep>> {
        if self.is_target(object) {
            return Some(vec![self.target_step(reader)?]);
        }
        let class = reader.env().get_object_class(object).ok()?;
        let mut steps = Vec::new();
        // SAFETY: both are references of this thread; only a class is asked what has defined it.
        let class_is_of_target = unsafe { self.code.has_defined(class.as_raw()) };
        let of_target = if class_is_of_target {
            steps.push(step(
                name_of(self.code.bindings, &class),
                Some(Reference::Class),
            ));
            Some(name_of(self.code.bindings, &class))
        } else if name_of(self.code.bindings, &class) == "java.lang.Class" {
            // SAFETY: a class, by its class; the reference outlives this one, which is not deleted.
            let itself = unsafe { JClass::from_raw(reader.env(), object.as_raw()) };
            // SAFETY: as above.
            let is_of_target = unsafe { self.code.has_defined(itself.as_raw()) };
            let name = is_of_target.then(|| name_of(self.code.bindings, &itself));
            let _ = itself.into_raw();
            name
        } else {
            None
        };
        reader.release_class(class);
        steps.push(PathStep {
            is_class: true,
            ..step(of_target?, Some(Reference::ClassLoader))
        });
        steps.push(self.target_step(reader)?);
        Some(steps)
    }

    /// The links from `object`, through its fields or elements and theirs. What a reference object refers to does not count.
    fn reaches_within(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        object: &JObject<'_>,
        levels: usize,
    ) -> Option<Vec<PathStep>> {
        if let Some(steps) = self.reaches(reader, object) {
            return Some(steps);
        }
        if levels == 0 || self.is_over() {
            return None;
        }
        reader.in_frame(|reader| {
            let class = reader.env().get_object_class(object).ok()?;
            let signature = reader.signature(&class)?;
            match signature.as_bytes() {
                [b'[', b'L' | b'[', ..] => self.elements(reader, object, levels),
                [b'[', ..] => None,
                _ => self.fields(reader, object, levels),
            }
        })
    }

    fn elements(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        array: &JObject<'_>,
        levels: usize,
    ) -> Option<Vec<PathStep>> {
        // SAFETY: an array of references, by the signature of its class.
        let length = unsafe { reader.length(array) };
        (0..length.min(ELEMENTS)).find_map(|index| {
            reader.in_frame(|reader| {
                // SAFETY: as above, below its length.
                let element = unsafe { reader.element(array, index) }?;
                let rest = self.reaches_within(reader, &element, levels - 1)?;
                let mut steps = vec![self.element_step(reader, array, index)];
                steps.extend(rest);
                Some(steps)
            })
        })
    }

    fn fields(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        object: &JObject<'_>,
        levels: usize,
    ) -> Option<Vec<PathStep>> {
        let fields = reader.objects(object, FIELDS)?;
        fields.into_iter().find_map(|(name, value)| {
            let rest = self.reaches_within(reader, &value, levels - 1)?;
            let mut steps = vec![self.field_step(reader, object, &name)];
            steps.extend(rest);
            Some(steps)
        })
    }

    fn is_target(&self, object: &JObject<'_>) -> bool {
        // SAFETY: both are references of this thread, whose environment this is.
        unsafe {
            ((**self.code.env).v1_1.IsSameObject)(self.code.env, object.as_raw(), self.code.loader)
        }
    }

    fn thread_name(&self, thread: &JObject<'_>) -> Option<String> {
        // SAFETY: a reference of this thread.
        unsafe { fields::thread_name(self.code.env, self.code.bindings, thread.as_raw()) }
    }
}
