//! HTTP: routes, limits, and what every request has in common.

mod error;
mod health;
mod input;
mod metrics;
mod ops;
mod page;
mod trade;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use self::error::ApiError;
use self::health::Readiness;
use self::metrics::Metrics;
use crate::db::{Db, Schema};
use crate::shop::Rejection;

/// Largest request body, in bytes. The largest valid request is a post of 10 kB.
const MAX_BODY: usize = 64 * 1024;

/// Requests served at the same time; more are refused at once, which is better than late.
const MAX_IN_FLIGHT: u64 = 2000;

/// Passwords hashed at the same time: each takes a core and 4 MiB.
const MAX_HASHING: usize = 2;

/// What all requests share.
pub struct App {
    db: Db,
    readiness: Readiness,
    metrics: Metrics,
    hashing: Semaphore,
    node_name: String,
}

type Shared = State<Arc<App>>;

/// All routes.
pub fn router(db: Db, schema: Schema, node_name: String) -> Router {
    let app = Arc::new(App {
        readiness: Readiness::new(db.clone(), schema),
        db,
        metrics: Metrics::default(),
        hashing: Semaphore::new(MAX_HASHING),
        node_name,
    });
    Router::new()
        .route("/", get(trade::home))
        .route("/products", get(trade::products))
        .route("/products/{id}", get(trade::product))
        .route("/users", post(trade::sign_up))
        .route("/sessions", post(trade::sign_in))
        .route("/cart", get(trade::cart).post(trade::put_in_cart))
        .route("/orders", post(trade::order))
        .route("/orders/{key}", get(trade::get_order))
        .route("/posts", get(trade::posts).post(trade::write_post))
        .route("/audit/writes", get(ops::audit_writes))
        .route("/audit/ledger", get(ops::audit_ledger))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

async fn no_route() -> ApiError {
    let hint = "see / for the shop, and /products, /cart, /orders, /posts";
    Rejection::new(404, "there is nothing here", hint).into()
}

async fn wrong_method() -> ApiError {
    Rejection::new(405, "this method is not possible here", "use GET or POST").into()
}

/// Counts every request, and refuses what would be too much.
async fn observe(State(app): Shared, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = route.unwrap_or("other").to_owned();
    let in_flight = app.metrics.begin(request.method().as_str(), &route);
    // Probes are answered always: a busy task is not a dead one.
    let is_probe = matches!(route.as_str(), "/healthz" | "/readyz" | "/metrics");
    let response = if app.metrics.in_flight() > MAX_IN_FLIGHT && !is_probe {
        ApiError::unavailable("too many requests at the same time").into_response()
    } else {
        next.run(request).await
    };
    in_flight.answered(response.status().as_u16());
    response
}
