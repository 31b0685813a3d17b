//! Options, exit status and bad inputs, with the built program.

use crate::synth::{Jvm, healthy, leak_to_the_limit};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn flinkmem<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(arguments)
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn diagnose(trace: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["diagnose", trace.to_str().unwrap()];
    arguments.extend(more);
    flinkmem(&arguments)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The exit status is 2, stdout is empty, and stderr says all of that.
fn check_refused(output: &Output, says: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty());
    for part in says {
        assert!(stderr.contains(part), "{part} is not in: {stderr}");
    }
}

#[test]
fn a_leak_exits_with_1_and_a_healthy_process_with_0() {
    let parent = tempfile::tempdir().unwrap();
    let leak = diagnose(&leak_to_the_limit().write(parent.path()), &[]);
    assert_eq!(leak.status.code(), Some(1));
    assert!(text(&leak.stdout).starts_with("CRITICAL  direct_leak"));
    assert!(leak.stderr.is_empty(), "{}", text(&leak.stderr));

    let parent = tempfile::tempdir().unwrap();
    let healthy = diagnose(&healthy().write(parent.path()), &[]);
    assert_eq!(healthy.status.code(), Some(0));
    assert!(healthy.stderr.is_empty());
}

#[test]
fn the_directory_above_or_a_file_of_the_trace_do_as_well() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let direct = diagnose(&trace, &[]).stdout;
    assert_eq!(diagnose(parent.path(), &[]).stdout, direct);
    assert_eq!(diagnose(&trace.join("facts.jsonl"), &[]).stdout, direct);
}

#[test]
fn json_of_one_process_is_one_document() {
    let parent = tempfile::tempdir().unwrap();
    let output = diagnose(
        &leak_to_the_limit().write(parent.path()),
        &["--format", "json"],
    );
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["subject"]["process"], "tm");
    assert_eq!(report["findings"][0]["label"], "direct_leak");
    assert_eq!(report["findings"][0]["consumer"]["kind"], "call_site");
    assert_eq!(report["findings"][0]["limit"]["name"], "direct");
}

#[test]
fn json_of_several_processes_is_one_document_a_line() {
    let parent = tempfile::tempdir().unwrap();
    healthy().with_pid(10).write(parent.path());
    leak_to_the_limit().with_pid(11).write(parent.path());
    let output = diagnose(parent.path(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let pids: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["subject"]["pid"].clone())
        .collect();
    assert_eq!(pids, [10, 11]);
}

#[test]
fn text_of_several_processes_begins_with_the_worst() {
    let parent = tempfile::tempdir().unwrap();
    healthy().with_pid(10).write(parent.path());
    leak_to_the_limit().with_pid(11).write(parent.path());
    let stdout = text(&diagnose(parent.path(), &[]).stdout);
    assert!(stdout.starts_with("CRITICAL"), "{stdout}");
    assert!(stdout.contains("Nothing found."));
}

#[test]
fn a_trace_that_cannot_be_read_among_others_is_named_and_left_out() {
    let parent = tempfile::tempdir().unwrap();
    healthy().write(parent.path());
    let broken = parent.path().join("flinkmem-broken-1-20260101T000000Z");
    std::fs::create_dir(&broken).unwrap();
    std::fs::write(broken.join("facts.jsonl"), "nothing\n").unwrap();
    let output = diagnose(parent.path(), &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("flinkmem-broken-1"));
    check_refused(&diagnose(&broken, &[]), &["no readable header"]);
}

#[test]
fn the_report_goes_to_a_file_when_asked() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let file = parent.path().join("report.txt");
    let output = diagnose(&trace, &["-o", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read(file).unwrap(), diagnose(&trace, &[]).stdout);
    let nowhere = parent.path().join("no/such/report.txt");
    check_refused(
        &diagnose(&trace, &["-o", nowhere.to_str().unwrap()]),
        &["cannot write", "report.txt"],
    );
}

#[test]
fn options_of_the_command_line_overrule_recorded_ones() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let option = "taskmanager.memory.task.off-heap.size=64m";
    let output = diagnose(
        &trace,
        &["--format", "json", "-D", option, "--flink-version", "2.3.0"],
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = report["budget"].as_array().unwrap();
    let task_off_heap = lines
        .iter()
        .find(|line| line["component"] == "task_off_heap")
        .unwrap();
    assert_eq!(task_off_heap["configured"], 64 << 20);
    assert_eq!(report["subject"]["flink_version"], "2.3.0");
}

#[test]
fn what_cannot_be_used_is_named_with_the_next_step() {
    let parent = tempfile::tempdir().unwrap();
    let trace = healthy().write(parent.path());
    let log = parent.path().join("taskmanager.log");
    std::fs::write(&log, "x").unwrap();
    let empty = tempfile::tempdir().unwrap();
    check_refused(
        &diagnose(&parent.path().join("missing"), &[]),
        &["missing", "check the path"],
    );
    check_refused(
        &diagnose(&log, &[]),
        &["taskmanager.log is not a trace", "logs"],
    );
    check_refused(
        &diagnose(empty.path(), &[]),
        &["holds no trace", "give a trace directory"],
    );
    check_refused(
        &diagnose(&trace, &["--conf", "/opt/flink/conf"]),
        &["--conf", "not supported yet", "-D"],
    );
    check_refused(
        &diagnose(&trace, &["--format", "html"]),
        &["html", "text or json"],
    );
    check_refused(&diagnose(&trace, &["--format", "pdf"]), &["pdf", "json"]);
    check_refused(&diagnose(&trace, &["-D", "novalue"]), &["KEY=VALUE"]);
    check_refused(&flinkmem(&["diagnose"]), &["INPUT"]);
    check_refused(&flinkmem(&["no-such-command"]), &["no-such-command"]);
}

#[test]
fn a_flink_option_for_a_plain_jvm_is_refused_not_ignored() {
    let parent = tempfile::tempdir().unwrap();
    let trace = Jvm::plain().write(parent.path());
    check_refused(
        &diagnose(&trace, &["-D", "a=b"]),
        &["without Flink", "leave them out"],
    );
}

#[test]
fn a_trace_of_another_format_says_which_program_reads_it() {
    let parent = tempfile::tempdir().unwrap();
    let trace = healthy().write(parent.path());
    for file in ["facts.jsonl", "samples-000000.jsonl"] {
        let lines = std::fs::read_to_string(trace.join(file)).unwrap();
        std::fs::write(
            trace.join(file),
            lines.replace("\"major\":1", "\"major\":9"),
        )
        .unwrap();
    }
    check_refused(
        &diagnose(&trace, &[]),
        &["9.0", "use a flinkmem of the agent's version"],
    );
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let mut child = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(["diagnose", trace.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn help_tells_examples_and_exit_status() {
    for arguments in [vec!["--help"], vec!["diagnose", "--help"]] {
        let output = flinkmem(&arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stderr.is_empty());
        insta::assert_snapshot!(
            format!("help {}", arguments.join(" ")),
            text(&output.stdout)
        );
    }
}
