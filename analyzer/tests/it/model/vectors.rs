//! Finding and reading the vectors.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// The folder of facts beside the checkout; its absence is an error, not a reason to skip.
pub(super) fn shared(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    let found = root.join(path);
    assert!(found.exists(), "{} is missing", found.display());
    found
}

/// The JSON lines of a compressed file.
pub(super) fn lines(file: &Path) -> Vec<Value> {
    let source = BufReader::new(GzDecoder::new(File::open(file).unwrap()));
    source
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect()
}

pub(super) fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_default()
}
