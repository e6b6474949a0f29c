//! Following a name: the addresses that it stands for, asked again when they may be kept no longer.

use std::net::SocketAddr;
use std::time::Duration;

use super::client::Client;
use crate::dns::{EntryName, Resolver};

/// Shortest pause between two questions, whatever an answer's time to live.
const SHORTEST: Duration = Duration::from_millis(500);

/// Lets the client go where the name leads, until this is dropped. While no name server answers, the
/// client keeps what it has, as resolvers do that serve what is stale (RFC 8767).
pub struct Follower {
    resolver: Resolver,
    port: u16,
    client: Client,
}

impl Follower {
    /// Of a name, for a client.
    pub fn new(name: &EntryName, client: Client) -> Self {
        let servers = name.servers.iter().copied().map(SocketAddr::V4).collect();
        Self { resolver: Resolver::new(servers, &name.name), port: name.port, client }
    }

    /// Asks once; returns when to ask again.
    pub async fn ask(&mut self) -> Duration {
        match self.resolver.resolve().await {
            Ok(resolved) => {
                let addresses = resolved.addresses.into_iter();
                let addresses: Vec<SocketAddr> =
                    addresses.map(|address| (address, self.port).into()).collect();
                self.client.use_addresses(&addresses);
                resolved.ttl.max(SHORTEST)
            }
            Err(e) => {
                tracing::debug!(error = %e, "the name is not resolved");
                SHORTEST
            }
        }
    }

    /// Asks again and again.
    pub async fn follow(mut self, mut pause: Duration) {
        loop {
            tokio::time::sleep(pause).await;
            pause = self.ask().await;
        }
    }
}
