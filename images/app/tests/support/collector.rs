//! A collector of traces that keeps what it is sent.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::routing::post;
use serde_json::{Value, json};

use super::until;

/// A running collector.
#[derive(Clone)]
pub struct Collector {
    pub endpoint: String,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("its address"));
        let requests: Arc<Mutex<Vec<Value>>> = Arc::default();
        let kept = Arc::clone(&requests);
        let take = move |Json(body): Json<Value>| async move {
            kept.lock().expect("the requests").push(body);
            Json(json!({}))
        };
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, requests }
    }

    /// All spans, in the order in which they came.
    pub fn spans(&self) -> Vec<Value> {
        let requests = self.requests.lock().expect("the requests");
        let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
        requests
            .iter()
            .flat_map(|request| list(request, "resourceSpans"))
            .flat_map(|resource| list(&resource, "scopeSpans"))
            .flat_map(|scope| list(&scope, "spans"))
            .collect()
    }

    /// Waits until the span of a request has come; yields all of its trace.
    pub async fn trace(&self, id: &str, request: &str) -> Vec<Value> {
        until(&format!("the spans of {request} came"), || async {
            let spans: Vec<Value> =
                self.spans().into_iter().filter(|span| span["traceId"] == id).collect();
            spans.iter().any(|span| span["name"] == request).then_some(spans)
        })
        .await
    }

    /// What is said of the process that sent the first request.
    pub fn resource(&self) -> Vec<Value> {
        let requests = self.requests.lock().expect("the requests");
        let attributes = &requests[0]["resourceSpans"][0]["resource"]["attributes"];
        attributes.as_array().cloned().expect("attributes")
    }
}

/// An attribute of a span that is text.
pub fn attribute(span: &Value, name: &str) -> Option<String> {
    let all = span["attributes"].as_array()?;
    let found = all.iter().find(|attribute| attribute["key"] == name)?;
    found["value"]["stringValue"].as_str().map(str::to_owned)
}
