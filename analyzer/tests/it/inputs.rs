//! Files of lines as inputs: told by content, put to the right process, on one timeline; no bytes make the program panic.

use crate::synth::{LIMIT, burst_in_a_restart_loop, healthy};
use flate2::write::GzEncoder;
use flinkmem_analyzer::case::{Case, OutcomeKind, Surroundings, gather};
use flinkmem_analyzer::finding::Label;
use flinkmem_analyzer::input::{inputs, read_file};
use flinkmem_analyzer::lines::LineReader;
use flinkmem_analyzer::report::{Report, to_text};
use proptest::prelude::*;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Files by name and content, beside each other.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = files.iter().map(|(name, content)| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    });
    let paths = paths.collect();
    (folder, paths)
}

fn cases(traces: Vec<Case>, files: &[PathBuf]) -> Vec<Case> {
    gather(
        traces,
        files.iter().map(|file| read_file(file).unwrap()).collect(),
    )
}

fn report(case: &Case) -> Report {
    Report::of(case, &Surroundings::default())
}

/// The report of files of one process.
fn of_files(files: &[(&str, &str)]) -> Report {
    let (_folder, paths) = folder(files);
    let cases = cases(Vec::new(), &paths);
    assert_eq!(cases.len(), 1);
    report(&cases[0])
}

fn verdict(report: &Report) -> (Label, &'static str) {
    let first = report.findings.first().expect("a finding");
    (first.label, first.limit.name)
}

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: job-taskmanager-1-1}
spec:
  containers:
  - name: flink-main-container
    resources: {limits: {memory: 1Gi}}
