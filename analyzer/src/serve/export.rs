//! Pushes metrics by OTLP over HTTP.

use super::board::Board;
use super::stop::Stop;
use crate::metrics::{Readings, Resource, export_request};
use anyhow::{Context, bail};
use serde_json::Value as Json;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::http::StatusCode;

/// Where to, how often, and what goes with it.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// The receiver.
    pub endpoint: OtlpEndpoint,
    /// Time from one export to the next.
    pub every: Duration,
    /// Headers of every request; they may hold secrets.
    pub headers: Headers,
    /// What is said of every process beside what its trace tells.
    pub resource: Resource,
}

/// Address of an OTLP receiver: `http://HOST:PORT`, to which `/v1/metrics` is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpEndpoint(String);

/// Headers whose values are not shown, not even for debugging.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Until a receiver must have answered.
const PATIENCE: Duration = Duration::from_secs(10);

/// Processes in one request: some 60 kB of JSON each, and receivers have limits.
const MOST_IN_ONE: usize = 20;

/// How much of an answer is read.
const LONGEST_ANSWER_BYTES: u64 = 64 << 10;

impl FromStr for OtlpEndpoint {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let Some(rest) = text.strip_prefix("http://") else {
            bail!("give http://HOST:PORT; TLS is for a collector beside this process to do");
        };
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || text.contains(['?', '#', '@']) {
            bail!("give http://HOST:PORT, without user, query or fragment");
        }
        Ok(Self(format!("{}/v1/metrics", text.trim_end_matches('/'))))
    }
}

impl fmt::Display for OtlpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} headers", self.0.len())
    }
}

/// `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,…`, values percent-encoded.
///
/// # Errors
/// Names the entry by its number, never by its content.
pub fn parse_headers(text: &str) -> anyhow::Result<Headers> {
    let wrong = |number: usize| {
        format!("entry {number} of OTEL_EXPORTER_OTLP_HEADERS is no name=value of a header")
    };
    let mut headers = Vec::new();
    for (index, entry) in entries(text).enumerate() {
        let number = index + 1;
        let (name, value) = pair(entry).with_context(|| wrong(number))?;
        let is_name = ureq::http::HeaderName::from_str(&name).is_ok();
        let is_value = ureq::http::HeaderValue::from_str(&value).is_ok();
        if !(is_name && is_value) {
            bail!(wrong(number));
        }
        headers.push((name, value));
    }
    Ok(Headers(headers))
}

