//! The words of errors that Java code makes: not set yet when the error is seen, so they are read a moment later.

use crate::classes;
use flinkmem_native::jvm::{HeldThrowable, jni};
use std::time::{Duration, Instant};

/// How long the message of an error is waited for. It is set by the constructor that was running, so soon or never.
const MESSAGE_PATIENCE: Duration = Duration::from_secs(1);

/// An error whose message is not set yet.
pub(super) struct AwaitedMessage {
    pub(super) incident: u32,
    pub(super) throwable: HeldThrowable,
    pub(super) since: Instant,
}

/// Takes out those whose words are known by now, and forgets those that have none in good time.
pub(super) fn known(
    awaited: &mut Vec<AwaitedMessage>,
    env: &mut jni::Env<'_>,
) -> Vec<(u32, String)> {
    let mut known = Vec::new();
    let Some(throwables) = classes::throwables() else {
        awaited.clear();
        return known;
    };
    awaited.retain(
        |awaited| match throwables.message(env, awaited.throwable.object()) {
            Ok(Some(message)) => {
                known.push((awaited.incident, message));
                false
            }
            _ => awaited.since.elapsed() < MESSAGE_PATIENCE,
        },
    );
    known
}

/// The size that the JVM's words name, since JDK 17: "Cannot reserve N bytes of direct buffer memory …".
pub(super) fn requested_bytes(message: &str) -> Option<u64> {
    let rest = message.strip_prefix("Cannot reserve ")?;
    rest.split_once(" bytes of direct buffer memory")?
        .0
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::requested_bytes;

    #[test]
    fn the_jvms_words_name_the_size() {
        let message = "Cannot reserve 1048576 bytes of direct buffer memory (allocated: 201000000, limit: 201326592)";
        assert_eq!(requested_bytes(message), Some(1_048_576));
        assert_eq!(requested_bytes("Direct buffer memory"), None);
        assert_eq!(
            requested_bytes("Cannot reserve -1 bytes of direct buffer memory"),
            None
        );
    }
}
