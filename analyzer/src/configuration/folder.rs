//! Loading a configuration folder or file as a given Flink version would.

use super::{config_yaml, flink_conf};
use crate::model::changes::Behaviour;
use crate::model::{Note, Refusal, Settings};
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
    #[error("cannot read {path}: {source}")]
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
