//! Whether containers can be reached by their addresses. Everything that judges talks to them directly,
//! which an engine without root, in a virtual machine, on another machine or in another network namespace
//! does not allow. What such engines say of themselves differs; so it is tried.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::routes::routes;
use super::{Engine, EngineError};
use crate::plan::layout::Subnet;
use crate::plan::observed::ObservedNetwork;
use crate::plan::subnet::Range;

/// A port that nobody listens to: a container that is there refuses it at once.
const CLOSED_PORT: u16 = 1;
/// Longest wait for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);
/// How long it is tried: a machine that is busy may need a while.
const LIMIT: Duration = Duration::from_secs(5);
/// Pause between two tries.
const TRY_EVERY: Duration = Duration::from_millis(100);

impl Engine {
    /// Makes sure that the container that has just been given an address can be reached there.
    ///
    /// # Errors
    /// [`EngineError::OutOfReach`], with what was seen.
    pub(super) async fn must_reach(
        &self,
        subnet: Subnet,
        address: Ipv4Addr,
    ) -> Result<(), EngineError> {
        self.must_have_route(subnet).await?;
        let begun = Instant::now();
        loop {
            let seen = match timeout(ANSWER_LIMIT, TcpStream::connect((address, CLOSED_PORT))).await
            {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(e)) if e.kind() == ErrorKind::ConnectionRefused => return Ok(()),
                Ok(Err(e)) => e.to_string(),
                Err(_) => "no answer".into(),
            };
            if begun.elapsed() >= LIMIT {
                let seconds = LIMIT.as_secs();
                let why = format!("{address} does not answer within {seconds} s ({seen})");
                return Err(self.out_of_reach(&why).await);
            }
            tokio::time::sleep(TRY_EVERY).await;
        }
    }

    /// Tries a network alone: for an engine that has no image yet from which a container could be made.
    /// The caller holds the lab's lock, and nothing runs under the lab's name.
    ///
    /// # Errors
    /// [`EngineError::OutOfReach`], or Docker refuses.
    pub async fn try_network(&self, network: &ObservedNetwork) -> Result<(), EngineError> {
        self.create_network(network).await?;
        let tried = self.must_have_route(network.subnet).await;
        self.down().await?;
        tried
    }

    /// The network of an engine that shares our network namespace is a route of ours. Without it a refused
    /// connection proves nothing: a router that refuses what it does not know answers in the same way.
    async fn must_have_route(&self, subnet: Subnet) -> Result<(), EngineError> {
        let own = Range::from(subnet);
        if routes().await?.iter().any(|route| route.range.overlaps(own)) {
            return Ok(());
        }
        let why = format!("it made the network {own}, and no route of this machine leads there");
        Err(self.out_of_reach(&why).await)
    }

    /// Whether it can be seen without trying that this engine is out of reach: its own first network is not
    /// a route of ours. `None` says nothing.
    ///
    /// # Errors
    /// Routes cannot be read.
    pub async fn seems_out_of_reach(&self) -> Result<Option<EngineError>, EngineError> {
        let Ok(bridge) = self.docker.inspect_network("bridge", None).await else { return Ok(None) };
        let configs = bridge.ipam.and_then(|i| i.config).unwrap_or_default();
        let Some(own) = configs.into_iter().find_map(|c| Range::parse(&c.subnet?)) else {
            return Ok(None);
        };
        if routes().await?.iter().any(|route| route.range.overlaps(own)) {
            return Ok(None);
        }
        let why = format!("no route of this machine leads to its network bridge ({own})");
        Ok(Some(self.out_of_reach(&why).await))
    }

    async fn out_of_reach(&self, why: &str) -> EngineError {
        let kind = self.kind_in_words().await.map(|kind| format!("; {kind}")).unwrap_or_default();
        EngineError::OutOfReach { engine: self.host.to_string(), why: format!("{why}{kind}") }
    }

    /// What the engine says of itself that explains why its containers are elsewhere.
    async fn kind_in_words(&self) -> Option<String> {
        let info = self.docker.info().await.unwrap_or_default();
        let options = info.security_options.unwrap_or_default();
        let system = info.operating_system.unwrap_or_default();
        let components = self.docker.version().await.unwrap_or_default().components;
        let podman = components.unwrap_or_default().iter().any(|c| c.name.contains("Podman"));
        if podman {
            return Some("it is Podman".into());
        }
        if options.iter().any(|o| o.contains("rootless")) {
            return Some("it runs without root (rootless)".into());
        }
        system.contains("Docker Desktop").then(|| "it is Docker Desktop, a virtual machine".into())
    }
}
