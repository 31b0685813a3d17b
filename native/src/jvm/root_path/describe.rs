//! Names for what a walk found.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::jvmti::delete_local;
use super::super::{Jvmti, RawFrame, describe_frame};
use super::tag::Tag;
use super::walk::{MetRoot, Node, Walk};
use super::{ObjectPath, PathStep, Reference, Root, RootKind, fields};
use jni::sys::{JNIEnv, jclass, jfieldID, jobject};
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jvmti::{
    JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT, JVMTI_HEAP_REFERENCE_CLASS,
    JVMTI_HEAP_REFERENCE_CLASS_LOADER, JVMTI_HEAP_REFERENCE_FIELD, JVMTI_HEAP_REFERENCE_JNI_GLOBAL,
    JVMTI_HEAP_REFERENCE_JNI_LOCAL, JVMTI_HEAP_REFERENCE_STACK_LOCAL,
    JVMTI_HEAP_REFERENCE_STATIC_FIELD, JVMTI_HEAP_REFERENCE_SYSTEM_CLASS,
    JVMTI_HEAP_REFERENCE_THREAD,
};
use std::collections::HashSet;
use std::ffi::CStr;

/// Frames of a thread that are looked at.
const FRAMES: i32 = 64;

/// The paths of at most `most` roots, one for each object that a root refers to.
///
/// # Safety
/// `env` is the calling thread's; the walk was made with these `bindings`.
pub(super) unsafe fn paths(
    jvmti: Jvmti,
    env: *mut JNIEnv,
    bindings: &Bindings,
    walk: &Walk,
    threads: &[String],
    most: usize,
) -> Vec<ObjectPath> {
    let mut seen = HashSet::new();
    let mut roots: Vec<&MetRoot> = walk.roots.iter().collect();
    // A thread's object is a better answer than one of the variables that refer to it.
    roots.sort_by_key(|root| rank(root.kind));
    roots.retain(|root| seen.insert(root.node));
    roots.truncate(most);
    let describer = Describer {
        env,
        bindings,
        walk,
    };
    let path = |root: &MetRoot| ObjectPath {
        // SAFETY: the caller's promise.
        root: unsafe { describe_root(jvmti, env, root, threads) },
        // SAFETY: as above.
        steps: unsafe { describer.steps(root.node) },
    };
    roots.into_iter().map(path).collect()
}

/// The paths that can be told without a walk: threads that have the target, a loader, as their context class loader. Those
/// that run its code come first.
///
/// # Safety
/// As [`paths`]; `target` is a reference that this thread may use.
pub(super) unsafe fn context_paths(
    env: *mut JNIEnv,
    bindings: &Bindings,
    walk: &Walk,
    target: jobject,
    most: usize,
) -> Vec<ObjectPath> {
    let describer = Describer {
        env,
        bindings,
        walk,
    };
    let mut paths = Vec::new();
    for thread in bindings.get_all_threads().unwrap_or_default() {
        // SAFETY: the caller's promise; all references are deleted.
        unsafe {
            if let Ok(info) = bindings.get_thread_info(thread) {
                delete_local(env, info.thread_group.cast());
                let context: jobject = info.context_class_loader.cast();
                if !context.is_null() && ((**env).v1_1.IsSameObject)(env, context, target) {
                    paths.push(describer.context_path(thread.cast(), info.name, target));
                }
                delete_local(env, context);
            }
            delete_local(env, thread.cast());
        }
    }
    let runs_its_code = |path: &ObjectPath| path.steps.iter().any(|step| step.runs_code_of_target);
    paths.sort_by_key(|path| !runs_its_code(path));
    paths.truncate(most);
    paths
}

fn rank(kind: u32) -> u32 {
    match kind {
        JVMTI_HEAP_REFERENCE_THREAD => 0,
        JVMTI_HEAP_REFERENCE_STACK_LOCAL | JVMTI_HEAP_REFERENCE_JNI_LOCAL => 2,
        _ => 1,
    }
}

