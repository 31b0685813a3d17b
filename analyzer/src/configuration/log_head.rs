//! The head of a TaskManager's or JobManager's log: everything that Flink says about its memory when it starts.
//!
//! The start script's own output is repeated there: the arguments it computed, the configuration it read, the table of
//! pools. Then come the version, the JVM's options and the program's arguments.

use super::command_line::dynamic_options;
use super::jvm_limits::JvmLimits;
use super::observed::{Observed, flink_limits};
use crate::log_line::layout;
use crate::model::{Process, Source, Value};

/// Reads the head of a log. Lines that say nothing about memory are passed over; a line beyond `MAX_LINES` is not read.
#[must_use]
pub fn from_log_head(text: &str) -> Observed {
    let mut head = LogHead::default();
    for line in text.lines().take(MAX_LINES) {
        head.line(line);
    }
    head.finish()
}

/// The head is about 150 lines long; an endless log should not cost more.
const MAX_LINES: usize = 5_000;
const TABLE_OF_TASK_MANAGER: &str = "Final TaskExecutor Memory configuration:";
const TABLE_OF_JOB_MANAGER: &str = "Final Master Memory configuration:";

/// Reads the head of a log line by line.
#[derive(Debug, Default)]
pub struct LogHead {
    observed: Observed,
    section: Section,
    /// Off-heap pools have the same labels as heap pools in Flink's table, and come after them.
    in_off_heap: bool,
    jvm_options: Vec<String>,
    program_arguments: Vec<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    None,
    Table(Process),
    JvmOptions,
    ProgramArguments,
}

impl LogHead {
    /// Takes one line without its end.
    pub fn line(&mut self, line: &str) {
        // The script's lines have the same form as Flink's own.
        let line = line.strip_prefix("logs: ").unwrap_or(line);
        let message = layout(line).message;
        if let Some(arguments) = line.strip_prefix("jvm_params: ") {
            let words: Vec<&str> = arguments.split_whitespace().collect();
            self.observed.flink_limits = JvmLimits::from_arguments(words);
        } else if let Some(arguments) = line.strip_prefix("dynamic_configs: ") {
            let words: Vec<&str> = arguments.split_whitespace().collect();
            self.observed.resolved = dynamic_options(&words, &Source::Log);
        } else if let Some(property) = message.strip_prefix("Loading configuration property: ") {
            if let Some((key, value)) = property.split_once(", ") {
                self.observed
                    .configured
                    .set(key, Value::from(value), Source::Log);
            }
        } else {
            self.message(message);
        }
    }

    fn message(&mut self, message: &str) {
        let words = message.trim();
        match words {
            TABLE_OF_TASK_MANAGER => return self.begin(Section::Table(Process::TaskManager)),
            TABLE_OF_JOB_MANAGER => return self.begin(Section::Table(Process::JobManager)),
            "JVM Options:" => return self.begin(Section::JvmOptions),
            "Program Arguments:" => return self.begin(Section::ProgramArguments),
            _ => {}
        }
        if let Some(version) = words.split_once("(Version: ").map(|(_, rest)| rest) {
            self.start_line(words, version);
            return;
        }
        let is_indented = message.starts_with("   ");
        match self.section {
            Section::Table(process) => match words.split_once(':') {
                Some((label, size)) => self.table_row(process, label, size),
                None => self.section = Section::None,
            },
            Section::JvmOptions if is_indented => self.jvm_options.push(words.to_owned()),
            Section::ProgramArguments if is_indented => {
                self.program_arguments.push(words.to_owned())
            }
            _ => self.section = Section::None,
        }
    }

    fn begin(&mut self, section: Section) {
        self.section = section;
        self.in_off_heap = false;
    }

    fn start_line(&mut self, words: &str, version: &str) {
        let end = version.find([',', ')']).unwrap_or(version.len());
        self.observed.version = version.get(..end).and_then(|version| version.parse().ok());
        self.observed.process = match words {
            _ if words.contains("TaskManager") => Some(Process::TaskManager),
            _ if words.contains("EntryPoint") || words.contains("Entrypoint") => {
                Some(Process::JobManager)
            }
            _ => self.observed.process,
        };
        self.section = Section::None;
    }

    fn table_row(&mut self, process: Process, label: &str, size: &str) {
        self.observed.process = Some(process);
        if label.contains("Off-heap") || label.contains("Off-Heap") {
            self.in_off_heap = true;
        }
        let name = match (process, label, self.in_off_heap) {
            (_, "Total Process Memory", _) => "total_process",
            (_, "Total Flink Memory", _) => "total_flink",
            (_, "JVM Metaspace", _) => "jvm_metaspace",
            (_, "JVM Overhead", _) => "jvm_overhead",
            (Process::TaskManager, "Total JVM Heap Memory", _)
            | (Process::JobManager, "JVM Heap", _) => "jvm_heap",
            (Process::TaskManager, "Total JVM Direct Memory", _) => "jvm_direct",
            (Process::TaskManager, "Framework", false) => "framework_heap",
            (Process::TaskManager, "Framework", true) => "framework_off_heap",
            (Process::TaskManager, "Task", false) => "task_heap",
            (Process::TaskManager, "Task", true) => "task_off_heap",
            (Process::TaskManager, "Managed", _) => "managed",
            (Process::TaskManager, "Network", _) => "network",
            (Process::JobManager, "Off-heap", _) => "off_heap",
            _ => return,
        };
        if let Some(bytes) = table_bytes(size) {
            self.observed.table.insert(name, bytes);
        }
    }

    /// What the head said.
    #[must_use]
    pub fn finish(mut self) -> Observed {
        let options: Vec<&str> = self.jvm_options.iter().map(String::as_str).collect();
        self.observed.jvm_limits = JvmLimits::from_arguments(options.iter().copied());
        if self.observed.resolved.is_empty() {
            let arguments: Vec<&str> = self.program_arguments.iter().map(String::as_str).collect();
            self.observed.resolved = dynamic_options(&arguments, &Source::Log);
        }
        if self.observed.flink_limits == JvmLimits::default() {
            self.observed.flink_limits = flink_limits(&self.observed.resolved, &options);
        }
        self.observed
    }
}

/// `1.172gb (1258291200 bytes)` or `0 bytes`.
fn table_bytes(text: &str) -> Option<u64> {
    let exact = text.rsplit_once('(').map_or(text, |(_, inside)| inside);
    exact
        .trim()
        .trim_end_matches(')')
        .strip_suffix(" bytes")?
        .trim()
        .parse()
        .ok()
}
