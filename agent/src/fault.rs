//! Failures on demand, for the tests that prove that none of them reaches the JVM. Compiled in only with the feature
//! `fault-injection`; otherwise every point is nothing.

/// Fails here when `$FLINKMEM_FAULT` names this point: by a panic, or, for `stall-…`, by hanging for a while.
#[cfg(feature = "fault-injection")]
#[allow(clippy::panic, reason = "this is what it is for")]
pub(crate) fn point(name: &str) {
    static WANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let wanted = WANTED.get_or_init(|| std::env::var("FLINKMEM_FAULT").ok());
    if wanted.as_deref() != Some(name) {
        return;
    }
    if name.starts_with("stall-") {
        std::thread::sleep(std::time::Duration::from_secs(5));
    } else {
        panic!("fault injected at {name}");
    }
}

/// Nothing, without the feature.
#[cfg(not(feature = "fault-injection"))]
#[inline(always)]
pub(crate) fn point(_name: &str) {}
