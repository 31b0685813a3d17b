//! `flinkmem watch`, the built program, on directories into which simulated processes write with the agent's own writer.

use crate::replay::Replay;
use crate::synth::{ENRICHER, Jvm, MIB, healthy, leak_to_the_limit};
use flinkmem_analyzer::watch::json_schema;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// For whatever is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks.
const INTERVAL: &str = "200ms";

/// A watch that runs; it ends when this is dropped.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(directory: &Path, more: &[&str]) -> Self {
        Self::start_with(INTERVAL, directory, more)
    }

    fn start_with(interval: &str, directory: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
            .args(["watch", "--interval", interval])
            .args(more)
            .arg(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self { child, lines }
    }

    /// The next line, which must say all of that after its time.
    fn says(&self, parts: &[&str]) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|error| panic!("no line with {parts:?}: {error}"));
        check(&line, parts);
        line
    }

    /// The same, while a process goes on living, slowly enough to be looked at.
    fn says_while(&self, replay: &mut Replay, parts: &[&str]) -> String {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => {
                    check(&line, parts);
                    return line;
                }
                Err(RecvTimeoutError::Timeout) => replay.write(1),
                Err(error) => panic!("no line with {parts:?}: {error}"),
            };
        }
        panic!("no line with {parts:?}");
    }

    /// Lets a process live on, and nothing is said meanwhile.
    fn says_nothing_while(&self, replay: &mut Replay, writes: u32) {
        for _ in 0..writes {
            replay.write(1);
            if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(100)) {
                panic!("said {line}");
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    /// How it ended, and what it said on stderr; nothing may be left on stdout.
    fn end(mut self) -> (ExitStatus, String) {
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let left: Vec<String> = self.lines.iter().collect();
        assert!(left.is_empty(), "{left:?}");
        let mut stderr = String::new();
        let mut source = self.child.stderr.take().unwrap();
        source.read_to_string(&mut stderr).unwrap();
        (status, stderr)
    }

    /// Ends it with SIGTERM, which must do. Gives stderr.
    fn terminate(self) -> String {
        self.signal(Signal::SIGTERM);
        let (status, stderr) = self.end();
        assert_eq!(status.code(), Some(0), "{stderr}");
        stderr
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn check(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
}

/// Once, to its end.
fn once(directory: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(["watch", "--once"])
        .args(more)
        .arg(directory)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Leaks a MiB a second for 70 s, lets go of it all, and lives on.
fn recovers() -> Jvm {
    let mut jvm = Jvm::task_manager();
    jvm.run(60, 5, |_, _| {});
    jvm.run(70, 5, |jvm, _| jvm.allocate(ENRICHER, MIB).unwrap());
    jvm.drop_oldest(ENRICHER, u64::MAX);
    jvm.full_gc();
    jvm.run(600, 5, |_, _| {});
    jvm
}

/// Up to where its leak shows.
const UNTIL_IT_SHOWS: usize = 120;

#[test]
fn a_leak_is_told_when_it_appears_when_the_limit_is_met_and_when_it_ends() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin_here(parent.path(), &leak_to_the_limit());
    let watch = Watch::start(parent.path(), &[]);
    let name = replay.name();
    watch.says(&[
        " started ",
        &name,
        "TaskManager on ",
        "Flink 1.20.5",
        "JDK 17.0.15",
    ]);
    replay.write(60);
    let appeared = watch.says_while(
        &mut replay,
        &[
            " appeared ",
            &name,
            " CRITICAL direct_leak com.acme.Enricher.open leaks direct memory",
            "will be exhausted",
        ],
    );
    // Time first, RFC 3339, UTC.
    let time: jiff::Timestamp = appeared.split(' ').next().unwrap().parse().unwrap();
    assert!(time.duration_until(jiff::Timestamp::now()).as_secs() < 60);
    replay.write_all();
    watch.says(&[
        " worsened ",
        " CRITICAL direct_leak (the limit was met) ",
        "is exhausted",
    ]);
    replay.end();
    watch.says(&[
        " ended ",
        &name,
        "the JVM ended in an orderly way; found before: direct_leak",
    ]);
    assert_eq!(watch.terminate(), "");
}

#[test]
fn who_begins_fails_and_ends_is_told_long_before_the_next_look() {
    let parent = tempfile::tempdir().unwrap();
    let watch = Watch::start_with("1h", parent.path(), &[]);
    for pid in [1, 2] {
        let jvm = leak_to_the_limit().with_pid(pid);
        let mut replay = Replay::begin_here(parent.path(), &jvm);
        watch.says(&[" started ", &replay.name()]);
        replay.write_all();
        watch.says(&[" appeared ", &replay.name(), " CRITICAL direct_leak "]);
        replay.end();
        watch.says(&[" ended ", &replay.name()]);
    }
    watch.terminate();
}

#[test]
fn what_recovers_is_cleared_but_not_at_once() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin_here(parent.path(), &recovers());
    let watch = Watch::start(parent.path(), &[]);
    watch.says(&[" started "]);
    replay.write(UNTIL_IT_SHOWS - 5);
    watch.says_while(&mut replay, &[" appeared ", " direct_leak "]);
    // Until it has let go of it all.
    replay.write(40);
    watch.says_nothing_while(&mut replay, 10);
    watch.says_while(
        &mut replay,
        &[" cleared ", "CRITICAL direct_leak is found no longer"],
    );
    watch.says_nothing_while(&mut replay, 10);
    replay.kill();
    let ended = watch.says(&[" ended ", "the trace stops without an end"]);
    assert!(!ended.contains("found before"), "{ended}");
    assert_eq!(watch.terminate(), "");
}

#[test]
fn of_a_healthy_process_only_begin_and_end_are_told() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin_here(parent.path(), &healthy());
    replay.write(300);
    let watch = Watch::start(parent.path(), &[]);
    watch.says(&[" started "]);
    watch.says_nothing_while(&mut replay, 15);
    replay.end();
    watch.says(&[" ended ", "the JVM ended in an orderly way"]);
    watch.signal(Signal::SIGINT);
    assert_eq!(watch.end().0.code(), Some(0));
}

#[test]
fn a_directory_that_is_not_there_yet_is_waited_for_and_so_is_one_that_goes() {
    let parent = tempfile::tempdir().unwrap();
    let traces = parent.path().join("traces");
    let watch = Watch::start(&traces, &[]);
    std::thread::sleep(Duration::from_millis(300));
    let one = Replay::begin_here(&traces, &healthy().with_pid(1));
    watch.says(&[" started ", "pid 1,"]);
    let two = Replay::begin_here(&traces, &healthy().with_pid(2));
    watch.says(&[" started ", "pid 2,"]);
    fs::remove_dir_all(one.directory()).unwrap();
    watch.says(&[" gone ", &one.name(), "its trace is gone"]);
    fs::remove_dir_all(&traces).unwrap();
    watch.says(&[" gone ", &two.name()]);
    let _three = Replay::begin_here(&traces, &healthy().with_pid(3));
    watch.says(&[" started ", "pid 3,"]);
    let stderr = watch.terminate();
    let path = traces.display();
    let waiting = format!("flinkmem: waiting for {path}: No such file or directory");
    assert!(stderr.starts_with(&waiting), "{stderr}");
    assert!(
        stderr.contains(&format!("flinkmem: {path} is there\n")),
        "{stderr}"
    );
}

#[test]
fn processes_that_were_over_before_are_left_to_diagnose() {
    let parent = tempfile::tempdir().unwrap();
    leak_to_the_limit().write(parent.path());
    let mut alive = Replay::begin_here(parent.path(), &healthy().with_pid(2));
    let watch = Watch::start(parent.path(), &[]);
    watch.says(&[" started ", "pid 2,"]);
    watch.says_nothing_while(&mut alive, 10);
    assert_eq!(watch.terminate(), "");
}

#[test]
fn a_trace_that_cannot_be_read_is_named_and_the_others_are_watched() {
    let parent = tempfile::tempdir().unwrap();
    let odd = parent.path().join("flinkmem-tm-0-1-20260101T000000Z");
    fs::create_dir(&odd).unwrap();
    let mut alive = Replay::begin_here(parent.path(), &healthy());
    let watch = Watch::start(parent.path(), &[]);
    watch.says(&[" started "]);
    watch.says_nothing_while(&mut alive, 10);
    let stderr = watch.terminate();
    assert!(
        stderr.starts_with("flinkmem: left out: flinkmem-tm-0-1-"),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "told once: {stderr}");
}

#[test]
fn json_is_an_object_a_line_with_the_finding_as_in_a_report() {
    let parent = tempfile::tempdir().unwrap();
    let mut replay = Replay::begin_here(parent.path(), &leak_to_the_limit());
    let watch = Watch::start(parent.path(), &["--format", "json"]);
    let parsed = |line: String| serde_json::from_str::<Value>(&line).unwrap();
    let started = parsed(watch.says(&[]));
    assert_eq!(
        (&started["schema"], &started["event"]),
        (&1.into(), &"started".into())
    );
    assert_eq!(started["name"], replay.name());
    assert_eq!(started["subject"]["process"], "tm");
    assert_eq!(started["subject"]["pid"], 4711);
    replay.write_all();
    let appeared = parsed(watch.says(&[]));
    assert_eq!(appeared["event"], "appeared");
    assert_eq!(appeared["finding"]["label"], "direct_leak");
    assert_eq!(appeared["finding"]["limit"]["reached"], true);
    assert_eq!(
        appeared["finding"]["consumer"]["name"],
        "com.acme.Enricher.open"
    );
    replay.kill();
    let ended = parsed(watch.says(&[]));
    assert_eq!(ended["event"], "ended");
    assert_eq!(ended["outcome"]["kind"], "unknown");
    assert_eq!(ended["standing"], serde_json::json!(["direct_leak"]));
    watch.terminate();
}

#[test]
fn the_schema_in_docs_is_that_of_the_events() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/watch.schema.json");
    let schema = json_schema().unwrap();
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        fs::write(&path, &schema).unwrap();
    }
    let documented = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        documented == schema,
        "docs/watch.schema.json is out of date: INSTA_UPDATE=always cargo test -p flinkmem --test it"
    );
}

