//! What Kubernetes says about containers: single lines in Flink's logs, and the output of `kubectl describe pod`.

use super::fact::{Fact, Kill};
use super::figures::{leading_integer, number_after};
use super::pod::memory;

pub(super) const NEEDLES: &[&str] = &[
    "OOMKilled",
    "exitCode=1",
    "xit code 137",
    "Exit Code: 137",
    "exit status 137",
    "status 137",
    "xit code is 143",
    "xit code 143",
];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    if line.contains("OOMKilled") {
        facts.push(Fact::ContainerKilled(Kill {
            by: "Kubernetes",
            what: container(line),
            ..Kill::default()
        }));
        return;
    }
    let code = [
        "exitCode=",
        "xit code ",
        "xit code is ",
        "Exit Code:",
        "status ",
    ]
    .iter()
    .find_map(|words| leading_integer(line.split_once(words)?.1));
    let reason = line
        .split_once("reason=")
        .and_then(|(_, rest)| rest.split([',', ')']).next());
    if let Some(code) = code.filter(|code| *code != 0) {
        facts.push(Fact::Exit {
            code,
            reason: reason.map(str::to_owned),
        });
    }
}

/// `[flink-main-container(exitCode=137, reason=OOMKilled, …)]`
fn container(line: &str) -> Option<String> {
    let (before, _) = line.split_once("(exitCode=")?;
    let name = before.rsplit(['[', ' ', ',']).next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Reads the output of `kubectl describe pod`, whose lines mean something only together.
#[derive(Debug, Default)]
pub(super) struct Description {
    in_containers: bool,
    container: Container,
    section: Section,
}

#[derive(Debug, Default)]
struct Container {
    name: Option<String>,
    reason: Option<String>,
    exit_code: Option<i32>,
    limit: Option<u64>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Section {
    #[default]
    Other,
    Ended,
    Limits,
}

impl Description {
    /// Takes a line; `false` where it is no part of a description.
    pub(super) fn line(&mut self, line: &str, facts: &mut Vec<Fact>) -> bool {
        let words = line.trim();
        let Some((key, value)) = words.split_once(':') else {
            return false;
        };
        let value = value.trim();
        let is_top = !line.starts_with([' ', '\t']);
        match key {
            "Containers" | "Init Containers" if value.is_empty() => {
                self.finish(facts);
                self.in_containers = true;
            }
            "Conditions" | "Volumes" | "Events" if is_top && value.is_empty() => {
                self.finish(facts);
                self.in_containers = false;
            }
            "Last State" | "State" => {
                self.section = match value {
                    "Terminated" => Section::Ended,
                    _ => Section::Other,
                };
            }
            "Limits" if value.is_empty() => self.section = Section::Limits,
            "Requests" | "Environment" | "Mounts" if value.is_empty() => {
                self.section = Section::Other;
            }
            "Reason" if self.section == Section::Ended => {
                self.container.reason = Some(value.to_owned())
            }
            "Exit Code" if self.section == Section::Ended => {
                self.container.exit_code = leading_integer(value);
            }
            "memory" if self.section == Section::Limits => self.container.limit = memory(value),
            name if self.in_containers && value.is_empty() && indent(line) == 2 => {
                self.finish(facts);
                self.container.name = Some(name.to_owned());
            }
            _ => return self.in_containers,
        }
        true
    }

    /// Whether lines are to be handed over at all.
    pub(super) fn begins(line: &str) -> bool {
        let words = line.trim();
        words == "Containers:"
            || words == "Limits:"
            || (words.starts_with("Last State:") && words.ends_with("Terminated"))
    }

    /// What was read of the last container.
    pub(super) fn finish(&mut self, facts: &mut Vec<Fact>) {
        let container = std::mem::take(&mut self.container);
        self.section = Section::Other;
        facts.extend(ended(
            container.name,
            container.reason,
            container.exit_code,
            container.limit,
        ));
    }
}

/// What is known of one container, as facts.
pub(super) fn ended(
    name: Option<String>,
    reason: Option<String>,
    exit_code: Option<i32>,
    limit: Option<u64>,
) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some((name, bytes)) = name.clone().zip(limit) {
        facts.push(Fact::ContainerLimit { name, bytes });
    }
    if reason.as_deref() == Some("OOMKilled") {
        facts.push(Fact::ContainerKilled(Kill {
            by: "Kubernetes",
            what: name,
            limit,
            used: None,
            file: None,
        }));
    } else if let Some(code) = exit_code.filter(|code| *code != 0) {
        facts.push(Fact::Exit { code, reason });
    }
    facts
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether a line tells a limit that a cgroup has, as hs_err files do.
pub(super) fn cgroup_limit(line: &str) -> Option<u64> {
    let limit = number_after(line, "memory_limit_in_bytes: ")?;
    // What stands for "unlimited" in cgroup v1 is almost 2^63; hs_err files of JDK 17 and later count in kB.
    let bytes = match line.contains(" k") {
        true => limit.checked_mul(1024)?,
        false => limit,
    };
    (bytes > 0 && bytes < 1 << 60).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: &str = "\
Name:         tm-1
Containers:
  flink-main-container:
    State:          Running
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
    Limits:
      cpu:     1
      memory:  1728Mi
  sidecar:
    State:          Running
    Limits:
      memory:  64Mi
Conditions:
";

    #[test]
    fn a_described_pod_tells_who_was_killed_and_its_limit() {
        let (mut description, mut facts) = (Description::default(), Vec::new());
        for line in DESCRIBED.lines() {
            description.line(line, &mut facts);
        }
        let limit = |name: &str, mib: u64| Fact::ContainerLimit {
            name: name.to_owned(),
            bytes: mib << 20,
        };
        let kill = Kill {
            by: "Kubernetes",
            what: Some("flink-main-container".to_owned()),
            limit: Some(1728 << 20),
            ..Kill::default()
        };
        assert_eq!(
            facts,
            [
                limit("flink-main-container", 1728),
                Fact::ContainerKilled(kill),
                limit("sidecar", 64)
            ]
        );
    }

    #[test]
    fn what_flinks_job_manager_repeats() {
        let mut facts = Vec::new();
        read(
            "Worker tm-1-1 is terminated. Diagnostics: Pod terminated, container termination statuses: [flink-main-container(exitCode=137, reason=OOMKilled, message=null)], pod status: Failed",
            &mut facts,
        );
        let Some(Fact::ContainerKilled(kill)) = facts.first() else {
            panic!("{facts:?}");
        };
        assert_eq!(kill.what.as_deref(), Some("flink-main-container"));
        facts.clear();
        read(
            "[flink-main-container(exitCode=137, reason=Error, message=null)]",
            &mut facts,
        );
        let expected = Fact::Exit {
            code: 137,
            reason: Some("Error".to_owned()),
        };
        assert_eq!(facts, [expected]);
    }
}
