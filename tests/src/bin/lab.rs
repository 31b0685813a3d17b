//! Plays the lab's faults in a real Flink and shows what flinkmem says about them.

use anyhow::{Context, Result, ensure};
use clap::Parser;
use flinkmem_tests::flink::{DEFAULT_VERSION, clusters_at_once};
use flinkmem_tests::scenario::{self, Judgement, Kept, Trial, calibration, matrix, table};
use flinkmem_tests::{Jdk, Scenario, artefacts};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Mutex, PoisonError};

/// Plays the lab's faults in a real Flink and shows what flinkmem says about them
#[derive(Parser)]
struct Options {
    /// Which ones, by name or by the begin of it; all without any, with --show direct-leak
    scenarios: Vec<String>,
    /// Lists them
    #[arg(long)]
    list: bool,
    /// Plays one and shows the report, without judging it
    #[arg(long)]
    show: bool,
    /// Plays nothing, but judges again what an earlier run left in this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["show", "list", "traces"])]
    judge_only: Option<PathBuf>,
    /// Plays nothing, but prints the tables of results that were kept, of one run or of several
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["show", "list", "traces", "judge_only", "results"])]
    tables_of: Vec<PathBuf>,
    /// Version of Flink
    #[arg(long, default_value = DEFAULT_VERSION)]
    flink: String,
    /// Feature release of Java: 11, 17, 21 or 25
    #[arg(long, default_value_t = 17)]
    java: u32,
    /// Where the traces go; each scenario gets a folder of its own there
    #[arg(long, value_name = "DIR")]
    traces: Option<PathBuf>,
    /// How many clusters run at once
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// Where the judgements are kept, one JSON object a line
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

/// What is shown where nothing was named.
const SHOWN: &str = "direct-leak";

