//! Examples that depend on nothing but the program: what the page shows is exactly what it prints.
//!
//! `UPDATE_DOCS=1 cargo test -p flinkmem-tests documents::exact` writes what is printed into the pages.

use super::table::EXACT;
use anyhow::{Result, ensure};
use flinkmem_tests::artefacts;
use flinkmem_tests::documents::{Example, Page};
use std::process::Command;

#[test]
fn examples_are_what_the_program_prints() -> Result<()> {
    for name in EXACT {
        let page = Page::open(name)?;
        let examples = page.examples();
        ensure!(examples.len() >= 4, "{name} lost its examples");
        let mut text = page.text.clone();
        for example in &examples {
            text = rewritten(&text, example)?;
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(page.path(), text)?;
        } else {
            assert_eq!(
                page.text, text,
                "run UPDATE_DOCS=1 cargo test -p flinkmem-tests documents::exact"
            );
        }
    }
    Ok(())
}

/// The page with what the command prints below it.
fn rewritten(text: &str, example: &Example) -> Result<String> {
    let begin = format!("$ {}\n", example.command);
    let shown = format!("{begin}{}", example.shown);
    ensure!(
        text.matches(&shown).count() == 1,
        "{} is not there once, in one line",
        example.command
    );
    Ok(text.replace(&shown, &format!("{begin}{}\n", printed(&example.command)?)))
}

fn printed(command: &str) -> Result<String> {
    let arguments = command.strip_prefix("flinkmem ").unwrap_or(command);
    let output = Command::new(artefacts::flinkmem()?)
        .args(arguments.split_whitespace())
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(stderr.is_empty(), "{command}: {stderr}");
    Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
}
