//! The commands about the model, with the built program: exit status, inputs, what is printed.

use super::vectors::shared;
use crate::synth::healthy;
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn flinkmem(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

const ONE_GIB: &str = "taskmanager.memory.process.size=1g";

#[test]
fn accepted_refused_and_unusable_exit_with_0_1_and_2() {
    let accepted = flinkmem(&["model", "--flink-version", "1.20.5", "-D", ONE_GIB]);
    assert_eq!(accepted.status.code(), Some(0));
    let misspelt = "taskmanager.memory.process.size=1gib";
    let refused = flinkmem(&["model", "--flink-version", "1.20.5", "-D", misspelt]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stdout(&refused).contains("Memory size unit 'gib' does not match"));
    assert!(refused.stderr.is_empty());
    for unusable in [
        vec!["model", "--conf", "/nonexistent/conf"],
        vec!["model", "-D", "no-equals-sign"],
        vec!["model", "--log", "/dev/null"],
        vec!["model", "--pid", "1", "--env", "HOME=1"],
        vec!["plan", "-D", ONE_GIB],
        vec!["network", "-D", ONE_GIB],
        vec!["network", "--explain", "/dev/null"],
    ] {
        let output = flinkmem(&unusable);
        assert_eq!(output.status.code(), Some(2), "{unusable:?}");
        assert!(
            !output.stderr.is_empty() && output.stdout.is_empty(),
            "{unusable:?}"
        );
    }
}

#[test]
fn an_unknown_version_is_said_so_and_the_distributions_is_found() {
    let unknown = flinkmem(&["model", "-D", ONE_GIB]);
    assert_eq!(unknown.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("--flink-version"));

    let home = tempfile::tempdir().unwrap();
    for folder in ["conf", "lib"] {
        std::fs::create_dir(home.path().join(folder)).unwrap();
    }
    std::fs::write(
        home.path().join("conf/flink-conf.yaml"),
        "taskmanager.memory.process.size: 16g\n",
    )
    .unwrap();
    std::fs::write(home.path().join("lib/flink-dist_2.12-1.14.6.jar"), "").unwrap();
    let conf = home.path().join("conf");
    let found = flinkmem(&[
        "model",
        "--conf",
        conf.to_str().unwrap(),
        "--format",
        "json",
    ]);
    assert_eq!(json(&found)["version"], "1.14.6");
    assert_eq!(json(&found)["ok"]["network"], 1 << 30);
    assert!(found.stderr.is_empty());
}

#[test]
fn dynamic_options_win_over_the_file_and_each_value_knows_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("config.yaml"),
        "taskmanager:\n  memory:\n    process.size: 2g\n    managed.size: 100m\n",
    )
    .unwrap();
    let conf = folder.path().to_str().unwrap();
    let output = flinkmem(&[
        "model",
        "--conf",
        conf,
        "--flink-version",
        "2.3.0",
        "-D",
        ONE_GIB,
        "--format",
        "json",
    ]);
    let answer = json(&output);
    assert_eq!(answer["ok"]["total_process"], 1 << 30);
    assert_eq!(answer["ok"]["managed"], 100 << 20);
    let settings = &answer["flinkmem"]["settings"];
    assert_eq!(
        settings["taskmanager.memory.process.size"]["from"]["kind"],
        "dynamic"
    );
    assert_eq!(
        settings["taskmanager.memory.managed.size"]["from"]["line"],
        4
    );
}

#[test]
fn secrets_of_a_configuration_are_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let text = "taskmanager.memory.process.size: 2g\ns3.secret-key: hunter2\nsecurity.ssl.rest.key-password: hunter2\n";
    std::fs::write(folder.path().join("config.yaml"), text).unwrap();
    let conf = folder.path().to_str().unwrap();
    for format in ["json", "text"] {
        let output = flinkmem(&[
            "model",
            "--conf",
            conf,
            "--flink-version",
            "2.3.0",
            "--format",
            format,
        ]);
        assert_eq!(output.status.code(), Some(0));
        assert!(!stdout(&output).contains("hunter2"));
    }
}

