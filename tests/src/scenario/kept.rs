//! What a trial leaves in its folder, so that its verdict can be judged again after a rule has changed, without playing it.
//!
//! ```text
//! NAME-xxxxxx/
//!   flinkmem-…/    the trace
//!   replay/        the trace of the same with the remedy
//!   logs/          Flink's logs and consoles, where the scenario hands them over
//!   played.json    what was played and how it ended
//! ```

use super::{End, Judgement, Scenario, midway};
use crate::verdict::{Remedy, Verdict};
use anyhow::{Context, Result, ensure};
use flinkmem_trace::find_traces;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PLAYED: &str = "played.json";
const LOGS: &str = "logs";

/// A scenario that was played, and where what it left lies.
#[derive(Debug)]
pub struct Kept {
    /// The folder.
    pub folder: PathBuf,
    /// The scenario.
    pub scenario: &'static Scenario,
    note: Note,
}

/// What cannot be read off the trace.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    scenario: String,
    flink: String,
    java: u32,
    end: End,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<Tried>,
}

/// A remedy that was tried.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tried {
    config: BTreeMap<String, String>,
    remove: Vec<String>,
    held: bool,
}

impl Kept {
    /// Notes what was played, and copies the logs that are to be kept.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(
        folder: &Path,
        scenario: &'static Scenario,
        (flink, java): (&str, u32),
        end: End,
        logs: &[PathBuf],
    ) -> Result<Self> {
        if !logs.is_empty() {
            std::fs::create_dir_all(folder.join(LOGS))?;
        }
        for log in logs {
            let name = log.file_name().context("a log without a name")?;
            std::fs::copy(log, folder.join(LOGS).join(name))?;
        }
        let kept = Self {
            folder: folder.to_owned(),
            scenario,
            note: Note {
                scenario: scenario.name.to_owned(),
                flink: flink.to_owned(),
                java,
                end,
                remedy: None,
            },
        };
        kept.write()?;
        Ok(kept)
    }

    /// Notes whether a remedy held.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn tried(&mut self, remedy: &Remedy, held: bool) -> Result<()> {
        self.note.remedy = Some(Tried {
            config: remedy.config.clone(),
            remove: remedy.remove.clone(),
            held,
        });
        self.write()
    }

    /// Those in a folder of traces, by scenario.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn all_in(traces: &Path) -> Result<Vec<Self>> {
        let entries = std::fs::read_dir(traces)
            .with_context(|| format!("cannot read {}", traces.display()))?;
        let mut all = Vec::new();
        for entry in entries {
            let folder = entry?.path();
            if folder.is_dir()
                && let Some(kept) = Self::at(&folder)?
            {
                all.push(kept);
            }
        }
        all.sort_by_key(|kept| (kept.scenario.name, kept.folder.clone()));
        Ok(all)
    }

    /// Whether something was played to its end there.
    #[must_use]
    pub fn is_noted(folder: &Path) -> bool {
        folder.join(PLAYED).is_file()
    }

    /// What flinkmem says about it.
    ///
    /// # Errors
    /// When it prints no report.
    pub fn verdict(&self) -> Result<Verdict> {
        let logs = self.folder.join(LOGS);
        let mut inputs = Vec::new();
        // A process that was refused never had a trace.
        if find_traces(&self.folder).is_ok() {
            inputs.push(self.folder.clone());
        }
        if logs.is_dir() {
            inputs.push(logs);
        }
        Verdict::of(&inputs)
    }

    /// Of a healthy process: what flinkmem would have said wrongly before the end, and after which share of its life.
    ///
    /// # Errors
    /// When a part of the trace cannot be judged.
    pub fn alarm_midway(&self) -> Result<Option<(f64, Verdict)>> {
        if !self.scenario.expected.is_healthy() {
            return Ok(None);
        }
        for share in midway::LOOKS {
            let verdict = midway::verdict(&self.folder, share)?;
            if !verdict.findings.is_empty() {
                return Ok(Some((share, verdict)));
            }
        }
        Ok(None)
    }

    /// Judges what flinkmem says now. A remedy that is not the one that was tried is not known to hold.
    ///
    /// # Errors
    /// When it did not end as it must, so that there is nothing to judge, or there is no report.
    pub fn judge(&self) -> Result<Judgement> {
        let (end, ends) = (self.note.end, self.scenario.ends);
        ensure!(
            ends.contains(&end),
            "it ended {end:?}, which is none of {ends:?}"
        );
        let verdict = self.verdict()?;
        let mut judgement = self.judgement(&verdict)?;
        let remedy = verdict.findings.first().and_then(|f| f.remedy.as_ref());
        let tried = self.note.remedy.as_ref().filter(|tried| {
            remedy.is_some_and(|remedy| {
                remedy.config == tried.config && remedy.remove == tried.remove
            })
        });
        judgement.remedy_held = tried.map(|tried| tried.held);
        Ok(judgement)
    }

    /// Judges a verdict on the whole life; and, where it is silent as it should be, those before the end.
    ///
    /// # Errors
    /// When a part of the trace cannot be judged.
    pub fn judgement(&self, verdict: &Verdict) -> Result<Judgement> {
        let (flink, java) = (&self.note.flink, self.note.java);
        if verdict.findings.is_empty()
            && let Some((share, alarm)) = self.alarm_midway()?
        {
            let mut judgement = Judgement::of(self.scenario, flink, java, &alarm);
            let percent = share * 100.0;
            judgement
                .wrong
                .push(format!("that was after {percent:.0} % of its life"));
            return Ok(judgement);
        }
        Ok(Judgement::of(self.scenario, flink, java, verdict))
    }

    /// What lies there, unless it was not played to its end, or is no scenario that there is.
    fn at(folder: &Path) -> Result<Option<Self>> {
        if !Self::is_noted(folder) {
            return Ok(None);
        }
        let path = folder.join(PLAYED);
        let note: Note = serde_json::from_slice(&std::fs::read(&path)?)
            .with_context(|| format!("{} is damaged", path.display()))?;
        let scenario = super::all().find(|scenario| scenario.name == note.scenario);
        Ok(scenario.map(|scenario| Self {
            folder: folder.to_owned(),
            scenario,
            note,
        }))
    }

    fn write(&self) -> Result<()> {
        let text = serde_json::to_vec_pretty(&self.note)?;
        let path = self.folder.join(PLAYED);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::Kept;
    use crate::scenario::{self, End};

    #[test]
    fn what_is_kept_is_found_again() -> anyhow::Result<()> {
        let traces = tempfile::tempdir()?;
        let folder = traces.path().join("any-name");
        std::fs::create_dir_all(folder.join("flinkmem-a-1-2"))?;
        let scenario = scenario::find("direct-leak")?;
        Kept::keep(&folder, scenario, ("1.20.5", 17), End::JobFailed, &[])?;
        let found = Kept::all_in(traces.path())?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].scenario.name, "direct-leak");
        assert_eq!(found[0].note.end, End::JobFailed);
        Ok(())
    }

    #[test]
    fn what_has_no_note_is_not_judged() -> anyhow::Result<()> {
        let traces = tempfile::tempdir()?;
        std::fs::create_dir(traces.path().join("direct-leak-x7Zq1a"))?;
        assert!(Kept::all_in(traces.path())?.is_empty());
        Ok(())
    }
}
