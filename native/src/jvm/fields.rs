//! Reading fields of Java objects by name, whatever class declares them and whatever version of it is loaded.
//!
//! Everything here is a field read: no method of the application runs, no class is loaded or initialised (an object's
//! class is, before the object), nothing is locked. Objects change while they are read, so every reading may be `None`,
//! and what belongs together may be read in two states.
//!
//! # Safety
//! See the module above. A field id is used only with objects of the very class that it was looked up for, which is
//! compared before each use; the class is held weakly, and an unloaded one equals no object's class.
#![allow(unsafe_code)]

use super::Jvmti;
use super::jvmti::delete_local;
use jni::Env;
use jni::ids::JFieldID;
use jni::objects::{JClass, JObject, JString};
use jni::refs::{Reference, Weak};

/// Classes that a field remembers. A step of a path meets one or two, the result of a future a few more.
const REMEMBERED: usize = 8;

/// `ACC_STATIC` of the class file format.
const STATIC: i32 = 8;

/// Reads fields in the local reference frame of `env`.
pub struct ObjectReader<'a, 'local> {
    jvmti: Jvmti,
    env: &'a mut Env<'local>,
}

impl<'a, 'local> ObjectReader<'a, 'local> {
    /// A reader in the calling thread.
    pub fn new(jvmti: Jvmti, env: &'a mut Env<'local>) -> Self {
        Self { jvmti, env }
    }

