//! Packet filters in a node's network namespace.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::{Effect, Proof};
use crate::chaos::packet_filter::{self, KNOCK_PORT};
use crate::engine::EngineError;

/// A cut-off node must not accept a connection within this time.
const SILENT_FOR: Duration = Duration::from_millis(300);

/// Drops every packet, or those from and to the peers.
pub(super) async fn cut(e: &Effect<'_>, peers: Option<&[Ipv4Addr]>) -> Result<(), EngineError> {
    packet_filter::drop_packets(e.injector.engine, e.act.node(), e.id, peers).await
}

pub(super) async fn confirm_cut(e: &Effect<'_>) -> Result<Proof, EngineError> {
    dropped(e, "packets to and from its peers dropped").await
}

/// A connection attempt gets no answer at all (neither accepted nor refused), and packets were
/// dropped.
pub(super) async fn confirm_silence(e: &Effect<'_>) -> Result<Proof, EngineError> {
    let node = e.act.node();
    let Some(place) = e.injector.places.iter().find(|p| p.name == *node) else {
        return Ok(Err(format!("{node} has no address")));
    };
    let knock = tokio::net::TcpStream::connect((place.address, KNOCK_PORT));
    if tokio::time::timeout(SILENT_FOR, knock).await.is_ok() {
        return Ok(Err(format!("{node} still answers")));
    }
    dropped(e, "packets dropped, no answer").await
}

async fn dropped(e: &Effect<'_>, words: &str) -> Result<Proof, EngineError> {
    let node = e.act.node();
    Ok(match packet_filter::dropped(e.injector.engine, node, e.id).await? {
        Some(n) if n > 0 => Ok(format!("{node}: {n} {words}")),
        Some(_) => Err(format!("{node}: no packet was dropped yet")),
        None => Err(format!("{node}: the packet filter is not there")),
    })
}
