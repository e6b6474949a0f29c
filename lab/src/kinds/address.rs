//! Where a tier is: the one place that says under which address one node reaches another.
//!
//! A node is reached at its own address, or, along a faultable edge, at that of the network proxy in
//! the caller's zone, which hands the bytes on.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::port_of;
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::plan::node::Redirect;
use crate::plan::ports::SENTINEL_PORT;
use crate::spec::edges::{is_faultable, is_redirected};
use crate::spec::model::{Edge, Kind, Stage};
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
    proxy_of(places, from)
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
    /// For a managed service with a route of its own: the service, as it is spelt in stage files.
    pub service: Option<&'static str>,
    /// Where the proxy listens.
    pub listen: SocketAddrV4,
    /// Where it hands on to.
    pub upstream: SocketAddrV4,
}

/// Every route of one network proxy, in the order of the stage's edges; empty for any other node. One
/// to each node comes first, then one to each managed service: an emulator answers for many, and one
/// of them may be slow while the others are not.
pub fn routes(stage: &Stage, places: &[Place], proxy: &Place) -> Vec<Route> {
    if proxy.duty != Duty::NetworkProxy {
        return Vec::new();
    }
    let edges = || {
        let own = |e: &&Edge| network_tier(&e.from) == proxy.tier && is_faultable(stage, e);
        stage.edges.iter().filter(own)
    };
    let nodes = edges().flat_map(|edge| {
        let of_node = move |p| ports(stage, p).into_iter().map(move |port| (edge, p, None, port));
        of_tier(places, &edge.to).flat_map(of_node)
    });
    let services = edges().flat_map(|edge| {
        let all = services(stage, places, &edge.to).into_iter();
        all.flat_map(move |(service, p)| Some((edge, p, Some(service), *ports(stage, p).first()?)))
    });
    (FIRST_LISTEN_PORT..)
        .zip(nodes.chain(services))
        .map(|(listen, (edge, to, service, port))| {
            let suffix = match (service, port) {
                (Some(service), _) => format!("-{service}"),
                (None, (0, _)) => String::new(),
                (None, (_, port)) => format!("-{port}"),
            };
            Route {
                name: format!("{}-to-{}{suffix}", edge.from, to.name),
                to: edge.to.clone(),
                service,
                listen: SocketAddrV4::new(proxy.address, listen),
                upstream: SocketAddrV4::new(to.address, port.1),
            }
        })
        .collect()
}

/// The ports on which a node serves, numbered: the first is the one that everybody means.
fn ports(stage: &Stage, place: &Place) -> Vec<(usize, u16)> {
    let all = match stage.tiers.get(&place.tier).map(|tier| &tier.kind) {
        Some(Kind::Container(kind)) => kind.ports.clone(),
        Some(Kind::Redis(_)) if place.duty == Duty::Sentinel => vec![SENTINEL_PORT],
        Some(kind) => vec![port_of(kind)],
        None => Vec::new(),
    };
    all.into_iter().enumerate().collect()
}

/// The connections of a node that its own network leads to the network proxy of its zone.
pub(super) fn redirects(stage: &Stage, places: &[Place], from: &Place) -> Vec<Redirect> {
    let Some(proxy) = proxy_of(places, from) else { return Vec::new() };
    let is_led = |route: &Route| {
        let both = stage.tiers.get(&from.tier).zip(stage.tiers.get(&route.to));
        route.service.is_none() && both.is_some_and(|(from, to)| is_redirected(from, to))
    };
    let routes = routes(stage, places, proxy).into_iter().filter(is_led);
    routes.map(|route| Redirect { to: route.upstream, via: route.listen }).collect()
}

/// The managed services of a tier, each with the emulator that answers for it.
fn services<'a>(stage: &Stage, places: &'a [Place], tier: &str) -> Vec<(&'static str, &'a Place)> {
    let Some(Kind::Aws(kind)) = stage.tiers.get(tier).map(|t| &t.kind) else { return Vec::new() };
    let emulator = |duty| places.iter().find(|p| p.tier == tier && p.duty == duty);
    let used = kind.services.used().into_iter();
    used.filter_map(|(service, e)| Some((service, emulator(Duty::Emulator(e))?))).collect()
}

/// Where a node is told a managed service is: along a faultable edge at a route of its own.
pub(super) fn service_at(
    stage: &Stage,
    places: &[Place],
    from: &Place,
    tier: &str,
    service: &str,
    port: u16,
) -> Option<SocketAddrV4> {
    let (_, place) = services(stage, places, tier).into_iter().find(|(s, _)| *s == service)?;
    let own = SocketAddrV4::new(place.address, port);
    let of_service = |r: &Route| r.to == tier && r.service == Some(service);
    let route = proxy_of(places, from)
        .and_then(|proxy| routes(stage, places, proxy).into_iter().find(of_service));
    Some(route.map_or(own, |route| route.listen))
}

/// The network proxy of a caller.
fn proxy_of<'a>(places: &'a [Place], from: &Place) -> Option<&'a Place> {
    let tier = network_tier(&from.tier);
    places.iter().find(|p| p.tier == tier && p.duty == Duty::NetworkProxy && p.zone == from.zone)
}

/// Addresses as the environment of an application carries them: `10.0.1.5:5432,10.0.2.5:5432`.
pub(super) fn list(addresses: &[SocketAddrV4]) -> String {
    addresses.iter().map(SocketAddrV4::to_string).collect::<Vec<_>>().join(",")
}

/// The address in a node's own view: what another must not be told along a faultable edge.
pub(super) fn own(places: &[Place], tier: &str, duty: Duty) -> Vec<Ipv4Addr> {
    with_duty(places, tier, duty).map(|p| p.address).collect()
}
