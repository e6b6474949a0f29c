//! What operators and the lab ask for.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{App, Shared, input};
use crate::assets::{Assets, FOR_A_DAY};
use crate::db::Visit;
use crate::mail::Inline;
use crate::shop::Rejection;
use crate::shop::audit::{AuditKeys, Effects, Kind, Later, MAX_LIMIT, Write};
use crate::shop::ledger::{AuditLedger, Ledger};

/// Keys on a page of the audit unless asked otherwise.
const DEFAULT_LIMIT: i64 = 5000;

/// 200 while the process is alive.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when requests can be served, 503 with the reason when not.
pub async fn readyz(State(app): Shared) -> Result<Json<Value>, ApiError> {
    app.readiness.check().await.map_err(ApiError::unavailable)?;
    app.inline.as_ref().map_or(Ok(()), Inline::ready).map_err(ApiError::unavailable)?;
    Ok(Json(json!({ "ready": true })))
}

/// Metrics for Prometheus.
pub async fn metrics(State(app): Shared) -> impl IntoResponse {
    let backlog = match &app.queues {
        Some(queues) => Some(queues.gauge.read().await),
        None => None,
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render(&app, backlog))
}

/// A file of the front end, for whoever finds it nowhere else.
pub async fn asset(
    State(app): Shared,
    Path((version, path)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    file(&app.assets, &version, &path)
}

/// A file of this version.
///
/// # Errors
/// There is none.
pub fn file(assets: &Assets, version: &str, path: &str) -> Result<Response, ApiError> {
    let asset = assets.file(version, path).ok_or_else(|| {
        let hint = "the page / names the files of this version";
        Rejection::new(404, "there is no such file in this version", hint)
    })?;
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, FOR_A_DAY)];
    Ok((headers, asset.body.clone()).into_response())
}

/// Parameters of an audit of writes or of their effects.
#[derive(Deserialize)]
pub struct KeysQuery<K> {
    kind: K,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    limit: Option<i64>,
}

/// Keys and their number of complete effects, page by page.
pub async fn audit_writes(
    State(app): Shared,
    query: Result<Query<KeysQuery<Write>>, QueryRejection>,
) -> Result<Json<Effects>, ApiError> {
    let KeysQuery { kind, prefix, after, limit } = input::query(query)?;
    audit(&app, AuditKeys { kind: Kind::Write(kind), prefix, after, limit: page_of(limit) }).await
}

/// Keys of orders and how many effects each had that came after it, page by page.
pub async fn audit_effects(
    State(app): Shared,
    query: Result<Query<KeysQuery<Later>>, QueryRejection>,
) -> Result<Json<Effects>, ApiError> {
    let KeysQuery { kind, prefix, after, limit } = input::query(query)?;
    audit(&app, AuditKeys { kind: Kind::Later(kind), prefix, after, limit: page_of(limit) }).await
}

async fn audit(app: &App, keys: AuditKeys) -> Result<Json<Effects>, ApiError> {
    Ok(Json(app.db.run(&Visit::default(), &keys).await?))
}

fn page_of(limit: Option<i64>) -> i64 {
    limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}

/// Money and stock.
pub async fn audit_ledger(State(app): Shared) -> Result<Json<Ledger>, ApiError> {
    Ok(Json(app.db.run(&Visit::default(), &AuditLedger).await?))
}
