//! A request without the things that depend on the connection.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::spec::workload;

/// A request without the things that depend on the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Such as `GET`.
    pub method: hyper::Method,
    /// Path and query.
    pub path: String,
    /// Its headers, but for those of the client itself.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// Goes over a connection of its own, opened for it.
    pub anew: bool,
    /// The program that does it, with the body as its line; everything else is of HTTP.
    pub exec: Option<workload::Exec>,
}

impl Call {
    /// A request that only reads.
    pub fn get(path: String) -> Self {
        let (method, headers) = (hyper::Method::GET, HeaderMap::new());
        Self { method, path, headers, body: Bytes::new(), anew: false, exec: None }
    }

    /// Whether it has a header of this name.
    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// With a header. One that cannot be sent is left out: a name or a value of a workload that has characters
    /// which no header may have.
    pub fn add(&mut self, name: &str, value: String) {
        let pair = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(HeaderValue::from_maybe_shared(Bytes::from(value)).ok());
        if let Some((name, value)) = pair {
            self.headers.insert(name, value);
        }
    }
}

impl From<workload::Call> for Call {
    fn from(call: workload::Call) -> Self {
        let method = match call.method {
            workload::Method::Get => hyper::Method::GET,
            workload::Method::Post => hyper::Method::POST,
            workload::Method::Put => hyper::Method::PUT,
            workload::Method::Patch => hyper::Method::PATCH,
            workload::Method::Delete => hyper::Method::DELETE,
        };
        let headers = HeaderMap::with_capacity(call.headers.len() + 2);
        let (path, body, exec) = (call.path, call.body.into(), call.exec);
        let mut made = Self { method, path, headers, body, anew: false, exec };
        for (name, value) in call.headers {
            made.add(&name, value);
        }
        made
    }
}