/// A program of these lines of shell.
fn program(folder: &Path, lines: &str) -> String {
    let path = folder.join("program");
    fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn wait_for_file(path: &Path) -> String {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(text) = fs::read_to_string(path)
            .ok()
            .filter(|text| text.ends_with('\n'))
        {
            return text;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{} does not come", path.display());
}

/// A process whose limit is met: two events.
struct Met {
    parent: tempfile::TempDir,
    _replay: Replay,
}

impl Met {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let traces = parent.path().join("traces");
        let mut replay = Replay::begin_here(&traces, &leak_to_the_limit());
        replay.write_all();
        Self {
            parent,
            _replay: replay,
        }
    }

    fn folder(&self) -> &Path {
        self.parent.path()
    }

    fn traces(&self) -> PathBuf {
        self.folder().join("traces")
    }
}

#[test]
fn a_program_gets_each_event_in_its_environment_and_on_stdin() {
    let met = Met::new();
    let out = met.folder().join("out");
    let lines = format!(
        "{{ echo \"$1|$FLINKMEM_EVENT|$FLINKMEM_LABEL|$FLINKMEM_SEVERITY|$FLINKMEM_LIMIT|$FLINKMEM_CONSUMER\"; cat; }} >> {}.part\n\
         test $FLINKMEM_EVENT = appeared && mv {0}.part {0}; exit 0",
        out.display()
    );
    let program = program(met.folder(), &lines);
    let watch = Watch::start(
        &met.traces(),
        &["--exec", &program, "--exec-arg", "one arg; of mine"],
    );
    watch.says(&[" started "]);
    watch.says(&[" appeared "]);
    let text = wait_for_file(&out);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert_eq!(lines[0], "one arg; of mine|started||||");
    assert_eq!(
        lines[2],
        "one arg; of mine|appeared|direct_leak|critical|direct|com.acme.Enricher.open"
    );
    let event: Value = serde_json::from_str(lines[3]).unwrap();
    assert_eq!(event["finding"]["label"], "direct_leak");
    assert_eq!(watch.terminate(), "");
}

#[test]
fn a_program_that_fails_is_told_and_the_watch_goes_on() {
    let met = Met::new();
    let program = program(met.folder(), "echo to stdout; exit 3");
    let watch = Watch::start(&met.traces(), &["--exec", &program]);
    watch.says(&[" started "]);
    watch.says(&[" appeared "]);
    let stderr = watch.terminate();
    assert_eq!(
        stderr
            .matches("failed with exit status: 3; it was for: ")
            .count(),
        2,
        "{stderr}"
    );
    assert!(stderr.contains("to stdout"), "{stderr}");
}

#[test]
fn there_is_no_shell_unless_asked_for() {
    let met = Met::new();
    let touched = met.folder().join("touched");
    let command = format!("echo \"$1\" > {}", touched.display());
    let watch = Watch::start(&met.traces(), &["--exec", &command]);
    watch.says(&[" started "]);
    watch.says(&[" appeared "]);
    let stderr = watch.terminate();
    assert!(
        stderr.contains("cannot be run: No such file or directory"),
        "{stderr}"
    );
    assert!(!touched.exists());
    let arguments = ["--exec", &command, "--exec-shell", "--exec-arg", "mine"];
    let watch = Watch::start(&met.traces(), &arguments);
    assert_eq!(wait_for_file(&touched), "mine\n");
    watch.says(&[" started "]);
    watch.says(&[" appeared "]);
    assert_eq!(watch.terminate(), "");
}

#[test]
fn a_program_that_hangs_is_stopped_with_all_that_it_started() {
    let met = Met::new();
    let (pid, late) = (met.folder().join("pid"), met.folder().join("late"));
    // It reads nothing, heeds no SIGTERM, and its child would outlive it.
    let lines = format!(
        "trap '' TERM; sleep 600 & echo $! > {}; wait; echo late > {}",
        pid.display(),
        late.display()
    );
    let program = program(met.folder(), &lines);
    let arguments = ["--exec", &program, "--exec-timeout", "300ms"];
    let watch = Watch::start(&met.traces(), &arguments);
    watch.says(&[" started "]);
    watch.says(&[" appeared "]);
    let pid: i32 = wait_for_file(&pid).trim().parse().unwrap();
    let end = Instant::now() + PATIENCE;
    // A zombie is nobody's while no one reaps orphans here.
    let runs =
        || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        assert!(Instant::now() < end, "its child lives");
        std::thread::sleep(Duration::from_millis(20));
    }
    let stderr = watch.terminate();
    assert!(
        stderr.contains("was stopped: it had not ended in 0.3 s"),
        "{stderr}"
    );
    assert!(!late.exists());
}