    /// The environment.
    pub fn env(&mut self) -> &mut Env<'local> {
        self.env
    }

    /// The JVMTI environment.
    #[must_use]
    pub fn jvmti(&self) -> Jvmti {
        self.jvmti
    }

    /// Runs `body` with a reader whose local references are gone afterwards.
    pub fn in_frame<T>(
        &mut self,
        body: impl FnOnce(&mut ObjectReader<'_, '_>) -> Option<T>,
    ) -> Option<T> {
        /// What is usual; HotSpot makes room for more where it is needed.
        const REFERENCES: usize = 16;
        let jvmti = self.jvmti;
        let result = self.env.with_local_frame(REFERENCES, |env| {
            Ok::<_, jni::errors::Error>(body(&mut ObjectReader { jvmti, env }))
        });
        result.ok().flatten()
    }

    /// The object in `field` of `object`; `None` when it is null or there is no such field.
    pub fn object(&mut self, field: &mut Field, object: &JObject<'_>) -> Option<JObject<'local>> {
        match field.find(self, object)? {
            (id, Kind::Object) => self.referenced(id, object),
            _ => None,
        }
    }

    /// The number in `field` of `object`.
    pub fn integer(&mut self, field: &mut Field, object: &JObject<'_>) -> Option<i64> {
        let (id, kind) = field.find(self, object)?;
        let (env, object, id) = (self.env.get_raw(), object.as_raw(), id.into_raw());
        // SAFETY: the environment is this thread's; the id is of that kind, of the object's class.
        unsafe {
            match kind {
                Kind::Long => Some(((**env).v1_1.GetLongField)(env, object, id)),
                Kind::Int => Some(((**env).v1_1.GetIntField)(env, object, id).into()),
                Kind::Boolean => Some(((**env).v1_1.GetBooleanField)(env, object, id).into()),
                Kind::Object | Kind::Other => None,
            }
        }
    }

    /// Whether `reference`, which may be weak, and `object` are the same object.
    #[must_use]
    pub fn is_same(&self, reference: &impl Reference, object: &JObject<'_>) -> bool {
        let env = self.env.get_raw();
        // SAFETY: the environment is this thread's; both are references that it may use.
        unsafe { ((**env).v1_1.IsSameObject)(env, reference.as_raw(), object.as_raw()) }
    }

    /// The object in the field `id` of `object`, which is a reference's and of its class; `None` for null.
    fn referenced(&mut self, id: JFieldID, object: &JObject<'_>) -> Option<JObject<'local>> {
        let env = self.env.get_raw();
        // SAFETY: the environment is this thread's; the caller knows the field. What comes back is a local reference.
        unsafe {
            let value = ((**env).v1_1.GetObjectField)(env, object.as_raw(), id.into_raw());
            (!value.is_null()).then(|| JObject::from_raw(self.env, value))
        }
    }

    /// Gives a local reference back before its frame ends.
    pub fn release(&self, object: JObject<'local>) {
        // SAFETY: the environment is this thread's, and the local reference is not used afterwards.
        unsafe { delete_local(self.env.get_raw(), object.into_raw()) };
    }

    /// The characters of a `java.lang.String`; `None` of any other object.
    pub fn text(&mut self, object: &JObject<'_>) -> Option<String> {
        let class = self.env.get_object_class(object).ok()?;
        if self.signature(&class)? != "Ljava/lang/String;" {
            return None;
        }
        // SAFETY: the object is a string, and the reference outlives this call, which does not delete it.
        let string = unsafe { JString::from_raw(self.env, object.as_raw()) };
        string.try_to_string(self.env).ok()
    }

    /// Length of an array of references.
    ///
    /// # Safety
    /// `array` is an array.
    #[must_use]
    pub(super) unsafe fn length(&self, array: &JObject<'_>) -> usize {
        let env = self.env.get_raw();
        // SAFETY: the environment is this thread's; the caller's promise.
        let length = unsafe { ((**env).v1_1.GetArrayLength)(env, array.as_raw()) };
        usize::try_from(length).unwrap_or(0)
    }

    /// An element of an array of references; `None` when it is null.
    ///
    /// # Safety
    /// `array` is an array of references and `index` below its length.
    pub(super) unsafe fn element(
        &mut self,
        array: &JObject<'_>,
        index: usize,
    ) -> Option<JObject<'local>> {
        let index = i32::try_from(index).ok()?;
        let env = self.env.get_raw();
        // SAFETY: the environment is this thread's; the caller's promise. What comes back is a local reference.
        unsafe {
            let element = ((**env).v1_1.GetObjectArrayElement)(env, array.as_raw(), index);
            (!element.is_null()).then(|| JObject::from_raw(self.env, element))
        }
    }

    /// The signature of `class`, such as `Ljava/lang/String;`.
    #[must_use]
    pub fn signature(&self, class: &JClass<'_>) -> Option<String> {
        // SAFETY: a class of the calling thread's.
        let signature = unsafe {
            self.jvmti
                .bindings()
                .get_class_signature(class.as_raw().cast())
        };
        signature.ok().map(|(signature, _)| signature)
    }

    /// Signatures of the class of `object` and of those that it extends, up to and without `java.lang.Object`.
    pub fn ancestry(&mut self, object: &JObject<'_>) -> Vec<String> {
        let mut signatures = Vec::new();
        let mut class = self.env.get_object_class(object).ok();
        while let Some(this) = class {
            class = self.env.get_superclass(&this).ok().flatten();
            if class.is_some() {
                signatures.extend(self.signature(&this));
            }
            self.env.delete_local_ref(this);
        }
        signatures
    }

    /// Gives a local reference to a class back before its frame ends.
    pub(super) fn release_class(&self, class: JClass<'local>) {
        self.release(class.into());
    }

    /// The objects in the fields of `object`, of all classes that it extends, with the fields' names, at most `limit`.
    /// `None` of a `java.lang.ref.Reference`: what it refers to is not its own.
    pub(super) fn objects(
        &mut self,
        object: &JObject<'_>,
        limit: usize,
    ) -> Option<Vec<(String, JObject<'local>)>> {
        let mut found = Vec::new();
        let mut class = self.env.get_object_class(object).ok();
        while let Some(this) = class {
            if self.signature(&this)? == "Ljava/lang/ref/Reference;" {
                return None;
            }
            for (name, id, kind) in named(self.jvmti, &this, |_| true) {
                if kind == Kind::Object && found.len() < limit {
                    found.extend(self.referenced(id, object).map(|value| (name, value)));
                }
            }
            class = self.env.get_superclass(&this).ok().flatten();
            self.env.delete_local_ref(this);
        }
        Some(found)
    }

    /// The objects in all fields that the class of `object` itself declares: what a lambda has captured.
    pub fn captured(&mut self, object: &JObject<'_>) -> Vec<JObject<'local>> {
        let Ok(class) = self.env.get_object_class(object) else {
            return Vec::new();
        };
        let ids: Vec<_> = declared(self.jvmti, &class, |_| true)
            .into_iter()
            .filter(|(_, kind)| *kind == Kind::Object)
            .collect();
        let mut objects = Vec::new();
        for (id, _) in ids {
            objects.extend(self.referenced(id, object));
        }
        objects
    }
}

/// How a field is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Object,
    Long,
    Int,
    Boolean,
    Other,
}

