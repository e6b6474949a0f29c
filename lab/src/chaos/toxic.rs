//! Faults of an edge, put into effect by the network proxy in the middle of it.
//!
//! The client `toxiproxy_rust` blocks, so it runs in threads of its own; it ignores HTTP status, so
//! nothing is believed that was not read back; and it panics when the proxy goes away, which is an
//! error here. It knows neither `reset_peer` nor how to remove a single toxic: those two requests are
//! made without it.

use std::net::SocketAddrV4;
use std::time::Duration;

use serde_json::{Value, json};
use toxiproxy_rust::client::Client;
use toxiproxy_rust::toxic::ToxicPack;

use crate::engine::probe::{self, Ready};
use crate::spec::model::Toxic;

/// Longest wait for the proxy to do one thing.
const LIMIT: Duration = Duration::from_secs(5);
/// Requests arrive and answers do not: the caller cannot know what became of its call.
const STREAM: &str = "downstream";

/// Why an edge could not be changed, or seen to have changed.
#[derive(Debug, thiserror::Error)]
pub enum ToxicError {
    /// Nobody answers at the proxy's API.
    #[error("the network proxy at {api} does not answer: {problem}")]
    Unreachable {
        /// Address of the API.
        api: SocketAddrV4,
        /// What was seen.
        problem: String,
    },
    /// The proxy does not do what it is asked.
    #[error("the network proxy at {api} cannot {what} on {edge}: {problem}")]
    Refused {
        /// Address of the API.
        api: SocketAddrV4,
        /// The edge.
        edge: String,
        /// What it was asked to do.
        what: &'static str,
        /// What it said.
        problem: String,
    },
    /// What was asked for is not there when it is read back.
    #[error("the network proxy at {api} should {wanted} on {edge}, but shows {found}")]
    NotSeen {
        /// Address of the API.
        api: SocketAddrV4,
        /// The edge.
        edge: String,
        /// What should be.
        wanted: String,
        /// What is.
        found: String,
    },
}

/// The API of a network proxy; its proxies are named after the edges.
#[derive(Clone, Copy, Debug)]
pub struct NetProxy {
    api: SocketAddrV4,
}

/// An edge as it was read back.
struct Seen {
    enabled: bool,
    toxics: Vec<ToxicPack>,
}

impl Toxic {
    /// Name of the toxic in the proxy, if it is one there.
    fn name(self) -> Option<String> {
        match self {
            Self::Latency { .. } => Some(format!("latency_{STREAM}")),
            Self::Reset => Some(format!("reset_peer_{STREAM}")),
            Self::Cut => None,
        }
    }

    fn settings(self) -> Vec<(&'static str, u32)> {
        match self {
            Self::Latency { latency_ms, jitter_ms } => {
                vec![("latency", latency_ms), ("jitter", jitter_ms)]
            }
            Self::Reset => vec![("timeout", 0)],
            Self::Cut => Vec::new(),
        }
    }

    /// Whether the edge, as it was read back, suffers exactly this.
    fn is_seen_in(self, seen: &Seen) -> bool {
        let Some(name) = self.name() else { return !seen.enabled };
        seen.toxics.iter().any(|toxic| {
            let same = |(key, value): (&str, u32)| toxic.attributes.get(key) == Some(&value);
            toxic.name == name
                && toxic.stream == STREAM
                && toxic.toxicity >= 1.0
                && self.settings().into_iter().all(same)
        })
    }

    /// Whether nothing of this kind is left on the edge.
    fn is_gone_from(self, seen: &Seen) -> bool {
        match self.name() {
            Some(name) => seen.toxics.iter().all(|toxic| toxic.name != name),
            None => seen.enabled,
        }
    }
}

impl NetProxy {
    /// The proxy whose API is at this address.
    pub fn new(api: SocketAddrV4) -> Self {
        Self { api }
    }

    /// Makes an edge suffer, and reads it back.
    ///
    /// # Errors
    /// The proxy does not answer, or does not show the toxic afterwards.
    pub async fn inject(&self, edge: &str, toxic: Toxic) -> Result<(), ToxicError> {
        match toxic {
            Toxic::Latency { latency_ms, jitter_ms } => {
                self.with_edge(edge, "add latency", move |edge| {
                    edge.with_latency(STREAM.into(), latency_ms, jitter_ms, 1.0);
                    Ok(())
                })
                .await?;
            }
            Toxic::Cut => self.with_edge(edge, "end connections", |edge| edge.disable()).await?,
            Toxic::Reset => self.add_reset(edge).await?,
        }
        let seen = self.see(edge).await?;
        if toxic.is_seen_in(&seen) {
            return Ok(());
        }
        Err(self.not_seen(edge, format!("show {toxic:?}"), &seen))
    }

    /// Whether an edge suffers exactly this.
    ///
    /// # Errors
    /// The proxy does not answer, or has no such edge.
    pub async fn suffers(&self, edge: &str, toxic: Toxic) -> Result<bool, ToxicError> {
        Ok(toxic.is_seen_in(&self.see(edge).await?))
    }

