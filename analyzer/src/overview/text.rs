//! The overview as text, for a terminal.

use super::pool::Pool;
use super::remedy::Change;
use super::warning::Warning;
use crate::model::{Answer, ContainerRequest, Deployment, Note, Process, Question, Refused};
use std::fmt;

/// An overview, ready to print.
#[derive(Debug)]
pub struct OverviewText<'a> {
    /// What was asked.
    pub question: &'a Question,
    /// What Flink derives.
    pub answer: &'a Answer,
    /// The pools; none before 1.10.
    pub pools: Option<&'a Pool>,
    /// What to look at.
    pub warnings: &'a [Warning],
    /// What the layers disagree about, in sentences.
    pub disagreements: &'a [String],
    /// What Flink logs while it reads the configuration.
    pub loading: &'a [Note],
}

/// Width of the widest bar.
const BAR: usize = 24;
/// Width of the tree with its labels.
const TREE: usize = 28;

impl fmt::Display for OverviewText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let process = match self.question.process {
            Process::TaskManager => "TaskManager",
            Process::JobManager => "JobManager",
        };
        writeln!(f, "Flink {} {process}", self.question.version)?;
        if let Some(root) = self.pools {
            writeln!(f)?;
            write_pool(f, root, "", "", root.bytes.bytes())?;
        }
        writeln!(f, "\nJVM: {}", self.answer.model.jvm_args())?;
        self.write_container(f)?;
        self.write_shares(f)?;
        let notes: Vec<&str> = self
            .loading
            .iter()
            .chain(&self.answer.notes)
            .map(|note| note.text.as_str())
            .collect();
        let warnings: Vec<&str> = self
            .warnings
            .iter()
            .map(|warning| warning.text.as_str())
            .collect();
        let disagreements: Vec<&str> = self.disagreements.iter().map(String::as_str).collect();
        write_list(f, "The layers disagree", &disagreements)?;
        write_list(f, "Worth a look", &warnings)?;
        write_list(f, "Flink logs", &notes)
    }
}

impl OverviewText<'_> {
    fn write_container(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_container = self.question.deployment == Deployment::Container;
        let request = self
            .pools
            .and_then(|root| ContainerRequest::of(self.question, root.bytes));
        match request.filter(|_| is_container) {
            Some(request) => writeln!(
                f,
                "Container: request {} MiB, limit {} MiB",
                request.request_mib, request.limit_mib
            ),
            None => Ok(()),
        }
    }

    fn write_shares(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(shares) = &self.answer.shares else {
            return Ok(());
        };
        if let Ok(network) = &shares.network {
            let page = shares.page_size.as_ref().copied().unwrap_or_default();
            writeln!(f, "Network: {} buffers of {page} bytes", network.count)?;
        }
        match &shares.slot {
            Ok(slot) if slot.slots > 1 => writeln!(
                f,
                "Slot: 1 of {}, with {} of task heap, {} of managed memory",
                slot.slots,
                human(slot.task_heap),
                human(slot.managed)
            ),
            Ok(_) => Ok(()),
            Err(refusal) => writeln!(
                f,
                "Slot: the process would refuse to start: {}",
                refusal.message
            ),
        }?;
        if let Some(Ok(rocksdb)) = &shares.rocksdb
            && rocksdb.total > 0
        {
            let size = |bytes: i64| human(u64::try_from(bytes).unwrap_or_default());
            writeln!(
                f,
                "RocksDB, alone in a slot: block cache {}, of which write buffers {}",
                size(rocksdb.cache),
                size(rocksdb.write_buffers)
            )?;
        }
        Ok(())
    }
}

fn human(bytes: u64) -> String {
    crate::model::MemorySize::from_bytes(bytes).to_human()
}

/// One line, then the parts below it.
fn write_pool(
    f: &mut fmt::Formatter<'_>,
    pool: &Pool,
    branch: &str,
    indent: &str,
    whole: u64,
) -> fmt::Result {
    let name = format!("{branch}{}", pool.label);
    let origin = pool
        .origin
        .as_ref()
        .map_or_else(|| "sum of its parts".to_owned(), ToString::to_string);
    writeln!(
        f,
        "{name:<TREE$} {:<BAR$} {:>11} {:>13} B  {:<24}  {origin}",
        bar(pool.bytes.bytes(), whole),
        pool.bytes.to_human(),
        pool.bytes.bytes(),
        pool.enforcer.label()
    )?;
    let last = pool.parts.len().saturating_sub(1);
    for (index, part) in pool.parts.iter().enumerate() {
        let (branch, below) = if index == last {
            ("└ ", "  ")
        } else {
            ("├ ", "│ ")
        };
        write_pool(
            f,
            part,
            &format!("{indent}{branch}"),
            &format!("{indent}{below}"),
            whole,
        )?;
    }
    Ok(())
}

/// A bar to scale, in eighths of a character; what is not nothing has at least one.
fn bar(bytes: u64, whole: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let scale = u128::from(whole.max(1));
    let cells = BAR * 8;
    let exact = u128::from(bytes) * u128::try_from(cells).unwrap_or_default() / scale;
    let eighths = usize::try_from(exact)
        .unwrap_or(cells)
        .min(cells)
        .max(usize::from(bytes > 0));
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{rest}", "█".repeat(eighths / 8))
}

fn write_list(f: &mut fmt::Formatter<'_>, title: &str, lines: &[&str]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}:")?;
    lines.iter().try_for_each(|line| writeln!(f, "  - {line}"))
}

/// Flink's refusal in its own words, then which options disagree and the smallest changes that would be accepted.
#[must_use]
pub fn refusal_text(refused: &Refused, changes: &[Change]) -> String {
    let mut text = format!("{}\n", refused.refusal);
    if !refused.refusal.options.is_empty() {
        text.push_str("\nOptions that disagree:\n");
        for key in &refused.refusal.options {
            text.push_str(&format!("  - {key}\n"));
        }
    }
    if !changes.is_empty() {
        text.push_str("\nWould be accepted, smallest change first:\n");
        for change in changes {
            text.push_str(&format!("  - {}\n", change.text()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_to_scale_and_never_vanish() {
        assert_eq!(bar(1 << 30, 1 << 30).chars().count(), BAR);
        assert_eq!(bar(1 << 29, 1 << 30), "█".repeat(BAR / 2));
        assert_eq!(bar(1, 1 << 40), "▏");
        assert_eq!(bar(0, 1 << 30), "");
        assert_eq!(bar(5, 0).chars().count(), BAR);
    }
}