/// # Safety
/// `env` is the calling thread's.
unsafe fn describe_root(
    jvmti: Jvmti,
    env: *mut JNIEnv,
    root: &MetRoot,
    threads: &[String],
) -> Root {
    let kind = match root.kind {
        JVMTI_HEAP_REFERENCE_THREAD => RootKind::Thread,
        JVMTI_HEAP_REFERENCE_STACK_LOCAL => RootKind::StackLocal,
        JVMTI_HEAP_REFERENCE_JNI_LOCAL => RootKind::JniLocal,
        JVMTI_HEAP_REFERENCE_JNI_GLOBAL => RootKind::JniGlobal,
        JVMTI_HEAP_REFERENCE_SYSTEM_CLASS => RootKind::Class,
        kind if kind < JVMTI_HEAP_REFERENCE_JNI_GLOBAL => RootKind::Class,
        _ => RootKind::Other,
    };
    let frame = RawFrame {
        method: root.method,
        location: -1,
    };
    // SAFETY: the caller's promise; the method came from the JVM.
    let frame = (root.method != 0).then(|| unsafe { describe_frame(jvmti, env, frame) });
    Root {
        kind,
        thread: root.thread.and_then(|index| threads.get(index).cloned()),
        method: frame
            .flatten()
            .map(|frame| format!("{}.{}", frame.class, frame.method)),
    }
}

struct Describer<'a> {
    env: *mut JNIEnv,
    bindings: &'a Bindings,
    walk: &'a Walk,
}

