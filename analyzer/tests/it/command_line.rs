//! Options, exit status and bad inputs, with the built program.

use crate::synth::{Jvm, burst_in_a_restart_loop, healthy, leak_to_the_limit};
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

/// The report as JSON of a burst that did not fit, diagnosed with more arguments.
fn burst_with(more: &[&str]) -> Value {
    let parent = tempfile::tempdir().unwrap();
    let trace = burst_in_a_restart_loop().write(parent.path());
    let arguments = [&["--format", "json"], more].concat();
    let output = diagnose(&trace, &arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_configuration_file_is_what_the_remedy_changes() {
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("config.yaml");
    let with_file = |content: &str| {
        std::fs::write(&conf, content).unwrap();
        burst_with(&["--conf", conf.to_str().unwrap()])
    };
    let same = with_file("taskmanager.memory.process.size: 1200m\n");
    assert_eq!(same["disagreements"], Value::Null);
    let remedy = &same["findings"][0]["remedy"];
    assert_eq!(remedy["assumes"], Value::Null, "nothing is guessed");
    assert_eq!(
        remedy["config"]["taskmanager.memory.task.off-heap.size"],
        "160m"
    );

    // The same pools, but the parts are fixed: then nothing else grows, and the total is a sum.
    let parts = with_file(
        "taskmanager.memory:\n  task.heap.size: 125829115b\n  managed.size: 315411665b\n  network.min: 78852916b\n  network.max: 78852916b\n",
    );
    assert_eq!(parts["disagreements"], Value::Null);
    let remedy = &parts["findings"][0]["remedy"];
    let config = remedy["config"].as_object().unwrap();
    assert_eq!(config.len(), 1, "{config:?}");
    let total = |which: &str| remedy[which]["total_process"].as_u64().unwrap();
    assert_eq!(total("after") - total("before"), 160 << 20);
}

#[test]
fn a_configuration_that_would_have_held_is_told_so() {
    let more = [
        "-D",
        "taskmanager.memory.task.off-heap.size=512m",
        "-D",
        "taskmanager.memory.task.heap.size=64m",
    ];
    let report = burst_with(&more);
    let remedy = &report["findings"][0]["remedy"];
    assert_eq!(remedy["config"], Value::Null);
    let text = remedy["text"].as_str().unwrap();
    assert!(text.contains("does so already"), "{text}");
    let differing: Vec<&str> = report["disagreements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["pool"].as_str().unwrap())
        .collect();
    assert_eq!(
        differing,
        ["task_heap", "task_off_heap", "jvm_heap", "jvm_direct"]
    );
}

#[test]
fn a_difference_from_the_recorded_options_is_a_line_of_the_text() {
    let parent = tempfile::tempdir().unwrap();
    let trace = healthy().write(parent.path());
    let option = "taskmanager.memory.task.off-heap.size=64m";
    let output = diagnose(&trace, &["-D", option]);
    let text = text(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("Differs"));
    assert_eq!(
        line,
        Some("Differs  task_off_heap is 64.0 MiB as given, was 0 B at the start")
    );
}

#[test]
fn what_cannot_be_used_is_named_with_the_next_step() {
    let parent = tempfile::tempdir().unwrap();
    let trace = healthy().write(parent.path());
    let binary = parent.path().join("heap.hprof");
    std::fs::write(&binary, b"JAVA PROFILE 1.0.2\0").unwrap();
    let empty = tempfile::tempdir().unwrap();
    check_refused(
        &diagnose(&parent.path().join("missing"), &[]),
        &["missing", "check the path"],
    );
    check_refused(
        &diagnose(&binary, &[]),
        &["heap.hprof holds no text", "logs"],
    );
    check_refused(
        &diagnose(empty.path(), &[]),
        &["holds no trace", "give a trace directory"],
    );
    check_refused(
        &diagnose(&trace, &["--conf", "/no/such/conf"]),
        &["cannot read /no/such/conf", "No such file"],
    );
    let too_small = ["-D", "taskmanager.memory.process.size=300m"];
    check_refused(
        &diagnose(&trace, &too_small),
        &[
            "Flink would refuse",
            "Total Process Memory",
            "flinkmem model",
        ],
    );
    check_refused(
        &diagnose(&trace, &["--format", "html"]),
        &["html", "text or json"],
    );
    check_refused(&diagnose(&trace, &["--format", "pdf"]), &["pdf", "json"]);
    check_refused(
        &diagnose(&trace, &["-D", "novalue"]),
        &["`novalue` is not an option", "key=value"],
    );
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

#[test]
fn a_label_is_explained_and_an_unknown_one_refused_with_the_nearest() {
    let explained = flinkmem(&["explain", "direct-leak"]);
    assert_eq!(explained.status.code(), Some(0));
    let page = text(&explained.stdout);
    assert!(page.starts_with("direct_leak\n\nWHAT IT IS\n"), "{page}");
    let list = text(&flinkmem(&["explain"]).stdout);
    assert!(list.contains("direct_leak") && list.contains("not_memory"));
    check_refused(
        &flinkmem(&["explain", "direct_leek"]),
        &["direct_leek", "nearest: direct_leak"],
    );
}

#[test]
fn processes_are_sized_and_a_leak_is_not() {
    let parent = tempfile::tempdir().unwrap();
    healthy().with_pid(10).write(parent.path());
    healthy().with_pid(11).write(parent.path());
    let traces = parent.path().to_str().unwrap();
    let sized = flinkmem(&["size", traces, "--headroom", "50%", "--format", "json"]);
    assert_eq!(sized.status.code(), Some(0), "{}", text(&sized.stderr));
    let json: Value = serde_json::from_slice(&sized.stdout).unwrap();
    assert_eq!(
        (&json["process"], &json["headroom"]),
        (&"tm".into(), &0.5.into())
    );
    assert_eq!(json["processes"].as_array().unwrap().len(), 2);
    assert!(json["config"]["taskmanager.memory.process.size"].is_string());
    // 50 MiB of metaspace and a half more are below the least size.
    assert_eq!(json["after"]["jvm_metaspace"], 128 << 20);

    leak_to_the_limit().with_pid(12).write(parent.path());
    let leaking = flinkmem(&["size", traces]);
    assert_eq!(leaking.status.code(), Some(1));
    let output = text(&leaking.stdout);
    assert!(output.contains("task_off_heap is not sized"), "{output}");
    let output = output.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        output.contains("direct_leak was found in tm-0.example pid 12"),
        "{output}"
    );

    check_refused(&flinkmem(&["size", traces, "--headroom", "25"]), &["25%"]);
    let plain = tempfile::tempdir().unwrap();
    Jvm::plain().write(plain.path());
    check_refused(
        &flinkmem(&["size", plain.path().to_str().unwrap()]),
        &["no process of Flink"],
    );
}
