//! Frames of a Java stack trace.

use flinkmem_trace::Frame;

/// `at java.base/java.nio.Bits.reserveMemory(Bits.java:178) ~[?:?]`; `None` for any other line.
#[must_use]
pub(super) fn frame(line: &str) -> Option<Frame> {
    let call = line.trim_start().strip_prefix("at ")?;
    // Whoever copies a stack into a report often leaves the place out.
    let (method, place) = call.split_once('(').unwrap_or((call.trim_end(), ""));
    // The module, with its version or not, and the class loader before it.
    let method = method
        .rsplit('/')
        .next()
        .filter(|_| !method.contains("$$Lambda"))
        .unwrap_or(method);
    let (class, method) = method.rsplit_once('.')?;
    let is_name = |text: &str| !text.is_empty() && !text.contains(' ');
    let is_qualified = class.contains('.')
        || place.contains(':')
        || place.contains("Native Method")
        || place.contains("Unknown Source");
    if !is_name(class) || !is_name(method) || !is_qualified {
        return None;
    }
    let line_number = place
        .split_once(')')
        .and_then(|(place, _)| place.rsplit_once(':')?.1.parse().ok());
    // Flink ships a job's jar under this name; log4j tells the jar behind the frame.
    let from_the_job = place.contains("[blob_p-");
    Some(Frame {
        class: class.to_owned(),
        method: method.to_owned(),
        line: line_number,
        loader: from_the_job.then(|| "org.apache.flink.util.ChildFirstClassLoader".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_with_modules_and_jars() {
        let bits =
            frame("\tat java.base/java.nio.Bits.reserveMemory(Bits.java:178) ~[?:?]").unwrap();
        assert_eq!(
            (bits.qualified().as_str(), bits.line),
            ("java.nio.Bits.reserveMemory", Some(178))
        );
        let user = frame("\tat MemJob.spend(MemJob.java:28) ~[blob_p-9:?]").unwrap();
        assert!(user.loader.is_some());
        assert_eq!(frame("\tat the end of the day"), None);
        assert_eq!(frame("\t... 3 more"), None);
        assert_eq!(frame("at com.acme.Reader.read").unwrap().method, "read");
    }
}
