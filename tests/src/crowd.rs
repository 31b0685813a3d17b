//! Many processes made of one: a real trace, told again under many names and growing by a sample a second.

use anyhow::{Context, Result};
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Traces of as many processes as wanted, which go on growing until this is dropped.
#[derive(Debug)]
pub struct Crowd {
    ended: Arc<AtomicBool>,
    writer: Option<JoinHandle<Result<()>>>,
}

impl Crowd {
    /// Writes `count` traces into `directory`, each with `seconds` samples of the past, and goes on. All is taken from `trace`.
    ///
    /// # Errors
    /// When the trace has no sample, or the directory cannot be written.
    pub fn start(trace: &Path, directory: &Path, count: u32, seconds: u64) -> Result<Self> {
        let original = Original::read(trace)?;
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let begin_ms = now_ms - i64::try_from(seconds)? * 1000;
        let past: String = (0..seconds)
            .map(|second| original.sample(second, begin_ms))
            .collect();
        let mut files = Vec::new();
        for number in 0..count {
            let name = format!("flinkmem-crowd-{number}-{}-20260101T000000Z", number + 1);
            let place = directory.join(name);
            fs::create_dir(&place)?;
            let header = original.header(number, begin_ms);
            fs::write(
                place.join("facts.jsonl"),
                format!("{header}\n{}", original.facts),
            )?;
            let path = place.join("samples-000000.jsonl");
            fs::write(&path, format!("{header}\n{past}"))?;
            files.push(OpenOptions::new().append(true).open(path)?);
        }
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let writer = thread::spawn(move || go_on(&original, &mut files, begin_ms, seconds, &told));
        Ok(Self {
            ended,
            writer: Some(writer),
        })
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            // The directory may be gone before; nobody reads it any more.
            let _ = writer.join();
        }
    }
}

fn go_on(
    original: &Original,
    files: &mut [File],
    begin_ms: i64,
    from: u64,
    ended: &AtomicBool,
) -> Result<()> {
    let mut second = from;
    while !ended.load(Ordering::Relaxed) {
        let line = original.sample(second, begin_ms);
        for file in &mut *files {
            file.write_all(line.as_bytes())?;
        }
        second += 1;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// What the crowd is made of.
#[derive(Debug)]
struct Original {
    header: Value,
    /// Call sites.
    facts: String,
    samples: Vec<Value>,
}

impl Original {
    fn read(trace: &Path) -> Result<Self> {
        let lines = |name: &str| -> Result<Vec<Value>> {
            let text = fs::read_to_string(trace.join(name))?;
            Ok(text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect())
        };
        let facts = lines("facts.jsonl")?;
        let of_kind = |kind: &'static str| move |line: &Value| line["kind"] == kind;
        let samples: Vec<Value> = lines("samples-000000.jsonl")?
            .into_iter()
            .filter(of_kind("sample"))
            .collect();
        anyhow::ensure!(!samples.is_empty(), "{} has no sample", trace.display());
        let sites = facts.iter().filter(|line| line["kind"] == "site");
        Ok(Self {
            header: facts.first().context("no header")?.clone(),
            facts: sites.map(|site| format!("{site}\n")).collect(),
            samples,
        })
    }

    fn header(&self, number: u32, begin_ms: i64) -> Value {
        let mut header = self.header.clone();
        header["host"] = format!("crowd-{number}").into();
        header["pid"] = (number + 1).into();
        header["t_ms"] = begin_ms.into();
        header["up_ms"] = 0.into();
        header["start_ms"] = begin_ms.into();
        header
    }

    /// One of the samples, over and over, as if it had been taken then.
    fn sample(&self, second: u64, begin_ms: i64) -> String {
        let index = usize::try_from(second).unwrap_or(0) % self.samples.len();
        let mut sample = self.samples[index].clone();
        let up_ms = second * 1000;
        sample["up_ms"] = up_ms.into();
        sample["t_ms"] = begin_ms.saturating_add_unsigned(up_ms).into();
        format!("{sample}\n")
    }
}
