//! Packet filters. A living host refuses a connection to [`KNOCK_PORT`] at once; every filter of ours drops
//! it, also one that cuts off a few peers only. So a knock shows at which nodes it is worth to look.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use futures::stream::{self, StreamExt};

use super::super::packet_filter::{self, KNOCK_PORT};
use super::{Depth, Lab, Stray, StrayEffect};
use crate::plan::holder_name;
use crate::plan::observed::{ObservedContainer, State};

/// A living host answers within this time.
const KNOCK_LIMIT: Duration = Duration::from_millis(300);
/// How many namespaces are looked into at once.
const PARALLEL: usize = 4;

pub(super) async fn look(
    lab: Lab<'_>,
    containers: &BTreeMap<String, ObservedContainer>,
    depth: Depth,
) -> Vec<Stray> {
    let runs = |node: &str| {
        let holder = containers.get(&holder_name(lab.engine.lab(), node));
        holder.is_some_and(|h| h.state == State::Running)
    };
    let knocks = lab.nodes().filter(|(node, _)| runs(node)).map(|(node, address)| async move {
        let worth_it = depth == Depth::Everything || is_silent(address).await;
        worth_it.then(|| node.to_owned())
    });
    let nodes: Vec<String> =
        futures::future::join_all(knocks).await.into_iter().flatten().collect();
    let looks = nodes.into_iter().map(|node| async move {
        // A holder that has gone meanwhile took its filters along.
        let tables = packet_filter::tables(lab.engine, &node).await.unwrap_or_default();
        (node, tables)
    });
    let seen: Vec<_> = stream::iter(looks).buffered(PARALLEL).collect().await;
    let stray = |(node, tables): (String, Vec<String>)| {
        let filter =
            move |table| Stray { node: node.clone(), effect: StrayEffect::Filter { table } };
        tables.into_iter().map(filter).collect::<Vec<_>>()
    };
    seen.into_iter().flat_map(stray).collect()
}

/// Whether a host neither accepts nor refuses a connection.
async fn is_silent(address: Ipv4Addr) -> bool {
    let knock = tokio::net::TcpStream::connect((address, KNOCK_PORT));
    tokio::time::timeout(KNOCK_LIMIT, knock).await.is_err()
}