impl Kind {
    fn of(signature: &str) -> Self {
        match signature.as_bytes().first() {
            Some(b'L' | b'[') => Self::Object,
            Some(b'J') => Self::Long,
            Some(b'I') => Self::Int,
            Some(b'Z') => Self::Boolean,
            _ => Self::Other,
        }
    }
}

/// An instance field, known by its name.
pub struct Field {
    name: &'static str,
    remembered: Vec<Remembered>,
}

struct Remembered {
    class: Weak<JClass<'static>>,
    found: Option<(JFieldID, Kind)>,
}

impl Field {
    /// A field called `name`, in whatever class.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            remembered: Vec::new(),
        }
    }

    /// Whether the class of `object` has it.
    pub fn is_in(&mut self, reader: &mut ObjectReader<'_, '_>, object: &JObject<'_>) -> bool {
        self.find(reader, object).is_some()
    }

    fn find(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        object: &JObject<'_>,
    ) -> Option<(JFieldID, Kind)> {
        let env = reader.env.get_raw();
        // SAFETY: the environment is this thread's; the class is a local reference that is given back below.
        let class = unsafe {
            let class = ((**env).v1_1.GetObjectClass)(env, object.as_raw());
            JClass::from_raw(reader.env, class)
        };
        let mut remembered = self.remembered.iter();
        let known = remembered.find(|known| reader.is_same(&known.class, &class));
        let found = match known {
            Some(known) => known.found,
            None => self.look_up(reader, &class),
        };
        reader.release(class.into());
        found
    }

    fn look_up(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        class: &JClass<'_>,
    ) -> Option<(JFieldID, Kind)> {
        let found = inherited(reader, class, self.name);
        if self.remembered.len() >= REMEMBERED {
            self.remembered.remove(0);
        }
        if let Ok(class) = reader.env.new_weak_ref(class) {
            self.remembered.push(Remembered { class, found });
        }
        found
    }
}

/// A field called `name` of `class` or the nearest class that it extends.
fn inherited(
    reader: &mut ObjectReader<'_, '_>,
    class: &JClass<'_>,
    name: &str,
) -> Option<(JFieldID, Kind)> {
    let jvmti = reader.jvmti;
    let search = |env: &mut Env<'_>| {
        let mut current = env.new_local_ref(class)?;
        loop {
            let here = declared(jvmti, &current, |declared| declared == name);
            if let Some(&found) = here.first() {
                return Ok::<_, jni::errors::Error>(Some(found));
            }
            match env.get_superclass(&current)? {
                Some(parent) => current = parent,
                None => return Ok(None),
            }
        }
    };
    reader.env.with_local_frame(16, search).ok().flatten()
}

/// Instance fields that `class` itself declares and whose name `is_wanted`.
fn declared(
    jvmti: Jvmti,
    class: &JClass<'_>,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<(JFieldID, Kind)> {
    let fields = named(jvmti, class, is_wanted).into_iter();
    fields.map(|(_, id, kind)| (id, kind)).collect()
}

