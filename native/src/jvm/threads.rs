//! Java's platform threads: who lives, and what a thread that is just being started is called by the JVM.
//!
//! Virtual threads are not threads of the operating system and are in none of this.
//!
//! # Safety
//! Field ids are used with the class that they were looked up in, which the boot loader never unloads. References that
//! JVMTI hands out are local ones, and deleted.
#![allow(unsafe_code)]

use super::Jvmti;
use super::env::ALL_CLASSES;
use super::jvmti::delete_local;
use jni::ids::JFieldID;
use jni::sys::{JNIEnv, jobject};
use jni::{Env, jni_sig, jni_str};

/// A thread that was alive when it was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LiveThread {
    /// `Thread.getId`, never used again for another thread.
    pub id: u64,
    /// Its name now.
    pub name: String,
    /// Whether the JVM ends without waiting for it.
    pub is_daemon: bool,
    /// Class of its context class loader, unless that is one of the JVM's own three or null.
    pub context_loader: Option<String>,
}

/// Reads threads' ids.
#[derive(Debug, Clone, Copy)]
pub struct ThreadReader {
    id: JFieldID,
}

impl ThreadReader {
    /// Looks the field up, which is called `tid` from JDK 1.1 on.
    ///
    /// # Errors
    /// When this JDK has no such field.
    pub fn find(env: &mut Env<'_>) -> jni::errors::Result<Self> {
        let class = env.find_class(jni_str!("java/lang/Thread"))?;
        let id = env.get_field_id(&class, jni_str!("tid"), jni_sig!("J"))?;
        Ok(Self { id })
    }

    /// Id of `thread`; `None` while an exception is pending, as after a start that was refused.
    ///
    /// # Safety
    /// `env` is the calling thread's `JNIEnv`, `thread` a `java.lang.Thread` that it may use.
    #[must_use]
    pub unsafe fn id(self, env: *mut JNIEnv, thread: jobject) -> Option<u64> {
        if env.is_null() || thread.is_null() {
            return None;
        }
        // SAFETY: the caller's promise; both functions are in every JNI version that we support.
        unsafe {
            if ((**env).v1_2.ExceptionCheck)(env) {
                return None;
            }
            u64::try_from(((**env).v1_1.GetLongField)(env, thread, self.id.into_raw())).ok()
        }
    }

    /// At most `most` of the threads that live now, and how many more there are.
    #[must_use]
    pub fn live(self, jvmti: Jvmti, env: &mut Env<'_>, most: usize) -> (Vec<LiveThread>, usize) {
        let mut live = (Vec::new(), 0);
        // The JVM hands out a reference to each of them at once.
        let framed = env.with_local_frame(ALL_CLASSES, |env| {
            live = self.list(jvmti, env, most);
            Ok::<_, jni::errors::Error>(())
        });
        if framed.is_err() && env.exception_check() {
            env.exception_clear();
        }
        live
    }

    fn list(self, jvmti: Jvmti, env: &Env<'_>, most: usize) -> (Vec<LiveThread>, usize) {
        let threads = jvmti.bindings().get_all_threads().unwrap_or_default();
        let mut live = Vec::new();
        for (index, &thread) in threads.iter().enumerate() {
            // SAFETY: this thread's environment; the reference is a fresh local one, deleted below.
            unsafe {
                if index < most {
                    live.extend(self.describe(jvmti, env.get_raw(), thread.cast()));
                }
                delete_local(env.get_raw(), thread.cast());
            }
        }
        (live, threads.len().saturating_sub(most))
    }

    /// # Safety
    /// `env` is the calling thread's `JNIEnv`, `thread` a local reference of it.
    unsafe fn describe(
        self,
        jvmti: Jvmti,
        env: *mut JNIEnv,
        thread: jobject,
    ) -> Option<LiveThread> {
        // SAFETY: the caller's promise; a thread that has ended meanwhile is refused.
        unsafe {
            let info = jvmti.bindings().get_thread_info(thread.cast()).ok()?;
            delete_local(env, info.thread_group.cast());
            let context_loader = jvmti.user_loader(env, info.context_class_loader.cast());
            delete_local(env, info.context_class_loader.cast());
            Some(LiveThread {
                id: self.id(env, thread)?,
                name: info.name.unwrap_or_default(),
                is_daemon: info.is_daemon,
                context_loader,
            })
        }
    }
}

impl Jvmti {
    /// # Safety
    /// `env` is the calling thread's `JNIEnv`, `loader` null or a reference that it may use.
    unsafe fn user_loader(self, env: *mut JNIEnv, loader: jobject) -> Option<String> {
        if loader.is_null() {
            return None;
        }
        // SAFETY: the caller's promise.
        let name = unsafe { self.class_name(env, loader) }?;
        (!name.starts_with("jdk.internal.")).then_some(name)
    }
}