#[test]
fn a_watch_that_is_to_end_does_not_wait_for_a_program_for_ever() {
    let met = Met::new();
    let program = program(met.folder(), "sleep 600");
    let watch = Watch::start(&met.traces(), &["--exec", &program]);
    watch.says(&[" started "]);
    watch.says(&[" appeared "]);
    let began = Instant::now();
    let stderr = watch.terminate();
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    assert!(stderr.contains("was stopped"), "{stderr}");
    assert!(
        stderr.contains("was not run, for the watch ends"),
        "{stderr}"
    );
}

#[test]
fn a_severity_ends_the_watch_with_status_1_when_its_program_has_run() {
    for severity in ["critical", "warning"] {
        let met = Met::new();
        let out = met.folder().join("out");
        let lines = format!("sleep 0.3; echo $FLINKMEM_EVENT >> {}", out.display());
        let program = program(met.folder(), &lines);
        let arguments = ["--exit-on", severity, "--exec", &program];
        let watch = Watch::start(&met.traces(), &arguments);
        watch.says(&[" started "]);
        watch.says(&[" appeared ", " CRITICAL "]);
        let (status, stderr) = watch.end();
        assert_eq!(status.code(), Some(1), "{stderr}");
        assert_eq!(fs::read_to_string(&out).unwrap(), "started\nappeared\n");
    }
}

