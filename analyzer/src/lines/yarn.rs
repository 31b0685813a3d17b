//! What YARN says about a container: kills, exit statuses, the dump of its process tree.

use super::fact::{Fact, Kill};
use super::figures::{leading_integer, leading_number, number_after, size};

pub(super) const NEEDLES: &[&str] = &[
    "running beyond physical memory limits",
    "running beyond virtual memory limits",
    "beyond the 'PHYSICAL' memory limit",
    "beyond the 'VIRTUAL' memory limit",
    "current usage = ",
    "|- ",
    "exitCode: -10",
    "Exit code:-10",
    "Exit code: -10",
    "exitStatus=-10",
];

pub(super) fn read(line: &str, facts: &mut Vec<Fact>) {
    let has = |words: &str| line.contains(words);
    if has("running beyond physical memory limits") || has("beyond the 'PHYSICAL' memory limit") {
        let (used, limit) = usage(line, "Current usage: ");
        facts.push(Fact::ContainerKilled(kill(line, used, limit)));
    } else if has("running beyond virtual memory limits")
        || has("beyond the 'VIRTUAL' memory limit")
    {
        let (physical, _) = usage(line, "Current usage: ");
        let (used, limit) = usage(line, "physical memory used; ");
        facts.push(Fact::VirtualMemoryKilled {
            used,
            limit,
            physical,
        });
    } else if has("Limit=") && has("current usage = ") {
        let (limit, used) = (
            number_after(line, "Limit="),
            number_after(line, "current usage = "),
        );
        if used > limit {
            facts.push(Fact::ContainerKilled(kill(line, used, limit)));
        }
    }
    facts.extend(exit(line));
    facts.extend(process(line));
}

fn kill(line: &str, used: Option<u64>, limit: Option<u64>) -> Kill {
    let name = line.split_once("containerID=").map(|(_, rest)| rest);
    let name = name.and_then(|rest| rest.split([']', ',', ' ']).next());
    Kill {
        by: "YARN",
        what: name.map(str::to_owned),
        limit,
        used,
        file: None,
    }
}

/// `4.0 GB of 4 GB`, behind these words.
fn usage(line: &str, before: &str) -> (Option<u64>, Option<u64>) {
    let Some((_, rest)) = line.split_once(before) else {
        return (None, None);
    };
    let Some((used, rest)) = rest.split_once(" of ") else {
        return (None, None);
    };
    (size(used), size(rest))
}

/// The NodeManager's own statuses; they stand in the diagnostics even where the sentence is lost.
fn exit(line: &str) -> Option<Fact> {
    let behind = ["exitCode:", "Exit code:", "exitStatus="];
    let rest = behind.iter().find_map(|words| line.split_once(words))?.1;
    let code = leading_integer(rest)?;
    (code < 0).then_some(Fact::Exit { code, reason: None })
}

/// `|- PID PPID PGRPID SESSID CMD_NAME USER_MODE_TIME(MILLIS) SYSTEM_TIME(MILLIS) VMEM_USAGE(BYTES) RSSMEM_USAGE(PAGES) FULL_CMD_LINE`
fn process(line: &str) -> Option<Fact> {
    let (_, rest) = line.split_once("|- ")?;
    let mut words = rest.split_ascii_whitespace();
    leading_number(words.next()?)?;
    let name = words.nth(3)?.trim_matches(['(', ')']).to_owned();
    let virtual_bytes = words.nth(2)?.parse().ok()?;
    let rss_pages = words.next()?.parse().ok()?;
    Some(Fact::ProcessInTree {
        name,
        rss_pages,
        virtual_bytes,
    })
}

/// The command line in such a dump, word by word.
pub(super) fn command_line(line: &str) -> Option<Vec<&str>> {
    let (_, rest) = line.split_once("|- ")?;
    let words: Vec<&str> = rest.split_ascii_whitespace().skip(9).collect();
    let is_java = words
        .iter()
        .any(|word| word.starts_with("-Xmx") || word.starts_with("-XX:"));
    // The shell around it has the same words as one argument.
    let is_shell = words
        .first()
        .is_some_and(|word| word.ends_with("bash") || word.ends_with("sh"));
    (is_java && !is_shell).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(line: &str) -> Vec<Fact> {
        let mut facts = Vec::new();
        read(line, &mut facts);
        facts
    }

    #[test]
    fn hadoop_2_and_3_tell_the_same() {
        for line in [
            "Container [pid=4,containerID=container_1_2] is running beyond physical memory limits. Current usage: 4.0 GB of 4 GB physical memory used; 6.2 GB of 8.4 GB virtual memory used. Killing container.",
            "Container [pid=4,containerID=container_1_2] is running 65536B beyond the 'PHYSICAL' memory limit. Current usage: 4.0 GB of 4 GB physical memory used; 3.8 GB of 8 GB virtual memory used. Killing container.",
        ] {
            let expected = Kill {
                by: "YARN",
                what: Some("container_1_2".to_owned()),
                limit: Some(4 << 30),
                used: Some(4 << 30),
                file: None,
            };
            assert_eq!(facts(line), [Fact::ContainerKilled(expected)]);
        }
    }

    #[test]
    fn a_process_tree_has_pages_and_the_command_line() {
        let line = "\t|- 77 75 75 75 (java) 100 200 6567804928 1048262 /usr/bin/java -Xmx2383706830 -XX:MaxDirectMemorySize=493921243 org.apache.flink.yarn.YarnTaskExecutorRunner -D a=b";
        let expected = Fact::ProcessInTree {
            name: "java".to_owned(),
            rss_pages: 1_048_262,
            virtual_bytes: 6_567_804_928,
        };
        assert_eq!(facts(line), [expected]);
        assert_eq!(command_line(line).unwrap()[1], "-Xmx2383706830");
        assert_eq!(facts("\t|- PID PPID PGRPID SESSID CMD_NAME"), []);
    }
}
