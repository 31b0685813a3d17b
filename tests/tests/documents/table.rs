//! What is to be known about the commands in the documents before they can be run here.

/// Commands that are not run, by their beginning, and why.
pub(super) const NOT_RUN: &[(&str, &str)] = &[
    (
        "target/release/",
        "cargo's output, which has another place here",
    ),
    ("install -d ", "changes the machine"),
    ("docker ", "needs a container runtime"),
    ("sha256sum ", "packages are tried by tests of their own"),
    ("tar ", "packages are tried by tests of their own"),
    ("cd ", "packages are tried by tests of their own"),
    ("./flinkmem ", "packages are tried by tests of their own"),
    ("kubectl ", "needs a Kubernetes cluster"),
    ("yarn ", "needs a YARN cluster"),
    (
        "curl ",
        "tests/tests/serve.rs asks the same of a real server",
    ),
    (
        "promtool ",
        "tests/tests/serve.rs runs it where Prometheus is",
    ),
    (
        "export ",
        "sets a variable of the shell for the next command",
    ),
    (
        "flinkmem watch --exec",
        "calls what only the reader has; analyzer/tests/it/watch.rs runs programs of its own",
    ),
    (
        "flinkmem watch --format json /traces | jq",
        "goes on for ever behind a pipe; analyzer/tests/it/watch.rs reads the same lines",
    ),
    ("cargo ", "scripts/test builds before this test runs"),
    (
        "./scripts/",
        "they are run by themselves; scripts/test runs this test",
    ),
    (
        "jq ",
        "jq is the reader's own tool; trace/tests and tests/ read the same fields",
    ),
    (
        "zstdcat ",
        "zstdcat is the reader's own tool; trace/tests and tests/ read the same fields",
    ),
];

/// Commands of `flinkmem` that this build does not have yet, by what tells them. Once it has one, the test asks to take it out here.
pub(super) const NOT_YET: &[&str] = &[];

/// The same for options: the command that must accept it, and the option as it is typed.
pub(super) const OPTIONS_NOT_YET: &[(&str, &str)] = &[];

/// Commands that go on until they are told to end. They are told so once they have printed what the page shows.
pub(super) const GO_ON: &[&str] = &["watch", "serve"];

/// Pages whose commands need nothing but the program: what they show is exactly what it prints.
pub(super) const EXACT: &[&str] = &["docs/memory-model.md"];

/// Pages that show what was printed for other processes than the one that plays here, and which ones: only the status counts.
pub(super) const OF_OTHERS: &[(&str, &str)] = &[
    (
        "docs/labels/",
        "each shows a report of the lab, of the scenario that it names; scripts/lab plays and judges it",
    ),
    (
        "docs/watch.md",
        "the story of a JVM that leaks; tests/tests/watch.rs plays it",
    ),
];

/// Lines that differ from run to run in more than their figures, by their beginning: whoever holds more comes first.
pub(super) const VARIES: &[&str] = &[
    "  java_heap",
    "  user_off_heap",
    "  flink_network_segments",
    "  metaspace ",
    "  malloc_",
    "  mapped_",
    "  netty_",
    "  13 others",
    "Outcome ",
];