fn main() -> Result<ExitCode> {
    let mut options = Options::parse();
    if options.show && options.scenarios.is_empty() {
        options.scenarios.push(SHOWN.to_owned());
    }
    let chosen = chosen(&options.scenarios)?;
    if options.list {
        for scenario in chosen {
            println!("{:24} {}", scenario.name, scenario.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !options.tables_of.is_empty() {
        return Ok(conclude(&kept_results(&options.tables_of, &chosen)?));
    }
    if let Some(folder) = &options.judge_only {
        return Ok(conclude(&judge_again(folder, &chosen, &options)?));
    }
    let traces = options
        .traces
        .clone()
        .unwrap_or_else(|| artefacts::target().join("lab-traces"));
    std::fs::create_dir_all(&traces)?;
    let jdk = Jdk::find(options.java)?;
    let trials = chosen
        .into_iter()
        .filter(|scenario| scenario.setup.fits(options.java, &options.flink))
        .map(|scenario| Trial {
            scenario,
            flink: options.flink.clone(),
            jdk: jdk.clone(),
        })
        .collect::<VecDeque<_>>();
    ensure!(
        !trials.is_empty(),
        "nothing of that can happen on Flink {} and JDK {}",
        options.flink,
        options.java
    );
    if options.show {
        return show(&trials, &traces);
    }
    let judgements = judge(trials, &traces, &options)?;
    Ok(conclude(&judgements))
}

/// Prints what came of it all.
fn conclude(judgements: &[Judgement]) -> ExitCode {
    println!(
        "\n{}\n{}\n{}",
        table(judgements),
        matrix(judgements),
        calibration(judgements)
    );
    let all_right = judgements.iter().all(|one| one.wrong.is_empty());
    ExitCode::from(u8::from(!all_right))
}

/// Those whose names begin so. A whole name means that one only.
fn chosen(names: &[String]) -> Result<Vec<&'static Scenario>> {
    let mut chosen = Vec::new();
    for name in names {
        if let Some(one) = scenario::all().find(|scenario| scenario.name == name) {
            chosen.push(one);
            continue;
        }
        let begins = scenario::all().filter(|scenario| scenario.name.starts_with(name.as_str()));
        let before = chosen.len();
        chosen.extend(begins);
        if chosen.len() == before {
            scenario::find(name)?;
        }
    }
    if names.is_empty() {
        chosen.extend(scenario::all());
    }
    Ok(chosen)
}

fn show(trials: &VecDeque<Trial>, traces: &Path) -> Result<ExitCode> {
    for trial in trials {
        let traces = fresh(traces, trial.scenario.name)?;
        let played = trial.play(&traces, &|line| println!("{line}"))?;
        println!("\n$ flinkmem diagnose {}\n", traces.display());
        // Findings are its exit status 1, which is what is wanted here.
        let status = Command::new(artefacts::flinkmem()?)
            .arg("diagnose")
            .arg(&traces)
            .status()?;
        drop(played);
        let status = status
            .code()
            .map_or("none".to_owned(), |code| code.to_string());
        println!("\nexit status {status}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Judges all, some at once. A trial that says nothing about the verdict is tried once more, then counts as wrong.
fn judge(trials: VecDeque<Trial>, traces: &Path, options: &Options) -> Result<Vec<Judgement>> {
    clusters_at_once(options.at_once);
    let results = results(options)?;
    let (waiting, done) = (Mutex::new(trials), Mutex::new((Vec::new(), results)));
    std::thread::scope(|scope| {
        for _ in 0..options.at_once.max(1) {
            scope.spawn(|| {
                while let Some(trial) = next(&waiting) {
                    let judgement = judged(&trial, traces);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    tell(&judgement, done.1.as_mut());
                    done.0.push(judgement);
                }
            });
        }
    });
    let (judgements, _) = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(judgements)
}

/// Judges what was kept. What did not end as it must is told and left out.
fn judge_again(
    folder: &Path,
    chosen: &[&'static Scenario],
    options: &Options,
) -> Result<Vec<Judgement>> {
    let mut results = results(options)?;
    let is_chosen = |kept: &Kept| chosen.iter().any(|one| one.name == kept.scenario.name);
    let mut judgements = Vec::new();
    for kept in Kept::all_in(folder)?.iter().filter(|kept| is_chosen(kept)) {
        match kept.judge() {
            Ok(judgement) => {
                tell(&judgement, results.as_mut());
                judgements.push(judgement);
            }
            Err(error) => eprintln!("{}: not judged, for {error:#}", kept.folder.display()),
        }
    }
    ensure!(
        !judgements.is_empty(),
        "nothing in {} can be judged",
        folder.display()
    );
    Ok(judgements)
}

/// Judgements of earlier runs, as [`tell`] wrote them.
fn kept_results(files: &[PathBuf], chosen: &[&'static Scenario]) -> Result<Vec<Judgement>> {
    let mut judgements = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        for line in text.lines() {
            let judgement: Judgement = serde_json::from_str(line)
                .with_context(|| format!("{} is damaged", file.display()))?;
            judgements.push(judgement);
        }
    }
    judgements.retain(|judgement| chosen.iter().any(|one| one.name == judgement.scenario));
    Ok(judgements)
}

/// Where the judgements go, if anywhere.
fn results(options: &Options) -> Result<Option<File>> {
    let open = |path: &PathBuf| File::options().create(true).append(true).open(path);
    Ok(options.results.as_ref().map(open).transpose()?)
}

/// A line on the console, and one among the results.
fn tell(judgement: &Judgement, results: Option<&mut File>) {
    println!("{}", one_line(judgement));
    if let Some(file) = results
        && let Ok(line) = serde_json::to_string(judgement)
        && let Err(error) = writeln!(file, "{line}")
    {
        eprintln!("the result is not kept: {error}");
    }
}

fn next(waiting: &Mutex<VecDeque<Trial>>) -> Option<Trial> {
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front()
}

fn judged(trial: &Trial, traces: &Path) -> Judgement {
    let once = || {
        let folder = fresh(traces, trial.scenario.name)?;
        let judged = trial.judge(&folder, &|_| {});
        // What was not played to its end is nothing to judge again.
        if !Kept::is_noted(&folder) {
            std::fs::remove_dir_all(&folder)?;
        }
        judged
    };
    let first = once().or_else(|error| {
        eprintln!("{}: once more, for {error:#}", trial.scenario.name);
        once()
    });
    first.unwrap_or_else(|error| trial.failed(&error))
}

fn one_line(one: &Judgement) -> String {
    let said = one.label.as_deref().unwrap_or("nothing");
    let wrong = if one.wrong.is_empty() {
        "right".to_owned()
    } else {
        format!("WRONG: {}", one.wrong.join("; "))
    };
    format!(
        "{:28} {said:28} {:4.0} s  {wrong}",
        one.scenario, one.seconds
    )
}

/// An empty folder for a scenario's trace.
fn fresh(traces: &Path, name: &str) -> Result<PathBuf> {
    let folder = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(traces)?;
    Ok(folder.keep())
}
