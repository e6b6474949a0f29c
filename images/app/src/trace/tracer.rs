//! Takes spans that have ended and sends them, in batches and in the background. No request ever
//! waits for it: what does not fit into the queue, or what the collector does not take, is dropped and
//! counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::{mpsc, watch};

use super::otlp;
use super::span::Span;
use crate::config::Tracing;

/// Longest wait for a connection to the collector.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// How long the last spans of a task that ends may take.
const LAST: Duration = Duration::from_millis(500);

/// Where spans go.
pub struct Tracer {
    settings: Tracing,
    queue: mpsc::Sender<Span>,
    /// Taken by who sends them.
    spans: Mutex<Option<mpsc::Receiver<Span>>>,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Tracer {
    /// A tracer that sends nothing yet.
    pub fn new(settings: Tracing) -> Self {
        let (queue, spans) = mpsc::channel(settings.queue);
        let (sent, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { settings, queue, spans: Mutex::new(Some(spans)), sent, dropped }
    }

    /// What it was told.
    pub fn settings(&self) -> &Tracing {
        &self.settings
    }

    /// What takes longer is kept.
    pub fn slow(&self) -> Duration {
        self.settings.slow
    }

    /// Spans that the collector has taken, and spans that are lost.
    pub fn counts(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    /// A span has ended.
    pub fn submit(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends until `ended`, then what is left.
    pub async fn run(&self, mut ended: watch::Receiver<bool>) {
        let taken = self.spans.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut spans) = taken else { return };
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let mut batch = Vec::with_capacity(self.settings.batch);
        loop {
            // What comes within the delay goes together.
            tokio::select! {
                () = tokio::time::sleep(self.settings.delay) => {}
                _ = ended.wait_for(|ended| *ended) => break,
            }
            while self.fill(&mut spans, &mut batch) {
                self.send(&http, &batch, self.settings.timeout).await;
            }
        }
        while self.fill(&mut spans, &mut batch) {
            self.send(&http, &batch, LAST).await;
        }
    }

    fn fill(&self, spans: &mut mpsc::Receiver<Span>, batch: &mut Vec<Span>) -> bool {
        batch.clear();
        while batch.len() < self.settings.batch
            && let Ok(span) = spans.try_recv()
        {
            batch.push(span);
        }
        !batch.is_empty()
    }

    async fn send(&self, http: &Http, batch: &[Span], timeout: Duration) {
        let count = u64::try_from(batch.len()).unwrap_or(0);
        let body = otlp::request(&self.settings.resource, batch).to_string();
        let counter = match tokio::time::timeout(timeout, post(http, &self.settings, body)).await {
            Ok(Ok(())) => &self.sent,
            Ok(Err(why)) => {
                tracing::debug!("spans are lost: {why}");
                &self.dropped
            }
            Err(_) => {
                tracing::debug!("spans are lost: the collector does not answer");
                &self.dropped
            }
        };
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

type Http = Client<HttpConnector, Full<Bytes>>;

async fn post(http: &Http, settings: &Tracing, body: String) -> Result<(), String> {
    let request = Request::post(&settings.endpoint)
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| e.to_string())?;
    let answer = http.request(request).await.map_err(|e| e.to_string())?;
    let status = answer.status();
    // Read to its end, so that the connection can be used again.
    answer.into_body().collect().await.map_err(|e| e.to_string())?;
    if status.is_success() { Ok(()) } else { Err(format!("the collector answers {status}")) }
}
