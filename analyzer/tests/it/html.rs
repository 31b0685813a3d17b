//! `diagnose --format html`: what is in the file. How it behaves in a browser is for the end-to-end tests.

use crate::synth::{Jvm, burst_in_a_restart_loop, healthy, leak_to_the_limit};
use std::path::Path;
use std::process::{Command, Output};

fn diagnose(traces: &[&Path], more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(["diagnose", "--format", "html"])
        .args(more)
        .args(traces)
        .output()
        .unwrap()
}

fn page(traces: &[&Path], more: &[&str]) -> String {
    let output = diagnose(traces, more);
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The text of the markup: elements, styles, scripts and data left out, escapes undone.
fn text(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let end = ["script", "style"]
            .into_iter()
            .find(|element| after.starts_with(element))
            .map_or(">".to_owned(), |element| format!("</{element}>"));
        rest = after.split_once(&end).map_or("", |(_, rest)| rest);
    }
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&amp;", "&"),
    ];
    plain
        .iter()
        .fold(text, |text, (escape, plain)| text.replace(escape, plain))
}

#[test]
fn the_text_without_scripts_says_what_the_text_report_says() {
    let parent = tempfile::tempdir().unwrap();
    let trace = burst_in_a_restart_loop().write(parent.path());
    let page = text(&page(&[&trace], &[]));
    let json = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(["diagnose", "--format", "json"])
        .arg(&trace)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let finding = &report["findings"][0];
    let mut expected = vec![
        finding["label"].as_str().unwrap().to_owned(),
        finding["remedy"]["text"].as_str().unwrap().to_owned(),
        report["outcome"]["detail"].as_str().unwrap().to_owned(),
    ];
    for fact in finding["evidence"].as_array().unwrap() {
        expected.push(fact["text"].as_str().unwrap().to_owned());
    }
    for (key, value) in finding["remedy"]["config"].as_object().unwrap() {
        expected.push(format!("{key}: {}\n", value.as_str().unwrap()));
    }
    for line in report["budget"].as_array().unwrap() {
        expected.push(line["component"].as_str().unwrap().to_owned());
    }
    for rule in report["checked"].as_array().unwrap() {
        expected.push(rule["label"].as_str().unwrap().to_owned());
    }
    for part in expected {
        assert!(page.contains(&part), "{part} is missing in:\n{page}");
    }
}

#[test]
fn a_file_is_written_and_the_exit_status_is_that_of_the_other_forms() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let file = parent.path().join("report.html");
    let output = diagnose(&[&trace], &["-o", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("<!DOCTYPE html>") && written.ends_with("</html>"));

    let parent = tempfile::tempdir().unwrap();
    let trace = healthy().write(parent.path());
    let output = diagnose(&[&trace], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&String::from_utf8(output.stdout).unwrap()).contains("Nothing found."));
}

#[test]
fn several_processes_are_in_one_file_that_lists_them() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let sound = healthy().write(first.path());
    let leaking = leak_to_the_limit().write(second.path());
    let page = page(&[&sound, &leaking], &[]);
    assert_eq!(page.matches("<article").count(), 2);
    assert_eq!(page.matches("</html>").count(), 1);
    let list = page.split_once("<nav").unwrap().1;
    let list = list.split_once("</nav>").unwrap().0;
    let (leak, nothing) = (list.find("leaks direct memory"), list.find("Nothing found"));
    assert!(leak.unwrap() < nothing.unwrap(), "the worst first: {list}");
}

#[test]
fn sliders_begin_with_the_configuration_that_was_given_and_hold_nothing_else_of_it() {
    let parent = tempfile::tempdir().unwrap();
    let trace = leak_to_the_limit().write(parent.path());
    let conf = parent.path().join("config.yaml");
    let settings = "taskmanager.memory.process.size: 1024m\ns3.secret-key: do-not-tell\n";
    std::fs::write(&conf, settings).unwrap();
    let page = page(&[&trace], &["--conf", conf.to_str().unwrap()]);
    assert!(page.contains("\"settings\":{\"taskmanager.memory.process.size\":\"1024m\"}"));
    assert!(page.contains("It begins with the configuration that was given."));
    assert!(!page.contains("do-not-tell") && !page.contains("s3.secret-key"));
}

#[test]
fn a_jvm_without_flink_has_a_page_without_sliders() {
    let parent = tempfile::tempdir().unwrap();
    let trace = Jvm::plain().write(parent.path());
    let page = page(&[&trace], &[]);
    assert!(page.contains("id=\"p1-facts-h\""));
    assert!(!page.contains("id=\"p1-what-if-h\""));
}

#[test]
fn lines_alone_have_a_page_too() {
    let parent = tempfile::tempdir().unwrap();
    let log = parent.path().join("taskmanager.log");
    let line = "2026-01-01 10:00:00,000 ERROR org.apache.flink.runtime.taskmanager.Task [] - java.lang.OutOfMemoryError: Metaspace\n";
    std::fs::write(&log, line).unwrap();
    let page = page(&[&log], &[]);
    assert!(text(&page).contains("taskmanager.log"));
    assert!(page.contains("id=\"p1-verdict-h\""));
    assert!(!page.contains("id=\"p1-timeline-h\""), "nothing to draw");
}
