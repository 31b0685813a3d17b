//! Export by OTLP, against a receiver that decodes with OpenTelemetry's own types.

use crate::serve::{Server, write_now};
use crate::synth::{LIMIT, leak_to_the_limit};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, metric, number_data_point};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

/// What a request had: its head in lower case, its body.
type Request = (String, Vec<u8>);

/// A receiver that gives these answers in turn, the last one for ever.
fn receiver(answers: Vec<&'static str>) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = channel();
    thread::spawn(move || {
        let mut answers = answers.into_iter();
        let mut answer = answers.next().unwrap();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(request) = read(&mut BufReader::new(&stream)) else {
                continue;
            };
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            let head = answer.split("\r\n\r\n").next().unwrap();
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            if tell.send(request).is_err() {
                return;
            }
            answer = answers.next().unwrap_or(answer);
        }
    });
    (format!("http://{address}"), told)
}

fn read(stream: &mut impl BufRead) -> Option<Request> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let head = head.to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length?.trim().parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// The resource of the process, once it is among what is pushed.
fn of_process(told: &Receiver<Request>) -> (String, ResourceMetrics) {
    let start = Instant::now();
    loop {
        let (head, body) = told.recv_timeout(PATIENCE).unwrap();
        let request: ExportMetricsServiceRequest = serde_json::from_slice(&body).unwrap();
        let mut resources = request.resource_metrics.into_iter();
        let is_process = |found: &ResourceMetrics| {
            text(&found.resource.as_ref().unwrap().attributes, "service.name") != "flinkmem"
        };
        if let Some(found) = resources.find(is_process) {
            return (head, found);
        }
        assert!(start.elapsed() < PATIENCE);
    }
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|found| found.key == key);
    match found.and_then(|found| found.value.as_ref()?.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(number)) => number.to_string(),
        other => panic!("{key}: {other:?}"),
    }
}

fn metric<'a>(resource: &'a ResourceMetrics, name: &str) -> &'a Metric {
    let mut metrics = resource.scope_metrics[0].metrics.iter();
    metrics
        .find(|metric| metric.name == name)
        .unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
fn a_receiver_understands_what_is_pushed() {
    let (address, told) = receiver(vec!["200 OK\r\n\r\n{}"]);
    let traces = tempfile::tempdir().unwrap();
    write_now(&leak_to_the_limit(), traces.path());
    let environment = [
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20s3cret",
        ),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "k8s.namespace.name=prod,host.name=wrong",
        ),
    ];
    let server = Server::start_with(
        traces.path(),
        &["--otlp", &address, "--otlp-every", "200ms"],
        &environment,
    );
    let (head, resource) = of_process(&told);
    assert!(head.starts_with("post /v1/metrics http/1.1\r\n"), "{head}");
    assert!(
        head.contains("content-type: application/json")
            && head.contains("authorization: bearer s3cret"),
        "{head}"
    );

    let attributes = &resource.resource.as_ref().unwrap().attributes;
    for (key, expected) in [
        ("service.name", "flink-taskmanager"),
        (
            "service.instance.id",
            "flinkmem-tm-0.example-4711-20260101T000000Z",
        ),
        ("host.name", "tm-0.example"),
        ("process.pid", "4711"),
        ("flinkmem.process", "tm"),
        ("k8s.namespace.name", "prod"),
    ] {
        assert_eq!(text(attributes, key), expected, "{key}");
    }

    let limit = metric(&resource, "flinkmem.direct.limit");
    assert_eq!(limit.unit, "By");
    let Some(metric::Data::Sum(sum)) = &limit.data else {
        panic!("{limit:?}")
    };
    let point = &sum.data_points[0];
    assert!(!sum.is_monotonic && sum.aggregation_temporality == 2);
    assert_eq!(
        point.value,
        Some(number_data_point::Value::AsInt(LIMIT as i64))
    );
    let now = u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap();
    assert!(point.start_time_unix_nano < point.time_unix_nano && point.time_unix_nano < now);
    assert!(now - point.time_unix_nano < 60_000_000_000);

    let collections = metric(&resource, "jvm.gc.duration");
    let Some(metric::Data::Histogram(histogram)) = &collections.data else {
        panic!("{collections:?}")
    };
    let young = histogram
        .data_points
        .iter()
        .find(|point| text(&point.attributes, "jvm.gc.name") == "G1 Young Generation");
    // One in five of 140 seconds.
    assert_eq!(
        young.map(|point| (point.count, point.sum, point.bucket_counts.clone())),
        Some((28, Some(0.001), vec![28]))
    );

    let finding = metric(&resource, "flinkmem.finding");
    let Some(metric::Data::Gauge(gauge)) = &finding.data else {
        panic!("{finding:?}")
    };
    assert_eq!(
        text(&gauge.data_points[0].attributes, "label"),
        "direct_leak"
    );
    server.wait("/metrics", |body| {
        let line = body.lines().find_map(|line| {
            line.strip_prefix("flinkmem_serve_otlp_exports_total{result=\"accepted\"} ")
        });
        line.is_some_and(|count| count != "0")
    });
}

#[test]
fn a_receiver_that_is_busy_is_asked_again() {
    let (address, told) = receiver(vec![
        "503 Busy\r\nRetry-After: 1",
        "429 Slow",
        "200 OK\r\n\r\n{}",
    ]);
    let traces = tempfile::tempdir().unwrap();
    let server = Server::start(traces.path(), &["--otlp", &address, "--otlp-every", "20s"]);
    let next = || (Instant::now(), told.recv_timeout(PATIENCE).unwrap().1);
    let (start, first) = next();
    let second = next().1;
    let third = next().1;
    assert!(first == second && second == third, "it is the same push");
    assert!(
        start.elapsed() >= Duration::from_millis(1900),
        "{:?}",
        start.elapsed()
    );
    server.wait("/metrics", |body| {
        body.contains("exports_total{result=\"accepted\"} 1")
    });
    assert!(
        server
            .get("/metrics")
            .1
            .contains("exports_total{result=\"dropped\"} 0")
    );
    assert_eq!(server.said(), "");
}

#[test]
fn what_is_not_accepted_is_dropped_counted_and_told_once_without_secrets() {
    let (address, told) = receiver(vec!["401 Unauthorized\r\n\r\nBearer s3cret is wrong"]);
    let traces = tempfile::tempdir().unwrap();
    let environment = [(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "authorization=Bearer%20s3cret",
    )];
    let server = Server::start_with(
        traces.path(),
        &["--otlp", &address, "--otlp-every", "100ms"],
        &environment,
    );
    for _ in 0..4 {
        told.recv_timeout(PATIENCE).unwrap();
    }
    server.wait("/metrics", |body| {
        let dropped = body.lines().find_map(|line| {
            line.strip_prefix("flinkmem_serve_otlp_exports_total{result=\"dropped\"} ")
        });
        dropped.is_some_and(|count| count.parse::<u64>().unwrap() >= 3)
    });
    let said = server.said();
    assert_eq!(said.matches("was dropped").count(), 1, "{said}");
    assert!(said.contains("401") && !said.contains("s3cret"), "{said}");
}

#[test]
fn nobody_there_is_no_reason_to_stop_serving() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let traces = tempfile::tempdir().unwrap();
    let server = Server::start(
        traces.path(),
        &[
            "--otlp",
            &format!("http://{closed}"),
            "--otlp-every",
            "200ms",
        ],
    );
    server.wait("/metrics", |body| {
        !body.contains("exports_total{result=\"dropped\"} 0")
    });
    assert_eq!(server.get("/readyz").0, 200);
    assert!(server.said().contains("was dropped"), "{}", server.said());
}
