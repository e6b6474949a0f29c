//! What the balancer thinks of its targets, as JSON for `lab status`.
//!
//! `GET /targets` returns a [`View`]; `GET /healthz` is 200 while nginx answers; `GET /requests` says
//! how many requests nginx has had since it started; `GET /numbers` what each target did with its own;
//! `PUT /weights` changes the targets' shares; `GET /metrics` of an API gateway says how many it let
//! through and refused.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, header};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use super::config::BalancerConfig;
use super::health::{Fleet, State};
use super::nginx;
use super::numbers::Shared;
use super::throttled::Throttled;
use super::weights::{self, Order, Weights};

/// Largest request, in bytes.
const LARGEST: usize = 64 << 10;

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
    /// Its share beside the others'.
    #[serde(default = "one")]
    pub weight: u32,
    /// `ok`, or why the last probe failed; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_probe: Option<String>,
    /// So many probes in a row had that result (or failed, for whatever reason).
    pub streak: u16,
}

fn one() -> u32 {
    1
}

impl View {
    /// The view of `fleet`.
    pub fn of(config: &BalancerConfig, fleet: &Fleet, weights: &Weights) -> Self {
        let weight = |index: usize| weights::of(config, weights, index);
        let in_service = fleet.in_service(weight);
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
                in_service: in_service.iter().any(|(used, _)| *used == index),
                weight: weight(index),
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

/// What the interface answers from, and whom it tells.
#[derive(Clone)]
pub struct Interface {
    /// The latest view.
    pub view: watch::Receiver<View>,
    /// What every target has done.
    pub numbers: Shared,
    /// What an API gateway refused.
    pub throttled: Option<Throttled>,
    /// Who puts weights into effect.
    pub orders: mpsc::Sender<Order>,
    /// Where nginx says that it works.
    pub nginx_status_port: u16,
}

/// Serves the interface on `listener`, for as long as it is polled.
pub async fn serve(listener: TcpListener, interface: Interface) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // Ended connections are forgotten here; one that cannot be accepted is the caller's loss.
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors: accepting again at once would spin.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let interface = interface.clone();
        let answer = service_fn(move |request: Request<Incoming>| {
            let interface = interface.clone();
            async move { Ok::<_, Infallible>(interface.answer(request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        connections.spawn(async move { drop(connection.await) });
    }
}

impl Interface {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if let ("/metrics", Some(throttled)) = (path.as_str(), &self.throttled) {
            return Response::new(Full::from(throttled.render()));
        }
        let (status, body) = match (request.method(), path.as_str()) {
            (&Method::PUT, "/weights") => self.weigh(request).await,
            (_, "/targets") => (200, serde_json::json!(*self.view.borrow())),
            (_, "/numbers") => (200, serde_json::json!(self.numbers.all())),
            (_, "/healthz") => match nginx::answers(self.nginx_status_port).await {
                Ok(()) => (200, serde_json::json!({ "nginx": "ok" })),
                Err(reason) => (503, serde_json::json!({ "nginx": reason })),
            },
            (_, "/requests") => self.requests().await,
            _ => {
                let there = "there are /targets, /numbers, /requests, /weights (PUT) and /healthz";
                (404, serde_json::json!({ "error": there }))
            }
        };
        let mut response = Response::new(Full::from(format!("{body}\n")));
        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
        let json = header::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }

    async fn requests(&self) -> (u16, serde_json::Value) {
        let weighted = self.view.borrow().targets.iter().any(|t| t.weight != 1);
        match nginx::requests(self.nginx_status_port).await {
            Ok(count) => (200, serde_json::json!({ "requests": count, "weighted": weighted })),
            Err(reason) => (503, serde_json::json!({ "nginx": reason })),
        }
    }

    /// Takes new weights, and answers when nginx has been told.
    async fn weigh(&self, request: Request<Incoming>) -> (u16, serde_json::Value) {
        let error = |status, reason: String| (status, serde_json::json!({ "error": reason }));
        let body = match Limited::new(request.into_body(), LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(e) => return error(400, e.to_string()),
        };
        let weights: Weights = match serde_json::from_slice(&body) {
            Ok(weights) => weights,
            Err(e) => return error(400, e.to_string()),
        };
        let (done, answer) = oneshot::channel();
        let sent = self.orders.send(Order { weights, done }).await;
        match sent.is_ok().then_some(answer) {
            Some(answer) => match answer.await {
                Ok(Ok(())) => (200, serde_json::json!({ "weights": "in effect" })),
                Ok(Err(reason)) => error(400, reason),
                Err(_) => error(503, "the balancer ends".into()),
            },
            None => error(503, "the balancer ends".into()),
        }
    }
}
