//! Where a tier is: the one place that says under which address one node reaches another.
//!
//! A node is reached at its own address, or, along a faultable edge, at that of the network proxy in
//! the caller's zone, which hands the bytes on.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::port_of;
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::spec::edges::is_faultable;
use crate::spec::model::Stage;
use crate::spec::slots::{Duty, network_tier};

/// First port on which a network proxy listens for others.
const FIRST_LISTEN_PORT: u16 = 20_000;

/// In which order addresses are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As in the stage file.
    AsDeclared,
    /// Those in the caller's own zone first.
    Near,
}

/// The addresses of the nodes of a tier that have one duty, as seen from a node.
pub(super) fn addresses(
    (stage, places): (&Stage, &[Place]),
    from: &Place,
    tier: &str,
    duty: Duty,
    port: u16,
    order: Order,
) -> Vec<SocketAddrV4> {
    let mut found: Vec<&Place> = with_duty(places, tier, duty).collect();
    if order == Order::Near {
        found.sort_by_key(|p| p.zone != from.zone);
    }
    found.into_iter().map(|p| seen(stage, places, from, p, port)).collect()
}

/// The address of one port of one node as seen from another.
pub(super) fn seen(
    stage: &Stage,
    places: &[Place],
    from: &Place,
    to: &Place,
    port: u16,
) -> SocketAddrV4 {
    let own = SocketAddrV4::new(to.address, port);
    let proxies = network_tier(&from.tier);
    of_tier(places, &proxies)
        .find(|p| p.duty == Duty::NetworkProxy && p.zone == from.zone)
        .and_then(|proxy| routes(stage, places, proxy).into_iter().find(|r| r.upstream == own))
        .map_or(own, |route| route.listen)
}

/// What a network proxy hands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `<caller's tier>-to-<called node>`, such as `web-to-db-a1`.
    pub name: String,
    /// The tier that is called.
    pub to: String,
    /// Where the proxy listens.
    pub listen: SocketAddrV4,
    /// Where it hands on to.
    pub upstream: SocketAddrV4,
}

/// Every route of one network proxy, in the order of the stage's edges; empty for any other node.
pub fn routes(stage: &Stage, places: &[Place], proxy: &Place) -> Vec<Route> {
    if proxy.duty != Duty::NetworkProxy {
        return Vec::new();
    }
    let edges = stage
        .edges
        .iter()
        .filter(|e| network_tier(&e.from) == proxy.tier && is_faultable(stage, e));
    let ends = edges.flat_map(|edge| {
        let port = stage.tiers.get(&edge.to).map(|t| port_of(&t.kind));
        of_tier(places, &edge.to).filter_map(move |p| Some((edge, p, port?)))
    });
    (FIRST_LISTEN_PORT..)
        .zip(ends)
        .map(|(listen, (edge, to, port))| Route {
            name: format!("{}-to-{}", edge.from, to.name),
            to: edge.to.clone(),
            listen: SocketAddrV4::new(proxy.address, listen),
            upstream: SocketAddrV4::new(to.address, port),
        })
        .collect()
}

/// Addresses as the environment of an application carries them: `10.0.1.5:5432,10.0.2.5:5432`.
pub(super) fn list(addresses: &[SocketAddrV4]) -> String {
    addresses.iter().map(SocketAddrV4::to_string).collect::<Vec<_>>().join(",")
}

/// The address in a node's own view: what another must not be told along a faultable edge.
pub(super) fn own(places: &[Place], tier: &str, duty: Duty) -> Vec<Ipv4Addr> {
    with_duty(places, tier, duty).map(|p| p.address).collect()
}
