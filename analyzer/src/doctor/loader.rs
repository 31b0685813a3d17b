//! Whether the library loads, is of this version, and understands its options; what the dynamic linker says otherwise, in plain words.

use super::start::Start;
use super::{Check, Outcome};
use std::path::Path;

/// This program's version, which the agent's should be.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Java comes up, the library is in it, of this version, with options that it understands.
pub(super) fn checks(library: &Path, start: &Start) -> Vec<Check> {
    let shown = library.display();
    if let Some(failure) = failure(library, start) {
        return vec![failure];
    }
    let java = Check::ok("java", format!("{} starts", start.command));
    let Some(header) = &start.header else {
        let said = start.said_by_the_agent().join("; ");
        let detail = if said.is_empty() {
            format!("{shown} is loaded, but wrote no trace")
        } else {
            format!("{shown} is loaded, but wrote no trace: {said}")
        };
        return vec![
            java,
            Check::problem(
                "library",
                detail,
                "look at the reason, and at docs/options.md",
            ),
        ];
    };
    let loads = Check::ok("library", format!("{shown} loads and writes a trace"));
    vec![java, loads, version(&header.agent_version), options(start)]
}

/// Why Java did not come up with the library.
fn failure(library: &Path, start: &Start) -> Option<Check> {
    if start.succeeded() {
        return None;
    }
    let command = &start.command;
    let said = start.printed.trim();
    let by_linker = said.contains("agent library");
    Some(match (start.status, by_linker) {
        (_, true) => {
            let (detail, next) = explained(said);
            Check::problem("library", detail, next)
        }
        (Some(_), _) if said.contains("A fatal error has been detected") => Check::problem(
            "library",
            format!(
                "{} crashes the JVM when it is loaded: the file is damaged, most likely cut short",
                library.display()
            ),
            "copy it anew, and compare its checksum with the release's",
        ),
        (None, _) if said.is_empty() => Check::problem(
            "java",
            format!("{command} did not end within half a minute"),
            "try it by hand; on a machine this busy the agent would not be noticed either",
        ),
        (None, _) => Check::problem(
            "java",
            format!("{command} cannot be started: {said}"),
            "name the Java that Flink uses: flinkmem doctor -- /path/to/java, or set JAVA_HOME",
        ),
        (Some(_), _) => Check::problem(
            "java",
            format!("{command} ends with an error: {}", first_lines(said)),
            "see whether it starts without the agent: java -version",
        ),
    })
}

/// What the dynamic linker complains of, and what helps.
const COMPLAINTS: [(&str, &str, &str); 8] = [
    (
        "version `GLIBC_",
        "it was built for a newer glibc than is here",
        "take the library of a release, which runs with any glibc from 2.17 on, or build it on this image's distribution",
    ),
    (
        "Error relocating",
        "this system has musl (Alpine), the library needs glibc",
        "use an image with glibc, such as the Debian or Ubuntu variants of Flink's",
    ),
    (
        "ld-linux",
        "this system has musl (Alpine), the library needs glibc",
        "use an image with glibc, such as the Debian or Ubuntu variants of Flink's",
    ),
    (
        "Possible cause: can't load",
        "it was built for another processor architecture",
        "take the library for this architecture",
    ),
    (
        "wrong ELF class",
        "it was built for another word length",
        "take the library for this architecture",
    ),
    (
        "failed to map segment",
        "the volume on which it lies is mounted noexec",
        "put it on a volume without noexec",
    ),
    (
        "Permission denied",
        "this user may not read it",
        "chmod a+r the library and a+x its directories",
    ),
    (
        "No such file or directory",
        "it is not there",
        "check the path; in a container it is the path inside, where an image or an init container has put it",
    ),
];

/// What the JVM printed when it could not load the library, and what to do.
fn explained(said: &str) -> (String, String) {
    let line = said.lines().find(|line| line.contains("agent library"));
    let line = line.unwrap_or(said).trim();
    let known = COMPLAINTS
        .iter()
        .find(|(complaint, ..)| line.contains(complaint));
    match known {
        Some((_, cause, next)) => (
            format!("does not load: {cause}. {line}"),
            (*next).to_owned(),
        ),
        None => (
            format!("does not load. {line}"),
            "copy it anew: it is not a library, or is damaged".to_owned(),
        ),
    }
}

/// Whether the library is of this program's version.
pub(super) fn version(agent: &str) -> Check {
    if agent == VERSION {
        return Check::ok(
            "version",
            format!("library and command line are both {VERSION}"),
        );
    }
    Check::warning(
        "version",
        format!("the library is {agent}, this command line {VERSION}"),
        "use those of one release; an older command line may not read what a newer library writes",
    )
}

/// The agent names on stderr what it did not understand, and uses the default.
fn options(start: &Start) -> Check {
    let refused: Vec<&str> = start
        .said_by_the_agent()
        .into_iter()
        .filter(|line| line.contains("option"))
        .collect();
    if refused.is_empty() {
        return Check::ok("options", "the agent understands its options");
    }
    Check {
        outcome: Outcome::Problem,
        ..Check::warning(
            "options",
            refused.join("; ").replace("warn: ", ""),
            "correct them; docs/options.md has all",
        )
    }
}

fn first_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().take(3).collect();
    lines.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages as JVMs printed them.
    #[test]
    fn what_the_linker_says_is_told_in_plain_words() {
        for (said, cause) in [
            (
                "Could not find agent library /x/libflinkmem.so in absolute path, with error: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /x/libflinkmem.so)",
                "newer glibc",
            ),
            (
                "Could not find agent library /x/libflinkmem.so in absolute path, with error: Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by /x/libflinkmem.so)",
                "musl",
            ),
            (
                "Could not find agent library /x.so in absolute path, with error: /x.so: cannot open shared object file: No such file or directory (Possible cause: can't load AARCH64 .so on a AMD64 platform)",
                "another processor",
            ),
            (
                "Could not find agent library /tmp/nonexist.so in absolute path, with error: /tmp/nonexist.so: cannot open shared object file: No such file or directory",
                "not there",
            ),
            (
                "Could not find agent library /tmp/bad.so in absolute path, with error: /tmp/bad.so: file too short",
                "file too short",
            ),
        ] {
            let text = format!("Error occurred during initialization of VM\n{said}\n");
            let (detail, next) = explained(&text);
            assert!(detail.contains(cause), "{detail}");
            assert!(!next.is_empty());
        }
    }
}