/// `OTEL_RESOURCE_ATTRIBUTES`: `name=value,…`, values percent-encoded; with `OTEL_SERVICE_NAME`, which goes before a `service.name` in it.
///
/// # Errors
/// For what is no `name=value`.
pub fn parse_resource(attributes: &str, service_name: Option<String>) -> anyhow::Result<Resource> {
    let mut resource = Resource {
        service_name: service_name.filter(|name| !name.is_empty()),
        attributes: Vec::new(),
    };
    for entry in entries(attributes) {
        let (name, value) = pair(entry)
            .with_context(|| format!("{entry:?} in OTEL_RESOURCE_ATTRIBUTES is no name=value"))?;
        if name == "service.name" {
            resource.service_name.get_or_insert(value);
        } else {
            resource.attributes.push((name, value));
        }
    }
    Ok(resource)
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

fn pair(entry: &str) -> Option<(String, String)> {
    let (name, value) = entry.split_once('=')?;
    let name = name.trim();
    let value = percent_decoded(value.trim())?;
    (!name.is_empty()).then(|| (name.to_owned(), value))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Pushes what is on a board.
#[derive(Debug)]
pub(super) struct Exporter {
    options: ExportOptions,
    client: ureq::Agent,
    /// Whether the last export was accepted; trouble is told when it begins and when it ends.
    is_well: bool,
}

/// What became of one attempt.
enum Attempt {
    Accepted,
    /// Worth another one, after this time if the receiver named one.
    Later(String, Option<Duration>),
    Refused(String),
}

impl Exporter {
    pub(super) fn new(options: ExportOptions) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // Headers go to the receiver that was named, and to no other.
            .max_redirects(0)
            .http_status_as_error(false)
            .build();
        Self {
            options,
            client: config.into(),
            is_well: true,
        }
    }

    /// Exports, again and again, until it is told to stop.
    pub(super) fn run(mut self, board: &Board, stop: &Stop) {
        loop {
            let begin = Instant::now();
            let deadline = begin + self.options.every;
            let readings = board.readings();
            for part in readings.chunks(MOST_IN_ONE) {
                self.export(part, deadline, board, stop);
            }
            if stop.wait(self.options.every.saturating_sub(begin.elapsed())) {
                return;
            }
        }
    }

    /// One request, with as many attempts as there is time until the next export.
    fn export(&mut self, part: &[Arc<Readings>], deadline: Instant, board: &Board, stop: &Stop) {
        let request = export_request(
            part.iter().map(|readings| &**readings),
            &self.options.resource,
        );
        let mut pause = FIRST_PAUSE;
        let why = loop {
            let (why, wait) = match self.attempt(&request) {
                Attempt::Accepted => {
                    board.count_exported();
                    self.well();
                    return;
                }
                Attempt::Refused(why) => break why,
                Attempt::Later(why, wait) => (why, wait.unwrap_or(pause)),
            };
            let no_time_left = Instant::now() + wait >= deadline;
            if no_time_left || stop.wait(wait) {
                break why;
            }
            pause = pause.saturating_mul(2);
        };
        board.count_dropped();
        self.unwell(&why);
    }

    fn attempt(&self, request: &Json) -> Attempt {
        let mut post = self.client.post(&self.options.endpoint.0);
        for (name, value) in &self.options.headers.0 {
            post = post.header(name, value);
        }
        let mut answer = match post.send_json(request) {
            Ok(answer) => answer,
            Err(error) => return Attempt::Later(error.to_string(), None),
        };
        let status = answer.status();
        if status.is_success() {
            let body = answer
                .body_mut()
                .with_config()
                .limit(LONGEST_ANSWER_BYTES)
                .read_to_string();
            return match body.ok().as_deref().and_then(rejected) {
                Some(why) => Attempt::Refused(why),
                None => Attempt::Accepted,
            };
        }
        let why = format!("the receiver answered {status}");
        // These, and no others, are worth another attempt: https://opentelemetry.io/docs/specs/otlp/#failures-1
        let later = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        if !later.contains(&status) {
            return Attempt::Refused(why);
        }
        let after = answer.headers().get("retry-after");
        let after = after.and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
        Attempt::Later(why, after.map(Duration::from_secs))
    }

    fn well(&mut self) {
        if !self.is_well {
            eprintln!(
                "flinkmem: exports to {} are accepted again",
                self.options.endpoint
            );
        }
        self.is_well = true;
    }

    fn unwell(&mut self, why: &str) {
        if self.is_well {
            eprintln!(
                "flinkmem: an export to {} was dropped: {why}; further ones are counted in flinkmem_serve_otlp_exports_total",
                self.options.endpoint
            );
        }
        self.is_well = false;
    }
}

/// Why the receiver took only a part, if it says so.
fn rejected(answer: &str) -> Option<String> {
    let answer: Json = serde_json::from_str(answer).ok()?;
    let partial = answer.get("partialSuccess")?;
    let points = partial.get("rejectedDataPoints")?;
    let points = points.as_u64().or_else(|| points.as_str()?.parse().ok())?;
    let message = partial
        .get("errorMessage")
        .and_then(Json::as_str)
        .unwrap_or_default();
    (points > 0).then(|| format!("the receiver rejected {points} points: {message}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_decoded_and_never_shown() {
        let headers = parse_headers("authorization=Bearer%20s3cret, x-tenant=a=b ,").unwrap();
        let expected = [("authorization", "Bearer s3cret"), ("x-tenant", "a=b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers.0, expected);
        assert!(!format!("{headers:?}").contains("s3cret"));
        for wrong in [
            "s3cret",
            "=s3cret",
            "a b=s3cret",
            "x=%zzs3cret",
            "x=a%0d%0as3cret",
            "x=%ffs3cret",
        ] {
            let error = format!("{:#}", parse_headers(wrong).unwrap_err());
            assert!(
                error.contains("entry 1") && !error.contains("s3cret"),
                "{error}"
            );
        }
    }

    #[test]
    fn the_service_name_is_taken_from_the_nearer_variable() {
        let named = parse_resource(
            "service.name=a,k8s.namespace.name=prod%2Ceu",
            Some("b".to_owned()),
        )
        .unwrap();
        assert_eq!(named.service_name.as_deref(), Some("b"));
        assert_eq!(
            named.attributes,
            [("k8s.namespace.name".to_owned(), "prod,eu".to_owned())]
        );
        assert_eq!(
            parse_resource("service.name=a", None)
                .unwrap()
                .service_name
                .as_deref(),
            Some("a")
        );
        assert!(parse_resource("nonsense", None).is_err());
    }

    #[test]
    fn an_endpoint_is_an_address_without_secrets() {
        let endpoint = |text: &str| text.parse::<OtlpEndpoint>().map(|endpoint| endpoint.0).ok();
        assert_eq!(
            endpoint("http://c:4318").as_deref(),
            Some("http://c:4318/v1/metrics")
        );
        assert_eq!(
            endpoint("http://c/otlp/").as_deref(),
            Some("http://c/otlp/v1/metrics")
        );
        for wrong in [
            "https://c:4318",
            "c:4318",
            "http://",
            "http://user:password@c",
            "http://c?token=x",
            "",
        ] {
            assert_eq!(endpoint(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_partial_success_is_told() {
        assert_eq!(rejected("{}"), None);
        assert_eq!(rejected(""), None);
        assert_eq!(
            rejected(r#"{"partialSuccess":{"rejectedDataPoints":"0"}}"#),
            None
        );
        let told =
            rejected(r#"{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"too old"}}"#);
        assert_eq!(
            told.as_deref(),
            Some("the receiver rejected 3 points: too old")
        );
    }
}
