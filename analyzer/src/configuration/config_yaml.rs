//! `config.yaml`: YAML 1.2, nested or flat, from 1.19 on.
//!
//! Flink flattens the document into keys with dots. Two spellings of one key are no duplicate: the later one wins.

use super::folder::Loaded;
use super::yaml_tree::{self, Entry, Node};
use crate::model::{Refusal, Settings, Source, Value};

/// Reads the text of a `config.yaml` that lies at `path`.
///
/// # Errors
/// Flink's refusal of what is not one YAML document of keys and values.
pub fn parse(text: &str, path: &str) -> Result<Loaded, Refusal> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = yaml_tree::read(text).map_err(|message| {
        Refusal::yaml(
            "org.snakeyaml.engine.v2.exceptions.YamlEngineException",
            message,
        )
    })?;
    let mut settings = Settings::new();
    match document {
        Node::Null => {}
        Node::Mapping(entries) => flatten(&entries, "", path, &mut settings)?,
        Node::Scalar(_) | Node::Sequence(_) => {
            let message = format!("{path} is not a mapping of keys to values");
            return Err(Refusal::yaml("java.lang.ClassCastException", message));
        }
    }
    Ok(Loaded {
        settings,
        notes: Vec::new(),
    })
}

fn flatten(
    entries: &[Entry],
    prefix: &str,
    path: &str,
    settings: &mut Settings,
) -> Result<(), Refusal> {
    for entry in entries {
        let key = format!("{prefix}{}", entry.key);
        let value = match &entry.value {
            Node::Mapping(inner) => {
                flatten(inner, &format!("{key}."), path, settings)?;
                continue;
            }
            Node::Null => {
                let refusal =
                    Refusal::yaml("java.lang.NullPointerException", "Value must not be null.");
                return Err(refusal.about(&[&key]));
            }
            Node::Scalar(value) => value.clone(),
            list @ Node::Sequence(_) => Value::Text(yaml_tree::java_text(list)),
        };
        let source = Source::File {
            path: path.to_owned(),
            line: entry.line,
        };
        settings.set(key, value, source);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_and_dotted_keys_are_the_same_and_the_later_wins() {
        let text =
            "taskmanager:\n  memory:\n    process.size: 2g\ntaskmanager.memory.process.size: 3g\n";
        let loaded = parse(text, "config.yaml").unwrap();
        let setting = loaded
            .settings
            .get("taskmanager.memory.process.size")
            .unwrap();
        assert_eq!(setting.value, Value::from("3g"));
        assert_eq!(setting.source.to_string(), "config.yaml:4");
    }

    #[test]
    fn a_key_without_a_value_is_refused_and_named() {
        let refusal = parse("a:\n  b:\n", "config.yaml").unwrap_err();
        assert_eq!(refusal.options, ["a.b"]);
    }
}
