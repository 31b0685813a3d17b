//! Netty's counters: `PlatformDependent.DIRECT_MEMORY_COUNTER` and `DIRECT_MEMORY_LIMIT` of every copy of Netty.
//!
//! # Safety
//! Field ids are used with the class that they were looked up in, and as what their signature says.
#![allow(unsafe_code)]

use flinkmem_native::jvm::{Field, Jvmti, LoadedClass, ObjectReader, jni};
use flinkmem_trace::NettyCopy;
use jni::ids::JStaticFieldID;

/// What every copy's class is called behind its package, whatever that was renamed to.
const CLASS: &str = "/util/internal/PlatformDependent;";

/// Copies that are read. Each class loader of a job may have one.
const COPIES: usize = 32;

/// Whether a class may hold Netty's counter.
pub(super) fn is_wanted(signature: &str) -> bool {
    package(signature).is_some()
}

/// `Lorg/acme/shaded/io/netty/util/internal/PlatformDependent;` to `org.acme.shaded.io.netty`.
fn package(signature: &str) -> Option<String> {
    let package = signature.strip_prefix('L')?.strip_suffix(CLASS)?;
    let is_netty = package.rsplit('/').next()?.ends_with("netty");
    is_netty.then(|| package.replace('/', "."))
}

/// All copies that were found.
pub(super) struct Copies {
    copies: Vec<Copy>,
    next_id: u32,
    value: Field,
}

struct Copy {
    class: LoadedClass,
    about: NettyCopy,
    fields: Option<Fields>,
}

/// The static fields of an initialised copy; one that it lacks is `None`.
#[derive(Clone, Copy)]
struct Fields {
    counter: Option<JStaticFieldID>,
    limit: Option<JStaticFieldID>,
}

impl Default for Copies {
    fn default() -> Self {
        Self {
            copies: Vec::new(),
            next_id: 1,
            value: Field::new("value"),
        }
    }
}

impl Copies {
    /// Adds a copy, unless it is known.
    pub(super) fn add(&mut self, jvmti: Jvmti, env: &mut jni::Env<'_>, class: LoadedClass) {
        let is_known = self.copies.iter().any(|copy| copy.class.is(env, &class));
        let Some(package) = package(&class.signature) else {
            return;
        };
        if is_known || self.copies.len() >= COPIES {
            return;
        }
        let about = NettyCopy {
            id: self.next_id,
            package,
            loader: class.loader(jvmti, env),
            ..NettyCopy::default()
        };
        self.next_id += 1;
        self.copies.push(Copy {
            class,
            about,
            fields: None,
        });
    }

    /// Reads all copies that are in use. One whose class was unloaded is forgotten.
    pub(super) fn read(&mut self, jvmti: Jvmti, env: &mut jni::Env<'_>) -> Vec<NettyCopy> {
        let Self { copies, value, .. } = self;
        copies.retain(|copy| copy.class.is_loaded(env));
        let mut read = Vec::new();
        for copy in copies {
            let reading = env.with_local_frame(8, |env| {
                Ok::<_, jni::errors::Error>(copy.read(jvmti, env, value))
            });
            read.extend(reading.ok().flatten());
        }
        read
    }
}

impl Copy {
    fn read(
        &mut self,
        jvmti: Jvmti,
        env: &mut jni::Env<'_>,
        value: &mut Field,
    ) -> Option<NettyCopy> {
        let fields = match self.fields {
            Some(fields) => fields,
            None => *self.fields.insert(self.find_fields(jvmti, env)?),
        };
        // SAFETY: the field is of that class, and a reference's by its signature.
        let counter = fields
            .counter
            .and_then(|id| unsafe { self.class.static_object(env, id) });
        let used = counter
            .and_then(|counter| ObjectReader::new(jvmti, env).integer(value, &counter))
            // Counted down after up, so it may be below zero for a moment.
            .map(|used| u64::try_from(used).unwrap_or(0));
        // SAFETY: the field is of that class, and a long's by its signature.
        let limit = fields
            .limit
            .filter(|_| used.is_some())
            .and_then(|id| unsafe { self.class.static_long(env, id) });
        Some(NettyCopy {
            used_bytes: used,
            max_bytes: limit.and_then(|limit| u64::try_from(limit).ok()),
            ..self.about.clone()
        })
    }

    /// `None` while the class is not initialised.
    fn find_fields(&self, jvmti: Jvmti, env: &mut jni::Env<'_>) -> Option<Fields> {
        const ATOMIC: &str = "Ljava/util/concurrent/atomic/AtomicLong;";
        if !self.class.is_initialized(jvmti, env) {
            return None;
        }
        let mut field = |name, signature| self.class.static_field(jvmti, env, name, signature);
        Some(Fields {
            counter: field("DIRECT_MEMORY_COUNTER", ATOMIC),
            limit: field("DIRECT_MEMORY_LIMIT", "J"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::package;

    #[test]
    fn nettys_class_is_known_under_any_package() {
        for (signature, expected) in [
            (
                "Lio/netty/util/internal/PlatformDependent;",
                Some("io.netty"),
            ),
            (
                "Lorg/apache/flink/shaded/netty4/io/netty/util/internal/PlatformDependent;",
                Some("org.apache.flink.shaded.netty4.io.netty"),
            ),
            (
                "Lorg/apache/pulsar/shade/io/netty/util/internal/PlatformDependent;",
                Some("org.apache.pulsar.shade.io.netty"),
            ),
            (
                "Lio/grpc/netty/shaded/io/netty/util/internal/PlatformDependent;",
                Some("io.grpc.netty.shaded.io.netty"),
            ),
            ("Lio/netty/util/internal/PlatformDependent0;", None),
            ("Lcom/acme/util/internal/PlatformDependent;", None),
        ] {
            assert_eq!(package(signature).as_deref(), expected, "{signature}");
        }
    }
}
