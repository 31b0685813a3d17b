//! Typed reads of options, with Flink's failures and warnings.

use super::changes::Behaviour;
use super::decimal::java_double;
use super::java_number::{java_trim, parse_double, parse_float, parse_int};
use super::memory_size::MemorySize;
use super::note::Note;
use super::options::FlinkOption;
use super::origin::Origin;
use super::refusal::Refusal;
use super::settings::{Setting, Settings, Value};
use std::cell::RefCell;

/// Reads options of one configuration; remembers what Flink would log.
pub(crate) struct Reader<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) behaviour: &'a Behaviour,
    notes: RefCell<Vec<Note>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(settings: &'a Settings, behaviour: &'a Behaviour) -> Self {
        Self {
            settings,
            behaviour,
            notes: RefCell::default(),
        }
    }

    pub(crate) fn note(&self, note: Note) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(crate) fn into_notes(self) -> Vec<Note> {
        self.notes.into_inner()
    }

    pub(crate) fn has(&self, option: &FlinkOption) -> bool {
        self.find(option).is_some()
    }

    fn find(&self, option: &FlinkOption) -> Option<(&'static str, &'a Setting)> {
        let (key, setting) = self.settings.find(option)?;
        if key != option.key {
            self.note(Note::warn(format!(
                "Config uses deprecated configuration key '{key}' instead of proper key '{}'",
                option.key
            )));
        }
        Some((key, setting))
    }

    /// A size that may be absent.
    pub(crate) fn size(&self, option: &FlinkOption) -> Result<Option<MemorySize>, Refusal> {
        let Some((_, setting)) = self.find(option) else {
            return Ok(None);
        };
        let text = setting.value.to_string();
        MemorySize::parse(&text).map(Some).map_err(|cause| {
            let key = option.key;
            Refusal::configuration(format!(
                "Cannot read memory size from config option '{key}'."
            ))
            .caused_by(Refusal::unparsable(&text, key).caused_by(cause))
        })
    }

    /// A size, or its default, and which of the two it was.
    pub(crate) fn size_or(
        &self,
        option: &FlinkOption,
        default: MemorySize,
    ) -> Result<(MemorySize, Origin), Refusal> {
        let found = self.size(option)?;
        Ok(match found {
            Some(size) => (size, self.origin_of(option)),
            None => (default, Origin::default_of(option)),
        })
    }

    /// A size, or the default that the table of options names.
    pub(crate) fn size_or_default(
        &self,
        option: &FlinkOption,
    ) -> Result<(MemorySize, Origin), Refusal> {
        let default = option
            .default
            .map_or(Ok(MemorySize::ZERO), MemorySize::parse)?;
        self.size_or(option, default)
    }

    /// The origin of a value that was set.
    pub(crate) fn origin_of(&self, option: &FlinkOption) -> Origin {
        match self.settings.find(option) {
            Some((key, setting)) => Origin::Option {
                key: key.to_owned(),
                source: setting.source.clone(),
            },
            None => Origin::default_of(option),
        }
    }

    /// A share, read as a 32-bit float and widened.
    pub(crate) fn fraction(&self, option: &FlinkOption) -> Result<f64, Refusal> {
        let Some((_, setting)) = self.find(option) else {
            let default = option.default.and_then(parse_float);
            return Ok(default.unwrap_or_default());
        };
        match setting.value {
            Value::Double(value) => narrow(value, option.key),
            _ => self.parsed(option, setting, parse_float, not_a_float),
        }
    }

    /// A double that may be absent.
    pub(crate) fn double(&self, option: &FlinkOption) -> Result<Option<f64>, Refusal> {
        let found = self.find(option);
        found
            .map(|(_, setting)| self.parsed(option, setting, parse_double, not_a_float))
            .transpose()
    }

    /// An integer that may be absent.
    pub(crate) fn int(&self, option: &FlinkOption) -> Result<Option<i32>, Refusal> {
        let found = self.find(option);
        found
            .map(|(_, setting)| self.parsed(option, setting, parse_int, Refusal::not_a_number))
            .transpose()
    }

    /// A switch: `true` or `false` in any case.
    pub(crate) fn boolean(&self, option: &FlinkOption) -> Result<bool, Refusal> {
        let Some((_, setting)) = self.find(option) else {
            return Ok(option.default == Some("true"));
        };
        let parse = |text: &str| match text.to_uppercase().as_str() {
            "TRUE" => Some(true),
            "FALSE" => Some(false),
            _ => None,
        };
        self.parsed(option, setting, parse, not_a_boolean)
    }

    fn parsed<T>(
        &self,
        option: &FlinkOption,
        setting: &Setting,
        parse: impl Fn(&str) -> Option<T>,
        complain: impl Fn(&str) -> Refusal,
    ) -> Result<T, Refusal> {
        let text = setting.value.to_string();
        parse(&text)
            .ok_or_else(|| Refusal::unparsable(&text, option.key).caused_by(complain(&text)))
    }
}

/// Java's complaint about a text that is no float or double.
fn not_a_float(text: &str) -> Refusal {
    match java_trim(text) {
        "" => Refusal::number_format("empty String"),
        trimmed => Refusal::not_a_number(trimmed),
    }
}

/// Flink's complaint about a text that is no switch.
fn not_a_boolean(text: &str) -> Refusal {
    Refusal::argument(format!(
        "Unrecognized option for boolean: {text}. Expected either true or false(case insensitive)"
    ))
}

/// A double that a YAML reader made, where a float is wanted.
fn narrow(value: f64, key: &str) -> Result<f64, Refusal> {
    let magnitude = value.abs();
    let fits =
        value == 0.0 || (f64::from(f32::from_bits(1))..=f64::from(f32::MAX)).contains(&magnitude);
    if !fits {
        let text = java_double(value);
        return Err(
            Refusal::unparsable(&text, key).caused_by(Refusal::argument(format!(
                "Configuration value {text} overflows/underflows the float type."
            ))),
        );
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "rounding to a float is what Flink does"
    )]
    let float = value as f32;
    Ok(f64::from(float))
}
