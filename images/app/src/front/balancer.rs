//! One load balancer of the application tier.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;

use super::ended::Ended;
use super::pattern;
use crate::cache::Breaker;
use crate::trace;

/// Longest answer, in bytes: a page of the audit is the longest that there is.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// How long a connection is kept for later reads: shorter than load balancers keep it.
const KEPT_FOR: Duration = Duration::from_secs(20);

/// So many are kept.
const KEPT: usize = 32;

/// What belongs to one connection and is not passed on (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request that is passed on.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its method.
    pub method: Method,
    /// Path and query.
    pub path: PathAndQuery,
    /// Its headers, as they came.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Asked {
    /// Whether it has no effect.
    pub fn reads(&self) -> bool {
        self.method.is_safe()
    }
}

/// Who carries requests to load balancers.
#[derive(Clone)]
pub struct Carriers {
    kept: Client<HttpConnector, Full<Bytes>>,
    fresh: Client<HttpConnector, Full<Bytes>>,
}

impl Carriers {
    /// Reads share connections that are kept. A write has one of its own: a load balancer that is told
    /// other targets closes the connections that it has, and of a write that crosses such a close
    /// nobody knows what became.
    pub fn new(connect_timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(connect_timeout));
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        let kept = builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT_FOR)
            .pool_max_idle_per_host(KEPT)
            .build(connector.clone());
        Self { kept, fresh: builder.pool_max_idle_per_host(0).build(connector) }
    }
}

/// One of them.
pub struct Balancer {
    /// Where it is.
    pub address: SocketAddr,
    /// Whether it is left alone.
    pub breaker: Breaker,
    authority: Option<Authority>,
    ended: Mutex<BTreeMap<&'static str, u64>>,
}

impl Balancer {
    /// One of which nothing is known yet.
    pub fn new(address: SocketAddr, circuit_breaker: bool) -> Self {
        Self {
            address,
            breaker: Breaker::new(circuit_breaker),
            authority: Authority::try_from(address.to_string()).ok(),
            ended: Mutex::default(),
        }
    }

    /// Tries each ended in one of these ways so often.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes how a try ended.
    pub fn note(&self, ended: &Ended) {
        let mut counts = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(ended.as_str()).or_default() += 1;
        if let Some(blame) = ended.blame() {
            self.breaker.record(Instant::now(), !blame);
        }
    }

    /// Passes a request on, and waits for the whole answer.
    pub async fn exchange(&self, carriers: &Carriers, asked: &Asked) -> Ended {
        let mut request = match self.request(asked) {
            Ok(request) => request,
            Err(e) => return Ended::NotSent(format!("it cannot be passed on: {e}")),
        };
        let name = || format!("{} {}", asked.method, pattern(asked.path.path()));
        let mut call = trace::call("api", name);
        // Of a request that is not recorded the header stays as it came.
        let told = call.context().and_then(|at| HeaderValue::try_from(at.to_string()).ok());
        if let Some(told) = told {
            request.headers_mut().insert(trace::TRACEPARENT, told);
        }
        let ended = self.send(carriers, asked.reads(), request).await;
        if let Some(why) = ended.failure() {
            call.failed(|| why);
        }
        ended
    }

    async fn send(&self, carriers: &Carriers, reads: bool, request: Request<Full<Bytes>>) -> Ended {
        let carrier = if reads { &carriers.kept } else { &carriers.fresh };
        let response = match carrier.request(request).await {
            Ok(response) => response,
            Err(e) if e.is_connect() => {
                return Ended::NotSent(format!("no connection to {}", self.address));
            }
            Err(_) => return Ended::Lost("the connection ended before an answer".into()),
        };
        let (mut parts, body) = response.into_parts();
        match Limited::new(body, MAX_ANSWER).collect().await {
            Ok(body) => {
                end_to_end(&mut parts.headers);
                Ended::Answered(Response::from_parts(parts, body.to_bytes()))
            }
            Err(e) => Ended::Lost(format!("the answer broke off: {e}")),
        }
    }

    fn request(&self, asked: &Asked) -> Result<Request<Full<Bytes>>, axum::http::Error> {
        let authority = self.authority.clone().map_or_else(String::new, |a| a.to_string());
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(authority)
            .path_and_query(asked.path.clone())
            .build()?;
        let mut request = Request::new(Full::new(asked.body.clone()));
        *request.method_mut() = asked.method.clone();
        *request.uri_mut() = uri;
        let mut headers = asked.headers.clone();
        end_to_end(&mut headers);
        // The body is here, so a client need not be told to send it.
        headers.remove(header::EXPECT);
        if !asked.reads() {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        *request.headers_mut() = headers;
        Ok(request)
    }
}

/// Leaves what is for both ends. The length is that of the body at hand.
fn end_to_end(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(|name| name.trim().to_lowercase())
        .collect();
    for name in named.iter().map(String::as_str).chain(HOP_BY_HOP).chain(["content-length"]) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_a_connection_stays_there() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("content-length", "3"),
            ("authorization", "Bearer t"),
            ("cookie", "position=1-A"),
            ("idempotency-key", "k"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        end_to_end(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "cookie", "idempotency-key"]);
    }

    #[test]
    fn a_write_has_a_connection_of_its_own() {
        let balancer = Balancer::new("10.0.0.1:8080".parse().unwrap(), true);
        let asked = |method| Asked {
            method,
            path: PathAndQuery::from_static("/posts?topic=news"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let closes = |method| {
            let request = balancer.request(&asked(method)).unwrap();
            assert_eq!(request.uri(), "http://10.0.0.1:8080/posts?topic=news");
            request.headers().get("connection").is_some()
        };
        assert!(closes(Method::POST) && closes(Method::PUT) && !closes(Method::GET));
    }
}
