//! What who packages and installs flinkmem uses: the version, completions, manual pages, `flinkmem install`.

use anyhow::{Context, Result, ensure};
use flinkmem_tests::artefacts::{agent, flinkmem};
use flinkmem_tests::skip::skipped;
use std::path::Path;
use std::process::{Command, Output};

#[test]
fn library_and_program_tell_the_same_version() -> Result<()> {
    let said = output(Command::new(flinkmem()?).arg("--version"))?;
    let version = said
        .trim()
        .strip_prefix("flinkmem ")
        .context("no version")?;
    ensure!(version.starts_with(env!("CARGO_PKG_VERSION")), "{said}");
    ensure!(version.contains("trace format "), "{said}");

    let library = std::fs::read(agent()?)?;
    let expected = format!("flinkmem agent {version}\0");
    let holds = |text: &[u8]| library.windows(text.len()).any(|part| part == text);
    ensure!(
        holds(expected.as_bytes()),
        "the library does not say {expected:?}"
    );
    ensure!(
        holds(b"\0flinkmem_version\0"),
        "the library exports no flinkmem_version"
    );
    Ok(())
}

#[test]
fn install_copies_what_then_works_from_there() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let directory = parent.path().join("opt/flinkmem");
    let said = output(Command::new(flinkmem()?).arg("install").arg(&directory))?;
    let library = directory.join("libflinkmem.so");
    ensure!(
        said.contains(&format!("-agentpath:{}", library.display())),
        "{said}"
    );
    for (from, to) in [
        (agent()?, library),
        (flinkmem()?, directory.join("flinkmem")),
    ] {
        ensure!(
            std::fs::read(&from)? == std::fs::read(&to)?,
            "{} is another",
            to.display()
        );
    }
    // From the copies it goes on: once more, to a directory that has them already.
    output(
        Command::new(directory.join("flinkmem"))
            .arg("install")
            .arg(&directory),
    )?;
    ensure!(std::fs::read_dir(&directory)?.count() == 2);
    Ok(())
}

#[test]
fn install_refuses_a_library_that_is_something_else() -> Result<()> {
    let directory = tempfile::tempdir()?;
    std::fs::copy(flinkmem()?, directory.path().join("flinkmem"))?;
    std::fs::write(directory.path().join("libflinkmem.so"), "no library")?;
    let target = directory.path().join("target");
    let output = Command::new(directory.path().join("flinkmem"))
        .arg("install")
        .arg(&target)
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(2), "{stderr}");
    ensure!(stderr.contains("take both from one release"), "{stderr}");
    ensure!(!target.exists(), "something was copied");
    Ok(())
}

#[test]
fn bash_completes_commands_options_and_values() -> Result<()> {
    // What readline does: the function that `complete` names, with the words in its variables.
    const ASK: &str = r#"
        source <("$FLINKMEM" completions bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
        function=$(complete -p flinkmem | sed 's/.*-F \([^ ]*\) .*/\1/')
        "$function" flinkmem "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    for (words, expected) in [
        (["flinkmem", "att"].as_slice(), "attach"),
        (&["flinkmem", "diagnose", "--form"], "--format"),
        (&["flinkmem", "diagnose", "--format", "js"], "json"),
    ] {
        let program = flinkmem()?;
        let mut bash = Command::new("bash");
        bash.env("FLINKMEM", program)
            .args(["--norc", "-c", ASK, "bash"])
            .args(words);
        let offered = output(&mut bash)?;
        ensure!(
            offered.lines().any(|one| one == expected),
            "{words:?}: {offered}"
        );
    }
    Ok(())
}

#[test]
fn fish_completes_commands_and_zsh_takes_the_file() -> Result<()> {
    let program = flinkmem()?;
    let completions = tempfile::tempdir()?;
    for shell in ["fish", "zsh"] {
        if !is_there(shell) {
            skipped(
                "fish_completes_commands_and_zsh_takes_the_file",
                format!("no {shell}"),
            );
            continue;
        }
        let file = completions.path().join(shell);
        std::fs::write(
            &file,
            output(Command::new(&program).args(["completions", shell]))?,
        )?;
        if shell == "zsh" {
            output(Command::new("zsh").args(["--no-rcs", "-n"]).arg(&file))?;
            continue;
        }
        let ask = "source $argv[1]; complete --do-complete 'flinkmem att'";
        let offered = output(
            Command::new("fish")
                .args(["--no-config", "-c", ask])
                .arg(&file),
        )?;
        ensure!(offered.starts_with("attach\t"), "{offered}");
    }
    Ok(())
}

#[test]
fn every_listed_command_has_a_manual_page_that_renders() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let mut man = Command::new(flinkmem()?);
    output(
        man.arg("man")
            .arg(directory.path())
            .env("SOURCE_DATE_EPOCH", "86400"),
    )?;
    let help = output(Command::new(flinkmem()?).arg("--help"))?;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = commands.take_while(|line| !line.is_empty());
    // A longer description goes on in a line that is indented further.
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<&str> = names.filter(|name| !["", "help"].contains(name)).collect();
    ensure!(names.contains(&"diagnose"), "{names:?}");
    for name in names {
        let page = directory.path().join(format!("flinkmem-{name}.1"));
        let source =
            std::fs::read_to_string(&page).with_context(|| format!("no page of {name}"))?;
        ensure!(
            source.contains("1970-01-02"),
            "the date of {name}: {source}"
        );
        check_renders(&page, name)?;
    }
    check_renders(&directory.path().join("flinkmem.1"), "diagnose")
}

/// That a page has nothing that mandoc warns of, and shows its examples.
fn check_renders(page: &Path, name: &str) -> Result<()> {
    if !is_there("mandoc") {
        skipped(
            "every_listed_command_has_a_manual_page_that_renders",
            "no mandoc",
        );
        return Ok(());
    }
    // What clap_mangen leaves at the ends of paragraphs changes nothing that is seen.
    let lint = Command::new("mandoc")
        .args(["-T", "lint", "-W", "warning"])
        .arg(page)
        .output()?;
    let lint = String::from_utf8_lossy(&lint.stdout).into_owned();
    let serious = lint
        .lines()
        .find(|line| !line.contains("skipping paragraph macro"));
    ensure!(serious.is_none(), "{lint}");
    let text = output(
        Command::new("mandoc")
            .args(["-T", "ascii", "-O", "width=160"])
            .arg(page),
    )?;
    // Overstruck for bold and underlined.
    let mut plain = String::new();
    for letter in text.chars() {
        if letter == '\u{8}' {
            plain.pop();
        } else {
            plain.push(letter);
        }
    }
    ensure!(plain.contains("EXAMPLES"), "{plain}");
    ensure!(plain.contains(&format!("flinkmem {name}")), "{plain}");
    Ok(())
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// What a command prints; it must succeed and say nothing else.
fn output(command: &mut Command) -> Result<String> {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output()?;
    let stderr = String::from_utf8_lossy(&stderr);
    ensure!(
        status.success() && stderr.is_empty(),
        "{command:?} ended with {status}: {stderr}"
    );
    Ok(String::from_utf8(stdout)?)
}
