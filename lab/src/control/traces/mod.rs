//! Traces: takes spans from those that serve requests, keeps the latest of them, and makes the map of
//! services out of them. Nothing here is needed to serve a request.

mod forward;
mod map;
mod nginx;
mod otlp;
mod span;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;

pub use forward::Forward;
pub use map::service_map;
pub use span::{Kind, Span};

use super::Shared;
use crate::journal::{Micros, ServiceMap};

/// Port on which nginx's lines arrive.
pub const LOG_PORT: u16 = 7071;
/// Spans that are kept: of stage-500k, some ten minutes. The oldest make room for new ones.
const KEPT: usize = 30_000;
/// Largest request of spans.
pub const LARGEST: usize = 4 << 20;

/// What the control plane is told about traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracesConfig {
    /// Share of the requests that are traced, in percent.
    pub sample_percent: f64,
}

/// The latest spans.
#[derive(Debug, Default)]
pub struct Traces {
    spans: Mutex<VecDeque<Arc<Span>>>,
    taken: AtomicU64,
    unread: AtomicU64,
}

/// An example: the spans of one request, in order of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// Its trace.
    pub trace: String,
    /// Its spans.
    pub spans: Vec<Span>,
}

impl Traces {
    /// Takes the spans of a request to a collector.
    ///
    /// # Errors
    /// It is no such request.
    pub fn accept(&self, body: &[u8]) -> Result<(), serde_json::Error> {
        let (spans, unread) = otlp::read(body)?;
        self.unread.fetch_add(unread as u64, Ordering::Relaxed);
        self.add(spans);
        Ok(())
    }

    fn add(&self, spans: Vec<Span>) {
        self.taken.fetch_add(spans.len() as u64, Ordering::Relaxed);
        let mut kept = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(spans.into_iter().map(Arc::new));
        let over = kept.len().saturating_sub(KEPT);
        kept.drain(..over);
    }

    /// Spans taken, and spans that could not be read.
    pub fn counts(&self) -> (u64, u64) {
        (self.taken.load(Ordering::Relaxed), self.unread.load(Ordering::Relaxed))
    }

    fn latest(&self) -> Vec<Arc<Span>> {
        let kept = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    /// The map of a stretch of time, in a stage whose users call the tier `entry`.
    pub fn map(&self, window: (Micros, Micros), sample_percent: f64, entry: &str) -> ServiceMap {
        let spans = self.latest();
        service_map(spans.iter().map(|span| &**span), window, sample_percent, entry)
    }

    /// A few requests: those that failed first, then the slowest.
    pub fn examples(&self, (from, to): (Micros, Micros), most: usize) -> Vec<Example> {
        examples(&self.latest(), (from, to), most)
    }
}

fn examples(spans: &[Arc<Span>], (from, to): (Micros, Micros), most: usize) -> Vec<Example> {
    // A trace is known by the part of it that lasted longest: the request as its user saw it.
    let mut roots: Vec<&Arc<Span>> = spans
        .iter()
        .filter(|span| span.kind == Kind::Server && (from..to).contains(&span.start))
        .collect();
    roots.sort_by_key(|span| std::cmp::Reverse((span.error.is_some(), span.took_us)));
    let mut found: Vec<Example> = Vec::new();
    for root in roots {
        if found.len() >= most {
            break;
        }
        if found.iter().any(|example| example.trace == root.trace) {
            continue;
        }
        let own = spans.iter().filter(|span| span.trace == root.trace);
        let mut own: Vec<Span> = own.map(|span| Span::clone(span)).collect();
        own.sort_by_key(|span| span.start);
        found.push(Example { trace: root.trace.clone(), spans: own });
    }
    found
}

/// A request of spans came in.
pub(super) fn accept(shared: &Shared, body: &Bytes) -> Result<(), serde_json::Error> {
    shared.traces.accept(body)?;
    shared.forward.traces(body.clone());
    Ok(())
}

/// Passes on what came in, until the process ends.
pub(super) async fn forward(shared: Shared) {
    forward::run(shared).await;
}

/// Takes nginx's lines until the process ends.
pub(super) async fn listen(shared: Shared) {
    let socket = match UdpSocket::bind(("0.0.0.0", LOG_PORT)).await {
        Ok(socket) => socket,
        Err(e) => {
            tracing::error!(error = %e, "no traces of nginx");
            return;
        }
    };
    let mut datagram = vec![0; 16 << 10];
    loop {
        let Ok(length) = socket.recv(&mut datagram).await else { continue };
        let spans = nginx::read(datagram.get(..length).unwrap_or_default());
        if spans.is_empty() {
            shared.traces.unread.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        if shared.forward.wanted() {
            shared.forward.traces(otlp::write(&spans).to_string().into());
        }
        shared.traces.add(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(trace: &str, start: Micros, took_us: u64, error: bool) -> Span {
        Span {
            trace: trace.into(),
            id: format!("{trace}{start}"),
            parent: None,
            sampled: true,
            service: "web".into(),
            node: "web-a1".into(),
            peer: None,
            kind: Kind::Server,
            name: "GET /".into(),
            start,
            took_us,
            error: error.then(String::new),
        }
    }

    #[test]
    fn examples_are_what_failed_and_then_what_was_slow() {
        let all = [
            span("quick", 1, 5, false),
            span("slow", 2, 900, false),
            span("failed", 3, 7, true),
            span("slow", 1, 10, false),
            span("later", 99, 5000, true),
        ];
        let all: Vec<Arc<Span>> = all.into_iter().map(Arc::new).collect();
        let found = examples(&all, (0, 50), 2);
        let names: Vec<(&str, usize)> = found.iter().map(|e| (&*e.trace, e.spans.len())).collect();
        assert_eq!(names, [("failed", 1), ("slow", 2)]);
        assert!(found[1].spans[0].start < found[1].spans[1].start);
    }

    #[test]
    fn the_oldest_make_room() {
        let traces = Traces::default();
        traces.add((0..KEPT as Micros + 5).map(|n| span("t", n, 1, false)).collect());
        let kept = traces.latest();
        assert_eq!((kept.len(), kept[0].start), (KEPT, 5));
        assert_eq!(traces.counts().0, KEPT as u64 + 5);
    }
}
