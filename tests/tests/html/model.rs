//! The memory model that the sliders use, in the browser that shows them: it answers as Flink did, and as `flinkmem model` does.

use super::{header, nothing_to_complain_of, opened, page_of, write_trace};
use anyhow::{Context, Result, ensure};
use flate2::read::GzDecoder;
use flinkmem_tests::{Browser, artefacts};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

/// Releases whose answers Flink itself gave.
const VERSIONS: [&str; 7] = [
    "1.10.3", "1.12.5", "1.14.6", "1.17.2", "1.20.5", "2.0.2", "2.3.0",
];

/// Configurations that are asked for at once.
const AT_ONCE: usize = 500;

/// Of each release, beside Flink's own answers.
const RANDOM: usize = 1_000;

/// Every size that a model gives, by process.
const POOLS: [(&str, &[&str]); 2] = [
    (
        "tm",
        &[
            "framework_heap",
            "framework_off_heap",
            "task_heap",
            "task_off_heap",
            "network",
            "managed",
            "jvm_metaspace",
            "jvm_overhead",
            "total_flink",
            "total_process",
            "jvm_heap",
            "jvm_direct",
        ],
    ),
    (
        "jm",
        &[
            "jvm_heap",
            "off_heap",
            "jvm_metaspace",
            "jvm_overhead",
            "total_flink",
            "total_process",
        ],
    ),
];

#[test]
fn the_pages_model_answers_as_flink_and_as_the_command_line() -> Result<()> {
    let Some(mut browser) = opened("the_pages_model_answers_as_flink_and_as_the_command_line")?
    else {
        return Ok(());
    };
    let mut compared = 0;
    for version in VERSIONS {
        let directory = tempfile::tempdir()?;
        write_trace(directory.path(), "tm-0", &header(version), &[])?;
        browser.open(&page_of(directory.path())?)?;
        let mut vectors = golden(version)?;
        vectors.extend(answered(&random(version))?);
        // A JobManager has pools since 1.11; before, a script sized it.
        vectors.retain(|vector| !(version.starts_with("1.10.") && is_job_manager(vector)));
        for part in vectors.chunks(AT_ONCE) {
            let answers = ask(&mut browser, part)?;
            for (vector, answer) in part.iter().zip(&answers) {
                let unlike = differences(vector, answer);
                ensure!(unlike.is_empty(), "{unlike:?}\n  {vector}\n  {answer}");
            }
        }
        compared += vectors.len();
    }
    assert!(compared > 20_000, "{compared} compared");
    nothing_to_complain_of(&browser, VERSIONS.len())?;
    browser.close()
}

fn process(vector: &Value) -> &str {
    vector["process"].as_str().unwrap_or_default()
}

fn is_job_manager(vector: &Value) -> bool {
    process(vector).starts_with("jm")
}

/// What the page makes of configurations. Sizes come as text, for JavaScript's own numbers have 53 bits.
fn ask(browser: &mut Browser, vectors: &[Value]) -> Result<Vec<Value>> {
    let questions: Vec<Value> = vectors
        .iter()
        .map(|vector| {
            let variable = if is_job_manager(vector) { "FLINK_JM_HEAP" } else { "FLINK_TM_HEAP" };
            let mut question = json!({
                "process": &process(vector)[..2],
                "deployment": if process(vector).ends_with("container") { "container" } else { "standalone" },
                "settings": vector["conf"],
            });
            if let Some(heap) = vector["env"].get(variable) {
                question["heap"] = heap.clone();
            }
            question
        })
        .collect();
    let questions = serde_json::to_string(&questions)?;
    let answers = browser.text(&format!(
        "(() => {{ const {{ rules }} = JSON.parse(document.getElementById('p1-data').textContent).what_if; \
         const answers = {questions}.map((question) => Model.derive(rules, question)); \
         return JSON.stringify(answers, (key, value) => (typeof value === 'bigint' ? String(value) : value)); }})()"
    ))?;
    Ok(serde_json::from_str(&answers)?)
}

/// Where an answer is another than the vector's.
fn differences(vector: &Value, answer: &Value) -> Vec<String> {
    if let Some(refusal) = vector.get("error") {
        let parts = ["class", "message", "causes"].into_iter();
        return parts
            .filter(|part| refusal[*part] != answer["error"][*part])
            .map(|part| format!("error.{part}"))
            .collect();
    }
    let pools = POOLS
        .iter()
        .find(|(name, _)| process(vector).starts_with(name));
    let pools = pools.map_or(&[][..], |(_, pools)| pools);
    let unlike = |pool: &&&str| {
        let wanted = vector["ok"][**pool].as_u64().map(|size| size.to_string());
        wanted.is_none() || wanted.as_deref() != answer["ok"][**pool].as_str()
    };
    pools
        .iter()
        .filter(unlike)
        .map(|pool| (*pool).to_owned())
        .collect()
}

