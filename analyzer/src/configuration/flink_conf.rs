//! `flink-conf.yaml`: not YAML, but lines of `key: value`, read by Flink's own parser until 1.20.
//!
//! Its quirks are Flink's: a `#` anywhere starts a comment, quotes belong to the value, indentation means nothing, and
//! what is not a pair is left out with a warning. The last of equal keys wins.

use super::folder::Loaded;
use crate::model::{Note, Settings, Source, Value};

/// Reads the text of a `flink-conf.yaml` that lies at `path`.
#[must_use]
pub fn parse(text: &str, path: &str) -> Loaded {
    let mut settings = Settings::new();
    let mut notes = Vec::new();
    for (index, line) in java_lines(text).enumerate() {
        let number = index + 1;
        let content = line.split('#').next().unwrap_or_default();
        let content = content.trim_matches(|c| c <= ' ');
        if content.is_empty() {
            continue;
        }
        let Some((key, value)) = content.split_once(": ") else {
            // Older releases showed the line; it may hold a secret, so this does not.
            notes.push(Note::warn(format!(
                "Error while trying to split key and value in configuration file {path}:{number}: \
                 Line is not a key-value pair (missing space after ':'?)"
            )));
            continue;
        };
        let (key, value) = (
            key.trim_matches(|c| c <= ' '),
            value.trim_matches(|c| c <= ' '),
        );
        if key.is_empty() || value.is_empty() {
            notes.push(Note::warn(format!(
                "Error after splitting key and value in configuration file {path}:{number}: Key or value was empty"
            )));
            continue;
        }
        let source = Source::File {
            path: path.to_owned(),
            line: number,
        };
        settings.set(key, Value::from(value), source);
    }
    Loaded { settings, notes }
}

/// Lines as Java's `readLine` finds them: a carriage return alone ends one too.
fn java_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, key: &str) -> Option<String> {
        let loaded = parse(text, "flink-conf.yaml");
        loaded
            .settings
            .get(key)
            .map(|setting| setting.value.to_string())
    }

    #[test]
    fn a_hash_anywhere_starts_a_comment_and_quotes_stay() {
        assert_eq!(value("a: 'x' # y", "a"), Some("'x'".to_owned()));
        assert_eq!(value("a: x#y", "a"), Some("x".to_owned()));
    }

    #[test]
    fn the_last_of_equal_keys_wins_and_its_line_is_known() {
        let loaded = parse("a: 1\n\na: 2\r\n", "conf");
        let setting = loaded.settings.get("a").unwrap();
        assert_eq!(setting.value, Value::from("2"));
        assert_eq!(
            setting.source,
            Source::File {
                path: "conf".to_owned(),
                line: 3
            }
        );
    }

    #[test]
    fn what_is_no_pair_is_left_out_with_a_warning_that_does_not_show_it() {
        let loaded = parse("password:secret\nkey: \n", "conf");
        assert!(loaded.settings.is_empty());
        assert_eq!(loaded.notes.len(), 2);
        assert!(
            loaded
                .notes
                .iter()
                .all(|note| !note.text.contains("secret"))
        );
    }
}
