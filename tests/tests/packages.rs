//! What `scripts/release` leaves, used as its users do. `scripts/release --check` runs these, with the directory of the packages
//! in `FLINKMEM_PACKAGES` and that of the unpacked tarball in `FLINKMEM_ARTEFACTS`.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::{Jvm, Verdict, artefacts, on_every_jdk};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const SUMS: &str = "SHA256SUMS";

#[test]
fn the_library_records_on_every_jdk_what_the_program_diagnoses() -> Result<()> {
    on_every_jdk(|jdk| {
        let finished = Jvm::new(jdk, "DirectOom")
            .options(["-Xmx96m", "-XX:MaxDirectMemorySize=16m"])
            .arguments(["65536"])
            .agent("interval=100ms")
            .run_observed()?;
        let trace = finished.trace()?;
        assert_eq!(trace.header.agent_version, env!("CARGO_PKG_VERSION"));
        let verdict = Verdict::of(&[trace.directory])?;
        ensure!(verdict.stderr.is_empty(), "{}", verdict.stderr);
        let first = verdict.first()?;
        assert_eq!(first.limit.name, "direct", "{first:?}");
        assert_eq!(first.limit.bytes, Some(16 << 20), "{first:?}");
        assert_eq!(first.limit.reached, Some(true), "{first:?}");
        Ok(())
    })
}

#[test]
fn nothing_needs_a_newer_glibc_than_2_17() -> Result<()> {
    let artefacts = artefacts()?;
    let needed =
        output(script("glibc-floor").arg("2.17").args(
            ["libflinkmem.so", "flinkmem", "flinkmem-static"].map(|name| artefacts.join(name)),
        ))?;
    ensure!(
        needed.trim_end().ends_with("flinkmem-static none"),
        "{needed}"
    );
    // The check can fail: the same files and a floor that is too low for them.
    let refused = script("glibc-floor")
        .arg("2.10")
        .arg(artefacts.join("libflinkmem.so"))
        .output()?;
    let stderr = String::from_utf8_lossy(&refused.stderr);
    ensure!(
        !refused.status.success() && stderr.contains("newer than 2.10"),
        "{stderr}"
    );
    Ok(())
}

#[test]
fn checksums_hold_and_leave_no_file_out() -> Result<()> {
    for directory in [packages()?, artefacts()?] {
        output(
            Command::new("sha256sum")
                .args(["--check", "--strict", "--quiet", SUMS])
                .current_dir(&directory),
        )?;
        let sums = std::fs::read_to_string(directory.join(SUMS))?;
        let summed: BTreeSet<&str> = sums
            .lines()
            .filter_map(|line| Some(line.split_once("  ")?.1))
            .collect();
        let found = output(
            Command::new("find")
                .args([".", "-type", "f", "-printf", "%P\\n"])
                .current_dir(&directory),
        )?;
        let found: BTreeSet<&str> = found.lines().filter(|name| *name != SUMS).collect();
        assert_eq!(summed, found);
    }
    Ok(())
}

#[test]
fn the_image_needs_nothing_but_its_files() -> Result<()> {
    let artefacts = artefacts()?;
    let root = tempfile::tempdir()?;
    let root = root.path();
    for directory in ["proc", "volume"] {
        std::fs::create_dir(root.join(directory))?;
    }
    let recipe = std::fs::read_to_string(artefacts.join("deploy/docker/Dockerfile"))?;
    ensure!(
        recipe.lines().any(|line| line == "FROM scratch"),
        "{recipe}"
    );
    copy_as_told(&recipe, &artefacts, root)?;
    let mut alone = Command::new("unshare");
    alone.args(["--mount", "--pid", "--fork", "--mount-proc"]);
    alone
        .arg("--root")
        .arg(root)
        .args(["/flinkmem", "install", "/volume"]);
    output(&mut alone)?;
    for (name, from) in [
        ("libflinkmem.so", "libflinkmem.so"),
        ("flinkmem", "flinkmem-static"),
    ] {
        let copied = std::fs::read(root.join("volume").join(name))?;
        ensure!(
            copied == std::fs::read(artefacts.join(from))?,
            "{name} is another"
        );
    }
    Ok(())
}

