//! Names of classes and of the loaders that defined them.
//!
//! # Safety
//! See the module above.
#![allow(unsafe_code)]

use super::jvmti::delete_local;
use super::method::dotted;
use jni::sys::JNIEnv;
use jvmti_bindings::env::Jvmti as Bindings;
use jvmti_bindings::sys::jni::jclass;

/// A class as a reader tells it from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ClassIdentity {
    /// As in Java's source: `java.util.HashMap$Node[]`, `byte[]`.
    pub name: String,
    /// Class of the class loader, unless it is one of the JVM's own three.
    pub loader: Option<String>,
}

/// Identity of `class`; `None` when the JVM refuses.
///
/// # Safety
/// `env` is the calling thread's `JNIEnv` and `class` a reference that it may use.
pub(super) unsafe fn identify(
    bindings: &Bindings,
    env: *mut JNIEnv,
    class: jclass,
) -> Option<ClassIdentity> {
    // SAFETY: the caller's promise.
    unsafe {
        let (signature, _) = bindings.get_class_signature(class).ok()?;
        Some(ClassIdentity {
            name: source_name(&signature),
            loader: loader_class(bindings, env, class),
        })
    }
}

/// Class of the loader of `class`, unless it is one of the JVM's own three.
///
/// # Safety
/// As [`identify`].
pub(super) unsafe fn loader_class(
    bindings: &Bindings,
    env: *mut JNIEnv,
    class: jclass,
) -> Option<String> {
    // SAFETY: the caller's promise; the references are deleted.
    let name = unsafe {
        let loader = bindings.get_class_loader(class).ok()?;
        if env.is_null() || loader.is_null() {
            return None; // the boot loader is null
        }
        let of_loader = ((**env).v1_1.GetObjectClass)(env, loader.cast());
        let signature = bindings.get_class_signature(of_loader.cast()).ok();
        delete_local(env, of_loader);
        delete_local(env, loader.cast());
        dotted(&signature?.0)
    };
    let of_the_jvm =
        name.starts_with("jdk.internal.loader.") || name.starts_with("jdk.internal.reflect.");
    (!of_the_jvm).then_some(name)
}

/// `[Ljava/util/HashMap$Node;` as `java.util.HashMap$Node[]`. What HotSpot appends to the name of a hidden class, such as
/// that of a lambda, is an address and left out.
pub(super) fn source_name(signature: &str) -> String {
    let element = signature.trim_start_matches('[');
    let dimensions = signature.len() - element.len();
    let name = match element {
        "Z" => "boolean".to_owned(),
        "B" => "byte".to_owned(),
        "C" => "char".to_owned(),
        "S" => "short".to_owned(),
        "I" => "int".to_owned(),
        "J" => "long".to_owned(),
        "F" => "float".to_owned(),
        "D" => "double".to_owned(),
        class => {
            let visible = class
                .find("/0x")
                .or_else(|| class.find(".0x"))
                .or_else(|| class.find("+0x"));
            dotted(visible.map_or(class, |end| class.get(..end).unwrap_or(class)))
        }
    };
    name + &"[]".repeat(dimensions)
}

#[cfg(test)]
mod tests {
    use super::source_name;

    #[test]
    fn classes_are_named_as_in_java() {
        for (signature, name) in [
            ("Ljava/lang/Object;", "java.lang.Object"),
            ("[B", "byte[]"),
            ("[[Ljava/util/HashMap$Node;", "java.util.HashMap$Node[][]"),
            ("Lcom/acme/Job$$Lambda.0x00007f2c;", "com.acme.Job$$Lambda"),
            ("Lcom/acme/Job$$Lambda+0x00007f2c;", "com.acme.Job$$Lambda"),
            (
                "Lcom/acme/Job$$Lambda$14/0x0007f2c;",
                "com.acme.Job$$Lambda$14",
            ),
        ] {
            assert_eq!(source_name(signature), name);
        }
    }
}
