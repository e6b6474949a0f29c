//! The web tier: it makes pages of what the application tier answers, and passes the rest on to it.
//! It has no data of its own, so that any number of tasks may come and go.

mod api;
mod balancer;
mod budget;
mod ended;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use self::api::Api;
use self::balancer::Asked;
use crate::assets::{Assets, Publisher};
use crate::shop::Rejection;
use crate::shop::products::Page;
use crate::trace;
use crate::web::error::ApiError;
use crate::web::metrics::{Metrics, single};
use crate::web::{MAX_BODY, MAX_IN_FLIGHT, ops, page};

/// How long a good finding about the application tier is used.
const FRESH: Duration = Duration::from_secs(1);

/// How long a check waits for the application tier.
const PATIENCE: Duration = Duration::from_millis(500);

/// What the routes need.
pub struct Parts {
    /// The application tier.
    pub api: Api,
    /// The front end.
    pub assets: Arc<Assets>,
    /// How it is published, if it is.
    pub publisher: Option<Arc<Publisher>>,
    /// Name of the node.
    pub node_name: String,
}

struct App {
    parts: Parts,
    metrics: Metrics,
    /// When the application tier was last seen to be ready; held during a check, so that a crowd of
    /// probes causes one.
    ready: Mutex<Option<Instant>>,
}

type Shared = State<Arc<App>>;

/// All routes.
pub fn router(parts: Parts) -> Router {
    let app = Arc::new(App { parts, metrics: Metrics::default(), ready: Mutex::new(None) });
    Router::new()
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/", get(home))
        .route("/assets/{version}/{*path}", get(asset))
        .fallback(pass_on)
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

/// 200 when the application tier can serve requests that come from here, 503 when not.
async fn readyz(State(app): Shared) -> Result<&'static str, ApiError> {
    let mut ready = app.ready.lock().await;
    if ready.is_some_and(|at| at.elapsed() < FRESH) {
        return Ok("ready\n");
    }
    let path = PathAndQuery::from_static("/readyz");
    let asked = Asked { method: Method::GET, path, headers: HeaderMap::new(), body: Bytes::new() };
    let answer = app.parts.api.ask_within(&asked, PATIENCE).await;
    let good = answer.status() == StatusCode::OK;
    *ready = good.then(Instant::now);
    if good {
        return Ok("ready\n");
    }
    let why = String::from_utf8_lossy(answer.body()).into_owned();
    Err(ApiError::unavailable(format!("the application tier cannot serve: {why}")))
}

async fn metrics(State(app): Shared) -> impl IntoResponse {
    let mut out = String::with_capacity(8192);
    app.metrics.render_routes(&mut out);
    let help = "Requests being served.";
    single(&mut out, "shop_requests_in_flight", "gauge", help, app.metrics.in_flight());
    app.parts.api.render(&mut out);
    if let Some((published, failures)) = app.parts.publisher.as_ref().map(|p| p.counts()) {
        let help = "1 when the front end is in the bucket.";
        single(&mut out, "shop_assets_published", "gauge", help, published.into());
        let help = "Tries to publish that failed.";
        single(&mut out, "shop_assets_failures_total", "counter", help, failures);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out)
}

/// The catalogue for people, made of the application tier's list. What that says about caching, and
/// about what the client has seen, holds for the page, too.
async fn home(State(app): Shared, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(path) = PathAndQuery::try_from(format!("/products{query}")) else {
        let hint = "pages are counted from 1";
        return Err(Rejection::new(400, "the query cannot be used", hint).into());
    };
    let asked = Asked { method: Method::GET, path, headers, body: Bytes::new() };
    let (mut parts, body) = app.parts.api.ask(&asked).await.into_parts();
    if parts.status != StatusCode::OK {
        return Ok(Response::from_parts(parts, Body::from(body)));
    }
    let unread = |e| ApiError::unavailable(format!("the application tier's list is none: {e}"));
    let list: Page = serde_json::from_slice(&body).map_err(unread)?;
    let assets = app.parts.publisher.is_some().then_some(&*app.parts.assets);
    let html = Html(page::catalogue(&list, &app.parts.node_name, assets)).into_response();
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.extend(html.headers().clone());
    Ok(Response::from_parts(parts, html.into_body()))
}

/// A file of the front end, for whoever finds it nowhere else.
async fn asset(
    State(app): Shared,
    Path((version, path)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    ops::file(&app.parts.assets, &version, &path)
}

/// Everything else is the application tier's.
async fn pass_on(State(app): Shared, request: Request) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let unread = |e| {
        Rejection::new(413, format!("the body cannot be read whole: {e}"), "send at most 64 KiB")
    };
    let body = to_bytes(body, MAX_BODY).await.map_err(unread)?;
    let path = parts.uri.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let asked = Asked { method: parts.method, path, headers: parts.headers, body };
    Ok(app.parts.api.ask(&asked).await.map(Body::from))
}

/// Counts every request, and refuses what would be too much.
async fn observe(State(app): Shared, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = matched.unwrap_or_else(|| pattern(request.uri().path()));
    let in_flight = app.metrics.begin(request.method().as_str(), route);
    let is_probe = matches!(route, "/healthz" | "/readyz" | "/metrics");
    let method = request.method();
    let span = if is_probe { None } else { trace::server(request.headers(), method, route) };
    let work = async {
        if app.metrics.in_flight() > MAX_IN_FLIGHT && !is_probe {
            return ApiError::unavailable("too many requests at the same time").into_response();
        }
        next.run(request).await
    };
    let response = trace::within(span.as_ref(), work).await;
    trace::answered(span, response.status().as_u16());
    in_flight.answered(response.status().as_u16());
    response
}

/// What is counted together of the paths that are passed on: not each of them alone, or a client could
/// make as many counters as it likes.
pub fn pattern(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "products" => "/products",
        "posts" => "/posts",
        "orders" => "/orders",
        "cart" => "/cart",
        "sessions" => "/sessions",
        "users" => "/users",
        "leaderboard" => "/leaderboard",
        "audit" => "/audit",
        _ => "other",
    }
}
