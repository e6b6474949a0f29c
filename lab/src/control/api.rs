//! The control plane's own interface, for the tool: the journal out, events in, the canary's
//! figures.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::{Shared, metrics};
use crate::journal::Entry;

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
        .route("/metrics", get(numbers))
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
        shared.store.append(entry);
    }
    StatusCode::NO_CONTENT
}

async fn canary(State(shared): State<Shared>) -> Json<CanaryFigures> {
    Json(shared.recent.figures())
}

/// What Prometheus reads.
async fn numbers(State(shared): State<Shared>) -> Result<String, (StatusCode, String)> {
    match metrics::gather(&shared).await {
        Ok(samples) => Ok(metrics::text(&samples)),
        Err(e) => Err((StatusCode::SERVICE_UNAVAILABLE, e.to_string())),
    }
}
