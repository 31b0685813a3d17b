//! Every command in the documents is run, must end with a status that its help documents, and print what the page shows.

use super::table::{EXACT, GO_ON, NOT_RUN, NOT_YET, OF_OTHERS, OPTIONS_NOT_YET, VARIES};
use super::theatre::{Stage, Theatre};
use anyhow::{Context, Result, ensure};
use flinkmem_tests::artefacts;
use flinkmem_tests::documents::{Example, Page, missing};
use flinkmem_tests::process::Process;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command that goes on must do so for that long: what it cannot use it finds out at once.
const GOES_ON_FOR: Duration = Duration::from_secs(3);

/// And it has that long to print what the page shows.
const SHOWS_WITHIN: Duration = Duration::from_secs(20);

/// "The input could not be used", or a problem that a command looked for: what a document shows only on purpose.
const UNUSABLE_INPUT: i32 = 2;

/// What a page shows on purpose has this in it.
const SHOWS_A_PROBLEM: &str = "PROBLEM";

#[test]
fn every_command_does_what_its_page_shows() -> Result<()> {
    let mut theatre = Theatre::open()?;
    let mut failures = Vec::new();
    let mut run = 0;
    for page in Page::all()? {
        let examples: Vec<Example> = page.examples().into_iter().filter(is_run).collect();
        if examples.is_empty() || EXACT.contains(&page.name.as_str()) {
            continue;
        }
        let stage = theatre.stage(examples.iter().any(attaches))?;
        for example in examples {
            run += 1;
            if let Err(error) = tried(&stage, &page, &example) {
                failures.push(format!(
                    "{}:{}: $ {}\n{error:#}",
                    page.name, example.line, example.command
                ));
            }
        }
    }
    ensure!(
        failures.is_empty(),
        "{} of {run}:\n{}",
        failures.len(),
        failures.join("\n\n")
    );
    Ok(())
}

/// A list of exceptions must not outlive its reasons.
#[test]
fn what_is_not_run_is_still_in_the_documents_and_still_not_to_be_had() -> Result<()> {
    let pages = Page::all()?;
    let commands: Vec<String> = pages
        .iter()
        .flat_map(Page::examples)
        .map(|example| example.command)
        .collect();
    for (beginning, why) in NOT_RUN {
        let used = commands
            .iter()
            .any(|command| command.starts_with(beginning));
        ensure!(
            used,
            "no command begins with {beginning:?} ({why}); take it out of NOT_RUN"
        );
    }
    for verb in NOT_YET {
        ensure!(
            help(verb).is_err(),
            "flinkmem has {verb}; take it out of NOT_YET"
        );
    }
    for (verb, option) in OPTIONS_NOT_YET {
        let mut program = Command::new(artefacts::flinkmem()?);
        let output = program
            .arg(verb)
            .args(option.split(' '))
            .arg("/dev/null")
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let refused = stderr.contains("not supported") || stderr.contains("unexpected argument");
        ensure!(
            refused,
            "flinkmem {verb} takes {option}; take it out of OPTIONS_NOT_YET"
        );
    }
    Ok(())
}

fn is_run(example: &Example) -> bool {
    let command = &example.command;
    let excepted = NOT_RUN
        .iter()
        .any(|(beginning, _)| command.starts_with(beginning));
    let not_yet = verbs(command).any(|verb| NOT_YET.contains(&verb));
    let option_not_yet = OPTIONS_NOT_YET
        .iter()
        .any(|(_, option)| command.contains(option));
    !excepted && !not_yet && !option_not_yet
}

fn attaches(example: &Example) -> bool {
    verbs(&example.command).any(|verb| verb == "attach") || example.command.contains("--attach")
}

/// The commands of `flinkmem` in a line of a shell.
fn verbs(command: &str) -> impl Iterator<Item = &str> {
    let words = command.split_whitespace();
    words
        .clone()
        .zip(words.skip(1))
        .filter_map(|(program, verb)| (program == "flinkmem").then_some(verb))
}

fn tried(stage: &Stage, page: &Page, example: &Example) -> Result<()> {
    let ending = verbs(&example.command)
        .last()
        .unwrap_or_default()
        .to_owned();
    let shown = if OF_OTHERS
        .iter()
        .any(|(pages, _)| page.name.starts_with(pages))
    {
        String::new()
    } else {
        with_gaps(&example.shown)
    };
    if GO_ON.contains(&ending.as_str()) {
        return prints_while_it_runs(stage, example, &shown);
    }
    let output = stage
        .shell(&example.command)?
        .stdin(Stdio::null())
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let status = output.status.code().context("it was ended by a signal")?;
    let documented = status == 0 || (!ending.is_empty() && help(&ending)?.contains(&status));
    let on_purpose = status != UNUSABLE_INPUT || example.shown.contains(SHOWS_A_PROBLEM);
    ensure!(
        documented && on_purpose,
        "it ended with status {status}, which its help does not document or its page not show:\n{stdout}{stderr}"
    );
    shows(&shown, &stage.as_in_documents(&format!("{stdout}{stderr}")))
}

fn shows(shown: &str, printed: &str) -> Result<()> {
    match missing(shown, printed) {
        Some(piece) => anyhow::bail!("not printed: {piece}\nprinted was:\n{printed}"),
        None => Ok(()),
    }
}

/// What a page shows, with a gap in place of the lines that differ from run to run.
fn with_gaps(shown: &str) -> String {
    let lines = shown.lines().map(|line| {
        let varies = VARIES.iter().any(|beginning| line.starts_with(beginning));
        if varies { "…" } else { line }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Waits until it has printed what the page shows, and ends it; it must not have ended before with an error.
fn prints_while_it_runs(stage: &Stage, example: &Example, shown: &str) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("output");
    let file = File::create(&path)?;
    let mut command = stage.shell(&format!("exec {}", example.command))?;
    command
        .stdin(Stdio::null())
        .stderr(file.try_clone()?)
        .stdout(file);
    let mut process = Process::start(&mut command, Vec::new())?;
    let began = Instant::now();
    loop {
        let ended = process.status()?;
        let printed = stage.as_in_documents(&std::fs::read_to_string(&path)?);
        let verdict = shows(shown, &printed);
        if let Some(status) = ended {
            ensure!(
                status.code() != Some(UNUSABLE_INPUT),
                "it ended with {status}:\n{printed}"
            );
            return verdict;
        }
        let has_shown = verdict.is_ok() && began.elapsed() > GOES_ON_FOR;
        if has_shown || began.elapsed() > SHOWS_WITHIN {
            process.terminate()?;
            return verdict;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The exit statuses that a command's help documents.
fn help(verb: &str) -> Result<Vec<i32>> {
    let output = Command::new(artefacts::flinkmem()?)
        .args([verb, "--help"])
        .output()?;
    ensure!(output.status.success(), "flinkmem has no command {verb}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, statuses) = text
        .rsplit_once("Exit status")
        .context("its help documents no exit status")?;
    let numbers = statuses
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.parse().ok());
    Ok(numbers.collect())
}
