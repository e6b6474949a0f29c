//! What operators and the lab ask for.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Shared, input};
use crate::assets::FOR_A_DAY;
use crate::db::Visit;
use crate::shop::Rejection;
use crate::shop::audit::{AuditWrites, Effects, Kind, MAX_LIMIT};
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
    Ok(Json(json!({ "ready": true })))
}

/// Metrics for Prometheus.
pub async fn metrics(State(app): Shared) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render(&app))
}

/// A file of the front end, for whoever finds it nowhere else.
pub async fn asset(
    State(app): Shared,
    Path((version, path)): Path<(String, String)>,
) -> Result<impl IntoResponse, ApiError> {
    let asset = app.assets.file(&version, &path).ok_or_else(|| {
        let hint = "the page / names the files of this version";
        Rejection::new(404, "there is no such file in this version", hint)
    })?;
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, FOR_A_DAY)];
    Ok((headers, asset.body.clone()))
}

/// Parameters of the audit of writes.
#[derive(Deserialize)]
pub struct WritesQuery {
    kind: Kind,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    after: String,
    limit: Option<i64>,
}

/// Keys and their number of complete effects, page by page.
pub async fn audit_writes(
    State(app): Shared,
    query: Result<Query<WritesQuery>, QueryRejection>,
) -> Result<Json<Effects>, ApiError> {
    let WritesQuery { kind, prefix, after, limit } = input::query(query)?;
    let limit = limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    Ok(Json(app.db.run(&Visit::default(), &AuditWrites { kind, prefix, after, limit }).await?))
}

/// Money and stock.
pub async fn audit_ledger(State(app): Shared) -> Result<Json<Ledger>, ApiError> {
    Ok(Json(app.db.run(&Visit::default(), &AuditLedger).await?))
}
