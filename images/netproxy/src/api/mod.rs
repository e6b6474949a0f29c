//! Toxiproxy's HTTP API.

mod body;
mod proxies;
mod toxics;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::collection::Collection;
use crate::metrics;

/// The version of Toxiproxy whose API this is, and whose server.
const VERSION: &str = concat!("2.12.0+netproxy.", env!("CARGO_PKG_VERSION"));

/// The whole API over these proxies.
pub fn router(collection: Arc<Collection>) -> Router {
    Router::new()
        .route("/proxies", get(proxies::index).post(proxies::create))
        .route("/populate", post(proxies::populate))
        .route("/reset", post(proxies::reset))
        .route(
            "/proxies/{proxy}",
            get(proxies::show).post(proxies::update).patch(proxies::update).delete(proxies::remove),
        )
        .route("/proxies/{proxy}/toxics", get(toxics::index).post(toxics::create))
        .route(
            "/proxies/{proxy}/toxics/{toxic}",
            get(toxics::show).post(toxics::update).patch(toxics::update).delete(toxics::remove),
        )
        .route("/version", get(version))
        .route("/metrics", get(metrics_text))
        .layer(from_fn(no_browsers))
        .with_state(collection)
}

/// A page in a browser must not be able to change a network.
async fn no_browsers(request: Request, next: Next) -> Response {
    let agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    if agent.is_some_and(|agent| agent.starts_with("Mozilla/")) {
        return (StatusCode::FORBIDDEN, "User agent not allowed\n").into_response();
    }
    next.run(request).await
}

async fn version() -> Json<Value> {
    Json(json!({ "version": VERSION }))
}

async fn metrics_text(State(collection): State<Arc<Collection>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, metrics::text(&collection).await).into_response()
}
