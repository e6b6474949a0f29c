//! What the balancer thinks of its targets, as JSON for `lab status`.
//!
//! `GET /targets` returns a [`View`]; `GET /healthz` is 200 while nginx answers; `GET /requests` says
//! how many requests nginx has had since it started.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::config::BalancerConfig;
use super::health::{Fleet, State};
use super::nginx;

/// All targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Whether targets are probed.
    pub checked: bool,
    /// Whether all are used because none is healthy.
    pub failing_open: bool,
    /// Each target, in the order of the configuration.
    pub targets: Vec<TargetView>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetView {
    /// The node's name.
    pub name: String,
    /// Where it answers.
    pub address: String,
    /// What is thought of it.
    pub state: State,
    /// Whether it receives requests.
    pub in_service: bool,
    /// `ok`, or why the last probe failed; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe: Option<String>,
    /// So many probes in a row had that result (or failed, for whatever reason).
    pub streak: u16,
}

impl View {
    /// The view of `fleet`.
    pub fn of(config: &BalancerConfig, fleet: &Fleet) -> Self {
        let in_service = fleet.in_service();
        let targets = config.targets.iter().zip(fleet.targets()).enumerate();
        let target = |(index, (target, health)): (usize, (&super::TargetConfig, _))| {
            let health: &super::health::TargetHealth = health;
            let words = |result: &Result<(), String>| match result {
                Ok(()) => "ok".to_owned(),
                Err(reason) => reason.clone(),
            };
            TargetView {
                name: target.name.clone(),
                address: target.address.to_string(),
                state: health.state(),
                in_service: in_service.contains(&index),
                last_probe: health.last().map(words),
                streak: health.streak(),
            }
        };
        Self {
            checked: fleet.is_checked(),
            failing_open: fleet.is_failing_open(),
            targets: targets.map(target).collect(),
        }
    }
}

/// Serves the latest view on `listener`, for as long as it is polled.
pub async fn serve(listener: TcpListener, view: watch::Receiver<View>, nginx_status_port: u16) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // Ended connections are forgotten here; one that cannot be accepted is the caller's loss.
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: accepting again at once would spin.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let view = view.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let view = view.clone();
            async move { Ok::<_, Infallible>(answer(&request, &view, nginx_status_port).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        connections.spawn(async move { drop(connection.await) });
    }
}

async fn answer(
    request: &Request<Incoming>,
    view: &watch::Receiver<View>,
    nginx_status_port: u16,
) -> Response<Full<Bytes>> {
    let (status, body) = match request.uri().path() {
        "/targets" => (200, serde_json::json!(*view.borrow())),
        "/healthz" => match nginx::answers(nginx_status_port).await {
            Ok(()) => (200, serde_json::json!({ "nginx": "ok" })),
            Err(reason) => (503, serde_json::json!({ "nginx": reason })),
        },
        "/requests" => match nginx::requests(nginx_status_port).await {
            Ok(count) => (200, serde_json::json!({ "requests": count })),
            Err(reason) => (503, serde_json::json!({ "nginx": reason })),
        },
        _ => (404, serde_json::json!({ "error": "there are /targets, /requests and /healthz" })),
    };
    let mut response = Response::new(Full::from(format!("{body}\n")));
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
