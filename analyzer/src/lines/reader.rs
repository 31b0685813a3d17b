//! One source, line by line: times, stack traces, repeated facts, the head of a log.

use super::fact::{Fact, Kill, Told};
use super::kubernetes::{Description, cgroup_limit};
use super::{facts, pod, stack, yarn};
use crate::configuration::{LogHead, Observed, from_command_line};
use crate::log_line::layout;
use crate::model::Process;
use std::collections::HashMap;
use std::io::BufRead;
use std::mem::Discriminant;

/// A longer line is cut: no line that is known here is longer, but for command lines.
const MAX_LINE: usize = 64 << 10;
/// Of facts of one kind, this many are kept, and the last.
const MAX_OF_A_KIND: u64 = 256;
/// Deep enough to reach user code below serializers and drivers.
const MAX_FRAMES: usize = 64;
/// Shown of a line.
const MAX_TEXT: usize = 240;
/// Shorter pauses are everyday.
const LONG_PAUSE_MS: f64 = 1_000.0;
/// Lines of a log after a start in which Flink tells its configuration.
const HEAD_LINES: u32 = 5_000;

/// What a source told.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Facts in the order of lines.
    pub facts: Vec<Told>,
    /// How often each kind was told.
    counts: HashMap<Discriminant<Fact>, u64>,
    /// What the head of the log says of the process.
    pub observed: Observed,
    /// First and last time that a line had, milliseconds since the epoch.
    pub times: Option<(i64, i64)>,
    /// Lines read.
    pub lines: u64,
    /// Lines that a class of Flink logged.
    pub flink_lines: u64,
    /// Lines that any class logged.
    pub logged_lines: u64,
    /// Pauses of a collector, of any length.
    pub pauses: u64,
    /// When the last process began that wrote into it, where the line had a time.
    pub started_ms: Option<i64>,
    /// Version of Java that Flink logged.
    pub jdk: Option<String>,
    /// Lines that were cut, for they are longer than any that is known.
    pub cut_lines: u64,
}

impl Gathered {
    /// How often facts like this were told, those that were not kept included.
    #[must_use]
    pub fn count(&self, fact: &Fact) -> u64 {
        self.counts.get(&fact.kind()).copied().unwrap_or(0)
    }
}

/// Reads one source.
pub struct LineReader {
    gathered: Gathered,
    source: usize,
    head: LogHead,
    head_lines: u32,
    t_ms: Option<i64>,
    /// Facts of the present record: index in `gathered.facts`.
    open: Vec<usize>,
    description: Option<Description>,
    /// Lines of classes that only a TaskManager has, and only a JobManager.
    votes: (u64, u64),
}

/// Packages that log in one of the processes only.
const OF_TASK_MANAGERS: [&str; 2] = [
    "org.apache.flink.runtime.taskmanager.",
    "org.apache.flink.runtime.taskexecutor.",
];
const OF_JOB_MANAGERS: [&str; 3] = [
    "org.apache.flink.runtime.jobmaster.",
    "org.apache.flink.runtime.resourcemanager.",
    "org.apache.flink.runtime.dispatcher.",
];

impl LineReader {
    /// A reader for the source with this index in its case.
    #[must_use]
    pub fn new(source: usize) -> Self {
        Self {
            gathered: Gathered::default(),
            source,
            head: LogHead::default(),
            head_lines: HEAD_LINES,
            t_ms: None,
            open: Vec::new(),
            description: None,
            votes: (0, 0),
        }
    }

    /// Reads everything that `input` has.
    ///
    /// # Errors
    /// Those of `input`; what was read before counts.
    pub fn read(mut self, mut input: impl BufRead) -> (Gathered, std::io::Result<()>) {
        let mut bytes = Vec::new();
        let outcome = loop {
            match next_line(&mut input, &mut bytes) {
                Ok(None) => break Ok(()),
                Ok(Some(was_cut)) => {
                    self.gathered.cut_lines += u64::from(was_cut);
                    self.line(&String::from_utf8_lossy(&bytes));
                }
                Err(error) => break Err(error),
            }
        };
        (self.finish(), outcome)
    }

