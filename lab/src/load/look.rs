//! One look at an entry, as a client of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::client::Client;
use super::request::Call;
use super::site::Site;

/// The status that a GET of a path is answered with; nothing when no answer comes within the limit.
pub async fn status(site: &Site, path: &str, limit: Duration) -> Option<u16> {
    let reply = Client::new(site).send(&Call::get(path.to_owned()), Instant::now() + limit).await;
    Some(reply.ok()?.status)
}

/// Whether somebody takes connections there.
pub async fn takes_connections(address: SocketAddr, limit: Duration) -> bool {
    matches!(tokio::time::timeout(limit, TcpStream::connect(address)).await, Ok(Ok(_)))
}
