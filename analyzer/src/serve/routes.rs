//! What each address answers.

use super::api::{Findings, Processes, Refusal};
use super::board::{Board, Shown};
use super::page;
use crate::finding::Severity;
use crate::metrics::Format;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// What requests are answered from.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) board: Arc<Board>,
    /// Time from one round of judging to the next, at the least.
    pub(super) every: Duration,
    /// Listening for this machine only.
    pub(super) is_local: bool,
    /// Pages are made one at a time: they are large.
    pub(super) page: Arc<Semaphore>,
}

/// All addresses.
pub(super) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/process/{name}", get(process_page))
        .route("/metrics", get(metrics))
        .route("/api/v1/processes", get(processes))
        .route("/api/v1/processes/{name}", get(report))
        .route("/api/v1/findings", get(findings))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .fallback(async || {
            refusal(
                StatusCode::NOT_FOUND,
                "nothing here; see docs/serve.md for the addresses",
            )
        })
        .layer(from_fn_with_state(shared.clone(), only_for_this_machine))
        .layer(map_response(secured))
        .with_state(shared)
}

/// A page from elsewhere in a browser on this machine can have its own name lead here. The browser then tells that name, and takes our answer for that page's own.
async fn only_for_this_machine(
    State(shared): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let host = request
        .headers()
        .get(HOST)
        .map(|host| host.to_str().unwrap_or_default());
    if shared.is_local && !host.is_none_or(is_this_machine) {
        return refusal(
            StatusCode::FORBIDDEN,
            "this is for the machine itself, by the name localhost or 127.0.0.1; --listen opens it",
        );
    }
    next.run(request).await
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Pages load nothing from anywhere and are in nobody's cache.
async fn secured(mut response: Response) -> Response {
    const POLICY: HeaderValue = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = Format::accepted(accept.unwrap_or_default());
    match shared.board.exposition().to_text(format) {
        Ok(text) => ([(CONTENT_TYPE, format.content_type())], text).into_response(),
        Err(_) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the metrics could not be written",
        ),
    }
}

async fn processes(State(shared): State<Shared>) -> Response {
    json(StatusCode::OK, &Processes::of(&shared.board.snapshot()))
}

async fn report(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    match known(&shared, &name) {
        Some(shown) => typed("application/json", shown.json.to_string()),
        None => unknown(),
    }
}

/// `?severity=warning`: only findings that are at least so bad.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    severity: AtLeast,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AtLeast {
    #[default]
    Info,
    Warning,
    Critical,
}

async fn findings(
    State(shared): State<Shared>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let Ok(Query(wanted)) = wanted else {
        return refusal(
            StatusCode::BAD_REQUEST,
            "the one parameter is severity, with info, warning or critical",
        );
    };
    let at_least = match wanted.severity {
        AtLeast::Info => Severity::Info,
        AtLeast::Warning => Severity::Warning,
        AtLeast::Critical => Severity::Critical,
    };
    json(
        StatusCode::OK,
        &Findings::of(&shared.board.snapshot(), at_least),
    )
}

async fn index(State(shared): State<Shared>) -> Response {
    typed(HTML, page::index(&shared.board.snapshot()))
}

async fn process_page(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    match known(&shared, &name) {
        Some(shown) => made(&shared, move || page::process(&shown)).await,
        None => unknown(),
    }
}

/// A page that takes a moment to make: apart from those who answer, and one at a time.
async fn made(shared: &Shared, make: impl FnOnce() -> String + Send + 'static) -> Response {
    let Ok(_turn) = shared.page.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match spawn_blocking(make).await {
        Ok(page) => typed(HTML, page),
        Err(_) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the page could not be made",
        ),
    }
}

/// Ready when everything was judged once, and the judge is not stuck.
async fn ready(State(shared): State<Shared>) -> Response {
    let figures = shared.board.snapshot().figures;
    let now_s = jiff::Timestamp::now().as_millisecond() as f64 / 1e3;
    let patience = (shared.every * 10).max(Duration::from_secs(120));
    if figures.rounds == 0 {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "the traces are being read for the first time",
        );
    }
    if now_s - figures.last_round_s > patience.as_secs_f64() {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "the last round of judging was too long ago",
        );
    }
    "ready\n".into_response()
}

const HTML: &str = "text/html; charset=utf-8";

fn known(shared: &Shared, name: &str) -> Option<Shown> {
    shared.board.snapshot().processes.get(name).cloned()
}

fn unknown() -> Response {
    refusal(
        StatusCode::NOT_FOUND,
        "no process of that name; /api/v1/processes lists them",
    )
}

fn refusal(status: StatusCode, error: &str) -> Response {
    json(
        status,
        &Refusal {
            error: error.to_owned(),
        },
    )
}

fn json(status: StatusCode, answer: &impl Serialize) -> Response {
    match serde_json::to_string(answer) {
        Ok(text) => (status, typed("application/json", text + "\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn typed(content_type: &'static str, text: String) -> Response {
    ([(CONTENT_TYPE, content_type)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_known() {
        for host in [
            "localhost",
            "LOCALHOST:19910",
            "127.0.0.1:19910",
            "127.0.0.2",
            "[::1]:19910",
            "[::1]",
        ] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com:19910",
            "127.0.0.1.example.com",
            "10.0.0.1:19910",
            ":19910",
            "0.0.0.0",
        ] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
