//! The lines to paste into Flink's configuration: valid as they stand, so at the margin and behind a comment.

use super::page::{FAINT, Page, painted};
use crate::finding::Remedy;
use crate::model::FlinkVersion;

/// The options of a remedy as lines of the file that this version reads. Nothing where no option helps.
pub(super) fn block(page: &mut Page, remedy: &Remedy, version: Option<&str>) {
    if remedy.config.is_empty() && remedy.remove.is_empty() {
        return;
    }
    page.blank();
    let comment = format!("# in {}", file(version));
    page.wrapped(FAINT, &comment, "", "# ");
    for (key, value) in &remedy.config {
        let line = page.clean(&format!("{key}: {}", scalar(value)));
        page.raw(&painted(PASTED, &line));
    }
    for key in &remedy.remove {
        let line = page.clean(&format!("# take out: {key}"));
        page.raw(&painted(PASTED, &line));
    }
}

const PASTED: anstyle::Style = anstyle::AnsiColor::Cyan.on_default();

/// Which file a version reads. From 1.19 on it is `config.yaml`; 1.19 and 1.20 read an old `flink-conf.yaml` where there is one, instead.
fn file(version: Option<&str>) -> &'static str {
    let version: Option<FlinkVersion> = version.and_then(|version| version.parse().ok());
    match version.map(|version| (version.major, version.minor)) {
        None => "config.yaml; before Flink 1.19 in flink-conf.yaml",
        Some(version) if version < (1, 19) => "flink-conf.yaml",
        Some(version) if version < (2, 0) => "config.yaml, or in flink-conf.yaml if that is there",
        Some(_) => "config.yaml",
    }
}

/// A value as YAML reads it back. The older file knows no quotes, and no size, number or duration needs them.
fn scalar(value: &str) -> String {
    let is_plain = value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && !value.contains(": ")
        && !value.contains(" #")
        && !value.ends_with(':');
    if is_plain {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_is_told_the_file_that_it_reads() {
        assert_eq!(file(Some("1.18.1")), "flink-conf.yaml");
        assert!(file(Some("1.20.5")).ends_with("flink-conf.yaml if that is there"));
        assert_eq!(file(Some("2.3.0")), "config.yaml");
        assert!(file(Some("nonsense")).contains("before Flink 1.19"));
    }

    /// What is pasted is what Flink reads, by the parsers that follow Flink's.
    #[test]
    fn pasted_lines_are_read_back_as_they_were_meant() {
        for value in [
            "1521m", "0.4", "120 s", "-Da=b", "a: b", "it's #1", "*", "/x",
        ] {
            let line = format!("taskmanager.memory.process.size: {}\n", scalar(value));
            let read = crate::configuration::yaml_document(&line).unwrap();
            let found = &read["taskmanager.memory.process.size"];
            let text = found
                .as_str()
                .map_or_else(|| found.to_string(), str::to_owned);
            assert_eq!(text, value);
        }
    }
}
