//! `flinkmem man`: the manual pages, made of what `--help` says. For who packages flinkmem, so it is not listed.

use super::{Arguments, EXIT_NOTHING_FOUND};
use anyhow::Context;
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use flinkmem_trace::version::VERSION;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write the manual pages of all commands.
#[derive(Debug, Args)]
pub struct Manual {
    /// The directory; it is made where it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// What the examples of a command begin with.
const EXAMPLES: &str = "Examples:\n";

/// What the paragraph on exit statuses begins with.
const EXIT_STATUS: &str = "Exit status:";

pub(super) fn run(arguments: &Manual) -> anyhow::Result<ExitCode> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let date = date()?.strftime("%Y-%m-%d").to_string();
    let listed = command.get_subcommands().filter(|one| !one.is_hide_set());
    for one in listed.chain([&command]) {
        let man = Man::new(one.clone())
            .date(&date)
            .manual("flinkmem")
            .source(format!("flinkmem {VERSION}"));
        let path = directory.join(man.get_filename());
        page(&man, one)
            .and_then(|page| std::fs::write(&path, page))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::from(EXIT_NOTHING_FOUND))
}

/// The day that the pages carry: today's, or that of `$SOURCE_DATE_EPOCH`, so that the same source makes the same pages.
fn date() -> anyhow::Result<Zoned> {
    let now = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(seconds) => seconds
            .parse()
            .context("$SOURCE_DATE_EPOCH is no number")
            .and_then(|seconds| Ok(Timestamp::from_second(seconds)?))?,
        Err(_) => Timestamp::now(),
    };
    Ok(now.to_zoned(TimeZone::UTC))
}

/// A page: as [`Man::render`] makes it, with the examples, and in sections that have their usual names.
fn page(man: &Man, command: &Command) -> io::Result<Vec<u8>> {
    let texts = [
        command.get_before_long_help(),
        command.get_after_long_help(),
    ];
    let texts = texts.map(|text| text.map(ToString::to_string).unwrap_or_default());
    let paragraphs = texts.iter().flat_map(|text| text.split("\n\n"));
    let beginning = |start: &str| -> Vec<&str> {
        let with = paragraphs.clone();
        with.filter_map(|paragraph| paragraph.strip_prefix(start))
            .collect()
    };
    let (examples, statuses) = (beginning(EXAMPLES), beginning(EXIT_STATUS));
    let notes: Vec<&str> = paragraphs
        .clone()
        .filter(|text| !text.starts_with(EXAMPLES) && !text.starts_with(EXIT_STATUS))
        .filter(|text| !text.is_empty())
        .collect();

    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    section("EXAMPLES", &examples).to_writer(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    section("NOTES", &notes).to_writer(&mut page)?;
    for text in statuses {
        exit_statuses(text).to_writer(&mut page)?;
    }
    Ok(page)
}

/// The list of exit statuses, or the sentence that does for one.
fn exit_statuses(text: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for line in text.trim_start().lines().map(str::trim) {
        let status = line.split_once("  ");
        match status {
            Some((status, meaning)) => {
                roff.control("TP", []);
                roff.text([roman(status)]);
                roff.text([roman(meaning)]);
            }
            None => {
                roff.text([roman(line)]);
            }
        }
    }
    roff
}

/// A section of paragraphs; nothing where there are none. Lines that are indented stay lines; others are filled.
fn section(name: &str, paragraphs: &[&str]) -> Roff {
    let mut roff = Roff::new();
    for (number, paragraph) in paragraphs.iter().enumerate() {
        if number == 0 {
            roff.control("SH", [name]);
        } else {
            roff.control("PP", []);
        }
        let mut filled = true;
        for line in paragraph.lines() {
            let fills = !line.starts_with(' ');
            if fills != filled {
                roff.control(if fills { "fi" } else { "nf" }, []);
                filled = fills;
            }
            roff.text([roman(line.trim_end())]);
        }
        if !filled {
            roff.control("fi", []);
        }
    }
    roff
}