#[test]
fn once_looks_at_all_processes_and_ends_as_diagnose_does() {
    let parent = tempfile::tempdir().unwrap();
    let nothing = once(parent.path(), &[]);
    assert_eq!((nothing.0, nothing.1.as_str()), (Some(2), ""));
    assert!(nothing.2.contains("holds no trace"), "{}", nothing.2);

    healthy().with_pid(1).write(parent.path());
    assert_eq!(
        once(parent.path(), &[]),
        (Some(0), String::new(), String::new())
    );

    let leak = leak_to_the_limit().with_pid(2).write(parent.path());
    let (status, stdout, stderr) = once(parent.path(), &[]);
    assert_eq!((status, stderr.as_str()), (Some(1), ""));
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    let name = leak.file_name().unwrap().to_str().unwrap();
    check(&stdout, &[" appeared ", name, " CRITICAL direct_leak "]);
    assert_eq!(once(&leak, &["--format", "json"]).0, Some(1));
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_watch() {
    let parent = tempfile::tempdir().unwrap();
    let _replay = Replay::begin_here(parent.path(), &healthy());
    let mut child = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
        .args(["watch", "--interval", INTERVAL])
        .arg(parent.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    check(&first, &[" started "]);
    // Nothing more is told.
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn what_is_no_directory_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (status, stderr) = Watch::start(file.path(), &[]).end();
    assert_eq!(status.code(), Some(2));
    assert!(
        stderr.contains("is not a directory; name the one in which"),
        "{stderr}"
    );
}
