//! `-D key=value`.

use crate::model::{Settings, Source, Value};

/// An argument without an equals sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an option; expected key=value")]
pub struct NotAnOption(String);

/// Reads arguments of the form `key=value`. The last of equal keys wins.
///
/// # Errors
/// [`NotAnOption`] for an argument of another form.
pub fn parse_dynamic<'a>(
    arguments: impl IntoIterator<Item = &'a str>,
    source: &Source,
) -> Result<Settings, NotAnOption> {
    let mut settings = Settings::new();
    for argument in arguments {
        let pair = argument
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty());
        let (key, value) = pair.ok_or_else(|| NotAnOption(argument.to_owned()))?;
        settings.set(key.trim(), Value::from(value), source.clone());
    }
    Ok(settings)
}
