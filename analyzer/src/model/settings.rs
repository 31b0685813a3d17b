//! A configuration: values by key, each with the place it came from.

use super::decimal::java_double;
use super::options::FlinkOption;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Options with their values, as Flink's own `Configuration` holds them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    values: BTreeMap<String, Setting>,
}

/// One value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Where it was set.
    pub source: Source,
}

/// A value: text, or what a YAML reader made of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Anything but a number.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Double(f64),
}

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Source {
    /// By whoever asks: a test, a batch line, a plan.
    #[default]
    Given,
    /// A line of a configuration file.
    File {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
    /// A `-D` argument.
    Dynamic,
    /// An environment variable.
    Environment {
        /// Its name.
        name: String,
    },
    /// The command line of a running process.
    CommandLine,
    /// The header of a trace.
    Trace,
    /// The head of a process's log.
    Log,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("given"),
            Self::File { path, line } => {
                let name = path.rsplit('/').next().unwrap_or(path);
                write!(f, "{name}:{line}")
            }
            Self::Dynamic => f.write_str("-D"),
            Self::Environment { name } => write!(f, "${name}"),
            Self::CommandLine => f.write_str("command line"),
            Self::Trace => f.write_str("trace"),
            Self::Log => f.write_str("log"),
        }
    }
}

impl fmt::Display for Value {
    /// As Java's `toString` would print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Double(number) => f.write_str(&java_double(*number)),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Settings {
    /// No options at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `key`, whatever it was before.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<Value>, source: Source) {
        let value = value.into();
        self.values.insert(key.into(), Setting { value, source });
    }

    /// With `key` set by whoever asks.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.set(key, value, Source::Given);
        self
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &str) -> Option<Setting> {
        self.values.remove(key)
    }

    /// Removes `option` under every spelling.
    pub fn remove_option(&mut self, option: &FlinkOption) -> bool {
        let proper = self.remove(option.key).is_some();
        option
            .deprecated
            .iter()
            .fold(proper, |any, key| self.remove(key).is_some() || any)
    }

    /// The value of exactly `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Setting> {
        self.values.get(key)
    }

    /// The value of `option` and the key it stands under: the proper key first, then the deprecated ones in order.
    #[must_use]
    pub fn find(&self, option: &FlinkOption) -> Option<(&'static str, &Setting)> {
        std::iter::once(&option.key)
            .chain(option.deprecated)
            .find_map(|key| self.get(key).map(|setting| (*key, setting)))
    }

    /// Whether `option` is set under any of its keys.
    #[must_use]
    pub fn has(&self, option: &FlinkOption) -> bool {
        self.find(option).is_some()
    }

    /// All options in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.values
            .iter()
            .map(|(key, setting)| (key.as_str(), setting))
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Puts `others` over these: theirs win.
    pub fn override_with(&mut self, others: Self) {
        self.values.extend(others.values);
    }
}

impl FromIterator<(String, Setting)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, Setting)>>(values: I) -> Self {
        Self {
            values: values.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::options::tm;

    #[test]
    fn the_proper_key_wins_over_a_deprecated_one() {
        let settings = Settings::new()
            .with("taskmanager.memory.size", "1g")
            .with("taskmanager.memory.managed.size", "2g");
        let (key, setting) = settings.find(&tm::MANAGED).unwrap();
        assert_eq!(
            (key, setting.value.to_string().as_str()),
            ("taskmanager.memory.managed.size", "2g")
        );
    }

    #[test]
    fn numbers_print_as_java_prints_them() {
        assert_eq!(Value::Double(2e9).to_string(), "2.0E9");
        assert_eq!(Value::Integer(2_147_483_648).to_string(), "2147483648");
    }
}
