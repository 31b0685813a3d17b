//! Paths to a loader that are found by looking where jobs are known to leave something behind: threads with their context
//! class loader, their task and their locals, shutdown hooks, drivers of `DriverManager`.
//!
//! Everything here is a field read in the agent's thread: nothing is stopped and no Java code runs. Fields have other names
//! in other releases, and objects change while they are read; what is not there is passed over. Bounded in objects and time.
//!
//! # Safety
//! See the module above, and `fields.rs`. An array is one where its class says so.
#![allow(unsafe_code)]

use super::super::fields::{Field, ObjectReader};
use super::super::jvmti::Jvmti;
use super::threads::CodeOf;
use super::{ObjectPath, PathStep, Reference, Root, RootKind, describe, fields};
use jni::Env;
use jni::objects::{JClass, JObject};
use jni::sys::jobject;
use jvmti_bindings::env::Jvmti as Bindings;
use std::time::{Duration, Instant};

/// Time for one target.
const TIME: Duration = Duration::from_millis(200);

/// Entries of a table, elements of an array and fields of an object that are looked at.
const ENTRIES: usize = 4096;
const ELEMENTS: usize = 64;
const FIELDS: usize = 32;

/// Links from the value of a thread local to an object of the target: a list, its array, its element.
const LEVELS: usize = 3;

/// `JVMTI_CLASS_STATUS_INITIALIZED`.
const INITIALIZED: i32 = 4;

/// `ACC_STATIC` of the class file format.
const STATIC: i32 = 8;

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
    look.chosen(most)
}

/// Paths that were found, by where.
#[derive(Default)]
struct Found {
    contexts: Vec<ObjectPath>,
    tasks: Vec<ObjectPath>,
    locals: Vec<ObjectPath>,
    hooks: Vec<ObjectPath>,
    drivers: Vec<ObjectPath>,
}

struct Look<'a> {
    code: CodeOf<'a>,
    deadline: Instant,
    names: Names,
    found: Found,
}

