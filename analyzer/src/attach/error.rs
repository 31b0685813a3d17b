//! Why the agent could not be loaded, and what to do next.

use std::io;
use std::path::PathBuf;

/// A failed attach. The process is as it was.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// No process of that id.
    #[error(
        "no process {0}; give the id as this system has it (`pgrep -f TaskManagerRunner`), not the one inside its container"
    )]
    NoProcess(i32),
    /// `/proc/PID` may not be read.
    #[error(
        "process {pid} belongs to another user ({source}); run this as that user or as root, in the process's container or on its host"
    )]
    NotPermitted {
        /// The process.
        pid: i32,
        /// Why.
        source: io::Error,
    },
    /// The process has no `libjvm.so` mapped.
    #[error(
        "process {0} ({1}) is not a JVM, so nothing was sent to it; give the id of the java process itself, not of a script that started it"
    )]
    NotAJvm(i32, String),
    /// Another JVM than HotSpot.
    #[error("process {0} runs OpenJ9, whose attach protocol is another; start it with -agentpath")]
    NotHotSpot(i32),
    /// `-XX:+DisableAttachMechanism`.
    #[error(
        "process {0} was started with -XX:+DisableAttachMechanism; remove the option, or start the process with -agentpath:…/libflinkmem.so"
    )]
    Disabled(i32),
    /// SIGQUIT would end the process.
    #[error(
        "process {0} does not handle SIGQUIT, which would end it, so nothing was sent: it is still starting, or a library has taken the signal; try again, or start it with -agentpath:…/libflinkmem.so"
    )]
    DeafToSigquit(i32),
    /// The library is not there.
    #[error(
        "the agent library {0} does not exist; give its path with --agent, or put libflinkmem.so beside this program"
    )]
    NoLibrary(PathBuf),
    /// The file is something else.
    #[error(
        "{0} is not flinkmem's agent library, or one that is too old to be attached; give the path of libflinkmem.so with --agent"
    )]
    NotTheAgent(PathBuf),
    /// The process has another root file system, without the library.
    #[error(
        "process {pid} cannot see {path}: it has another root file system (a container), or its user may not read the file; repeat with --copy, which puts the library into the process's /tmp, or copy it there yourself and give its path inside with --agent"
    )]
    NotInside {
        /// The process.
        pid: i32,
        /// The library.
        path: PathBuf,
    },
    /// A file could not be read or written.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The process's `/tmp` leads somewhere else.
    #[error(
        "the /tmp of process {0} is a symbolic link, which is not followed from outside; run flinkmem inside its container"
    )]
    LinkedTmp(i32),
    /// The listener's socket belongs to somebody else.
    #[error("{0} does not belong to the process, so nothing was sent; remove it and try again")]
    ForeignSocket(PathBuf),
    /// The JVM did not open its socket.
    #[error(
        "process {pid} did not open its attach socket within {seconds} s: it may be stopped, in a long pause, or unable to write its /tmp; try again, and look for a thread dump on its stdout"
    )]
    NoListener {
        /// The process.
        pid: i32,
        /// How long was waited.
        seconds: u64,
    },
    /// The user could not be changed to that of the process.
    #[error("cannot act as the user of process {pid}: {source}")]
    Identity {
        /// The process.
        pid: i32,
        /// Why.
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("the JVM's attach listener did not answer: {0}; the JVM's stderr may say why")]
    Silent(io::Error),
    /// Longer than the protocol allows.
    #[error(
        "the library's path or the agent's options have {0} bytes, a JVM before 24 takes 1024; use a shorter path or fewer options"
    )]
    TooLong(usize),
    /// A path that is no UTF-8, which the protocol wants.
    #[error("the path {0} is no UTF-8 text; use another")]
    NotText(PathBuf),
    /// The JVM's own words.
    #[error("the JVM of process {pid} refused: {words}{}", advice(.words))]
    Refused {
        /// The process.
        pid: i32,
        /// Its words.
        words: String,
    },
    /// The agent's own refusal.
    #[error(
        "the agent cannot work in process {0}; the first line that begins with \"flinkmem:\" on its stderr says why"
    )]
    AgentRefused(i32),
}

/// The next step for words of the JVM's that are known.
fn advice(words: &str) -> &'static str {
    let known = [
        (
            "EnableDynamicAgentLoading",
            "; start the process with that option, or with -agentpath:…/libflinkmem.so",
        ),
        (
            "GLIBC_",
            "; the library was built for a newer C library than the process has",
        ),
        (
            "ld-musl",
            "; the library was built for another C library than the process has",
        ),
        (
            "failed to map segment",
            "; the file system may be mounted noexec: put the library elsewhere and give it with --agent",
        ),
        (
            "cannot open shared object file",
            "; the process cannot read the library: check its path inside the container and its permissions",
        ),
        (
            "ermission denied",
            "; the process cannot read the library: check its permissions",
        ),
    ];
    let found = known.iter().find(|(part, _)| words.contains(part));
    found.map_or("", |(_, advice)| advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jvms_words_come_with_the_next_step() {
        let error = AttachError::Refused {
            pid: 7,
            words: "Dynamic agent loading is not enabled. Use -XX:+EnableDynamicAgentLoading to launch target VM."
                .to_owned(),
        };
        assert!(
            error
                .to_string()
                .ends_with("with -agentpath:…/libflinkmem.so"),
            "{error}"
        );
    }
}
