//! Compiling the lab's Java, once per content.

use crate::artefacts;
use crate::flink::Home;
use crate::jdk::Jdk;
use crate::native_library;
use anyhow::{Context, Result, ensure};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory with the classes of `java/programs`.
///
/// # Errors
/// When there is no compiler, or the sources do not compile.
pub fn programs() -> Result<PathBuf> {
    let sources = sources(&artefacts::root().join("tests/java/programs"))?;
    once("programs", &sources, "", |directory| {
        compile(&sources, None, directory)
    })
}

/// The jar with the classes of `java/jobs`, compiled against `home`'s Flink. They are in a jar of their own, so that Flink's
/// class loader for user code loads them.
///
/// # Errors
/// When there is no compiler, or the sources do not compile.
pub fn jobs(home: &Home) -> Result<PathBuf> {
    let java = sources(&artefacts::root().join("tests/java/jobs"))?;
    let engine = native_library::source("engine");
    let mut all = java.clone();
    all.push(engine.clone());
    let class_path = format!("{}:{}", library()?.display(), home.class_path()?);
    let directory = once("jobs", &all, home.version(), |directory| {
        let classes = directory.join("classes");
        compile(&java, Some(&class_path), &classes)?;
        // A connector brings its native library in its jar.
        native_library::compile(&engine, &classes.join("libacmeengine.so"))?;
        jar(&classes, &directory.join("jobs.jar"))
    })?;
    Ok(directory.join("jobs.jar"))
}

/// The jar with the classes of `java/library`, which belongs into the class path of Flink's processes, as in its `lib` directory.
///
/// # Errors
/// When there is no compiler, or the sources do not compile.
pub fn library() -> Result<PathBuf> {
    let java = sources(&artefacts::root().join("tests/java/library"))?;
    let directory = once("library", &java, "", |directory| {
        let classes = directory.join("classes");
        compile(&java, None, &classes)?;
        jar(&classes, &directory.join("library.jar"))
    })?;
    Ok(directory.join("library.jar"))
}

fn jar(classes: &Path, file: &Path) -> Result<()> {
    let mut jar = Command::new(Jdk::find(17)?.tool("jar"));
    jar.args(["--create", "--file"]).arg(file);
    run(jar.arg("-C").arg(classes).arg("."))
}

/// The class path of the programs in `java/rocksdb`: their classes, those of `java/programs`, and the RocksDB that `home`'s
/// Flink brings.
///
/// # Errors
/// When there is no compiler, or the sources do not compile.
pub fn rocksdb(home: &Home) -> Result<String> {
    let sources = sources(&artefacts::root().join("tests/java/rocksdb"))?;
    let others = format!("{}:{}", programs()?.display(), home.class_path()?);
    let classes = once("rocksdb", &sources, &others, |directory| {
        compile(&sources, Some(&others), directory)
    })?;
    Ok(format!("{}:{others}", classes.display()))
}

/// The class path of the programs in `java/flink`, which call `home`'s Flink.
///
/// # Errors
/// When there is no compiler, or the sources do not compile.
pub fn of_flink(home: &Home) -> Result<String> {
    let sources = sources(&artefacts::root().join("tests/java/flink"))?;
    let flink = home.class_path()?;
    let classes = once("flink", &sources, home.version(), |directory| {
        compile(&sources, Some(&flink), directory)
    })?;
    Ok(format!("{}:{flink}", classes.display()))
}

/// All Java files below `directory`.
fn sources(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "java")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A directory under the target directory that `make` fills once for this content of `sources`. It appears whole or not at
/// all, so tests of several processes may ask at the same time.
pub(crate) fn once(
    name: &str,
    sources: &[PathBuf],
    variant: &str,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    variant.hash(&mut hasher);
    for source in sources {
        source.hash(&mut hasher);
        std::fs::read(source)?.hash(&mut hasher);
    }
    let parent = artefacts::target().join("lab-java");
    let directory = parent.join(format!("{name}-{:016x}", hasher.finish()));
    if !directory.is_dir() {
        std::fs::create_dir_all(&parent)?;
        let fresh = tempfile::tempdir_in(&parent)?;
        make(fresh.path())?;
        let somebody_was_faster = std::fs::rename(fresh.path(), &directory).is_err();
        ensure!(
            !somebody_was_faster || directory.is_dir(),
            "cannot create {}",
            directory.display()
        );
    }
    Ok(directory)
}

fn compile(sources: &[PathBuf], class_path: Option<&str>, directory: &Path) -> Result<()> {
    let mut javac = Command::new(Jdk::find(17)?.tool("javac"));
    // -XDignore.symbol.file silences the warning about sun.misc.Unsafe, which the programs are about.
    javac.args(["--release", "11", "-g", "-nowarn", "-XDignore.symbol.file"]);
    if let Some(class_path) = class_path {
        javac.args(["-cp", class_path]);
    }
    run(javac.arg("-d").arg(directory).args(sources))
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| {
        format!(
            "cannot run {} (a JDK with its compiler is needed)",
            command.get_program().display()
        )
    })?;
    ensure!(
        output.status.success(),
        "{} failed:\n{}",
        command.get_program().display(),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
