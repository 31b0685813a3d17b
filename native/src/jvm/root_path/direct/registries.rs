//! Where the JDK itself keeps what jobs register: shutdown hooks and drivers.
//!
//! # Safety
//! See the module above, and `fields.rs`. An array is one where its class says so.
#![allow(unsafe_code)]

use super::steps::{name_of, step};
use super::{ENTRIES, Look, ObjectPath, PathStep, Reference, Root, RootKind};
use crate::jvm::fields::ObjectReader;
use jni::objects::{JClass, JObject};
use jvmti_bindings::env::Jvmti as Bindings;

/// `JVMTI_CLASS_STATUS_INITIALIZED`.
const INITIALIZED: i32 = 4;

/// `ACC_STATIC` of the class file format.
const STATIC: i32 = 8;

impl Look<'_> {
    /// Static fields of classes that are never unloaded.
    pub(super) fn classes(&mut self, reader: &mut ObjectReader<'_, '_>) {
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
                crate::jvm::jvmti::delete_local(self.code.env, class.cast());
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
        self.begin();
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