/// As [`declared`], with their names.
fn named(
    jvmti: Jvmti,
    class: &JClass<'_>,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<(String, JFieldID, Kind)> {
    let (bindings, class) = (jvmti.bindings(), class.as_raw().cast());
    // SAFETY: a class of the calling thread's, and fields that JVMTI itself gave for it.
    let field = |id| unsafe {
        let (name, signature, _) = bindings.get_field_name(class, id).ok()?;
        let is_static = bindings.get_field_modifiers(class, id).ok()? & STATIC != 0;
        (is_wanted(&name) && !is_static)
            .then(|| (name, JFieldID::from_raw(id.cast()), Kind::of(&signature)))
    };
    // SAFETY: as above.
    let ids = unsafe { bindings.get_class_fields(class) }.unwrap_or_default();
    ids.into_iter().filter_map(field).collect()
}

/// Where something is kept, from an object on: names of fields.
///
/// `a.b?.c` reads the field `a`, then `b` if the object has such a field, then `c`. Several ways may be given, for the
/// versions of a program differ: the first that leads somewhere counts.
pub struct Path(Vec<Vec<Step>>);

struct Step {
    field: Field,
    optional: bool,
}

impl Path {
    /// A path that may take one of several `ways`.
    #[must_use]
    pub fn new(ways: &[&'static str]) -> Self {
        let step = |name: &'static str| Step {
            field: Field::new(name.trim_end_matches('?')),
            optional: name.ends_with('?'),
        };
        let way = |way: &&'static str| way.split('.').map(step).collect();
        Self(ways.iter().map(way).collect())
    }

    /// The object at the end of the path.
    pub fn object<'local>(
        &mut self,
        reader: &mut ObjectReader<'_, 'local>,
        from: &JObject<'_>,
    ) -> Option<JObject<'local>> {
        self.0.iter_mut().find_map(|way| {
            let (last, steps) = way.split_last_mut()?;
            let before = walk(reader, steps, from)?;
            let at = before.as_ref().unwrap_or(from);
            let found = reader.object(&mut last.field, at);
            if let Some(before) = before {
                reader.release(before);
            }
            found
        })
    }

    /// The number at the end of the path.
    pub fn integer(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        from: &JObject<'_>,
    ) -> Option<i64> {
        self.0.iter_mut().find_map(|way| {
            let (last, steps) = way.split_last_mut()?;
            let before = walk(reader, steps, from)?;
            let at = before.as_ref().unwrap_or(from);
            let found = reader.integer(&mut last.field, at);
            if let Some(before) = before {
                reader.release(before);
            }
            found
        })
    }

    /// The number at the end of the path, where one below zero means nothing.
    pub fn count(&mut self, reader: &mut ObjectReader<'_, '_>, from: &JObject<'_>) -> Option<u64> {
        self.integer(reader, from)
            .and_then(|value| u64::try_from(value).ok())
    }

    /// The string at the end of the path.
    pub fn text(
        &mut self,
        reader: &mut ObjectReader<'_, '_>,
        from: &JObject<'_>,
    ) -> Option<String> {
        let string = self.object(reader, from)?;
        let text = reader.text(&string);
        reader.release(string);
        text
    }
}

/// Where `steps` lead to: `None` nowhere, `Some(None)` for no step, back to `from`.
fn walk<'local>(
    reader: &mut ObjectReader<'_, 'local>,
    steps: &mut [Step],
    from: &JObject<'_>,
) -> Option<Option<JObject<'local>>> {
    let mut current: Option<JObject<'local>> = None;
    for step in steps {
        let at = current.as_ref().unwrap_or(from);
        if step.optional && !step.field.is_in(reader, at) {
            continue;
        }
        let next = reader.object(&mut step.field, at);
        if let Some(before) = current {
            reader.release(before);
        }
        current = Some(next?);
    }
    Some(current)
}