    /// Takes one line without its end.
    pub fn line(&mut self, line: &str) {
        let line = line.trim_end_matches(['\r', '\n']);
        self.gathered.lines += 1;
        if let Some(frame) = stack::frame(line) {
            return self.frame(frame);
        }
        let parts = layout(line);
        if parts.t_ms.is_some() {
            self.record(parts.t_ms, parts.logger);
        } else if !line.starts_with("Caused by:")
            && !line.starts_with([' ', '\t'])
            && self.t_ms.is_none()
        {
            // Without times every line is a record of its own, but for the parts of a stack.
            self.open.clear();
        }
        self.head(line, parts.message);
        if self.describe(line) {
            return;
        }
        for fact in facts(line) {
            if matches!(fact, Fact::ProcessInTree { .. })
                && let Some(words) = yarn::command_line(line)
            {
                self.gathered.observed = from_command_line(words);
            }
            self.take(fact, parts.message);
        }
        // hs_err files have no times.
        if parts.t_ms.is_none()
            && let Some(bytes) = cgroup_limit(line)
        {
            self.gathered.observed.container_limit = Some(bytes);
        }
    }

    /// Everything that was told.
    #[must_use]
    pub fn finish(mut self) -> Gathered {
        self.end_description();
        let head = self.head.finish();
        if !head.is_empty() {
            let container_limit = self.gathered.observed.container_limit;
            self.gathered.observed = Observed {
                container_limit,
                ..head
            };
        }
        let observed = &mut self.gathered.observed;
        observed.process = observed.process.or(match self.votes {
            (1.., 0) => Some(Process::TaskManager),
            (0, 1..) => Some(Process::JobManager),
            _ => None,
        });
        self.gathered
    }

    fn head(&mut self, line: &str, message: &str) {
        // A process that starts anew into the same file tells its configuration anew.
        if line
            .trim_end()
            .ends_with("RESOURCE_PARAMS extraction logs:")
        {
            self.head = LogHead::default();
            self.head_lines = HEAD_LINES;
        }
        if self.head_lines > 0 {
            self.head_lines -= 1;
            self.head.line(line);
            let words = message.trim_start();
            if words.starts_with("Starting ") && words.contains("(Version: ") {
                self.gathered.started_ms = self.t_ms;
            }
            if let Some(jvm) = words.strip_prefix("JVM: ") {
                self.gathered.jdk = jvm
                    .rsplit(" - ")
                    .next()
                    .and_then(|jdk| jdk.rsplit('/').next())
                    .map(str::to_owned);
            }
        }
    }

    fn frame(&mut self, frame: flinkmem_trace::Frame) {
        for index in &self.open {
            if let Some(told) = self
                .gathered
                .facts
                .get_mut(*index)
                .filter(|told| told.frames.len() < MAX_FRAMES)
            {
                told.frames.push(frame.clone());
            }
        }
    }

    fn record(&mut self, t_ms: Option<i64>, logger: Option<&str>) {
        self.open.clear();
        self.end_description();
        self.t_ms = t_ms;
        if let Some(t_ms) = t_ms {
            let (first, last) = self.gathered.times.unwrap_or((t_ms, t_ms));
            self.gathered.times = Some((first.min(t_ms), last.max(t_ms)));
        }
        if let Some(logger) = logger {
            self.gathered.logged_lines += 1;
            let is_flink = ["org.apache.flink.", "o.a.f.", "o.a.flink."]
                .iter()
                .any(|prefix| logger.starts_with(prefix));
            self.gathered.flink_lines += u64::from(is_flink);
            let is_of = |packages: &[&str]| {
                u64::from(packages.iter().any(|package| logger.starts_with(package)))
            };
            self.votes.0 += is_of(&OF_TASK_MANAGERS);
            self.votes.1 += is_of(&OF_JOB_MANAGERS);
        }
    }

    fn describe(&mut self, line: &str) -> bool {
        if self.description.is_none() && Description::begins(line) {
            self.description = Some(Description::default());
        }
        let Some(description) = &mut self.description else {
            return false;
        };
        let mut facts = Vec::new();
        let is_part = description.line(line, &mut facts);
        for fact in facts {
            self.take(fact, line.trim());
        }
        is_part
    }

    fn end_description(&mut self) {
        if let Some(mut description) = self.description.take() {
            let mut facts = Vec::new();
            description.finish(&mut facts);
            for fact in facts {
                let text = described(&fact);
                self.take(fact, &text);
            }
        }
    }

