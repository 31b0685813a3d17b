//! HotSpot's flags in force, by name.
//!
//! # Safety
//! `jmmVMGlobal` is laid out as in `jmm.h`; the call fills as many as there are names.
#![allow(unsafe_code)]

use super::Management;
use jni::Env;
use jni::objects::JString;
use jni::sys::{JNIEnv, jint, jobject, jobjectArray, jvalue};
use std::ffi::c_void;

/// Value of a flag.
#[derive(Debug, Clone, PartialEq)]
pub enum FlagValue {
    /// `bool`.
    Boolean(bool),
    /// Any integer type.
    Integer(i64),
    /// `double`.
    Double(f64),
    /// `ccstr`.
    Text(String),
}

impl std::fmt::Display for FlagValue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Double(value) => value.fmt(formatter),
            Self::Text(value) => value.fmt(formatter),
        }
    }
}

/// `jmmVMGlobal` of `jmm.h`.
#[repr(C)]
#[derive(Clone, Copy)]
struct VmGlobal {
    name: jobject,
    value: jvalue,
    value_type: jint,
    origin: jint,
    bits: u32,
    reserved1: *mut c_void,
    reserved2: *mut c_void,
}

const _: () = assert!(size_of::<VmGlobal>() == 48);

/// The flags of `names` that this JVM has.
#[must_use]
pub fn vm_flags(
    management: &Management,
    env: &mut Env<'_>,
    names: &[&str],
) -> Vec<(String, FlagValue)> {
    read(management, env, names).unwrap_or_default()
}

fn read(
    management: &Management,
    env: &mut Env<'_>,
    names: &[&str],
) -> Option<Vec<(String, FlagValue)>> {
    type GetVmGlobals =
        unsafe extern "system" fn(*mut JNIEnv, jobjectArray, *mut VmGlobal, jint) -> jint;
    let slot = management.table().vm_globals_slot()?;
    let array = env
        .new_object_array(
            i32::try_from(names.len()).ok()?,
            jni::jni_str!("java/lang/String"),
            jni::objects::JObject::null(),
        )
        .ok()?;
    for (index, name) in names.iter().enumerate() {
        let name = env.new_string(name).ok()?;
        array.set_element(env, index, &name).ok()?;
        env.delete_local_ref(name);
    }
    let empty = VmGlobal {
        name: std::ptr::null_mut(),
        value: jvalue { j: 0 },
        value_type: 0,
        origin: 0,
        bits: 0,
        reserved1: std::ptr::null_mut(),
        reserved2: std::ptr::null_mut(),
    };
    let mut globals = vec![empty; names.len()];
    // SAFETY: GetVMGlobals, with an array and a buffer of `names.len()` entries.
    unsafe {
        let get_vm_globals = std::mem::transmute::<*const c_void, GetVmGlobals>(slot);
        get_vm_globals(
            env.get_raw(),
            array.as_raw(),
            globals.as_mut_ptr(),
            i32::try_from(names.len()).ok()?,
        );
    }
    let known = globals
        .iter()
        .zip(names)
        .filter(|(global, _)| !global.name.is_null());
    Some(
        known
            .filter_map(|(global, name)| Some(((*name).to_owned(), value(env, global)?)))
            .collect(),
    )
}

fn value(env: &mut Env<'_>, global: &VmGlobal) -> Option<FlagValue> {
    // SAFETY: the type says which member of the union was set; a string is a local reference.
    unsafe {
        match global.value_type {
            1 => Some(FlagValue::Boolean(global.value.z)),
            2 if !global.value.l.is_null() => {
                let text = JString::from_raw(env, global.value.l);
                text.try_to_string(env).ok().map(FlagValue::Text)
            }
            3 => Some(FlagValue::Integer(global.value.j)),
            4 => Some(FlagValue::Double(global.value.d)),
            _ => None,
        }
    }
}