/// Fields that are read.
struct Names {
    context: Field,
    inner: Field,
    target: Field,
    holder: Field,
    task: Field,
    locals: [(&'static str, Field); 2],
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
        for thread in self.code.bindings.get_all_threads().unwrap_or_default() {
            // SAFETY: a local reference that the JVM has just given to us, given back below.
            let thread = unsafe { JObject::from_raw(reader.env(), thread.cast()) };
            if !self.is_over() {
                reader.in_frame(|reader| {
                    self.thread(reader, &thread);
                    Some(())
                });
            }
            // SAFETY: as above; it is not used again.
            unsafe { super::super::jvmti::delete_local(self.code.env, thread.into_raw()) };
        }
    }

    fn thread(&mut self, reader: &mut ObjectReader<'_, '_>, thread: &JObject<'_>) {
        let root = Root {
            kind: RootKind::Thread,
            ..Root::default()
        };
        let path = |steps| ObjectPath {
            root: root.clone(),
            steps,
        };
        if let Some(steps) = self.context(reader, thread) {
            self.found.contexts.push(path(steps));
        } else if let Some(steps) = self.task(reader, thread) {
            self.found.tasks.push(path(steps));
        }
        for which in 0..self.names.locals.len() {
            if let Some(steps) = self.locals(reader, thread, which) {
                self.found.locals.push(path(steps));
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

    /// By the value of a thread local.
    fn locals(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
        which: usize,
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
                steps.extend(self.reaches_within(reader, &value, LEVELS)?);
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

    /// Static fields of classes that are never unloaded.
    fn classes(&mut self, reader: &mut ObjectReader<'_, '_>) {
        for class in self.code.bindings.get_loaded_classes().unwrap_or_default() {
            // SAFETY: a local reference that the JVM has just given to us, deleted below.
            unsafe {
                let signature = self.code.bindings.get_class_signature(class);
                let signature = signature.map(|(signature, _)| signature);
                let kind = match signature.as_deref() {
                    Ok("Ljava/lang/ApplicationShutdownHooks;") => Some(("hooks", true)),
                    Ok("Ljava/sql/DriverManager;") => Some(("registeredDrivers", false)),
                    _ => None,
                };
                if let Some((field, is_hooks)) = kind {
                    let class = JClass::from_raw(reader.env(), class.cast());
                    reader.in_frame(|reader| self.registry(reader, &class, field, is_hooks));
                    let _ = class.into_raw();
                }
                super::super::jvmti::delete_local(self.code.env, class.cast());
            }
        }
    }

    fn registry(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        class: &JClass<'_>,
        field: &'static str,
        is_hooks: bool,
    ) -> Option<()> {
        let registry = static_object(reader, self.code.bindings, class, field)?;
        let (inside, name) = match is_hooks {
            true => (&mut self.names.table, "table"),
            false => (&mut self.names.array, "array"),
        };
        let array = reader.object(inside, &registry)?;
        // Of the table of hooks every other element is a key; their values are the same threads again.
        let stride = if is_hooks { 2 } else { 1 };
        // SAFETY: the tables of `IdentityHashMap` and `CopyOnWriteArrayList` are arrays of objects.
        let length = unsafe { reader.length(&array) };
        for index in (0..length.min(ENTRIES)).step_by(stride) {
            if self.is_over() {
                return None;
            }
            let within = reader.in_frame(|reader| {
                // SAFETY: as above, below its length.
                let element = unsafe { reader.element(&array, index) }?;
                match is_hooks {
                    true => self.hook(reader, &element),
                    false => self.driver(reader, &element),
                }
            });
            let Some(within) = within else { continue };
            let of_class = PathStep {
                is_class: true,
                ..step(
                    name_of(self.code.bindings, class),
                    Some(Reference::StaticField(Some(field.to_owned()))),
                )
            };
            let mut steps = vec![
                of_class,
                self.field_step(reader, &registry, name),
                self.element_step(reader, &array, index),
            ];
            steps.extend(within);
            let path = ObjectPath {
                root: Root {
                    kind: RootKind::Class,
                    ..Root::default()
                },
                steps,
            };
            match is_hooks {
                true => self.found.hooks.push(path),
                false => self.found.drivers.push(path),
            }
        }
        Some(())
    }

    /// A thread that has not begun.
    fn hook(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
    ) -> Option<Vec<PathStep>> {
        self.context(reader, thread)
            .or_else(|| self.task(reader, thread))
    }

    fn driver(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        info: &JObject<'_>,
    ) -> Option<Vec<PathStep>> {
        let driver = reader.object(&mut self.names.driver, info)?;
        let mut steps = vec![self.field_step(reader, info, "driver")];
        steps.extend(self.reaches(reader, &driver)?);
        Some(steps)
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

    fn thread_step(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        thread: &JObject<'_>,
        field: &str,
    ) -> PathStep {
        let class = reader.env().get_object_class(thread).ok();
        let runs_code_of_target = class.as_ref().is_some_and(|class| {
            // SAFETY: a thread and its class, as references of this thread.
            unsafe { self.code.runs_in(thread.as_raw(), class.as_raw()) }
        });
        PathStep {
            thread: self.thread_name(thread),
            runs_code_of_target,
            ..self.field_step(reader, thread, field)
        }
    }

    fn field_step(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        object: &JObject<'_>,
        field: &str,
    ) -> PathStep {
        let reference = Reference::Field(Some(field.to_owned()));
        step(self.class_of(reader, object), Some(reference))
    }

    fn element_step(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        array: &JObject<'_>,
        index: usize,
    ) -> PathStep {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        step(
            self.class_of(reader, array),
            Some(Reference::Element(index)),
        )
    }

    fn target_step(&self, reader: &mut ObjectReader<'_, '_>) -> Option<PathStep> {
        // SAFETY: a local reference of this thread, which outlives this one; that is not deleted.
        let target = unsafe { JObject::from_raw(reader.env(), self.code.loader) };
        let class = self.class_of(reader, &target);
        let _ = target.into_raw();
        Some(step(class, None))
    }

    fn class_of(&self, reader: &mut ObjectReader<'_, '_>, object: &JObject<'_>) -> String {
        let Ok(class) = reader.env().get_object_class(object) else {
            return String::new();
        };
        let name = name_of(self.code.bindings, &class);
        reader.release_class(class);
        name
    }
}

fn step(class: String, reference: Option<Reference>) -> PathStep {
    PathStep {
        class,
        is_class: false,
        reference,
        thread: None,
        runs_code_of_target: false,
    }
}

fn name_of(bindings: &Bindings, class: &JClass<'_>) -> String {
    // SAFETY: a class that this thread may use.
    let signature = unsafe { bindings.get_class_signature(class.as_raw().cast()) };
    signature
        .map(|(signature, _)| describe::type_name(&signature))
        .unwrap_or_default()
}

/// The object in a static field of `class`; `None` when the class was not initialised yet, which must not happen here.
fn static_object<'local>(
    reader: &mut ObjectReader<'_, 'local>,
    bindings: &Bindings,
    class: &JClass<'_>,
    name: &str,
) -> Option<JObject<'local>> {
    let raw_class = class.as_raw();
    // SAFETY: a class of this thread's, initialised, and a static field that JVMTI gave for it, whose type is one of
    // references. What comes back is a local reference.
    unsafe {
        if bindings.get_class_status(raw_class.cast()).ok()? & INITIALIZED == 0 {
            return None;
        }
        let ids = bindings.get_class_fields(raw_class.cast()).ok()?;
        let id = ids.into_iter().find(|&id| {
            let named = bindings.get_field_name(raw_class.cast(), id);
            let is_static = bindings
                .get_field_modifiers(raw_class.cast(), id)
                .is_ok_and(|modifiers| modifiers & STATIC != 0);
            is_static
                && named.is_ok_and(|(found, signature, _)| {
                    found == name && signature.starts_with(['L', '['])
                })
        })?;
        let env = reader.env().get_raw();
        let value = ((**env).v1_1.GetStaticObjectField)(env, raw_class, id.cast());
        (!value.is_null()).then(|| JObject::from_raw(reader.env(), value))
    }
}
