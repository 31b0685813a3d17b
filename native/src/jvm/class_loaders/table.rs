//! The loaders that were ever seen and are still alive, with numbers that stay.
//!
//! # Safety
//! See the module above. A weak global reference is never used but to compare it, or to make a local one of it.
#![allow(unsafe_code)]

use super::fields::LoaderFields;
use jni::Env;
use jni::sys::{JNIEnv, jobject};
use jvmti_bindings::env::Jvmti as Bindings;

/// Whose a loader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoaderKind {
    /// The JVM's own, which is null in Java.
    Boot,
    /// `jdk.internal.loader.ClassLoaders$PlatformClassLoader`.
    Platform,
    /// `jdk.internal.loader.ClassLoaders$AppClassLoader`.
    App,
    /// Another one of the JDK's, such as those of generated accessors.
    Jdk,
    /// Any other.
    User,
}

impl LoaderKind {
    /// By the loader's class.
    #[must_use]
    pub fn of(class: &str) -> Self {
        match class {
            "jdk.internal.loader.ClassLoaders$PlatformClassLoader" => Self::Platform,
            "jdk.internal.loader.ClassLoaders$AppClassLoader" => Self::App,
            _ if class.starts_with("jdk.internal.") || class.starts_with("sun.reflect.") => {
                Self::Jdk
            }
            _ => Self::User,
        }
    }
}

/// Loaders with their numbers. Bounded: a loader that finds no room has no number.
#[derive(Debug, Default)]
pub struct LoaderTable {
    known: Vec<Known>,
    last_id: u32,
    fields: Option<LoaderFields>,
}

#[derive(Debug)]
struct Known {
    id: u32,
    weak: jobject,
    hash: i32,
    class: String,
    is_url: bool,
}

impl LoaderTable {
    /// Loaders that are told apart.
    pub const CAPACITY: usize = 1024;

    pub(super) fn fields(&mut self, env: &mut Env<'_>) -> Option<LoaderFields> {
        if self.fields.is_none() {
            self.fields = LoaderFields::find(env);
        }
        self.fields
    }

    /// Removes the loaders that were collected.
    ///
    /// # Safety
    /// `env` is the calling thread's.
    pub(super) unsafe fn forget_dead(&mut self, env: *mut JNIEnv) {
        self.known.retain(|known| {
            // SAFETY: the caller's promise; the reference is deleted once.
            unsafe {
                let alive = !((**env).v1_1.IsSameObject)(env, known.weak, std::ptr::null_mut());
                if !alive {
                    ((**env).v1_2.DeleteWeakGlobalRef)(env, known.weak);
                }
                alive
            }
        });
    }

    /// # Safety
    /// `loader` is a reference that the calling thread may use, not null.
    pub(super) unsafe fn find(
        &self,
        env: *mut JNIEnv,
        loader: jobject,
        hash: i32,
    ) -> Option<usize> {
        self.known.iter().position(|known| {
            // SAFETY: the caller's promise.
            known.hash == hash && unsafe { ((**env).v1_1.IsSameObject)(env, known.weak, loader) }
        })
    }

    /// # Safety
    /// As [`find`](Self::find).
    pub(super) unsafe fn add(
        &mut self,
        env: *mut JNIEnv,
        bindings: &Bindings,
        loader: jobject,
        class: &str,
        is_url: bool,
    ) -> Option<usize> {
        if self.known.len() >= Self::CAPACITY {
            return None;
        }
        // SAFETY: the caller's promise.
        let (hash, weak) = unsafe {
            let hash = bindings.get_object_hash_code(loader.cast()).ok()?;
            (hash, ((**env).v1_2.NewWeakGlobalRef)(env, loader))
        };
        if weak.is_null() {
            return None;
        }
        self.last_id = self.last_id.saturating_add(1);
        self.known.push(Known {
            id: self.last_id,
            weak,
            hash,
            class: class.to_owned(),
            is_url,
        });
        Some(self.known.len() - 1)
    }

    pub(super) fn identity(&self, index: usize) -> Option<(String, bool)> {
        let known = self.known.get(index)?;
        Some((known.class.clone(), known.is_url))
    }

    pub(super) fn id(&self, index: Option<usize>) -> Option<u32> {
        self.known.get(index?).map(|known| known.id)
    }

    /// A weak global reference to the loader of that number.
    pub(in crate::jvm) fn weak(&self, id: u32) -> Option<jobject> {
        self.known
            .iter()
            .find(|known| known.id == id)
            .map(|known| known.weak)
    }
}

#[cfg(test)]
mod tests {
    use super::LoaderKind;

    #[test]
    fn the_jvms_own_loaders_are_told_from_those_of_users() {
        let table = [
            (
                "jdk.internal.loader.ClassLoaders$AppClassLoader",
                LoaderKind::App,
            ),
            (
                "jdk.internal.loader.ClassLoaders$PlatformClassLoader",
                LoaderKind::Platform,
            ),
            (
                "jdk.internal.reflect.DelegatingClassLoader",
                LoaderKind::Jdk,
            ),
            (
                "org.apache.flink.util.ChildFirstClassLoader",
                LoaderKind::User,
            ),
            ("java.net.URLClassLoader", LoaderKind::User),
        ];
        for (class, kind) in table {
            assert_eq!(LoaderKind::of(class), kind, "{class}");
        }
    }
}