#[test]
fn a_log_gives_version_process_and_budget() {
    for (path, process, heap) in [
        (
            "flink-log-samples/1.20.5/tm-start-ok.log",
            "tm",
            260_046_843,
        ),
        ("flink-log-samples/2.3.0/jm-start-ok.log", "jm", 444_596_224),
    ] {
        let log = shared(path);
        let answer = json(&flinkmem(&[
            "model",
            "--log",
            log.to_str().unwrap(),
            "--format",
            "json",
        ]));
        assert_eq!(answer["process"], process);
        assert_eq!(answer["ok"]["jvm_heap"], heap);
        assert_eq!(
            answer["flinkmem"]["disagreements"],
            Value::Array(Vec::new())
        );
    }
}

#[test]
fn a_trace_gives_the_budget_and_the_peaks() {
    let parent = tempfile::tempdir().unwrap();
    let trace = healthy().write(parent.path());
    let trace: &Path = &trace;
    let model = flinkmem(&[
        "model",
        "--trace",
        trace.to_str().unwrap(),
        "--format",
        "json",
    ]);
    assert_eq!(model.status.code(), Some(0), "{}", stdout(&model));
    let direct = json(&model)["ok"]["jvm_direct"].as_u64().unwrap();
    let plan = json(&flinkmem(&[
        "plan",
        "--trace",
        trace.to_str().unwrap(),
        "--format",
        "json",
    ]));
    let peak = plan["peaks"]["jvm_direct"].as_u64().unwrap();
    assert!(peak > 0 && peak <= direct);
    assert_eq!(plan["exceeded_before"], Value::Array(Vec::new()));
}

#[test]
fn a_batch_answers_every_line_in_order_whatever_is_in_it() {
    let lines = [
        r#"{"version":"1.20.5","process":"tm","conf":{"taskmanager.memory.process.size":"1024m"}}"#,
        "not JSON",
        "",
        r#"{"version":"1.20.5","process":"client","conf":{}}"#,
        r#"{"version":"2.3.0","process":"jm","conf":{}}"#,
    ];
    let mut child = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(["model", "--batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(lines.join("\n").as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let answers: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[0]["ok"]["task_heap"], 26_843_542);
    assert!(
        answers[1]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("expected")
    );
    assert!(
        answers[2]["error"]["message"]
            .as_str()
            .unwrap()
            .contains("not a process")
    );
    assert!(
        answers[3]["error"]["class"]
            .as_str()
            .unwrap()
            .ends_with("IllegalConfigurationException")
    );
}

#[test]
fn a_local_process_has_no_jvm_arguments() {
    let output = flinkmem(&[
        "model",
        "--process",
        "tm-local",
        "-D",
        ONE_GIB,
        "--format",
        "json",
    ]);
    let answer = json(&output);
    assert_eq!(answer["local"]["network"]["size"], 64 << 20);
    assert!(answer.get("ok").is_none());
}

#[test]
fn a_container_is_asked_for_in_whole_mebibytes_and_limited_by_its_factor() {
    let output = flinkmem(&[
        "model",
        "--process",
        "tm-container",
        "--flink-version",
        "1.20.5",
        "-D",
        "taskmanager.memory.process.size=1073741825b",
        "-D",
        "kubernetes.taskmanager.memory.limit-factor=1.5",
        "--format",
        "json",
    ]);
    let own = &json(&output)["flinkmem"];
    assert_eq!(own["container"]["request_mib"], 1024);
    assert_eq!(own["container"]["limit_mib"], 1536);
    let codes: Vec<&str> = own["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|warning| warning["code"].as_str())
        .collect();
    assert!(codes.contains(&"container_rounded_down"), "{codes:?}");
}

#[test]
fn too_few_buffers_and_an_explained_line_exit_with_1() {
    for (exchange, exit) in [("2000x2000", 1), ("4x4", 0)] {
        let arguments = ["network", "-D", ONE_GIB, "--exchange", exchange];
        let counted = flinkmem(&[&arguments[..], &["--flink-version", "1.20.5"]].concat());
        assert_eq!(counted.status.code(), Some(exit), "{exchange}");
    }
    let log = shared("flink-log-samples/2.3.0/tm-insufficient-network-buffers.log");
    let explained = json(&flinkmem(&[
        "network",
        "--explain",
        log.to_str().unwrap(),
        "--format",
        "json",
    ]));
    let shortage = &explained["shortages"][0];
    assert_eq!(
        (
            &shortage["required"],
            &shortage["available"],
            &shortage["total"]
        ),
        (&5.into(), &2.into(), &64.into())
    );
}
