//! What the control plane is told, passed on to a collector of the user's own: traces as they came,
//! and its own numbers. A collector that is out or slow misses some, and harms nobody.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;

use super::otlp;
use crate::control::{Shared, metrics, now};

/// Requests that wait; more are dropped.
const QUEUE: usize = 256;
/// Longest wait for the collector.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two requests with numbers.
const METRICS_EVERY: Duration = Duration::from_secs(5);

/// The way to the user's collector, if there is one.
#[derive(Debug)]
pub struct Forward {
    to: Option<SocketAddr>,
    queue: mpsc::Sender<(&'static str, Bytes)>,
    waiting: Mutex<Option<mpsc::Receiver<(&'static str, Bytes)>>>,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Forward {
    /// The way to a collector at this address.
    pub fn new(to: Option<SocketAddr>) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (sent, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { to, queue, waiting: Mutex::new(Some(waiting)), sent, dropped }
    }

    /// Whether anybody wants to be told.
    pub fn wanted(&self) -> bool {
        self.to.is_some()
    }

    /// Requests that the collector took, and requests that are lost.
    pub fn counts(&self) -> Option<(u64, u64)> {
        self.to?;
        Some((self.sent.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed)))
    }

    /// Passes on a request with spans.
    pub fn traces(&self, body: Bytes) {
        self.put("/v1/traces", body);
    }

    fn put(&self, path: &'static str, body: Bytes) {
        if self.wanted() && self.queue.try_send((path, body)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what there is, until the process ends.
    async fn run(&self) {
        let taken = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(mut waiting), Some(to)) = (taken, self.to) else { return };
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(TIMEOUT));
        let http = Client::builder(TokioExecutor::new()).build(connector);
        while let Some((path, body)) = waiting.recv().await {
            let taken = tokio::time::timeout(TIMEOUT, post(&http, to, path, body)).await;
            let counter = if taken == Ok(true) { &self.sent } else { &self.dropped };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn post(
    http: &Client<HttpConnector, Full<Bytes>>,
    to: SocketAddr,
    path: &str,
    body: Bytes,
) -> bool {
    let request = Request::post(format!("http://{to}{path}"))
        .header("content-type", "application/json")
        .body(Full::new(body));
    let Ok(request) = request else { return false };
    match http.request(request).await {
        Ok(answer) => {
            let status = answer.status();
            // Read to its end, so that the connection can be used again.
            answer.into_body().collect().await.is_ok() && status.is_success()
        }
        Err(e) => {
            tracing::debug!(error = %e, "the collector does not answer");
            false
        }
    }
}

/// Passes on what comes, and the control plane's numbers, until the process ends.
pub(in crate::control) async fn run(shared: Shared) {
    if !shared.forward.wanted() {
        return;
    }
    tokio::join!(shared.forward.run(), numbers(&shared));
}

async fn numbers(shared: &Shared) {
    let mut ticks = tokio::time::interval(METRICS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Ok(samples) = metrics::gather(shared).await {
            let body = otlp::metrics(&samples, now()).to_string();
            shared.forward.put("/v1/metrics", body.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;

    use super::*;

    #[tokio::test]
    async fn what_comes_is_passed_on_as_it_is() {
        let (send, mut got) = mpsc::channel::<Bytes>(8);
        let take = move |body: Bytes| async move {
            send.send(body).await.unwrap();
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = listener.local_addr().unwrap();
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let forward = std::sync::Arc::new(Forward::new(Some(to)));
        let running = std::sync::Arc::clone(&forward);
        tokio::spawn(async move { running.run().await });
        forward.traces(Bytes::from_static(b"{}"));
        let body = tokio::time::timeout(Duration::from_secs(10), got.recv()).await.unwrap();
        assert_eq!(body, Some(Bytes::from_static(b"{}")));
    }

    #[test]
    fn a_collector_that_takes_nothing_costs_no_more_than_the_queue() {
        let forward = Forward::new(Some(SocketAddr::from(([127, 0, 0, 1], 9))));
        for _ in 0..QUEUE + 7 {
            forward.traces(Bytes::new());
        }
        assert_eq!(forward.counts(), Some((0, 7)));
        let nobody = Forward::new(None);
        (0..QUEUE + 7).for_each(|_| nobody.traces(Bytes::new()));
        assert_eq!(nobody.counts(), None);
    }
}
