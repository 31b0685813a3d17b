//! A Flink distribution.

use crate::Jdk;
use crate::jdk::run_script;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// An unpacked distribution, as `scripts/fetch-flink` prints it.
#[derive(Debug, Clone)]
pub struct Home {
    version: String,
    directory: PathBuf,
}

impl Home {
    /// The distribution of that version, fetched if it is not in the cache.
    ///
    /// # Errors
    /// When it cannot be fetched.
    pub fn fetch(version: &str) -> Result<Self> {
        Ok(Self {
            version: version.to_owned(),
            directory: run_script("fetch-flink", version)?,
        })
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The jars of `lib`, flink-dist last, as the start scripts order them.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn class_path(&self) -> Result<String> {
        let mut jars = self.jars()?;
        jars.sort_by_key(|jar| (is_dist(jar), jar.clone()));
        let jars: Vec<String> = jars.iter().map(|jar| jar.display().to_string()).collect();
        Ok(jars.join(":"))
    }

    /// The jar of Flink itself.
    ///
    /// # Errors
    /// When the directory cannot be listed, or has none.
    pub fn dist(&self) -> Result<PathBuf> {
        let dist = self.jars()?.into_iter().find(|jar| is_dist(jar));
        dist.with_context(|| format!("no flink-dist in {}", self.directory.display()))
    }

    /// The configuration in `directory` as the start scripts read it: what Flink's own `BashJavaUtils` prints for them, one option a
    /// line.
    ///
    /// # Errors
    /// When Flink refuses it.
    pub fn configuration(&self, jdk: &Jdk, directory: &Path) -> Result<Vec<(String, String)>> {
        const RESULT: &str = "BASH_JAVA_UTILS_EXEC_RESULT:";
        let output = Command::new(jdk.tool("java"))
            .arg("-classpath")
            .arg(self.bash_java_utils_class_path()?)
            .arg("org.apache.flink.runtime.util.bash.BashJavaUtils")
            .args(["UPDATE_AND_GET_FLINK_CONFIGURATION", "--configDir"])
            .arg(directory)
            .arg("-flatten")
            .output()?;
        let stdout = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success(),
            "Flink {} refuses {}:\n{stdout}{}",
            self.version,
            directory.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let options = stdout.lines().filter_map(|line| {
            let (key, value) = line.strip_prefix(RESULT)?.split_once(": ")?;
            Some((key.to_owned(), value.to_owned()))
        });
        Ok(options.collect())
    }

    /// The class path of `BashJavaUtils`.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub(super) fn bash_java_utils_class_path(&self) -> Result<String> {
        let dist = self.dist()?;
        let utils = self.directory.join("bin/bash-java-utils.jar");
        Ok(format!("{}:{}", utils.display(), dist.display()))
    }

    fn jars(&self) -> Result<Vec<PathBuf>> {
        let lib = self.directory.join("lib");
        let entries =
            std::fs::read_dir(&lib).with_context(|| format!("cannot list {}", lib.display()))?;
        let mut jars = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "jar") {
                jars.push(path);
            }
        }
        Ok(jars)
    }
}

fn is_dist(jar: &Path) -> bool {
    let name = jar.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("flink-dist")
}
