//! Traces in OpenTelemetry's sense: what a request did, for a share of all requests.
//!
//! Our own instead of the `opentelemetry` crates: those bring a second HTTP client or gRPC and some
//! dozens of crates for what are four small files here, and do more work for each request that is
//! *not* recorded, of which there are nineteen in twenty. What is sent is the same OTLP.

mod context;
mod otlp;
mod span;
mod tracer;

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method};
use tokio::sync::watch;

pub use context::Context;
pub use span::{Kind, Open};

use crate::config::Tracing;
use tracer::Tracer;

/// Name of the header, and of the attribute of messages.
pub const TRACEPARENT: &str = "traceparent";

/// Where all spans of the process go; unset without a collector.
static TRACER: OnceLock<Tracer> = OnceLock::new();

type Current = (Context, Arc<OnceLock<String>>);

tokio::task_local! {
    /// The span that the work at hand is part of, and where it can say why it fails.
    static CURRENT: Current;
}

/// Begins to trace; yields what sends the spans until `ended`.
pub fn start(settings: Tracing, ended: watch::Receiver<bool>) -> impl Future<Output = ()> {
    let tracer = TRACER.get_or_init(|| Tracer::new(settings));
    tracer.run(ended)
}

/// Spans that the collector has taken, and spans that are lost; `None` when nothing is traced.
pub fn counts() -> Option<(u64, u64)> {
    TRACER.get().map(Tracer::counts)
}

/// The span that the work at hand is part of.
pub fn current() -> Option<Context> {
    CURRENT.try_with(|(context, _)| *context).ok()
}

/// Work as part of a span.
pub async fn within<F: Future>(span: Option<&Open>, work: F) -> F::Output {
    let current = span.and_then(|open| {
        let context = open.span.as_ref()?.context;
        Some((context, Arc::clone(&open.failure)))
    });
    scope(current, work).await
}

/// The work at hand fails as a whole.
pub fn failed(why: &str) {
    let _ = CURRENT.try_with(|(_, failure)| failure.set(why.to_owned()));
}

/// The same work elsewhere, as part of the span that is current here.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    scope(CURRENT.try_with(Clone::clone).ok(), work)
}

async fn scope<F: Future>(current: Option<Current>, work: F) -> F::Output {
    match current {
        Some(current) => CURRENT.scope(current, work).await,
        None => work.await,
    }
}

/// A request to be served.
pub fn server(headers: &HeaderMap, method: &Method, route: &str) -> Option<Open> {
    let tracer = TRACER.get()?;
    let sent = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()?.parse().ok());
    let caller: Option<Context> = sent;
    let context = match caller {
        Some(caller) => caller.child(),
        None => Context::root(tracer.settings().share),
    };
    let parent = caller.map(|caller| caller.span);
    let mut open = Open::new(tracer, context, parent, Kind::Server, format!("{method} {route}"));
    open.note("http.request.method", method.as_str());
    open.note("http.route", route);
    Some(open)
}

/// The request was answered.
pub fn answered(open: Option<Open>, status: u16) {
    let Some(mut open) = open else { return };
    open.note("http.response.status_code", status);
    if status >= 500 {
        open.failed(status.to_string());
    }
}

/// A call to something else, if it is to be recorded.
pub struct Call(Option<Open>);

/// A call to `peer`, as the setting `OTEL_PEER_SERVICES` or its own name says. Of a request that is
/// not recorded this costs one look.
pub fn call(peer: &str, name: impl FnOnce() -> String) -> Call {
    let (Some(tracer), Some(at)) = (TRACER.get(), current().filter(|at| at.sampled)) else {
        return Call(None);
    };
    let mut open = Open::new(tracer, at.child(), Some(at.span), Kind::Client, name());
    open.note("peer.service", tracer.settings().peer(peer));
    Call(Some(open))
}

impl Call {
    /// Where it is, for whoever is called; nothing when it is not recorded.
    pub fn context(&self) -> Option<Context> {
        Some(self.0.as_ref()?.span.as_ref()?.context)
    }

    /// Says more about it.
    pub fn note(&mut self, name: &'static str, value: impl Into<serde_json::Value>) {
        if let Some(open) = &mut self.0 {
            open.note(name, value);
        }
    }

    /// It failed.
    pub fn failed(&mut self, why: impl FnOnce() -> String) {
        if let Some(open) = &mut self.0 {
            open.failed(why());
        }
    }

    /// What it yielded.
    pub fn done<T, E: std::fmt::Display>(mut self, result: Result<T, E>) -> Result<T, E> {
        if let Err(why) = &result {
            self.failed(|| why.to_string());
        }
        result
    }
}

/// A message that is handled, which belongs to the trace that its sender named.
pub fn consumer(traceparent: Option<&str>, queue: &str) -> Option<Open> {
    let tracer = TRACER.get()?;
    let sender: Context = traceparent?.parse().ok()?;
    let name = format!("process {queue}");
    let mut open = Open::new(tracer, sender.child(), Some(sender.span), Kind::Consumer, name);
    messaging(&mut open, tracer, queue);
    Some(open)
}

/// A message was handed over, together with others, within the time since `began`.
pub fn produced(traceparent: Option<&str>, queue: &str, began: Instant) {
    let Some(tracer) = TRACER.get() else { return };
    let parsed = traceparent.and_then(|text| text.parse::<Context>().ok());
    let Some(order) = parsed.filter(|order| order.sampled) else { return };
    let name = format!("send {queue}");
    let mut open = Open::new(tracer, order.child(), Some(order.span), Kind::Producer, name);
    messaging(&mut open, tracer, queue);
    let took: Duration = began.elapsed();
    open.clock = began;
    if let Some(span) = &mut open.span {
        span.began -= took;
    }
}

fn messaging(open: &mut Open, tracer: &Tracer, queue: &str) {
    open.note("messaging.system", "aws_sqs");
    open.note("messaging.destination.name", queue);
    open.note("peer.service", tracer.settings().peer("sqs"));
}

/// The last part of a type's name: what a piece of work is called.
pub fn name_of<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}
