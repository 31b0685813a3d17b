//! Names for what a walk found.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::super::jvmti::delete_local;
use super::super::{Jvmti, RawFrame, describe_frame};
use super::threads::CodeOf;
use super::walk::{MetRoot, Node, Walk};
use super::{ObjectPath, PathStep, Reference, Root, RootKind, fields};
use jni::sys::{JNIEnv, jclass, jobject};
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jvmti::{
    JVMTI_HEAP_REFERENCE_ARRAY_ELEMENT, JVMTI_HEAP_REFERENCE_CLASS,
    JVMTI_HEAP_REFERENCE_CLASS_LOADER, JVMTI_HEAP_REFERENCE_FIELD, JVMTI_HEAP_REFERENCE_JNI_GLOBAL,
    JVMTI_HEAP_REFERENCE_JNI_LOCAL, JVMTI_HEAP_REFERENCE_STACK_LOCAL,
    JVMTI_HEAP_REFERENCE_STATIC_FIELD, JVMTI_HEAP_REFERENCE_SYSTEM_CLASS,
    JVMTI_HEAP_REFERENCE_THREAD,
};
use std::collections::HashSet;

/// The paths of at most `most` roots, one for each object that a root refers to.
///
/// # Safety
/// `env` is the calling thread's; the walk was made with these `bindings`; `loader` is the target, where that is one, else
/// null.
pub(super) unsafe fn paths(
    jvmti: Jvmti,
    env: *mut JNIEnv,
    bindings: &Bindings,
    walk: &Walk,
    threads: &[String],
    loader: jobject,
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
        code: CodeOf {
            env,
            bindings,
            loader,
        },
    };
    let path = |root: &MetRoot| ObjectPath {
        // SAFETY: the caller's promise.
        root: unsafe { describe_root(jvmti, env, root, threads) },
        // SAFETY: as above.
        steps: unsafe { describer.steps(root.node) },
    };
    roots.into_iter().map(path).collect()
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
    code: CodeOf<'a>,
}

impl Describer<'_> {
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
                runs_code_of_target: thread.is_some() && self.code.runs_in(object, class),
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
pub(super) fn type_name(signature: &str) -> String {
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
