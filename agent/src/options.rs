//! The agent's options: `key=value,…` after `-agentpath:…=`. Names, defaults and meaning in one table.

use crate::log::Level;
use std::path::PathBuf;
use std::time::Duration;

/// Options as understood, defaults filled in. Documented in `docs/options.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Where traces are written; `None` for the place that [`crate::trace_directory`] finds.
    pub(crate) dir: Option<PathBuf>,
    /// Base sampling period.
    pub(crate) interval: Duration,
    /// Upper bound of one process's trace on disk, bytes.
    pub(crate) max_disk_bytes: u64,
    /// Traces of earlier lives that stay beside this one's; `None` for all.
    pub(crate) keep: Option<u32>,
    /// Sample `malloc` of every library too.
    pub(crate) native: bool,
    /// Classes whose native objects are counted too, with dots.
    pub(crate) native_objects: Vec<String>,
    /// What is printed on stderr.
    pub(crate) log: Level,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dir: None,
            interval: Duration::from_secs(1),
            max_disk_bytes: 64 << 20,
            keep: Some(20),
            native: false,
            native_objects: Vec::new(),
            log: Level::Warn,
        }
    }
}

type Set = fn(&mut Options, &str) -> Option<()>;

/// Key, what a value must look like, how it is set.
const TABLE: [(&str, &str, Set); 7] = [
    ("dir", "a directory", |options, value| {
        options.dir = Some(PathBuf::from((!value.is_empty()).then_some(value)?));
        Some(())
    }),
    (
        "interval",
        "a time from 10ms to 1h, such as 1s or 500ms",
        |options, value| {
            options.interval = parse_interval(value)?;
            Some(())
        },
    ),
    (
        "max_disk",
        "a size from 1m on, such as 64m or 1g",
        |options, value| {
            options.max_disk_bytes = parse_size(value)?;
            Some(())
        },
    ),
    ("keep", "a number of traces, or all", |options, value| {
        options.keep = match value {
            "all" => None,
            number => Some(number.parse().ok()?),
        };
        Some(())
    }),
    ("native", "on or off", |options, value| {
        options.native = parse_switch(value)?;
        Some(())
    }),
    (
        "native_objects",
        "names of classes, such as com.acme.Codec+com.acme.Model$Session",
        |options, value| {
            options.native_objects = parse_classes(value)?;
            Some(())
        },
    ),
    (
        "log",
        "off, error, warn, info or debug",
        |options, value| {
            options.log = Level::NAMES.iter().find(|(name, _)| *name == value)?.1;
            Some(())
        },
    ),
];

impl Options {
    /// Understands `text` as far as it goes. What cannot be understood keeps its default and is told in the messages,
    /// which name the key, the value and what would be valid.
    pub(crate) fn parse(text: &str) -> (Self, Vec<String>) {
        let mut options = Self::default();
        let mut messages = Vec::new();
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match TABLE.iter().find(|(name, ..)| *name == key.trim()) {
                Some((name, expected, set)) => {
                    if set(&mut options, value.trim()).is_none() {
                        messages.push(format!(
                            "option {name}={value}: expected {expected}; the default is used"
                        ));
                    }
                }
                None => {
                    let names = TABLE.map(|(name, ..)| name).join(", ");
                    messages.push(format!(
                        "unknown option {key:?} is ignored; valid are {names}"
                    ));
                }
            }
        }
        (options, messages)
    }

    /// All options as text, for the trace's header.
    pub(crate) fn to_map(&self) -> std::collections::BTreeMap<String, String> {
        let dir = self
            .dir
            .as_ref()
            .map(|dir| dir.display().to_string())
            .unwrap_or_default();
        [
            ("dir", dir),
            ("interval", format_interval(self.interval)),
            ("max_disk", format_size(self.max_disk_bytes)),
            (
                "keep",
                self.keep
                    .map_or_else(|| "all".to_owned(), |keep| keep.to_string()),
            ),
            ("native", if self.native { "on" } else { "off" }.to_owned()),
            ("native_objects", self.native_objects.join("+")),
            ("log", self.log.name().to_owned()),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
    }
}