status:
  containerStatuses:
  - name: flink-main-container
    lastState:
      terminated: {exitCode: 137, reason: OOMKilled, finishedAt: \"2026-01-01T00:00:10Z\"}
";

/// The head of a log as Flink 1.20 writes it, of a process of this size in a table without the parts.
fn head(process_bytes: u64) -> String {
    format!(
        "2026-01-01 00:00:00,000 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner      [] -  Preconfiguration: \n\
         RESOURCE_PARAMS extraction logs:\n\
         jvm_params: -Xmx260046843 -Xms260046843 -XX:MaxDirectMemorySize={LIMIT} -XX:MaxMetaspaceSize=268435456\n\
         dynamic_configs: -D taskmanager.memory.network.min=78852916b -D taskmanager.memory.network.max=78852916b -D taskmanager.memory.task.off-heap.size=0b \
         -D taskmanager.memory.jvm-metaspace.size=268435456b -D taskmanager.memory.jvm-overhead.min=201326592b -D taskmanager.memory.jvm-overhead.max=201326592b \
         -D taskmanager.memory.framework.off-heap.size=134217728b -D taskmanager.memory.framework.heap.size=134217728b -D taskmanager.memory.managed.size=315411665b \
         -D taskmanager.memory.task.heap.size=125829115b\n\
         logs: INFO  [] - Final TaskExecutor Memory configuration:\n\
         INFO  [] -   Total Process Memory:          1.172gb ({process_bytes} bytes)\n\n\
         2026-01-01 00:00:00,100 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner      [] -  Starting TaskManager (Version: 1.20.5, Scala: 2.12)\n\
         2026-01-01 00:00:00,100 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner      [] -  JVM Options:\n\
         2026-01-01 00:00:00,100 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner      [] -     -Xmx260046843\n\
         2026-01-01 00:00:00,100 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner      [] -     -XX:MaxDirectMemorySize={LIMIT}\n\
         2026-01-01 00:00:00,100 INFO  org.apache.flink.runtime.taskexecutor.TaskManagerRunner      [] -     -XX:MaxMetaspaceSize=268435456\n"
    )
}

#[test]
fn a_pod_smaller_than_its_process_is_told_by_log_and_status_together() {
    let report = of_files(&[("taskmanager.log", &head(1_258_291_200)), ("pod.yaml", POD)]);
    assert_eq!(
        verdict(&report),
        (Label::ContainerLimitBelowBudget, "container")
    );
    assert_eq!(report.outcome.kind, OutcomeKind::Killed);
    assert_eq!(report.findings[0].limit.bytes, Some(1 << 30));
    assert_eq!(report.subject.flink_version.as_deref(), Some("1.20.5"));
}

#[test]
fn a_remedy_is_derived_from_the_budget_in_the_logs_head() {
    let line = "2026-01-01 00:00:09,000 WARN  org.apache.flink.runtime.taskmanager.Task [] - Map switched from DEPLOYING to FAILED with failure cause:\n\
        java.io.IOException: Insufficient number of network buffers: required 100, but only 2 available. The total number of network buffers is currently set to 2406 of 32768 bytes each.\n";
    let log = head(1_258_291_200) + line;
    let report = of_files(&[("taskmanager.log", &log)]);
    assert_eq!(
        verdict(&report),
        (Label::NetworkBuffersInsufficient, "network_buffers")
    );
    let remedy = &report.findings[0].remedy;
    let network =
        |pools: &Option<flinkmem_analyzer::budget::Pools>| pools.unwrap().network.unwrap();
    assert_eq!(network(&remedy.before), 78_852_916);
    assert!(network(&remedy.after) >= 2504 * 32_768, "{remedy:?}");
    assert!(!remedy.config.is_empty());
}

#[test]
fn rotated_and_packed_parts_and_standard_output_are_one_process() {
    let (folder, mut paths) = folder(&[
        (
            "flink-tm-0.log",
            "2026-01-01 00:00:00,000 INFO  org.apache.flink.runtime.taskmanager.Task [] - x\n",
        ),
        (
            "flink-tm-0.out",
            "Terminating due to java.lang.OutOfMemoryError: Java heap space\n",
        ),
    ]);
    let packed = folder.path().join("flink-tm-0.log.1.gz");
    let mut gzip = GzEncoder::new(
        std::fs::File::create(&packed).unwrap(),
        flate2::Compression::fast(),
    );
    gzip.write_all(b"2025-12-31 00:00:00,000 ERROR org.apache.flink.runtime.taskmanager.Task [] - java.lang.OutOfMemoryError: Java heap space\n").unwrap();
    gzip.finish().unwrap();
    paths.push(packed);
    let cases = cases(Vec::new(), &paths);
    assert_eq!(cases.len(), 1);
    let report = report(&cases[0]);
    assert_eq!(verdict(&report), (Label::HeapUndersized, "heap"));
    assert_eq!(report.outcome.kind, OutcomeKind::JavaOom);
    assert_eq!(inputs(&[folder.path().to_owned()]).unwrap().files.len(), 3);
}

#[test]
fn lost_heartbeats_are_a_consequence_of_the_kill_behind_them() {
    let log = "2026-01-01 00:00:00,000 INFO  org.apache.flink.runtime.jobmaster.JobMaster [] - Heartbeat of TaskManager with id tm-1 timed out.\n\
        2026-01-01 00:00:01,000 WARN  org.apache.flink.runtime.resourcemanager.active.ActiveResourceManager [] - Worker tm-1 is terminated. Diagnostics: Pod terminated, \
        container termination statuses: [flink-main-container(exitCode=137, reason=OOMKilled, message=null)], pod status: Failed(reason=null, message=null)\n";
    let report = of_files(&[("jobmanager.log", log)]);
    assert_eq!(
        verdict(&report),
        (Label::NativeGrowthUnattributed, "container")
    );
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert!(!report.collect.is_empty());
}

#[test]
fn long_pauses_before_the_loss_prove_why_heartbeats_stayed_away() {
    let pause = |second: u32| {
        format!(
            "[2026-01-01T00:00:{second:02}.000+0000][1.0s][info][gc] GC(1) Pause Full (Allocation Failure) 245M->200M(247M) 9000.0ms\n"
        )
    };
    let gc: String = [5, 15, 25, 35].map(pause).concat();
    let log = "2026-01-01 00:00:40,000 INFO  org.apache.flink.runtime.taskexecutor.TaskExecutor [] - The heartbeat of JobManager with id a timed out.\n";
    let report = of_files(&[("taskmanager.log", log), ("gc.txt", &gc)]);
    let first = &report.findings[0];
    assert_eq!(verdict(&report), (Label::GcPauseHeartbeat, "heartbeat"));
    assert!(first.confidence > 0.8 && first.alternatives.is_empty());
}

#[test]
fn a_task_s_error_in_a_job_manager_s_log_is_not_the_job_manager_s() {
    let own = "2026-01-01 00:00:00,000 ERROR org.apache.flink.runtime.jobmaster.JobMaster [] - failed\njava.lang.OutOfMemoryError: Java heap space\n\
        \tat org.apache.flink.runtime.source.coordinator.SourceCoordinator.checkpoint(SourceCoordinator.java:1)\n";
    let of_a_task = own.replace(
        "source.coordinator.SourceCoordinator.checkpoint",
        "taskmanager.Task.run",
    );
    assert_eq!(
        verdict(&of_files(&[("jobmanager.log", own)])),
        (Label::JmHeapMetadata, "heap")
    );
    assert_eq!(
        verdict(&of_files(&[("jobmanager.log", &of_a_task)])),
        (Label::HeapUndersized, "heap")
    );
}

#[test]
fn other_programs_and_policies_have_labels_of_their_own() {
    let operator = "Containers:\n  manager:\n    Last State:     Terminated\n      Reason:       OOMKilled\n      Exit Code:    137\n    Limits:\n      memory:  30Mi\n";
    let policy = "[0.1s][warning][os,thread] Failed to start thread - pthread_create failed (EPERM) for attributes: stacksize: 1024k\n# There is insufficient memory for the Java Runtime Environment to continue.\n";
    let console = "2026-01-01 00:00:00,000 ERROR com.acme.Console - java.lang.OutOfMemoryError: Java heap space\n".repeat(30);
    for (text, expected) in [
        (operator, (Label::OtherProcessOom, "container")),
        (policy, (Label::SandboxLimit, "none")),
        (&console, (Label::OtherProcessOom, "heap")),
    ] {
        let report = of_files(&[("lines.txt", text)]);
        assert_eq!(verdict(&report), expected);
        assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    }
}

#[test]
fn a_process_tree_is_the_whole_budget() {
    let dump = "Container [pid=7,containerID=container_1] is running beyond physical memory limits. Current usage: 1.0 GB of 1 GB physical memory used; 1.7 GB of 5 GB virtual memory used. Killing container.\n\
        Dump of the process-tree for container_1 :\n\
        \t|- PID PPID PGRPID SESSID CMD_NAME USER_MODE_TIME(MILLIS) SYSTEM_TIME(MILLIS) VMEM_USAGE(BYTES) RSSMEM_USAGE(PAGES) FULL_CMD_LINE\n\
        \t|- 9 7 7 7 (java) 1 1 1825361100 274360 /usr/bin/java -Xmx1000M org.apache.flink.yarn.entrypoint.YarnJobClusterEntrypoint\n";
    let report = of_files(&[("diagnostics.txt", dump)]);
    assert_eq!(
        verdict(&report),
        (Label::JvmOverheadUndersized, "container")
    );
    assert_eq!(report.findings[0].limit.bytes, Some(1 << 30));
}

#[test]
fn the_first_of_two_errors_is_the_cause() {
    let log = "2026-01-01 00:00:00,000 ERROR org.apache.flink.runtime.taskmanager.Task [] - java.lang.OutOfMemoryError: Direct buffer memory\n\
        2026-01-01 00:01:00,000 ERROR org.apache.flink.runtime.taskmanager.Task [] - java.lang.OutOfMemoryError: Metaspace\n";
    let report = of_files(&[("taskmanager.log", log)]);
    let limits: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.limit.name)
        .collect();
    assert_eq!(limits, ["direct", "metaspace"]);
}

