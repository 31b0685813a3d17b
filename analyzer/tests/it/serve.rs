//! The HTTP server from outside: the built program, real sockets, traces that are written while it looks.

use crate::synth::{Jvm, LIMIT, healthy, leak_to_the_limit};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Generous: the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `flinkmem serve`. It ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    stderr: Arc<Mutex<String>>,
}

impl Server {
    /// Serves `directory` on a free port, looking ten times a second.
    pub(crate) fn start(directory: &Path, more: &[&str]) -> Self {
        Self::start_with(directory, more, &[])
    }

    pub(crate) fn start_with(
        directory: &Path,
        more: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let listen = if more.contains(&"--listen") {
            &[][..]
        } else {
            &["--listen", "127.0.0.1:0"]
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
            .args(["serve", "--every", "100ms"])
            .args(listen)
            .args(more)
            .arg(directory)
            .envs(environment.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.split("http://").nth(1).unwrap().trim_end_matches('/');
        let said = Arc::clone(&stderr);
        let address = address.parse().unwrap();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *said.lock().unwrap() += &format!("{line}\n");
            }
        });
        Self {
            child,
            address,
            stderr,
        }
    }

    /// The whole answer to these bytes, and what came of the connection.
    fn answer(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // The server may have closed it before all was sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// Status, head and body of what is at `path`.
    fn request(&self, method: &str, path: &str, headers: &str) -> (u16, String, String) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let answer = String::from_utf8(self.answer(request.as_bytes())).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let (status, _, body) = self.request("GET", path, "");
        (status, body)
    }

    fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Looks at `path` until the body is as wanted.
    pub(crate) fn wait(&self, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let (_, body) = self.get(path);
            if wanted(&body) {
                return body;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{path} is still\n{body}\n{}",
                self.said()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(crate) fn said(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    fn end(mut self) -> (ExitStatus, Duration) {
        let pid = self.child.id().to_string();
        let start = Instant::now();
        Command::new("kill").arg(pid).status().unwrap();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, start.elapsed());
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the trace as if its last sample had been taken just now.
pub(crate) fn write_now(jvm: &Jvm, parent: &Path) -> PathBuf {
    let begin = crate::synth::BEGIN_MS + jvm.ms as i64;
    let later = jiff::Timestamp::now().as_millisecond() - begin;
    let hidden = tempfile::tempdir().unwrap();
    let written = jvm.write(hidden.path());
    let directory = parent.join(written.file_name().unwrap());
    fs::create_dir(&directory).unwrap();
    for file in fs::read_dir(&written).unwrap() {
        let file = file.unwrap();
        let text = fs::read_to_string(file.path()).unwrap();
        let lines = text.lines().map(|line| match serde_json::from_str(line) {
            Ok(record) => format!("{}\n", shifted(record, later)),
            Err(_) => format!("{line}\n"),
        });
        fs::write(directory.join(file.file_name()), lines.collect::<String>()).unwrap();
    }
    directory
}

fn shifted(mut record: Value, later: i64) -> Value {
    for key in ["t_ms", "start_ms"] {
        if let Some(time) = record[key].as_i64() {
            record[key] = (time + later).into();
        }
    }
    if record["sample"].is_object() {
        record["sample"] = shifted(record["sample"].take(), later);
    }
    record
}

fn is_listed(body: &str) -> bool {
    body.contains("direct_leak")
}

const NAME: &str = "flinkmem-tm-0.example-4711-20260101T000000Z";

#[test]
fn a_living_process_is_there_in_every_form() {
    let traces = tempfile::tempdir().unwrap();
    write_now(&leak_to_the_limit(), traces.path());
    let server = Server::start(traces.path(), &[]);
    server.wait("/api/v1/processes", is_listed);

    let (status, metrics) = server.get("/metrics");
    assert_eq!(status, 200);
    let identity = format!(r#"host="tm-0.example",pid="4711",process="tm",trace="{NAME}""#);
    for line in [
        format!("flinkmem_process_up{{{identity}}} 1"),
        format!("flinkmem_direct_limit_bytes{{{identity}}} {LIMIT}"),
        format!(r#"flinkmem_findings{{{identity},severity="critical"}} 1"#),
        format!(
            r#"flinkmem_finding{{{identity},label="direct_leak",limit="direct",severity="critical",consumer_kind="call_site",consumer="com.acme.Enricher.open"}} 1"#
        ),
        r#"flinkmem_serve_processes{state="running"} 1"#.to_owned(),
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\nis not in\n{metrics}"
        );
    }

    let listed = server.json("/api/v1/processes");
    assert_eq!(listed["schema"], 1);
    let process = &listed["processes"][0];
    assert_eq!(
        (&process["name"], &process["process"]),
        (&NAME.into(), &"tm".into())
    );
    assert_eq!(process["outcome"]["kind"], "running");
    assert_eq!(process["verdict"]["label"], "direct_leak");

    let report = server.json(&format!("/api/v1/processes/{NAME}"));
    assert_eq!(
        report["findings"][0]["consumer"]["name"],
        "com.acme.Enricher.open"
    );
    assert_eq!(report["subject"]["pid"], 4711);
    let findings = server.json("/api/v1/findings?severity=critical");
    assert_eq!(findings["findings"][0]["process"], NAME);
    assert_eq!(
        findings["findings"][0]["remedy"],
        report["findings"][0]["remedy"]
    );

    let (_, index) = server.get("/");
    assert!(
        index.contains(&format!(
            "<a href=\"/process/{NAME}\">TaskManager on tm-0.example, pid 4711</a>"
        )),
        "{index}"
    );
    let (status, page) = server.get(&format!("/process/{NAME}"));
    assert_eq!(status, 200);
    assert!(page.contains("com.acme.Enricher.open"), "{page}");
    assert!(page.contains("<main"), "the page of diagnose --format html");
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(server.get("/readyz"), (200, "ready\n".to_owned()));
}

#[test]
fn the_form_of_metrics_is_the_one_that_is_asked_for() {
    let traces = tempfile::tempdir().unwrap();
    let server = Server::start(traces.path(), &[]);
    let prometheus =
        "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5\r\n";
    let (_, head, body) = server.request("GET", "/metrics", prometheus);
    assert!(
        head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{head}"
    );
    assert!(body.ends_with("# EOF\n"));
    let (_, head, body) = server.request("GET", "/metrics", "");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{head}"
    );
    assert!(!body.contains("# EOF"));
}

#[test]
fn a_name_is_looked_up_and_never_a_path() {
    let traces = tempfile::tempdir().unwrap();
    let inside = traces.path().join("served");
    fs::create_dir(&inside).unwrap();
    write_now(&healthy(), &inside);
    write_now(&healthy().with_pid(9), traces.path());
    let server = Server::start(&inside, &[]);
    server.wait("/api/v1/processes", |body| body.contains(NAME));
    let beside = "flinkmem-tm-0.example-9-20260101T000000Z";
    for name in [
        format!("..%2F{beside}"),
        format!("../{beside}"),
        format!("{NAME}%2F..%2F{NAME}"),
        format!("{NAME}%00"),
        format!("{NAME}/facts.jsonl"),
        "..%2F..%2F..%2Fetc%2Fpasswd".to_owned(),
        "%ff%fe".to_owned(),
        ".".to_owned(),
    ] {
        for path in ["/api/v1/processes/", "/process/"] {
            let (status, body) = server.get(&format!("{path}{name}"));
            assert!(
                status == 404 || status == 400,
                "{path}{name}: {status} {body}"
            );
        }
    }
}

#[test]
fn a_page_from_elsewhere_cannot_read_it_by_a_name_of_its_own() {
    let traces = tempfile::tempdir().unwrap();
    let ask = |server: &Server, host: &str| {
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = server.answer(request.as_bytes());
        String::from_utf8_lossy(&answer[..12]).into_owned()
    };
    let local = Server::start(traces.path(), &[]);
    assert_eq!(ask(&local, &local.address.to_string()), "HTTP/1.1 200");
    assert_eq!(ask(&local, "evil.example.com"), "HTTP/1.1 403");
    let mut open = Server::start(traces.path(), &["--listen", "0.0.0.0:0"]);
    open.address.set_ip([127, 0, 0, 1].into());
    assert_eq!(ask(&open, "flinkmem.example.com"), "HTTP/1.1 200");
}

#[test]
fn what_is_no_question_is_refused_with_a_reason() {
    let traces = tempfile::tempdir().unwrap();
    let server = Server::start(traces.path(), &[]);
    for (method, path, expected) in [
        ("POST", "/metrics", 405),
        ("DELETE", "/", 405),
        ("GET", "/nothing", 404),
        ("GET", "/api/v1/findings?severity=bad", 400),
        ("GET", "/api/v1/findings?other=1", 400),
        ("GET", "/api/v1/processes/none", 404),
        ("HEAD", "/metrics", 200),
        ("GET", "/healthz?x=%ff", 200),
    ] {
        let (status, head, body) = server.request(method, path, "");
        assert_eq!(status, expected, "{method} {path}: {head}\n{body}");
        let is_json = head.contains("application/json");
        assert!(
            expected < 400 || expected == 405 || (is_json && body.contains("error")),
            "{head}\n{body}"
        );
        assert!(
            head.contains("x-content-type-options: nosniff")
                && head.contains("content-security-policy: default-src 'none'"),
            "{head}"
        );
    }
}

#[test]
fn heads_that_are_too_large_are_refused_and_bodies_not_read() {
    let traces = tempfile::tempdir().unwrap();
    let server = Server::start(traces.path(), &[]);
    let long = format!("X: {}\r\n", "x".repeat(100_000));
    let many: String = (0..1000).map(|i| format!("X{i}: y\r\n")).collect();
    for head in [&long, &many] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{head}\r\n");
        let answer = server.answer(request.as_bytes());
        assert!(
            answer.starts_with(b"HTTP/1.1 431"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    let mut with_body =
        b"POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n".to_vec();
    with_body.extend(vec![b'x'; 100_000]);
    let answer = server.answer(&with_body);
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 405"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(server.get("/healthz").0, 200);
}

#[test]
fn whoever_dawdles_holds_up_nobody_and_is_cut_off() {
    let traces = tempfile::tempdir().unwrap();
    let server = Server::start(traces.path(), &[]);
    let connect = || TcpStream::connect(server.address).unwrap();
    let mut idle: Vec<TcpStream> = (0..30).map(|_| connect()).collect();
    for (i, stream) in idle.iter_mut().enumerate() {
        // Nothing, a half line, a half head.
        let begun: &[u8] = [
            &b""[..],
            b"GET /metr",
            b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n",
        ][i % 3];
        stream.write_all(begun).unwrap();
    }
    let start = Instant::now();
    assert_eq!(server.get("/healthz").0, 200);
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    for stream in &mut idle {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        // The end, or a reset; not a timeout.
        if let Err(error) = stream.read_to_end(&mut rest) {
            assert_ne!(
                error.kind(),
                std::io::ErrorKind::WouldBlock,
                "it is still open"
            );
        }
    }
}

#[test]
fn processes_come_and_end_while_it_runs() {
    let traces = tempfile::tempdir().unwrap();
    let directory = traces.path().join("not-yet");
    fs::create_dir(&directory).unwrap();
    let server = Server::start(&directory, &["--keep-ended", "4s"]);
    server.wait("/", |page| {
        page.contains("No process has written a trace here lately")
    });
    let mut jvm = healthy();
    jvm.end();
    let trace = write_now(&jvm, &directory);
    let metrics = server.wait("/metrics", |body| body.contains("flinkmem_process_up"));
    // It has ended: what it held is no longer told, how it ended is.
    assert!(
        metrics.contains(&format!("trace=\"{NAME}\"}} 0\n"))
            && metrics.contains("outcome=\"exited\""),
        "{metrics}"
    );
    assert!(
        !metrics.contains("flinkmem_direct_limit_bytes"),
        "{metrics}"
    );
    server.wait("/metrics", |body| !body.contains("flinkmem_process_up"));
    fs::remove_dir_all(trace).unwrap();
    fs::remove_dir(&directory).unwrap();
    server.wait("/readyz", |body| body == "ready\n");
}

#[test]
fn a_trace_that_cannot_be_read_is_counted_and_named_once() {
    let traces = tempfile::tempdir().unwrap();
    let bad = traces.path().join("flinkmem-bad-1-20260101T000000Z");
    fs::create_dir(&bad).unwrap();
    fs::write(bad.join("facts.jsonl"), "nonsense\n").unwrap();
    write_now(&healthy(), traces.path());
    let server = Server::start(traces.path(), &[]);
    let skipped = r#"flinkmem_serve_traces_skipped{why="unreadable"} 1"#;
    let metrics = server.wait("/metrics", |body| body.contains(skipped));
    assert!(metrics.contains("flinkmem_process_up"), "{metrics}");
    server.wait("/metrics", |body| {
        let rounds = body
            .lines()
            .find_map(|line| line.strip_prefix("flinkmem_serve_rounds_total "));
        rounds.is_some_and(|rounds| rounds.parse::<u64>().unwrap() > 10)
    });
    assert_eq!(
        server.said().matches("flinkmem-bad-1").count(),
        1,
        "{}",
        server.said()
    );
}

#[test]
fn it_ends_in_order_when_told() {
    let traces = tempfile::tempdir().unwrap();
    write_now(&healthy(), traces.path());
    let server = Server::start(traces.path(), &[]);
    // A request that never comes to its end does not keep it.
    let mut half = TcpStream::connect(server.address).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let (status, took) = server.end();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn an_address_that_is_taken_and_a_directory_that_is_not_there_are_told() {
    let traces = tempfile::tempdir().unwrap();
    let server = Server::start(traces.path(), &[]);
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_flinkmem"))
            .arg("serve")
            .args(arguments)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, said) = run(&[
        "--listen",
        &server.address.to_string(),
        traces.path().to_str().unwrap(),
    ]);
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("--listen") && said.contains(&server.address.to_string()),
        "{said}"
    );
    let (status, said) = run(&["/nowhere/at/all"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("/nowhere/at/all") && said.contains("`dir`"),
        "{said}"
    );
    for wrong in [
        ["--every", "0s"],
        ["--every", "soon"],
        ["--listen", "19910"],
        ["--otlp", "https://a"],
        ["--keep-ended", "9999999h"],
    ] {
        let (status, said) = run(&[wrong[0], wrong[1], "/tmp"]);
        assert_eq!(status, Some(2), "{wrong:?}: {said}");
        assert!(said.contains(wrong[0]), "{said}");
    }
}

#[test]
fn listening_for_everyone_is_told_what_it_means() {
    let traces = tempfile::tempdir().unwrap();
    let open = Server::start(traces.path(), &["--listen", "0.0.0.0:0"]);
    let start = Instant::now();
    while !open.said().contains("there is no password and no TLS") {
        assert!(start.elapsed() < PATIENCE, "{}", open.said());
        thread::sleep(Duration::from_millis(20));
    }
    let closed = Server::start(traces.path(), &[]);
    closed.wait("/readyz", |body| body == "ready\n");
    assert_eq!(closed.said(), "");
}

/// Requests that nobody would write, and what fuzzers make of those that somebody would.
fn odd_request() -> impl Strategy<Value = Vec<u8>> {
    let path = prop_oneof![
        "/[ -~]{0,60}",
        "/(process|api/v1/processes|api/v1/findings)/?[%/.?&=a-f0-9]{0,40}"
    ];
    let method = prop_oneof![
        Just("GET"),
        Just("HEAD"),
        Just("POST"),
        Just("CONNECT"),
        Just("PRI"),
        Just("\u{0}")
    ];
    let version = prop_oneof![
        Just("HTTP/1.1"),
        Just("HTTP/1.0"),
        Just("HTTP/2.0"),
        Just(""),
        Just("HTTP/9.9")
    ];
    let header = "[A-Za-z-]{1,12}: ?[ -~]{0,30}";
    let written = (method, path, version, prop::collection::vec(header, 0..6)).prop_map(
        |(method, path, version, headers)| {
            format!(
                "{method} {path} {version}\r\nHost: localhost\r\n{}\r\n\r\n",
                headers.join("\r\n")
            )
            .into_bytes()
        },
    );
    prop_oneof![prop::collection::vec(any::<u8>(), 1..200), written]
}

#[test]
fn no_request_ends_or_blocks_it() {
    let traces = tempfile::tempdir().unwrap();
    write_now(&healthy(), traces.path());
    let server = Server::start(traces.path(), &[]);
    server.wait("/readyz", |body| body == "ready\n");
    let config = ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(request in odd_request())| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let _ = stream.write_all(&request);
        // Nothing more will come, so that half a request is known to be one.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = Vec::new();
        if let Err(error) = stream.read_to_end(&mut answer) {
            prop_assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock);
        }
        let status = answer.get(9..12).map(|code| String::from_utf8_lossy(code).into_owned());
        prop_assert!(status.as_deref().is_none_or(|code| !code.starts_with('5')), "{:?}", status);
    });
    assert_eq!(server.get("/healthz").0, 200);
    assert_eq!(server.said(), "");
}
