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
        .env_remove("CLICOLOR_FORCE")
        .env("LC_ALL", "C.UTF-8")
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
    let mut lines = stdout.lines();
    assert_eq!(lines.next(), Some("2 processes: 1 critical, 1 healthy"));
    let rows: Vec<&str> = lines.skip(1).take(2).collect();
    assert!(
        rows[0].contains("CRITICAL  direct_leak") && rows[0].ends_with("pid 11"),
        "{stdout}"
    );
    assert!(
        rows[1].contains("healthy") && rows[1].ends_with("pid 10"),
        "{stdout}"
    );
    let screens: Vec<&str> = stdout
        .lines()
        .filter(|line| line.starts_with("──"))
        .collect();
    assert_eq!(
        screens.len(),
        1,
        "a line is enough for a healthy process: {stdout}"
    );
    let all = text(&diagnose(parent.path(), &["--verbose"]).stdout);
    assert!(all.contains("Nothing found."), "{all}");
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
        &["heap.hprof is a heap dump", "give the trace or the log"],
    );
    check_refused(
        &diagnose(empty.path(), &[]),
        &["is empty", "flinkmem doctor --dir"],
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
    for arguments in [
        vec!["--help"],
        vec!["diagnose", "--help"],
        vec!["doctor", "--help"],
        vec!["top", "--help"],
        vec!["serve", "--help"],
    ] {
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

#[test]
fn a_second_finding_is_named_on_the_first_screen_and_told_below() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let console = parent.path().join("taskmanager.out");
    let line = "2026-01-01 00:02:00,000 java.lang.OutOfMemoryError: Metaspace\n";
    std::fs::write(&console, line).unwrap();
    let console = console.to_str().unwrap();
    let screen = text(&diagnose(&trace, &[console]).stdout);
    let line_of = |text: &str, begin: &str| text.lines().position(|line| line.starts_with(begin));
    let also = screen
        .lines()
        .find(|line| line.starts_with("Also: "))
        .unwrap();
    assert!(
        also.contains("CRITICAL classloader_leak")
            || also.contains("CRITICAL metaspace_undersized"),
        "{also}"
    );
    assert!(
        line_of(&screen, "Also: ") < line_of(&screen, "Why"),
        "{screen}"
    );
    assert!(
        line_of(&screen, "Also found") > line_of(&screen, "Budget"),
        "{screen}"
    );
    assert_eq!(screen.matches("What to do").count(), 1, "{screen}");
    let all = text(&diagnose(&trace, &[console, "--verbose"]).stdout);
    assert_eq!(all.matches("What to do").count(), 2, "{all}");
}

#[test]
fn quiet_is_a_line_for_each_process_with_findings() {
    let parent = tempfile::tempdir().unwrap();
    healthy().with_pid(10).write(parent.path());
    leak_to_the_limit().with_pid(11).write(parent.path());
    let output = diagnose(parent.path(), &["--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    let stdout = text(&output.stdout);
    let fields: Vec<&str> = stdout.trim_end().split('\t').collect();
    let [severity, label, confidence, consumer, process] = fields[..] else {
        panic!("five fields in one line: {stdout}");
    };
    assert_eq!((severity, label), ("CRITICAL", "direct_leak"));
    assert!(
        confidence
            .parse::<f64>()
            .is_ok_and(|sure| (0.5..=1.0).contains(&sure))
    );
    assert_eq!(consumer, "com.acme.Enricher.open");
    assert_eq!(process, "TaskManager tm-0.example pid 11");

    let healthy_alone = tempfile::tempdir().unwrap();
    healthy().write(healthy_alone.path());
    let output = diagnose(healthy_alone.path(), &["-q"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0));
}

#[test]
fn lives_of_one_pod_are_one_row_and_one_screen() {
    let parent = tempfile::tempdir().unwrap();
    for life in 0..12_i64 {
        let jvm = leak_to_the_limit().with_pid(1).later(life * 3_600_000);
        let directory = jvm.write(parent.path());
        let own = parent.path().join(format!(
            "flinkmem-tm-0.example-1-202602{:02}T000000Z",
            life + 1
        ));
        std::fs::rename(directory, own).unwrap();
    }
    let stdout = text(&diagnose(parent.path(), &[]).stdout);
    assert!(stdout.starts_with("12 processes: 12 critical"), "{stdout}");
    assert!(stdout.contains("pid 1, 12 lives"), "{stdout}");
    assert!(stdout.contains("12 lives one after the other"), "{stdout}");
    assert_eq!(stdout.matches("What to do").count(), 1, "{stdout}");
    let each = text(&diagnose(parent.path(), &["--verbose"]).stdout);
    assert_eq!(each.matches("What to do").count(), 12);
    let json = text(&diagnose(parent.path(), &["--format", "json"]).stdout);
    assert_eq!(json.lines().count(), 12);
}

#[test]
fn processes_with_the_same_verdict_share_a_screen() {
    let parent = tempfile::tempdir().unwrap();
    for pid in 1..=5 {
        leak_to_the_limit().with_pid(pid).write(parent.path());
    }
    let stdout = text(&diagnose(parent.path(), &[]).stdout);
    assert!(stdout.starts_with("5 processes: 5 critical"), "{stdout}");
    assert_eq!(stdout.matches("  1  CRITICAL").count(), 5, "{stdout}");
    assert_eq!(stdout.matches("What to do").count(), 1, "{stdout}");
}

#[test]
fn colours_are_for_terminals_unless_they_are_asked_for() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let plain = text(&diagnose(&trace, &[]).stdout);
    assert!(!plain.contains('\u{1b}'));
    let painted = text(&diagnose(&trace, &["--color", "always"]).stdout);
    assert!(painted.starts_with("\u{1b}["), "{painted}");
    assert_eq!(anstream::adapter::strip_str(&painted).to_string(), plain);
    let file = parent.path().join("report.txt");
    diagnose(&trace, &["-o", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(file).unwrap(), plain);

    let forced = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flinkmem"));
        command.arg("diagnose").arg(&trace).args(arguments);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.envs(variables.iter().copied());
        text(&command.output().unwrap().stdout).contains('\u{1b}')
    };
    assert!(forced(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!forced(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!forced(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
}

#[test]
fn a_locale_without_utf_8_gets_ascii() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let output = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .arg("diagnose")
        .arg(&trace)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    assert!(output.stdout.is_ascii(), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("##########"));
}

#[test]
fn lines_are_read_from_stdin() {
    let line = "java.lang.OutOfMemoryError: Direct buffer memory\n";
    let read = |bytes: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
            .args(["diagnose", "-", "--format", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // In pieces, as a pipe may give them.
        for piece in bytes.chunks(7) {
            std::io::Write::write_all(&mut stdin, piece).unwrap();
        }
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let told = read(line.as_bytes());
    assert_eq!(told.status.code(), Some(1), "{}", text(&told.stderr));
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(report["findings"][0]["limit"]["name"], "direct");
    assert_eq!(report["subject"]["files"][0]["path"], "stdin");
    check_refused(&read(b"JAVA PROFILE 1.0.2\0\0"), &["stdin is a heap dump"]);
}

#[test]
fn an_archive_is_read_as_what_is_in_it() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(&parent.path().join("pods"));
    let archive = parent.path().join("traces.tar.gz");
    let packed = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(parent.path())
        .arg("pods")
        .status()
        .unwrap();
    assert!(packed.success());
    let json = |path: &Path| -> Value {
        serde_json::from_slice(&diagnose(path, &["--format", "json"]).stdout).unwrap()
    };
    let (mut plain, mut unpacked) = (json(&trace), json(&archive));
    let name = trace.file_name().unwrap().to_str().unwrap();
    let shown = archive.join("pods").join(name).display().to_string();
    assert_eq!(unpacked["subject"]["trace"], shown);
    for report in [&mut plain, &mut unpacked] {
        report["subject"]["trace"] = Value::Null;
        // Of a trace that was just written, its age.
        report["outcome"] = Value::Null;
    }
    assert_eq!(plain, unpacked);
    assert_eq!(
        json(parent.path())["subject"]["pid"],
        plain["subject"]["pid"],
        "a folder of folders"
    );

    std::fs::write(&archive, &std::fs::read(&archive).unwrap()[..600]).unwrap();
    check_refused(&diagnose(&archive, &[]), &["cannot unpack", "tar -xf"]);
}

/// What a terminal of so many columns would show, with its escape sequences.
fn on_a_terminal(columns: u16, trace: &Path) -> String {
    let program = env!("CARGO_BIN_EXE_flinkmem");
    let command = format!(
        "stty cols {columns} rows 24; {program} diagnose {}",
        trace.display()
    );
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn on_a_terminal_there_are_colours_and_lines_of_its_width() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    for (columns, widest) in [(60, 60), (72, 72), (200, 80)] {
        let shown = on_a_terminal(columns, &trace);
        assert!(shown.contains("\u{1b}[1m\u{1b}[31mCRITICAL"), "{shown}");
        let plain = anstream::adapter::strip_str(&shown).to_string();
        let width = plain
            .lines()
            .map(|line| line.trim_end().chars().count())
            .max();
        assert!(
            width <= Some(widest),
            "{width:?} columns of {columns}: {plain}"
        );
    }
}

#[test]
fn a_trace_of_somebody_else_is_named_with_its_owner() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65_534;
    let parent = tempfile::tempdir().unwrap();
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(parent.path(), everybody).unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    // Where this was built, somebody else may not look.
    let program = parent.path().join("flinkmem");
    std::fs::copy(env!("CARGO_BIN_EXE_flinkmem"), &program).unwrap();
    let own = parent.path().metadata().unwrap().uid();
    let diagnose = || {
        let mut command = Command::new(&program);
        // Nothing is forbidden to root.
        if own == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.arg("diagnose").arg(&trace).output().unwrap()
    };
    let says = format!("It belongs to uid {own}, and this is uid");
    for forbidden in [trace.join("facts.jsonl"), trace.clone()] {
        let nobody = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(&forbidden, nobody).unwrap();
        if forbidden != trace {
            std::fs::set_permissions(
                trace.join("samples-000000.jsonl"),
                std::fs::Permissions::from_mode(0o000),
            )
            .unwrap();
        }
        check_refused(&diagnose(), &["permission denied", &says, "as root"]);
    }
    std::fs::set_permissions(&trace, std::fs::Permissions::from_mode(0o755)).unwrap();
}
