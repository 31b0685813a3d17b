//! What the JVM and the kernel say about a process's memory: readings, no policy.
//!
//! Two sides that do not mix: [`kernel`] parses `/proc`, cgroups and `malloc`'s own figures and needs no JVM; `jvm`
//! calls JVMTI, JNI and HotSpot's management table and returns owned values. The JVM side may use the kernel side,
//! never the other way.
//!
//! A missing file, a vanished cgroup or an unsupported function is `None`; nothing here decides what that means.

pub mod kernel;

#[cfg(feature = "jvm")]
pub mod jvm;
