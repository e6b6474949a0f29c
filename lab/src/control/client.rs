//! How the tool talks to a running control plane.

use std::net::Ipv4Addr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::{CanaryFigures, PORT};
use crate::journal::{Entry, Event, Micros, ServiceMap};

/// Longest wait for one answer; a journal of hours is some tens of megabytes.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Most bytes of one request: the control plane takes 2 MiB, and a spike by hand brings more entries
/// than that.
const MOST_BYTES: usize = 1 << 20;

/// Entries as bodies of requests, none longer than the control plane takes.
fn bodies(entries: &[Entry]) -> serde_json::Result<Vec<String>> {
    let mut bodies = Vec::new();
    let mut body = String::from("[");
    for entry in entries {
        let text = serde_json::to_string(entry)?;
        if body.len() > 1 && body.len() + text.len() + 2 > MOST_BYTES {
            bodies.push(std::mem::replace(&mut body, "[".into()) + "]");
        }
        if body.len() > 1 {
            body.push(',');
        }
        body += &text;
    }
    bodies.push(body + "]");
    Ok(bodies)
}

/// A client of one lab's control plane.
#[derive(Clone, Copy, Debug)]
pub struct ControlClient {
    address: Ipv4Addr,
}

impl ControlClient {
    /// The control plane at an address.
    pub fn new(address: Ipv4Addr) -> Self {
        Self { address }
    }

    /// The whole journal. Lines that are not entries (a writer was killed) are left out.
    ///
    /// # Errors
    /// When the control plane does not answer.
    pub async fn journal(&self) -> std::io::Result<Vec<Entry>> {
        Ok(self.journal_from(0).await?.0)
    }

    /// The journal from a byte on, and the byte to go on from.
    ///
    /// # Errors
    /// When the control plane does not answer.
    pub async fn journal_from(&self, from: usize) -> std::io::Result<(Vec<Entry>, usize)> {
        let path = format!("/journal?from={from}");
        let bytes = self.send(Method::GET, &path, String::new()).await?;
        let entries = bytes
            .split(|b| *b == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        Ok((entries, from + bytes.len()))
    }

    /// Adds events, stamped with the present moment.
    ///
    /// # Errors
    /// When the control plane does not answer.
    pub async fn record(&self, events: Vec<Event>) -> std::io::Result<()> {
        let at = super::store::now();
        let entries: Vec<Entry> = events.into_iter().map(|event| Entry { at, event }).collect();
        self.append(&entries).await
    }

    /// Adds entries as they are.
    ///
    /// # Errors
    /// When the control plane does not answer.
    pub async fn append(&self, entries: &[Entry]) -> std::io::Result<()> {
        for body in bodies(entries)? {
            self.send(Method::POST, "/events", body).await?;
        }
        Ok(())
    }

    /// What the canary saw lately.
    ///
    /// # Errors
    /// When the control plane does not answer.
    pub async fn canary(&self) -> std::io::Result<CanaryFigures> {
        let bytes = self.send(Method::GET, "/canary", String::new()).await?;
        serde_json::from_slice(&bytes).map_err(std::io::Error::other)
    }

    /// What people should know of who look at the lab, oldest first.
    ///
    /// # Errors
    /// When the control plane does not answer.
    pub async fn notes(&self) -> std::io::Result<Vec<Entry>> {
        let bytes = self.send(Method::GET, "/notes", String::new()).await?;
        serde_json::from_slice(&bytes).map_err(std::io::Error::other)
    }

    /// Who called whom in a stretch of time.
    ///
    /// # Errors
    /// When the control plane does not answer, or the stage is not traced.
    pub async fn service_map(&self, from: Micros, to: Micros) -> std::io::Result<ServiceMap> {
        let path = format!("/traces/map?from={from}&to={to}");
        let bytes = self.send(Method::GET, &path, String::new()).await?;
        serde_json::from_slice(&bytes).map_err(std::io::Error::other)
    }

    async fn send(&self, method: Method, path: &str, body: String) -> std::io::Result<Vec<u8>> {
        let exchange = async {
            let request = Request::builder()
                .method(method)
                .uri(format!("http://{}:{PORT}{path}", self.address))
                .header("content-type", "application/json")
                .body(Full::new(bytes::Bytes::from(body)))
                .map_err(std::io::Error::other)?;
            let client = Client::builder(TokioExecutor::new()).build_http();
            let answer = client.request(request).await.map_err(std::io::Error::other)?;
            let status = answer.status();
            let bytes = answer.into_body().collect().await.map_err(std::io::Error::other)?;
            if !status.is_success() {
                return Err(std::io::Error::other(format!("the control plane answers {status}")));
            }
            Ok(bytes.to_bytes().to_vec())
        };
        tokio::time::timeout(TIMEOUT, exchange)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bodies: &[String]) -> Vec<Entry> {
        let lists = bodies.iter().map(|body| serde_json::from_str::<Vec<Entry>>(body).unwrap());
        lists.flatten().collect()
    }

    #[test]
    fn many_entries_are_sent_in_parts_that_the_control_plane_takes() {
        let reason = "x".repeat(1000);
        let event = Event::AuditFailed { what: "posts".into(), reason };
        let entries: Vec<Entry> = (0..3000).map(|at| Entry { at, event: event.clone() }).collect();
        let bodies = bodies(&entries).unwrap();
        assert!(bodies.len() >= 3 && bodies.iter().all(|body| body.len() <= MOST_BYTES));
        assert_eq!(read(&bodies), entries);
    }

    #[test]
    fn few_entries_and_none_are_one_request() {
        let entry = Entry { at: 7, event: Event::RunEnded };
        for entries in [vec![], vec![entry.clone()], vec![entry.clone(), entry]] {
            let bodies = bodies(&entries).unwrap();
            assert_eq!((bodies.len(), read(&bodies)), (1, entries));
        }
    }
}