/// Does what the COPY lines of a Dockerfile say.
fn copy_as_told(recipe: &str, context: &Path, root: &Path) -> Result<()> {
    let lines = recipe.lines().filter_map(|line| line.strip_prefix("COPY "));
    for line in lines {
        let words: Vec<&str> = line
            .split(' ')
            .filter(|word| !word.starts_with("--"))
            .collect();
        let (to, from) = words.split_last().context("COPY without words")?;
        let to = root.join(to.trim_start_matches('/'));
        for name in from {
            let to = if to.is_dir() {
                to.join(name)
            } else {
                to.clone()
            };
            std::fs::copy(context.join(name), &to).with_context(|| format!("COPY {line}"))?;
        }
    }
    Ok(())
}

#[test]
fn the_debian_package_installs_works_and_leaves_nothing() -> Result<()> {
    let root = tempfile::tempdir()?;
    let root = root.path();
    std::fs::create_dir_all(root.join("var/lib/dpkg/info"))?;
    std::fs::write(root.join("var/lib/dpkg/status"), "")?;
    // There is no C library in that root; what the package depends on is what `nothing_needs_…` checks.
    let dpkg = || {
        let mut dpkg = Command::new("dpkg");
        dpkg.arg("--root").arg(root).arg("--force-depends");
        dpkg
    };
    let package = one_of(&packages()?, "deb")?;
    let installed = dpkg().arg("--install").arg(package).output()?;
    ensure!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
    let installed = root.join("usr/bin/flinkmem");
    // The program finds the library where the package has it.
    output(
        Command::new(&installed)
            .arg("install")
            .arg(root.join("opt/flinkmem")),
    )?;
    let copied = std::fs::read(root.join("opt/flinkmem/libflinkmem.so"))?;
    ensure!(copied == std::fs::read(artefacts()?.join("libflinkmem.so"))?);
    for file in [
        "man/man1/flinkmem-diagnose.1.gz",
        "bash-completion/completions/flinkmem",
        "doc/flinkmem/copyright",
    ] {
        ensure!(root.join("usr/share").join(file).is_file(), "no {file}");
    }
    let removed = dpkg().args(["--purge", "flinkmem"]).output()?;
    ensure!(
        removed.status.success(),
        "{}",
        String::from_utf8_lossy(&removed.stderr)
    );
    ensure!(!root.join("usr").exists(), "something is left");
    Ok(())
}

#[test]
fn the_bill_lists_every_crate_of_the_licences_and_all_that_it_refers_to() -> Result<()> {
    let bill: Value =
        serde_json::from_slice(&std::fs::read(artefacts()?.join("flinkmem.cdx.json"))?)?;
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["specVersion"], "1.6");
    assert_eq!(
        bill["metadata"]["component"]["version"],
        env!("CARGO_PKG_VERSION")
    );
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let components = list(&bill["components"]);
    let references: BTreeSet<String> = components.iter().map(|one| text(&one["bom-ref"])).collect();
    assert_eq!(references.len(), components.len(), "references are unique");
    for dependency in list(&bill["dependencies"]) {
        for on in list(&dependency["dependsOn"]) {
            ensure!(references.contains(&text(&on)), "{on} is no component");
        }
    }
    let licences = std::fs::read_to_string(artefacts()?.join("LICENCES-THIRD-PARTY.txt"))?;
    let ours = |name: &str| name == "flinkmem" || name.starts_with("flinkmem-");
    for component in &components {
        ensure!(component["type"] == "library", "{component}");
        let (name, version) = (text(&component["name"]), text(&component["version"]));
        let line = format!("\n{name} {version}: ");
        ensure!(
            ours(&name) || licences.contains(&line),
            "no licence of {name} {version}"
        );
    }
    for expected in ["serde", "zstd-sys", "procfs", "clap"] {
        ensure!(
            components.iter().any(|one| one["name"] == expected),
            "no {expected}"
        );
    }
    Ok(())
}

fn packages() -> Result<PathBuf> {
    directory("FLINKMEM_PACKAGES")
}

fn artefacts() -> Result<PathBuf> {
    directory("FLINKMEM_ARTEFACTS")
}

fn directory(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable);
    path.map(PathBuf::from)
        .with_context(|| format!("${variable} is not set; scripts/release --check sets it"))
}

fn one_of(directory: &Path, extension: &str) -> Result<PathBuf> {
    let files = std::fs::read_dir(directory)?
        .flatten()
        .map(|entry| entry.path());
    let mut found = files.filter(|path| path.extension().is_some_and(|one| one == extension));
    found
        .next()
        .with_context(|| format!("no .{extension} in {}", directory.display()))
}

fn script(name: &str) -> Command {
    Command::new(artefacts::root().join("scripts").join(name))
}

/// What a command prints; it must succeed.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{command:?} ended with {}: {stderr}",
        output.status
    );
    Ok(String::from_utf8(output.stdout)?)
}
