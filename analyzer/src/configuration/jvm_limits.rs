//! The limits that JVM arguments set: of equal flags the last one counts.

use crate::model::MemorySize;
use serde::Serialize;
use std::collections::BTreeMap;

/// Memory limits of a JVM, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct JvmLimits {
    /// `-Xmx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heap: Option<u64>,
    /// `-XX:MaxDirectMemorySize`; absent or 0, the JVM allows as much as the heap's maximum.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct: Option<u64>,
    /// `-XX:MaxMetaspaceSize`; absent, there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metaspace: Option<u64>,
}

impl JvmLimits {
    /// The limits that `arguments` set together.
    #[must_use]
    pub fn from_arguments<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let mut limits = Self::default();
        for argument in arguments {
            let flags: [(&mut Option<u64>, &[&str]); 3] = [
                (&mut limits.heap, &["-Xmx", "-XX:MaxHeapSize="]),
                (&mut limits.direct, &["-XX:MaxDirectMemorySize="]),
                (&mut limits.metaspace, &["-XX:MaxMetaspaceSize="]),
            ];
            for (field, prefixes) in flags {
                let value = prefixes
                    .iter()
                    .find_map(|prefix| argument.strip_prefix(prefix));
                if let Some(bytes) = value.and_then(parse_jvm_size) {
                    *field = Some(bytes);
                }
            }
        }
        limits
    }

    /// The limits among the flags that a JVM says are in force. Sizes are rounded there, so arguments are nearer to what was meant;
    /// what stands for "no limit" is none.
    #[must_use]
    pub fn from_flags(flags: &BTreeMap<String, String>) -> Self {
        let limit = |name: &str| {
            let bytes = flags.get(name)?.parse().ok();
            bytes.filter(|bytes| (1..=MemorySize::MAX.bytes()).contains(bytes))
        };
        Self {
            heap: limit("MaxHeapSize"),
            direct: limit("MaxDirectMemorySize"),
            metaspace: limit("MaxMetaspaceSize"),
        }
    }

    /// These limits, with those of `later` arguments over them.
    #[must_use]
    pub fn overridden_by(self, later: Self) -> Self {
        Self {
            heap: later.heap.or(self.heap),
            direct: later.direct.or(self.direct),
            metaspace: later.metaspace.or(self.metaspace),
        }
    }
}

/// A size as the JVM reads it: digits and at most one letter.
#[must_use]
pub fn parse_jvm_size(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_flag_counts() {
        let limits =
            JvmLimits::from_arguments(["-Xmx1g", "-XX:MaxDirectMemorySize=1024", "-Xmx2048m"]);
        assert_eq!(limits.heap, Some(2 << 30));
        assert_eq!(limits.direct, Some(1024));
        assert_eq!(limits.metaspace, None);
    }

    #[test]
    fn of_a_jvms_flags_those_that_limit_nothing_are_left_out() {
        let flags = [
            ("MaxHeapSize", "228589568"),
            ("MaxDirectMemorySize", "0"),
            ("MaxMetaspaceSize", "18446744073709547520"),
        ];
        let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let limits = JvmLimits::from_flags(&flags.into());
        assert_eq!(limits.heap, Some(228_589_568));
        assert_eq!((limits.direct, limits.metaspace), (None, None));
    }

    #[test]
    fn sizes_overflow_into_none() {
        assert_eq!(parse_jvm_size("18446744073709551615t"), None);
        assert_eq!(parse_jvm_size("1gb"), None);
        assert_eq!(parse_jvm_size("8388607T"), Some(8_388_607 << 40));
    }
}
