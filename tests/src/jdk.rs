//! Java runtimes: those of the machine, else fetched.

use crate::artefacts;
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The releases that the agent supports.
pub const FEATURES: [u32; 4] = [11, 17, 21, 25];

/// A Java home.
#[derive(Debug, Clone)]
pub struct Jdk {
    /// Feature release, such as 17.
    pub feature: u32,
    /// `JAVA_VERSION` of its `release` file, such as `17.0.15`.
    pub version: String,
    /// Its directory.
    pub home: PathBuf,
}

impl Jdk {
    /// `JAVA_HOME_<feature>`, else one under `/usr/lib/jvm`, else `scripts/fetch-jre`.
    ///
    /// # Errors
    /// When there is none and none can be fetched.
    pub fn find(feature: u32) -> Result<Self> {
        let named = std::env::var_os(format!("JAVA_HOME_{feature}")).map(PathBuf::from);
        let known = named.into_iter().chain(installed());
        for home in known {
            if let Some(jdk) = Self::at(&home).filter(|jdk| jdk.feature == feature) {
                return Ok(jdk);
            }
        }
        ensure!(
            feature != 17,
            "no JDK 17: set JAVA_HOME_17 or install one (Debian: apt-get install openjdk-17-jdk-headless)"
        );
        let home = run_script("fetch-jre", &feature.to_string())?;
        Self::at(&home).with_context(|| format!("{} is no Java home", home.display()))
    }

    /// All releases that the agent supports.
    ///
    /// # Errors
    /// When one of them cannot be had.
    pub fn all() -> Result<Vec<Self>> {
        FEATURES.into_iter().map(Self::find).collect()
    }

    /// One of its programs.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        self.home.join("bin").join(name)
    }

    /// Whether this JVM starts with `options`, such as those that select a collector.
    ///
    /// # Errors
    /// When the JVM cannot be started at all.
    pub fn accepts(&self, options: &[&str]) -> Result<bool> {
        let java = self.tool("java");
        let output = Command::new(&java)
            .args(options)
            .arg("-version")
            .output()
            .with_context(|| format!("cannot start {}", java.display()))?;
        Ok(output.status.success())
    }

    fn at(home: &Path) -> Option<Self> {
        let release = std::fs::read_to_string(home.join("release")).ok()?;
        let version = release
            .lines()
            .find_map(|line| line.strip_prefix("JAVA_VERSION="))?
            .trim_matches('"')
            .to_owned();
        let feature = version.split(['.', '-', '+']).next()?.parse().ok()?;
        let has_jvm = home.join("lib/server/libjvm.so").is_file();
        has_jvm.then(|| Self {
            feature,
            version,
            home: home.to_owned(),
        })
    }
}

/// A short name for a test's messages.
impl std::fmt::Display for Jdk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JDK {}", self.version)
    }
}

/// Java homes under the usual directory, in a stable order.
fn installed() -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = std::fs::read_dir("/usr/lib/jvm")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    homes.sort();
    homes
}

/// Runs a script of the project that prints a directory.
///
/// # Errors
/// When it fails.
pub fn run_script(name: &str, argument: &str) -> Result<PathBuf> {
    let script = artefacts::root().join("scripts").join(name);
    let output = Command::new(&script)
        .arg(argument)
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", script.display()))?;
    if !output.status.success() {
        bail!("{} {argument} failed", script.display());
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// Runs `test` on every supported release and tells of all failures, not only the first.
///
/// # Errors
/// When the test failed on one of them, by an error or by a panic, or when one cannot be had.
pub fn on_every_jdk(test: impl Fn(&Jdk) -> Result<()>) -> Result<()> {
    let mut failures = Vec::new();
    for jdk in Jdk::all()? {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&jdk)));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => failures.push(format!("on {jdk}: {error:#}")),
            // The panic's own message is already printed.
            Err(_) => failures.push(format!("on {jdk}: an assertion failed, see above")),
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
