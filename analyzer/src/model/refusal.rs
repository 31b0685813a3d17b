//! Why Flink would not start with a configuration, in Flink's own words.

use serde::Serialize;
use std::fmt;

/// The exception that Flink would throw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Class of the exception; `shell` for the start scripts of 1.10 and older.
    pub class: String,
    /// Its message.
    pub message: String,
    /// What it was caused by, outermost first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// The options that disagree, as far as the refusal tells.
    #[serde(skip)]
    pub options: Vec<String>,
}

/// An exception further down the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Class of the exception.
    pub class: String,
    /// Its message.
    pub message: String,
}

const CONFIGURATION: &str = "org.apache.flink.configuration.IllegalConfigurationException";

impl Refusal {
    fn new(class: &str, message: impl Into<String>) -> Self {
        Self {
            class: class.to_owned(),
            message: message.into(),
            causes: Vec::new(),
            options: Vec::new(),
        }
    }

    /// Flink's own exception for configurations.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(CONFIGURATION, message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new("java.lang.IllegalArgumentException", message)
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::new("java.lang.IllegalStateException", message)
    }

    pub(crate) fn number_format(message: impl Into<String>) -> Self {
        Self::new("java.lang.NumberFormatException", message)
    }

    pub(crate) fn arithmetic(message: impl Into<String>) -> Self {
        Self::new("java.lang.ArithmeticException", message)
    }

    /// A start script that gave up.
    pub(crate) fn shell(message: impl Into<String>) -> Self {
        Self::new("shell", message)
    }

    /// The configuration file is not YAML.
    pub(crate) fn yaml(cause: &str, message: impl Into<String>) -> Self {
        Self::new(
            "java.lang.RuntimeException",
            "Error parsing YAML configuration.",
        )
        .caused_by(Self::new(cause, message))
    }

    pub(crate) fn long_overflow() -> Self {
        Self::arithmetic("long overflow")
    }

    /// A value that is not of the option's type.
    pub(crate) fn unparsable(text: &str, key: &str) -> Self {
        Self::argument(format!("Could not parse value '{text}' for key '{key}'.")).about(&[key])
    }

    /// Java's complaint about a text that is no number.
    pub(crate) fn not_a_number(text: &str) -> Self {
        Self::number_format(format!("For input string: \"{text}\""))
    }

    /// Puts `cause` and what caused it below this one.
    pub(crate) fn caused_by(mut self, cause: Self) -> Self {
        self.causes.push(Cause {
            class: cause.class,
            message: cause.message,
        });
        self.causes.extend(cause.causes);
        self.about_also(cause.options)
    }

    /// Names the options that disagree.
    pub(crate) fn about(self, options: &[&str]) -> Self {
        self.about_also(options.iter().map(|&key| key.to_owned()))
    }

    fn about_also(mut self, options: impl IntoIterator<Item = String>) -> Self {
        for key in options {
            if !self.options.contains(&key) {
                self.options.push(key);
            }
        }
        self
    }

    /// Whether Flink would put a prefix before it: it does so for its own exception only.
    fn is_configuration(&self) -> bool {
        self.class == CONFIGURATION
    }

    /// Puts `message` above Flink's own exception.
    pub(crate) fn explained(self, message: &str) -> Self {
        if self.is_configuration() {
            Self::configuration(message).caused_by(self)
        } else {
            self
        }
    }

    /// As Flink wraps it: same class, message repeated behind `prefix`.
    pub(crate) fn wrapped(self, prefix: &str) -> Self {
        if self.is_configuration() {
            Self::configuration(format!("{prefix}{}", self.message)).caused_by(self)
        } else {
            self
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)?;
        for cause in &self.causes {
            write!(f, "\nCaused by: {}: {}", cause.class, cause.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