fn trace(jvm: &crate::synth::Jvm, into: &Path) -> Case {
    Case::read(&jvm.write(into)).unwrap()
}

#[test]
fn lines_of_a_traced_process_join_its_timeline_and_its_finding() {
    let parent = tempfile::tempdir().unwrap();
    let case = trace(&burst_in_a_restart_loop(), parent.path());
    // The log of the same process, three hours east of Greenwich.
    let log = head(1_258_291_200).replace("2026-01-01 00:", "2026-01-01 03:")
        + "2026-01-01 03:00:30,000 WARN  org.apache.flink.runtime.taskmanager.Task [] - java.lang.OutOfMemoryError: Direct buffer memory\n";
    let (_folder, paths) = folder(&[("taskmanager.log", &log)]);
    let cases = cases(vec![case], &paths);
    assert_eq!(cases.len(), 1);
    let told = &cases[0].told[0].0;
    assert_eq!(told.t_ms, Some(crate::synth::BEGIN_MS + 30_000));
    let report = report(&cases[0]);
    assert_eq!(
        report.findings.len(),
        1,
        "the trace's finding, confirmed by the line"
    );
    assert_eq!(report.findings[0].limit.confidence, None);
    assert!(
        report.findings[0]
            .evidence
            .iter()
            .any(|fact| fact.signal == "line")
    );
    assert!(
        report.contradictions.is_empty(),
        "{:?}",
        report.contradictions
    );
}

