//! HTTP: routes, limits, and what every request has in common.

mod caching;
mod capacity;
pub mod error;
mod health;
mod input;
pub mod metrics;
pub mod ops;
pub mod page;
mod profile;
mod queues;
mod slots;
mod trade;
mod visitor;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;

use self::error::ApiError;
use self::health::Readiness;
use self::metrics::Metrics;
use crate::assets::{Assets, Publisher};
use crate::cache::Cache;
use crate::db::{Databases, Db, Function, GaveUp, Schema, Visit};
use crate::mail::Inline;
use crate::shop::Rejection;
use crate::shop::carts::Carts;
use crate::shop::users::{Token, Who, WhoIs};
use crate::trace;

pub use self::capacity::Capacity;
pub use self::queues::Queues;
pub use self::slots::Slots;

/// Largest request body, in bytes. The largest valid request is a post of 10 kB.
pub const MAX_BODY: usize = 64 * 1024;

/// Requests served at the same time; more are refused at once, which is better than late.
pub const MAX_IN_FLIGHT: u64 = 2000;

/// Passwords hashed at the same time: each takes a core and 4 MiB.
const MAX_HASHING: usize = 2;

/// What all requests share.
pub struct App {
    db: Databases,
    cache: Cache,
    readiness: Readiness,
    metrics: Metrics,
    hashing: Semaphore,
    following: Option<bool>,
    carts: Carts,
    assets: Arc<Assets>,
    publisher: Option<Arc<Publisher>>,
    queues: Option<Queues>,
    inline: Option<Inline>,
    slots: Option<Slots>,
    capacity: Option<Capacity>,
    page_caching: HeaderValue,
    node_name: String,
}

type Shared = State<Arc<App>>;

impl App {
    /// Who has this session, for work on the data of a function: where that is not together with
    /// the sessions, they are asked first.
    async fn who(
        &self,
        visit: &Visit,
        token: Token,
        function: Function,
    ) -> Result<Who, GaveUp<Rejection>> {
        if self.db.are_together(Function::Users, function) {
            return Ok(Who::Session(token));
        }
        self.cache.read(visit, WhoIs { token }).await.map(Who::Known)
    }
}

/// What the routes need.
pub struct Parts {
    /// The databases.
    pub databases: Databases,
    /// Whether the tables of each are there.
    pub schemas: Vec<(Db, Schema)>,
    /// What was read before.
    pub cache: Cache,
    /// Whether answers carry positions, and whether those that clients send are followed.
    pub following: Option<bool>,
    /// Where carts live.
    pub carts: Carts,
    /// The front end.
    pub assets: Arc<Assets>,
    /// How it is published, if it is.
    pub publisher: Option<Arc<Publisher>>,
    /// What passes events on or takes them, if anything does.
    pub queues: Option<Queues>,
    /// What sends mails inside requests, if they do.
    pub inline: Option<Inline>,
    /// How many requests are served at the same time, if that is limited.
    pub slots: Option<Slots>,
    /// How much the task can serve, if that is limited.
    pub capacity: Option<Capacity>,
    /// How long pages may be kept in front of the shop, in seconds.
    pub page_ttl_s: u64,
    /// Name of the node.
    pub node_name: String,
}

fn app(parts: Parts) -> Arc<App> {
    let Parts { databases, cache, following, node_name, .. } = parts;
    Arc::new(App {
        readiness: Readiness::new(parts.schemas),
        db: databases,
        cache,
        metrics: Metrics::default(),
        hashing: Semaphore::new(MAX_HASHING),
        following,
        carts: parts.carts,
        assets: parts.assets,
        publisher: parts.publisher,
        queues: parts.queues,
        inline: parts.inline,
        slots: parts.slots,
        capacity: parts.capacity,
        page_caching: caching::for_everybody(parts.page_ttl_s),
        node_name,
    })
}

/// What a task answers that serves no users.
pub fn probes(parts: Parts) -> Router {
    let app = app(parts);
    probe_routes()
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_route)
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

fn probe_routes() -> Router<Arc<App>> {
    Router::new()
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics))
}

/// All routes.
pub fn router(parts: Parts) -> Router {
    let app = app(parts);
    probe_routes()
        .route("/", get(trade::home))
        .route("/products", get(trade::products))
        .route("/products/{id}", get(trade::product))
        .route("/assets/{version}/{*path}", get(ops::asset))
        .route("/leaderboard", get(trade::leaderboard))
        .route("/users", post(trade::sign_up))
        .route("/users/{id}/profile", get(profile::read).put(profile::write))
        .route("/sessions", post(trade::sign_in))
        .route("/cart", get(trade::cart).post(trade::put_in_cart))
        .route("/orders", post(trade::order))
        .route("/orders/{key}", get(trade::get_order))
        .route("/posts", get(trade::posts).post(trade::write_post))
        .route("/audit/writes", get(ops::audit_writes))
        .route("/audit/effects", get(ops::audit_effects))
        .route("/audit/ledger", get(ops::audit_ledger))
        .method_not_allowed_fallback(wrong_method)
        .fallback(no_route)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&app), visitor::follow))
        .layer(from_fn_with_state(Arc::clone(&app), caching::mark))
        .layer(from_fn_with_state(Arc::clone(&app), observe))
        .with_state(app)
}

async fn no_route() -> ApiError {
    let hint = "see / for the shop, and /products, /cart, /orders, /posts";
    Rejection::new(404, "there is nothing here", hint).into()
}

async fn wrong_method() -> ApiError {
    Rejection::new(405, "this method is not possible here", "use a documented one").into()
}

/// Counts every request, and refuses what would be too much.
async fn observe(State(app): Shared, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = route.unwrap_or("other").to_owned();
    let method = request.method().clone();
    let in_flight = app.metrics.begin(method.as_str(), &route);
    // Probes are answered always: a busy task is not a dead one.
    let is_probe = matches!(route.as_str(), "/healthz" | "/readyz" | "/metrics");
    let span = if is_probe { None } else { trace::server(request.headers(), &method, &route) };
    let work = async {
        if app.metrics.in_flight() > MAX_IN_FLIGHT && !is_probe {
            return ApiError::unavailable("too many requests at the same time").into_response();
        }
        // What the lab itself reads back is not part of what users ask.
        let capacity = app.capacity.as_ref().filter(|_| !is_probe && !route.starts_with("/audit"));
        if let Some(capacity) = capacity
            && !capacity.turn().await
        {
            return ApiError::unavailable("more requests than this task can serve").into_response();
        }
        match app.slots.as_ref().filter(|_| !is_probe) {
            None => next.run(request).await,
            Some(slots) => in_turn(slots, &route, request, next).await,
        }
    };
    let response = trace::within(span.as_ref(), work).await;
    trace::answered(span, response.status().as_u16());
    in_flight.answered(response.status().as_u16());
    response
}

/// Serves a request when it is its turn.
async fn in_turn(slots: &Slots, route: &str, request: Request, next: Next) -> Response {
    let sends_mail = route == "/orders" && request.method() == Method::POST;
    match slots.enter(sends_mail).await {
        Some(_slot) => next.run(request).await,
        None => ApiError::unavailable("too many requests wait for their turn").into_response(),
    }
}