/// What Flink itself answered; its absence is an error, not a reason to skip.
fn golden(version: &str) -> Result<Vec<Value>> {
    let file = artefacts::root().join(format!("../shared/golden-model/{version}.jsonl.gz"));
    let file = File::open(&file).with_context(|| format!("{} is missing", file.display()))?;
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    lines
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}

/// Questions with the answers of `flinkmem model`.
fn answered(questions: &[Value]) -> Result<Vec<Value>> {
    let mut child = Command::new(artefacts::flinkmem()?)
        .args(["model", "--batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    let lines: String = questions
        .iter()
        .map(|question| format!("{question}\n"))
        .collect();
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output()?;
    writing.join().ok().context("the writer panicked")??;
    let answers: Vec<Value> = String::from_utf8(output.stdout)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    ensure!(
        answers.len() == questions.len(),
        "{} answers to {} questions",
        answers.len(),
        questions.len()
    );
    let pairs = questions.iter().zip(answers);
    Ok(pairs
        .map(|(question, answer)| {
            let mut vector = question.clone();
            for key in ["ok", "error"] {
                if let Some(part) = answer.get(key) {
                    vector[key] = part.clone();
                }
            }
            vector
        })
        .collect())
}

const OPTIONS: [(&str, &[&str]); 2] = [
    (
        "tm",
        &[
            "taskmanager.memory.process.size",
            "taskmanager.memory.flink.size",
            "taskmanager.memory.task.heap.size",
            "taskmanager.memory.task.off-heap.size",
            "taskmanager.memory.framework.heap.size",
            "taskmanager.memory.framework.off-heap.size",
            "taskmanager.memory.managed.size",
            "taskmanager.memory.managed.fraction",
            "taskmanager.memory.network.min",
            "taskmanager.memory.network.max",
            "taskmanager.memory.network.fraction",
            "taskmanager.memory.jvm-metaspace.size",
            "taskmanager.memory.jvm-overhead.min",
            "taskmanager.memory.jvm-overhead.max",
            "taskmanager.memory.jvm-overhead.fraction",
            "taskmanager.memory.segment-size",
            "taskmanager.network.numberOfBuffers",
            "taskmanager.heap.size",
        ],
    ),
    (
        "jm",
        &[
            "jobmanager.memory.process.size",
            "jobmanager.memory.flink.size",
            "jobmanager.memory.heap.size",
            "jobmanager.memory.off-heap.size",
            "jobmanager.memory.jvm-metaspace.size",
            "jobmanager.memory.jvm-overhead.min",
            "jobmanager.memory.jvm-overhead.max",
            "jobmanager.memory.jvm-overhead.fraction",
            "jobmanager.memory.enable-jvm-direct-memory-limit",
            "jobmanager.heap.size",
        ],
    ),
];

/// Configurations as a slider, and as a tired person, would make them; the same in every run.
fn random(version: &str) -> Vec<Value> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut one = || {
        let (process, options) = OPTIONS[dice.below(2)];
        let mut conf = serde_json::Map::new();
        // A process large enough for what else is set, mostly: otherwise nearly all are refused.
        if dice.below(4) > 0 {
            conf.insert(
                options[0].to_owned(),
                format!("{}m", 700 + dice.below(30_000)).into(),
            );
        }
        for _ in 0..dice.below(6) {
            let key = options[dice.below(options.len())];
            conf.insert(key.to_owned(), value(&mut dice, key).into());
        }
        json!({ "version": version, "process": process, "conf": conf })
    };
    (0..RANDOM).map(|_| one()).collect()
}

fn value(dice: &mut Dice, key: &str) -> String {
    let is_odd = dice.below(25) == 0;
    if is_odd {
        let odd = [
            "",
            "1.5g",
            "-1m",
            "NaN",
            "1e-60",
            "9223372036854775807",
            "8388608t",
            " 7 MB ",
            "0x1p-2",
            "true",
        ];
        return odd[dice.below(odd.len())].to_owned();
    }
    match key.rsplit('.').next() {
        Some("fraction") => format!("0.{:0width$}", dice.below(1000), width = 1 + dice.below(9)),
        Some("segment-size") => format!("{}k", 4 << dice.below(8)),
        Some("numberOfBuffers") => dice.below(20_000).to_string(),
        Some("enable-jvm-direct-memory-limit") => {
            ["true", "FALSE", "yes"][dice.below(3)].to_owned()
        }
        _ => match dice.below(3) {
            0 => format!("{}m", dice.below(2_000)),
            1 => format!("{}b", dice.below(1 << 31)),
            _ => format!("{} kb", dice.below(900_000)),
        },
    }
}

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(drawn).unwrap_or_default() % bound
    }
}