/// As one would write it: `1s`, `250ms`.
fn format_interval(interval: Duration) -> String {
    let ms = interval.as_millis();
    if ms.is_multiple_of(1000) {
        format!("{}s", ms / 1000)
    } else {
        format!("{ms}ms")
    }
}

/// As one would write it: `64m`, or bytes where no unit divides it.
fn format_size(bytes: u64) -> String {
    for (unit, factor) in [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)] {
        if bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    bytes.to_string()
}

fn parse_interval(text: &str) -> Option<Duration> {
    let (digits, unit) = split_number(text)?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let interval = Duration::from_millis(digits.checked_mul(unit_ms)?);
    (Duration::from_millis(10)..=Duration::from_secs(3600))
        .contains(&interval)
        .then_some(interval)
}

fn parse_size(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let (digits, unit) = split_number(&text)?;
    let factor: u64 = match unit {
        "" | "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return None,
    };
    digits.checked_mul(factor).filter(|&bytes| bytes >= 1 << 20)
}

fn parse_switch(text: &str) -> Option<bool> {
    match text {
        "on" | "true" => Some(true),
        "off" | "false" => Some(false),
        _ => None,
    }
}

/// Class names with `+` or `:` between them, for a comma ends the option.
fn parse_classes(text: &str) -> Option<Vec<String>> {
    let names = text.split(['+', ':']).map(str::trim);
    let is_name = |name: &str| {
        name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '$')
                && part
                    .chars()
                    .all(|c| c.is_alphanumeric() || c == '_' || c == '$')
        })
    };
    names
        .map(|name| is_name(name).then(|| name.to_owned()))
        .collect()
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_understood() {
        let (options, messages) = Options::parse(
            "dir=/traces, interval=500ms,max_disk=1g,keep=3,native=on,native_objects=com.acme.A+B$C:D,log=debug",
        );
        let expected = Options {
            dir: Some("/traces".into()),
            interval: Duration::from_millis(500),
            max_disk_bytes: 1 << 30,
            keep: Some(3),
            native: true,
            native_objects: vec!["com.acme.A".into(), "B$C".into(), "D".into()],
            log: Level::Debug,
        };
        assert_eq!((options, messages), (expected, vec![]));
    }

    #[test]
    fn nothing_means_the_defaults() {
        for text in ["", ",", " , ,"] {
            assert_eq!(
                Options::parse(text),
                (Options::default(), vec![]),
                "{text:?}"
            );
        }
    }

    #[test]
    fn an_unknown_key_is_named_with_the_valid_ones() {
        let (options, messages) = Options::parse("intervall=2s");
        assert_eq!(options, Options::default());
        assert_eq!(
            messages,
            [
                "unknown option \"intervall\" is ignored; valid are dir, interval, max_disk, keep, native, native_objects, log"
            ]
        );
    }

    #[test]
    fn a_bad_value_is_named_and_the_default_used() {
        for part in [
            "interval=fast",
            "interval=0s",
            "interval=9999999999999999999s",
            "interval=-1s",
            "interval=",
            "max_disk=1k",
            "max_disk=18446744073709551615g",
            "keep=few",
            "keep=-1",
            "keep=",
            "native=maybe",
            "native_objects=",
            "native_objects=a/b",
            "native_objects=com..acme",
            "log=loud",
            "dir=",
            "interval",
        ] {
            let (options, messages) = Options::parse(part);
            assert_eq!(options, Options::default(), "{part}");
            assert_eq!(messages.len(), 1, "{part}");
            assert!(messages[0].contains("the default is used"), "{messages:?}");
        }
    }

    #[test]
    fn options_are_written_as_they_are_given() {
        for text in [
            "interval=250ms",
            "interval=2s",
            "max_disk=64m",
            "max_disk=3g",
            "max_disk=1048577",
            "native_objects=com.acme.Codec+com.acme.Model$Session",
            "keep=0",
            "keep=all",
            "log=off",
        ] {
            let (key, value) = text.split_once('=').unwrap();
            assert_eq!(Options::parse(text).0.to_map()[key], value);
        }
    }

    #[test]
    fn a_good_option_beside_a_bad_one_counts() {
        let (options, messages) = Options::parse("interval=fast,log=info,x");
        assert_eq!((options.log, messages.len()), (Level::Info, 2));
    }
}
