//! What each address answers.

use super::api::{Findings, Processes, Refusal};
use super::board::{Board, Shown};
use super::page;
use crate::finding::Severity;
use crate::metrics::Format;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What requests are answered from.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) board: Arc<Board>,
    /// Time from one round of judging to the next, at the least.
    pub(super) every: Duration,
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
        .layer(map_response(secured))
        .with_state(shared)
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
        Some(shown) => typed(HTML, page::process(&shown)),
        None => unknown(),
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
