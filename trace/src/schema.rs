//! JSON Schema of one line of a trace, for `docs/trace.schema.json`.

use crate::Record;

/// The schema, pretty-printed, with a final newline.
///
/// # Panics
/// Never: a schema is a JSON value.
#[must_use]
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Record);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}