    fn take(&mut self, fact: Fact, text: &str) {
        if let Fact::Pause(pause) = &fact {
            self.gathered.pauses += 1;
            if pause.ms < LONG_PAUSE_MS && !pause.is_full {
                return;
            }
        }
        let is_cause = text.trim_start().starts_with("Caused by:");
        let told = Told {
            fact,
            t_ms: self.t_ms,
            source: self.source,
            line: self.gathered.lines,
            text: shortened(text),
            frames: Vec::new(),
            is_cause,
        };
        let same = |index: &&usize| {
            let before = self.gathered.facts.get(**index);
            before.is_some_and(|before| before.fact.kind() == told.fact.kind())
        };
        // The same error again, deeper in one stack trace: its innermost mention counts, and is nearest to where it happened.
        if let Some(&index) = self.open.iter().find(same)
            && is_cause
        {
            if let Some(before) = self.gathered.facts.get_mut(index) {
                *before = told;
            }
            return;
        }
        let count = self.gathered.counts.entry(told.fact.kind()).or_insert(0);
        *count += 1;
        let is_kept = *count <= MAX_OF_A_KIND;
        if is_kept {
            self.open.push(self.gathered.facts.len());
            self.gathered.facts.push(told);
        } else if let Some(last) = self
            .gathered
            .facts
            .iter_mut()
            .rev()
            .find(|before| before.fact.kind() == told.fact.kind())
        {
            *last = told;
        }
    }
}

/// The facts of a pod's status.
#[must_use]
pub fn read_pods(document: &serde_json::Value, source: usize) -> Gathered {
    let mut reader = LineReader::new(source);
    for (fact, t_ms) in pod::read(document) {
        reader.record(t_ms, None);
        reader.gathered.lines = 0;
        let text = described(&fact);
        reader.take(fact, &text);
    }
    reader.finish()
}

/// A fact of a document in the words of a line.
fn described(fact: &Fact) -> String {
    let named = |name: &Option<String>| {
        name.as_ref()
            .map_or(String::new(), |name| format!("container {name}: "))
    };
    match fact {
        Fact::ContainerKilled(Kill { what, .. }) => format!("{}reason OOMKilled", named(what)),
        Fact::Exit { code, reason } => format!(
            "exit code {code}, reason {}",
            reason.as_deref().unwrap_or("not told")
        ),
        Fact::ContainerLimit { name, bytes } => format!("container {name}: memory limit {bytes}"),
        _ => String::new(),
    }
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The next line into `bytes`; whether it was cut, `None` at the end.
fn next_line(input: &mut impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<Option<bool>> {
    bytes.clear();
    let mut was_cut = false;
    let mut any = false;
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            return Ok(any.then_some(was_cut));
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available
            .get(..end.unwrap_or(available.len()))
            .unwrap_or_default();
        let room = MAX_LINE.saturating_sub(bytes.len());
        was_cut |= part.len() > room;
        bytes.extend_from_slice(part.get(..part.len().min(room)).unwrap_or_default());
        let used = end.map_or(available.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(Some(was_cut));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(text: &str) -> Gathered {
        LineReader::new(0).read(text.as_bytes()).0
    }

    #[test]
    fn the_innermost_cause_has_the_stack() {
        let found = gathered(
            "2026-11-20 17:15:42,392 WARN  org.apache.flink.Task [] - failed\n\
             java.lang.RuntimeException: java.lang.OutOfMemoryError: Java heap space\n\tat com.acme.Outer.run(Outer.java:1)\n\
             Caused by: java.lang.OutOfMemoryError: Java heap space\n\tat com.acme.Inner.run(Inner.java:2)\n\t... 3 more\n",
        );
        assert_eq!(found.facts.len(), 1, "{:?}", found.facts);
        let told = &found.facts[0];
        assert!(told.is_cause);
        assert_eq!(told.frames[0].class, "com.acme.Inner");
        assert_eq!(told.t_ms, Some(1_795_194_942_392));
    }

    #[test]
    fn repeated_facts_are_counted_and_bounded() {
        let found = gathered(&"java.lang.OutOfMemoryError: Java heap space\n".repeat(1000));
        assert_eq!(found.facts.len(), 256);
        assert_eq!(found.count(&found.facts[0].fact), 1000);
        assert_eq!(found.facts.last().unwrap().line, 1000);
    }

    #[test]
    fn a_line_without_end_costs_no_memory() {
        let mut endless = "x".repeat(1 << 20);
        endless.push_str("\njava.lang.OutOfMemoryError: Metaspace");
        let found = gathered(&endless);
        assert_eq!((found.lines, found.cut_lines), (2, 1));
        assert_eq!(found.facts.len(), 1);
    }
}