#[test]
fn an_error_that_the_trace_does_not_know_is_a_contradiction() {
    let parent = tempfile::tempdir().unwrap();
    let case = trace(&healthy(), parent.path());
    let log = head(1_258_291_200)
        + "2026-01-01 00:00:30,000 WARN  org.apache.flink.runtime.taskmanager.Task [] - java.lang.OutOfMemoryError: Direct buffer memory\n";
    let (_folder, paths) = folder(&[("taskmanager.log", &log)]);
    let cases = cases(vec![case], &paths);
    let contradictions = report(&cases[0]).contradictions;
    assert!(
        contradictions
            .iter()
            .any(|text| text.contains("of which the trace knows nothing")),
        "{contradictions:?}"
    );
}

#[test]
fn what_says_nothing_is_silent() {
    let log = head(1_258_291_200)
        + "2026-01-01 00:00:30,000 INFO  org.apache.flink.runtime.taskmanager.Task [] - Received heartbeat of TaskManager with id a\n";
    for text in [
        "",
        "x\n",
        &log,
        "Container killed on request. Exit code is 143\n",
        "An Exception occurred while triggering the checkpoint. IO-problem detected.\n",
    ] {
        let report = of_files(&[("taskmanager.log", text)]);
        assert!(report.findings.is_empty(), "{text}: {:?}", report.findings);
    }
}

/// Parts of lines that parsers look for, so that the words around them and the figures behind them are anything.
fn words() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "java.lang.OutOfMemoryError",
        ": Java heap space",
        "Direct buffer memory",
        "Cannot reserve ",
        "limit: ",
        "Metaspace",
        "byte(s) of direct memory",
        "failed to allocate ",
        "Could not allocate enough memory segments for ",
        "required (Mb): ",
        "allocated (Mb): ",
        "missing (Mb): ",
        "Insufficient number of network buffers: required ",
        "|- ",
        "Limit=",
        "current usage = ",
        "beyond the 'PHYSICAL' memory limit",
        "Current usage: ",
        " of ",
        "Killed process ",
        "anon-rss:",
        "exitCode=",
        "OOMKilled",
        "Containers:",
        "Last State: Terminated",
        "Limits:",
        "memory: ",
        "] GC(",
        ") Pause Full ",
        "->",
        "ms",
        "[Full GC",
        " secs]",
        "2026-01-01 00:00:00,000 ",
        "INFO ",
        " - ",
        "Caused by: ",
        "\tat ",
        "commit_memory(0x",
        "errno=",
        "exit code ",
        "memory_limit_in_bytes: ",
        "RESOURCE_PARAMS extraction logs:",
        "Total Process Memory: ",
        "-Xmx",
        "Exit code:-10",
    ]);
    let part = prop_oneof![
        4 => parts.prop_map(str::to_owned),
        2 => any::<u64>().prop_map(|number| number.to_string()),
        1 => Just("99999999999999999999999".to_owned()),
        1 => "\\PC{0,12}",
        1 => Just("\n".to_owned()),
        1 => Just("(".to_owned()),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_words_give_a_report(text in words()) {
        let report = of_files(&[("taskmanager.log", &text)]);
        for finding in &report.findings {
            prop_assert!((0.0..=1.0).contains(&finding.confidence));
        }
        report.to_json(false).unwrap();
        prop_assert!(!to_text(&report).is_empty());
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let (gathered, outcome) = LineReader::new(0).read(bytes.as_slice());
        prop_assert!(outcome.is_ok());
        prop_assert!(gathered.lines <= 400);
    }
}