    /// Ends what an edge suffers, and reads it back. What is over already is no error; other toxics
    /// of the edge stay.
    ///
    /// # Errors
    /// The proxy does not answer, or still shows the toxic afterwards.
    pub async fn heal(&self, edge: &str, toxic: Toxic) -> Result<(), ToxicError> {
        match toxic.name() {
            Some(name) => self.remove(edge, &name).await?,
            None => self.with_edge(edge, "accept connections again", |edge| edge.enable()).await?,
        }
        let seen = self.see(edge).await?;
        if toxic.is_gone_from(&seen) {
            return Ok(());
        }
        Err(self.not_seen(edge, format!("no longer show {toxic:?}"), &seen))
    }

    /// The edges that suffer, whoever is to blame.
    ///
    /// # Errors
    /// The proxy does not answer.
    pub async fn suffering(&self) -> Result<Vec<String>, ToxicError> {
        let (ip, port) = (*self.api.ip(), self.api.port());
        let unreachable = |problem| ToxicError::Unreachable { api: self.api, problem };
        let answer = probe::get(ip, port, "/proxies", LIMIT).await;
        let answer = answer.map_err(|e| unreachable(e.to_string()))?;
        suffering_in(&answer.body).map_err(|e| unreachable(e.to_string()))
    }

    /// Ends everything that an edge suffers.
    ///
    /// # Errors
    /// The proxy does not answer, or does not do it.
    pub async fn calm(&self, edge: &str) -> Result<(), ToxicError> {
        for toxic in self.see(edge).await?.toxics {
            self.remove(edge, &toxic.name).await?;
        }
        self.with_edge(edge, "accept connections again", |edge| edge.enable()).await
    }

    async fn see(&self, edge: &str) -> Result<Seen, ToxicError> {
        self.with_edge(edge, "show the state", |edge| {
            Ok(Seen { enabled: edge.proxy_pack.enabled, toxics: edge.toxics()? })
        })
        .await
    }

    /// Does something with an edge through the client, away from the asynchronous threads.
    async fn with_edge<T: Send + 'static>(
        &self,
        edge: &str,
        what: &'static str,
        act: impl FnOnce(toxiproxy_rust::proxy::Proxy) -> Result<T, String> + Send + 'static,
    ) -> Result<T, ToxicError> {
        // The client would wait for minutes for a proxy that is cut off.
        if let Ready::NotYet(problem) = probe::tcp(*self.api.ip(), self.api.port()).await {
            return Err(ToxicError::Unreachable { api: self.api, problem });
        }
        let (api, name) = (self.api, edge.to_owned());
        let acting =
            tokio::task::spawn_blocking(move || Client::new(api).find_proxy(&name).and_then(act));
        let problem = match tokio::time::timeout(LIMIT, acting).await {
            Ok(Ok(Ok(done))) => return Ok(done),
            Ok(Ok(Err(problem))) => problem,
            Ok(Err(panicked)) => format!("the connection to it broke ({panicked})"),
            Err(_) => format!("no answer within {} s", LIMIT.as_secs()),
        };
        Err(self.refused(edge, what, problem + web_proxy_hint()))
    }

    async fn add_reset(&self, edge: &str) -> Result<(), ToxicError> {
        let body = json!({"type": "reset_peer", "stream": STREAM, "toxicity": 1,
            "attributes": {"timeout": 0}});
        let path = format!("/proxies/{edge}/toxics");
        // One that is there already shows when it is read back.
        self.send("POST", &path, &body, edge, "reset connections", &[200, 409]).await
    }

    async fn remove(&self, edge: &str, toxic: &str) -> Result<(), ToxicError> {
        let path = format!("/proxies/{edge}/toxics/{toxic}");
        self.send("DELETE", &path, &Value::Null, edge, "remove a toxic", &[204, 404]).await
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        edge: &str,
        what: &'static str,
        good: &[u16],
    ) -> Result<(), ToxicError> {
        let (ip, port) = (*self.api.ip(), self.api.port());
        let answer = probe::request(ip, port, method, path, &body.to_string(), LIMIT)
            .await
            .map_err(|e| ToxicError::Unreachable { api: self.api, problem: e.to_string() })?;
        if good.contains(&answer.status) {
            return Ok(());
        }
        Err(self.refused(edge, what, format!("it answers {}: {}", answer.status, answer.body)))
    }

    fn refused(&self, edge: &str, what: &'static str, problem: String) -> ToxicError {
        ToxicError::Refused { api: self.api, edge: edge.to_owned(), what, problem }
    }

    fn not_seen(&self, edge: &str, wanted: String, seen: &Seen) -> ToxicError {
        let state = if seen.enabled { "enabled" } else { "disabled" };
        let found = format!("it {state} with {:?}", seen.toxics);
        ToxicError::NotSeen { api: self.api, edge: edge.to_owned(), wanted, found }
    }
}

/// The edges that suffer in a proxy's own listing.
fn suffering_in(listing: &str) -> serde_json::Result<Vec<String>> {
    let edges: std::collections::BTreeMap<String, Value> = serde_json::from_str(listing)?;
    let suffers = |edge: &Value| {
        edge["enabled"] == false || edge["toxics"].as_array().is_some_and(|t| !t.is_empty())
    };
    Ok(edges.into_iter().filter(|(_, edge)| suffers(edge)).map(|(name, _)| name).collect())
}

/// The client follows the environment's web proxy, which cannot reach a lab; nothing else of the tool
/// does, so nobody would look there.
fn web_proxy_hint() -> &'static str {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].into_iter().any(set) {
        "; http_proxy or all_proxy is set: add the lab's addresses to no_proxy"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests;
