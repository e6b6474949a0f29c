//! One simulated population of users: connections, sessions, requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::json;
use tokio::sync::Mutex;

use super::outcome::Ending;
use super::schedule::{Request, USERS};
use super::targets::Targets;

/// Longest wait for a connection to one address.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(250);
/// Idle connections are closed before the load balancer's own limit.
const IDLE: Duration = Duration::from_secs(20);

/// Sends requests for simulated users.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    targets: Arc<Targets>,
    sessions: Arc<Vec<Mutex<Option<String>>>>,
    timeout: Duration,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// The header `x-effect`.
    pub effect: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// What is sent.
struct Message<'a> {
    method: Method,
    path: &'a str,
    body: String,
    key: Option<&'a str>,
    token: Option<&'a str>,
}

impl Client {
    /// A client of these addresses that waits at most `timeout` for each answer.
    pub fn new(targets: Vec<SocketAddr>, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let pool = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            // A request on a dead idle connection was not sent; hyper says so and we decide.
            .retry_canceled_requests(true)
            .build(connector);
        let sessions = (0..USERS).map(|_| Mutex::new(None)).collect();
        Self { pool, targets: Arc::new(Targets::new(targets)), sessions: Arc::new(sessions), timeout }
    }

    /// Carries out one request of one user.
    pub async fn perform(&self, user: u32, request: &Request, key: Option<&str>) -> Ending {
        let deadline = Instant::now() + self.timeout;
        let token = match needs_session(request) {
            true => match self.session(user, deadline).await {
                Ok(token) => Some(token),
                Err(why) => return Ending::NotSent(format!("sign-in: {why}")),
            },
            false => None,
        };
        let (method, path, body) = message(request);
        let message = Message { method, path: &path, body, key, token: token.as_deref() };
        match self.send(&message, deadline).await {
            Ok(answer) => {
                if answer.status == StatusCode::UNAUTHORIZED {
                    self.sign_out(user).await;
                }
                Ending::Answered { status: answer.status.as_u16(), effect: answer.effect }
            }
            Err(ending) => ending,
        }
    }

    /// A plain GET, for the final reads.
    pub async fn get(&self, path: &str) -> Result<Answer, String> {
        let message =
            Message { method: Method::GET, path, body: String::new(), key: None, token: None };
        match self.send(&message, Instant::now() + self.timeout).await {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) => Err(format!("GET {path} answers {}", answer.status)),
            Err(Ending::NotSent(why) | Ending::Lost(why)) => Err(format!("GET {path}: {why}")),
            Err(Ending::Answered { status, .. }) => Err(format!("GET {path} answers {status}")),
        }
    }

    /// The user's session; signs in when there is none. Users of one process wait for each other's
    /// sign-in, not for other users'.
    async fn session(&self, user: u32, deadline: Instant) -> Result<String, String> {
        let slot = &self.sessions[user as usize % self.sessions.len()];
        let mut session = slot.lock().await;
        if let Some(token) = session.as_ref() {
            return Ok(token.clone());
        }
        let message = Message {
            method: Method::POST,
            path: "/sessions",
            body: json!({ "guest": true }).to_string(),
            key: None,
            token: None,
        };
        let answer = match self.send(&message, deadline).await {
            Ok(answer) if answer.status.is_success() => answer,
            Ok(answer) => return Err(answer.status.as_u16().to_string()),
            Err(Ending::NotSent(why) | Ending::Lost(why)) => return Err(why),
            Err(Ending::Answered { status, .. }) => return Err(status.to_string()),
        };
        let parsed: serde_json::Value =
            serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
        let token = parsed["token"].as_str().ok_or("no token in the answer")?.to_owned();
        *session = Some(token.clone());
        Ok(token)
    }

    async fn sign_out(&self, user: u32) {
        *self.sessions[user as usize % self.sessions.len()].lock().await = None;
    }

    /// Tries the addresses in turn for as long as nothing was sent.
    async fn send(&self, message: &Message<'_>, deadline: Instant) -> Result<Answer, Ending> {
        let mut refused = String::from("no address");
        for address in self.targets.order(Instant::now()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let request = build(message, address)
                .map_err(|e| Ending::NotSent(format!("request: {e}")))?;
            match tokio::time::timeout(left, self.exchange(request)).await {
                Err(_) => {
                    self.targets.failed(address, Instant::now());
                    return Err(Ending::Lost("timeout".into()));
                }
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Failure { sent: false, why })) => {
                    self.targets.failed(address, Instant::now());
                    refused = why;
                }
                Ok(Err(Failure { why, .. })) => {
                    self.targets.failed(address, Instant::now());
                    return Err(Ending::Lost(why));
                }
            }
        }
        Err(Ending::NotSent(refused))
    }

    async fn exchange(&self, request: hyper::Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let response = self.pool.request(request).await.map_err(|e| Failure {
            sent: !e.is_connect(),
            why: describe(&e),
        })?;
        let status = response.status();
        let effect =
            response.headers().get("x-effect").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|e| Failure { sent: true, why: describe(&e) })?
            .to_bytes();
        Ok(Answer { status, effect, body })
    }
}

struct Failure {
    sent: bool,
    why: String,
}

/// The innermost cause: "connection refused" says more than "client error".
fn describe(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn needs_session(request: &Request) -> bool {
    request.kind().is_write()
}

fn message(request: &Request) -> (Method, String, String) {
    let get = |path: String| (Method::GET, path, String::new());
    let post = |path: &str, body: serde_json::Value| {
        (Method::POST, path.to_owned(), body.to_string())
    };
    match request {
        Request::Browse { page } => get(format!("/products?page={page}")),
        Request::Product { id } => get(format!("/products/{id}")),
        Request::ReadForum { topic } => get(format!("/posts?topic=topic-{topic}")),
        Request::AddToCart { product } => {
            post("/cart", json!({ "product": product, "quantity": 1 }))
        }
        Request::Order { items } => {
            let items: Vec<_> = items
                .iter()
                .map(|(product, quantity)| json!({ "product": product, "quantity": quantity }))
                .collect();
            post("/orders", json!({ "items": items }))
        }
        Request::Post { topic } => {
            let body = "A post of the lab's traffic, about as long as people write.";
            post("/posts", json!({ "topic": format!("topic-{topic}"), "body": body }))
        }
    }
}

fn build(
    message: &Message<'_>,
    address: SocketAddr,
) -> Result<hyper::Request<Full<Bytes>>, hyper::http::Error> {
    let mut request = hyper::Request::builder()
        .method(message.method.clone())
        .uri(format!("http://{address}{}", message.path));
    if !message.body.is_empty() {
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(key) = message.key {
        request = request.header("idempotency-key", key);
    }
    if let Some(token) = message.token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(Full::new(Bytes::from(message.body.clone())))
}