impl Describer<'_> {
    /// # Safety
    /// `thread` is a thread and `target` a loader that this thread may use.
    unsafe fn context_path(
        &self,
        thread: jobject,
        name: Option<String>,
        target: jobject,
    ) -> ObjectPath {
        let field = Reference::Field(Some("contextClassLoader".to_owned()));
        // SAFETY: the caller's promise; both classes are deleted.
        let steps = unsafe {
            let class = ((**self.env).v1_1.GetObjectClass)(self.env, thread);
            let target_class = ((**self.env).v1_1.GetObjectClass)(self.env, target);
            let steps = vec![
                PathStep {
                    thread: name,
                    runs_code_of_target: self.runs_code_of_target(thread, class),
                    ..step(self.class_name(class), Some(field))
                },
                step(self.class_name(target_class), None),
            ];
            delete_local(self.env, class);
            delete_local(self.env, target_class);
            steps
        };
        let root = Root {
            kind: RootKind::Thread,
            ..Root::default()
        };
        ObjectPath { root, steps }
    }

    /// # Safety
    /// The environment is the calling thread's.
    unsafe fn steps(&self, first: usize) -> Vec<PathStep> {
        let mut steps = Vec::new();
        let mut next = first;
        while let Some(node) = self.walk.nodes.get(next).filter(|_| next != 0) {
            // SAFETY: the caller's promise.
            steps.push(unsafe { self.step(node) });
            next = node.next;
        }
        steps
    }

    /// # Safety
    /// The environment is the calling thread's.
    unsafe fn step(&self, node: &Node) -> PathStep {
        // SAFETY: the caller's promise; all references are deleted.
        unsafe {
            let found = self.bindings.get_objects_with_tags(&[node.tag.0]);
            let object: jobject = found
                .ok()
                .and_then(|(objects, _)| objects.first().copied())
                .map_or(std::ptr::null_mut(), |object| object.cast());
            if object.is_null() {
                // Collected since the pass.
                return step(String::new(), reference(node, None));
            }
            let class = ((**self.env).v1_1.GetObjectClass)(self.env, object);
            let own = self.class_name(class);
            let is_class = own == "java.lang.Class" && node.reference != JVMTI_HEAP_REFERENCE_FIELD;
            let field_class = if is_class { object } else { class };
            let name = fields::name(self.env, self.bindings, field_class, node.index);
            let thread = fields::thread_name(self.env, self.bindings, object);
            let step = PathStep {
                class: if is_class {
                    self.class_name(object)
                } else {
                    own
                },
                is_class,
                runs_code_of_target: thread.is_some() && self.runs_code_of_target(object, class),
                thread,
                ..step(String::new(), reference(node, name))
            };
            delete_local(self.env, class);
            delete_local(self.env, object);
            step
        }
    }

    /// # Safety
    /// `class` is a class that this thread may use.
    unsafe fn class_name(&self, class: jclass) -> String {
        // SAFETY: the caller's promise.
        let signature = unsafe { self.bindings.get_class_signature(class.cast()) };
        signature
            .map(|(signature, _)| type_name(&signature))
            .unwrap_or_default()
    }

    /// Whether the thread's class, its `Runnable` or a method on its stack is of the loader that the walk looked for.
    ///
    /// # Safety
    /// `thread` is a `Thread` and `class` its class.
    unsafe fn runs_code_of_target(&self, thread: jobject, class: jclass) -> bool {
        // SAFETY: the caller's promise; all references are deleted.
        unsafe {
            if self.is_of_target(class) {
                return true;
            }
            let task = self.task(thread, class);
            if !task.is_null() {
                let task_class = ((**self.env).v1_1.GetObjectClass)(self.env, task);
                let is_of_target = self.is_of_target(task_class);
                delete_local(self.env, task_class);
                delete_local(self.env, task);
                if is_of_target {
                    return true;
                }
            }
            let frames = self
                .bindings
                .get_stack_trace(thread.cast(), 0, FRAMES)
                .unwrap_or_default();
            frames.iter().any(|frame| {
                let class = self.bindings.get_method_declaring_class(frame.method);
                class.is_ok_and(|class| {
                    let is_of_target = self.is_of_target(class.cast());
                    delete_local(self.env, class.cast());
                    is_of_target
                })
            })
        }
    }

    /// # Safety
    /// `class` is a class that this thread may use.
    unsafe fn is_of_target(&self, class: jclass) -> bool {
        // SAFETY: the caller's promise.
        let tag = unsafe { self.bindings.get_tag(class.cast()) };
        tag.is_ok_and(|tag| (2..=self.walk.last_seed).contains(&Tag(tag).node()))
    }

    /// The `Runnable` of a thread: its field `target`, or since JDK 19 the field `task` of its `holder`.
    ///
    /// # Safety
    /// `thread` is a `Thread` and `class` its class.
    unsafe fn task(&self, thread: jobject, class: jclass) -> jobject {
        const RUNNABLE: &CStr = c"Ljava/lang/Runnable;";
        // SAFETY: the caller's promise; fields are looked up in the class of the object that they are read from.
        unsafe {
            if let Some(target) = self.field(class, c"target", RUNNABLE) {
                return ((**self.env).v1_1.GetObjectField)(self.env, thread, target);
            }
            let Some(holder) = self.field(class, c"holder", c"Ljava/lang/Thread$FieldHolder;")
            else {
                return std::ptr::null_mut();
            };
            let holder = ((**self.env).v1_1.GetObjectField)(self.env, thread, holder);
            if holder.is_null() {
                return holder;
            }
            let holder_class = ((**self.env).v1_1.GetObjectClass)(self.env, holder);
            let task = self.field(holder_class, c"task", RUNNABLE);
            let task = task.map(|task| ((**self.env).v1_1.GetObjectField)(self.env, holder, task));
            delete_local(self.env, holder_class);
            delete_local(self.env, holder);
            task.unwrap_or(std::ptr::null_mut())
        }
    }

    /// # Safety
    /// `class` is an initialised class that this thread may use.
    unsafe fn field(&self, class: jclass, name: &CStr, signature: &CStr) -> Option<jfieldID> {
        // SAFETY: the caller's promise; the error of a missing field is cleared.
        unsafe {
            let field =
                ((**self.env).v1_1.GetFieldID)(self.env, class, name.as_ptr(), signature.as_ptr());
            if field.is_null() {
                ((**self.env).v1_1.ExceptionClear)(self.env);
                return None;
            }
            Some(field)
        }
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

fn reference(node: &Node, name: Option<String>) -> Option<Reference> {
    Some(match node.reference {
        0 => return None,
        JVMTI_HEAP_REFERENCE_FIELD => Reference::Field(name),
        JVMTI_HEAP_REFERENCE_STATIC_FIELD => Reference::StaticField(name),
        JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT => {
            Reference::Element(u32::try_from(node.index).unwrap_or(0))
        }
        JVMTI_HEAP_REFERENCE_CLASS => Reference::Class,
        JVMTI_HEAP_REFERENCE_CLASS_LOADER => Reference::ClassLoader,
        _ => Reference::OfClass,
    })
}

/// `[Ljava/lang/Object;` as `java.lang.Object[]`.
fn type_name(signature: &str) -> String {
    let element = signature.trim_start_matches('[');
    let name = match element {
        "Z" => "boolean".to_owned(),
        "B" => "byte".to_owned(),
        "C" => "char".to_owned(),
        "S" => "short".to_owned(),
        "I" => "int".to_owned(),
        "J" => "long".to_owned(),
        "F" => "float".to_owned(),
        "D" => "double".to_owned(),
        class => super::super::method::dotted(class),
    };
    name + &"[]".repeat(signature.len() - element.len())
}

#[cfg(test)]
mod tests {
    use super::type_name;

    #[test]
    fn a_signature_becomes_a_type() {
        assert_eq!(type_name("Ljava/lang/String;"), "java.lang.String");
        assert_eq!(type_name("[Ljava/lang/Object;"), "java.lang.Object[]");
        assert_eq!(type_name("[[J"), "long[][]");
    }
}
