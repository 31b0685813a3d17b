//! Loading a configuration folder or file as a given Flink version would.

use super::command_line::version_in_jars;
use super::{config_yaml, flink_conf};
use crate::model::changes::Behaviour;
use crate::model::{FlinkVersion, Note, Refusal, Settings};
use std::path::{Path, PathBuf};

/// A configuration that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Loaded {
    /// The options, each with its place.
    pub settings: Settings,
    /// What Flink logs while it reads.
    pub notes: Vec<Note>,
}

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No file where one was expected, or no right to read it.
    #[error("cannot read {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder has no configuration file that this version reads.
    #[error("{folder} has no configuration file for this Flink version: expected {expected}")]
    NoFile {
        /// The folder.
        folder: PathBuf,
        /// The file names that were looked for.
        expected: &'static str,
    },
    /// Flink itself would refuse the file.
    #[error("{0}")]
    Refused(Box<Refusal>),
}

const FLINK_CONF: &str = "flink-conf.yaml";
const CONFIG_YAML: &str = "config.yaml";

/// Reads the folder or file at `path`. In a folder, `flink-conf.yaml` comes first where the version still reads it.
///
/// # Errors
/// [`LoadError`].
pub fn load(path: &Path, behaviour: &Behaviour) -> Result<Loaded, LoadError> {
    let file = if path.is_dir() {
        choose(path, behaviour)?
    } else {
        path.to_owned()
    };
    let io = |source| LoadError::Io {
        path: file.clone(),
        source,
    };
    let bytes = std::fs::read(&file).map_err(io)?;
    let text = String::from_utf8_lossy(&bytes);
    let is_flink_conf = file.file_name().is_some_and(|name| name == FLINK_CONF);
    let shown = file.display().to_string();
    if is_flink_conf || !behaviour.reads_config_yaml {
        return Ok(flink_conf::parse(&text, &shown));
    }
    config_yaml::parse(&text, &shown).map_err(|refusal| LoadError::Refused(Box::new(refusal)))
}

/// The version of the distribution that `path` belongs to: that of the flink-dist jar in the `lib` beside the `conf`.
#[must_use]
pub fn version_beside(path: &Path) -> Option<FlinkVersion> {
    let path = path.canonicalize().ok()?;
    let conf = if path.is_dir() {
        path.as_path()
    } else {
        path.parent()?
    };
    let entries = std::fs::read_dir(conf.parent()?.join("lib")).ok()?;
    entries
        .filter_map(Result::ok)
        .find_map(|entry| version_in_jars(entry.file_name().to_str()?))
}

fn choose(folder: &Path, behaviour: &Behaviour) -> Result<PathBuf, LoadError> {
    let (names, expected): (&[&str], _) =
        match (behaviour.reads_flink_conf, behaviour.reads_config_yaml) {
            (true, true) => (&[FLINK_CONF, CONFIG_YAML], "flink-conf.yaml or config.yaml"),
            (false, _) => (&[CONFIG_YAML], CONFIG_YAML),
            (true, false) => (&[FLINK_CONF], FLINK_CONF),
        };
    let mut candidates = names.iter().map(|name| folder.join(name));
    candidates
        .find(|file| file.is_file())
        .ok_or_else(|| LoadError::NoFile {
            folder: folder.to_owned(),
            expected,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_distribution_around_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let conf = home.path().join("conf");
        std::fs::create_dir(&conf).unwrap();
        assert_eq!(version_beside(&conf), None);
        std::fs::create_dir(home.path().join("lib")).unwrap();
        std::fs::write(home.path().join("lib/flink-dist-1.20.5.jar"), "").unwrap();
        std::fs::write(conf.join("config.yaml"), "").unwrap();
        let expected = Some(FlinkVersion::release(1, 20, 5));
        assert_eq!(version_beside(&conf), expected);
        assert_eq!(version_beside(&conf.join("config.yaml")), expected);
    }

    #[test]
    fn the_file_is_chosen_as_the_version_does() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("flink-conf.yaml"), "a: old").unwrap();
        std::fs::write(folder.path().join("config.yaml"), "a: new").unwrap();
        let value = |version: &str| {
            let behaviour = Behaviour::of(version.parse().unwrap());
            let loaded = load(folder.path(), &behaviour).unwrap();
            loaded.settings.get("a").unwrap().value.to_string()
        };
        assert_eq!(
            ["1.18.1", "1.20.5", "2.0.2"].map(value),
            ["old", "old", "new"]
        );
    }

    #[test]
    fn a_folder_without_a_file_says_what_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let behaviour = Behaviour::of(FlinkVersion::release(2, 3, 0));
        let error = load(folder.path(), &behaviour).unwrap_err();
        assert!(
            error.to_string().contains("expected config.yaml"),
            "{error}"
        );
    }
}
