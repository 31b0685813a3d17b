//! The links of a path as they are told.
//!
//! # Safety
//! See the module above, and `fields.rs`. An array is one where its class says so.
#![allow(unsafe_code)]

use super::{Look, PathStep, Reference, describe};
use crate::jvm::fields::ObjectReader;
use jni::objects::{JClass, JObject};
use jvmti_bindings::env::Jvmti as Bindings;

impl Look<'_> {
    pub(super) fn thread_step(
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

    pub(super) fn field_step(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        object: &JObject<'_>,
        field: &str,
    ) -> PathStep {
        let reference = Reference::Field(Some(field.to_owned()));
        step(self.class_of(reader, object), Some(reference))
    }

    pub(super) fn element_step(
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

    pub(super) fn target_step(&self, reader: &mut ObjectReader<'_, '_>) -> Option<PathStep> {
        // SAFETY: a local reference of this thread, which outlives this one; that is not deleted.
        let target = unsafe { JObject::from_raw(reader.env(), self.code.loader) };
        let class = self.class_of(reader, &target);
        let _ = target.into_raw();
        Some(step(class, None))
    }

    pub(super) fn class_of(
        &self,
        reader: &mut ObjectReader<'_, '_>,
        object: &JObject<'_>,
    ) -> String {
        let Ok(class) = reader.env().get_object_class(object) else {
            return String::new();
        };
        let name = name_of(self.code.bindings, &class);
        reader.release_class(class);
        name
    }
}

pub(super) fn step(class: String, reference: Option<Reference>) -> PathStep {
    PathStep {
        class,
        is_class: false,
        reference,
        thread: None,
        runs_code_of_target: false,
    }
}

pub(super) fn name_of(bindings: &Bindings, class: &JClass<'_>) -> String {
    // SAFETY: a class that this thread may use.
    let signature = unsafe { bindings.get_class_signature(class.as_raw().cast()) };
    signature
        .map(|(signature, _)| describe::type_name(&signature))
        .unwrap_or_default()
}
