//! Pieces of work with a beginning, an end, and what became of them.

use std::sync::{Arc, OnceLock};
use std::time::{Instant, SystemTime};

use serde_json::Value;

use super::Context;
use super::tracer::Tracer;

/// What a span stands for. The numbers are OTLP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request that is served.
    Server = 2,
    /// A request that is sent.
    Client = 3,
    /// A message that is handed over.
    Producer = 4,
    /// A message that is handled.
    Consumer = 5,
}

/// A piece of work that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its trace, itself, and whether it is part of the sample; one that is not was kept because it
    /// failed or took long.
    pub context: Context,
    /// The span that it is part of.
    pub parent: Option<u64>,
    /// What it stands for.
    pub kind: Kind,
    /// What it is called.
    pub name: String,
    /// When it began.
    pub began: SystemTime,
    /// When it ended.
    pub ended: SystemTime,
    /// Why it failed, if it did.
    pub error: Option<String>,
    /// What else is known.
    pub attributes: Vec<(&'static str, Value)>,
}

/// A piece of work under way; it ends when this is dropped, even when nobody waits for it any more.
pub struct Open {
    pub(super) tracer: &'static Tracer,
    pub(super) span: Option<Span>,
    pub(super) clock: Instant,
    /// Filled in by whoever does the work, who does not have this at hand.
    pub(super) failure: Arc<OnceLock<String>>,
}

impl Open {
    pub(super) fn new(
        tracer: &'static Tracer,
        context: Context,
        parent: Option<u64>,
        kind: Kind,
        name: String,
    ) -> Self {
        let began = SystemTime::now();
        let span = Span {
            context,
            parent,
            kind,
            name,
            began,
            ended: began,
            error: None,
            attributes: Vec::new(),
        };
        Self { tracer, span: Some(span), clock: Instant::now(), failure: Arc::default() }
    }

    /// Says more about it.
    pub fn note(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.span {
            span.attributes.push((name, value.into()));
        }
    }

    /// It failed.
    pub fn failed(&mut self, why: impl Into<String>) {
        if let Some(span) = &mut self.span {
            span.error = Some(why.into());
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Some(mut span) = self.span.take() else { return };
        let took = self.clock.elapsed();
        span.error = span.error.or_else(|| self.failure.get().cloned());
        // What is not part of the sample is kept when somebody will ask what happened.
        let telling = span.error.is_some() || took >= self.tracer.slow();
        if span.context.sampled || (span.kind == Kind::Server && telling) {
            span.ended = span.began + took;
            self.tracer.submit(span);
        }
    }
}
