//! The control plane's own interface, for the tool: the journal out, events in, the canary's
//! figures.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Shared, metrics, now, traces};
use crate::journal::{Entry, Micros, ServiceMap};

/// Port of the control plane's interface.
pub const PORT: u16 = 7070;

/// What the canary saw in the last ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CanaryFigures {
    /// Requests answered or given up.
    pub requests: u64,
    /// Share of them that succeeded, in percent.
    pub success_percent: f64,
    /// 50th percentile of latency in milliseconds.
    pub p50_ms: f64,
    /// 99th percentile of latency in milliseconds.
    pub p99_ms: f64,
}

/// Serves the interface until it fails.
pub(super) async fn serve(shared: Shared) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/journal", get(journal))
        .route("/events", post(events))
        .route("/canary", get(canary))
        .route("/notes", get(noted))
        .route("/metrics", get(numbers))
        .route("/v1/traces", post(take_spans).layer(DefaultBodyLimit::max(traces::LARGEST)))
        .route("/traces", get(examples))
        .route("/traces/map", get(service_map))
        .with_state(shared);
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", PORT)).await?;
    axum::serve(listener, router).await
}

#[derive(Deserialize)]
struct From {
    #[serde(default)]
    from: usize,
}

/// The journal from a byte on; a reader that follows asks again from where it ended.
async fn journal(
    State(shared): State<Shared>,
    Query(From { from }): Query<From>,
) -> Result<Vec<u8>, (StatusCode, String)> {
    tokio::task::spawn_blocking(move || {
        let mut bytes = shared.store.read()?;
        Ok(bytes.split_off(from.min(bytes.len())))
    })
    .await
    .map_err(std::io::Error::other)
    .and_then(|r| r)
    .map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

/// Entries that the tool adds: what `lab chaos` did, and when `lab verify` ran.
async fn events(State(shared): State<Shared>, Json(entries): Json<Vec<Entry>>) -> StatusCode {
    for entry in &entries {
        shared.notes.keep(entry);
        shared.store.append(entry);
    }
    StatusCode::NO_CONTENT
}

async fn canary(State(shared): State<Shared>) -> Json<CanaryFigures> {
    Json(shared.recent.figures())
}

/// What people should know of.
async fn noted(State(shared): State<Shared>) -> Json<Vec<Entry>> {
    Json(shared.notes.all())
}

/// What Prometheus reads.
async fn numbers(State(shared): State<Shared>) -> Result<String, (StatusCode, String)> {
    match metrics::gather(&shared).await {
        Ok(samples) => Ok(metrics::text(&samples)),
        Err(e) => Err((StatusCode::SERVICE_UNAVAILABLE, e.to_string())),
    }
}

/// Spans, as OTLP has them over HTTP. Only its JSON encoding is understood.
async fn take_spans(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, (StatusCode, String)> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !sent.is_some_and(|sent| sent.starts_with("application/json")) {
        let hint = "set OTEL_EXPORTER_OTLP_PROTOCOL to http/json";
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, hint.into()));
    }
    match traces::accept(&shared, &body) {
        Ok(()) => Ok(Json(json!({}))),
        Err(e) => Err((StatusCode::BAD_REQUEST, e.to_string())),
    }
}

/// A stretch of time; the last minute unless told.
#[derive(Deserialize)]
struct Window {
    from: Option<Micros>,
    to: Option<Micros>,
}

impl Window {
    const DEFAULT: Micros = 60_000_000;

    fn ends(&self) -> (Micros, Micros) {
        let to = self.to.unwrap_or_else(now);
        (self.from.unwrap_or(to - Self::DEFAULT), to)
    }
}

/// Who called whom.
async fn service_map(
    State(shared): State<Shared>,
    Query(window): Query<Window>,
) -> Result<Json<ServiceMap>, (StatusCode, String)> {
    let Some(config) = &shared.config.traces else {
        let hint = "the stage has no `observability: {traces: true}`";
        return Err((StatusCode::NOT_FOUND, hint.into()));
    };
    Ok(Json(shared.traces.map(window.ends(), config.sample_percent, shared.config.entry_tier())))
}

/// How many requests are shown as examples.
const EXAMPLES: usize = 5;

/// A few requests of the window, from the edge to the stores: those that failed, and the slowest.
async fn examples(State(shared): State<Shared>, Query(window): Query<Window>) -> Json<Value> {
    Json(json!({ "traces": shared.traces.examples(window.ends(), EXAMPLES) }))
}
