//! One module per kind: how a tier becomes nodes, with their configuration, environment and
//! readiness. Pure functions of the stage and of what is known about the lab.

mod address;
mod api_gateway;
mod aws;
mod box_kind;
mod cdn;
mod cdn_conf;
mod container;
mod control_node;
mod database_proxy;
mod dns;
mod etcd;
mod front_door;
mod load_balancer;
mod messaging;
mod network_proxy;
mod patroni;
mod postgres;
mod redis;
mod scram;
mod service;
mod tracing;
mod wanted;

pub use address::{Route, routes};
pub use aws::AWS_PORT;
pub use dns::DNS_PORT;
pub use load_balancer::STATUS_PORT;
pub use messaging::queues;
pub use network_proxy::{NETWORK_PROXY_PORT, has_network_proxies};
pub use redis::cache_password;
pub use wanted::wanted;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use sha2::{Digest, Sha256};

use crate::dns::EntryName;
use crate::plan::layout::{self, Place, Subnet};
use crate::plan::node::{Limits, NodeSpec, Probe, Publish};
use crate::plan::ports::REDIS_PORT;
use crate::spec::model::{Capacity, Kind, Postgres, Size, Stage, Tier};
use crate::spec::slots::Duty;

/// PostgreSQL's port.
pub const POSTGRES_PORT: u16 = 5432;
/// Port on which boxes and load balancers answer: they run without privileges, so not 80.
pub const WEB_PORT: u16 = 8080;
/// Of what the password of the application's role is made, whatever that is called; and the name of the
/// role and of the database in a box.
pub const DATABASE: &str = "shop";

/// What is known about a lab when its nodes are decided.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Name of the lab.
    pub lab: &'a str,
    /// The stage.
    pub stage: &'a Stage,
    /// The lab's addresses.
    pub subnet: Subnet,
    /// The lab's secret.
    pub secret: &'a str,
    /// Name of an image of ours (`app`, `nginx`, …) to its reference.
    pub images: &'a BTreeMap<String, String>,
    /// Where published ports go.
    pub publish: PublishMode,
}

/// Where published ports go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublishMode {
    /// To the ports that the stage names.
    AsDeclared,
    /// To these ports and the ones after it; 0 lets Docker choose each.
    From(u16),
}

/// Every node of the stage, the control plane last.
pub fn nodes(context: &Context<'_>) -> Vec<NodeSpec> {
    let places = layout::places(context.stage, context.subnet);
    let mut nodes: Vec<NodeSpec> = places
        .iter()
        .filter_map(|place| {
            if place.duty == Duty::NetworkProxy {
                return Some(network_proxy::node(context, &places, place));
            }
            let tier = context.stage.tiers.get(&place.tier)?;
            Some(node(context, &places, place, tier))
        })
        .collect();
    nodes.push(control_node::node(context, &places, &nodes));
    nodes
}

fn node(context: &Context<'_>, places: &[Place], place: &Place, tier: &Tier) -> NodeSpec {
    let mut node = match &tier.kind {
        Kind::Box(kind) => box_kind::node(context, places, place, kind),
        Kind::Service(kind) => service::node(context, places, place, kind),
        Kind::LoadBalancer(kind) => load_balancer::node(context, places, place, kind),
        Kind::ApiGateway(kind) => api_gateway::node(context, places, place, kind),
        Kind::Postgres(kind) => postgres::node(context, places, place, kind),
        Kind::Etcd(_) => etcd::node(context, places, place),
        Kind::Redis(kind) => redis::node(context, places, place, kind),
        Kind::Aws(kind) => aws::node(context, place, kind),
        Kind::DatabaseProxy(kind) => database_proxy::node(context, places, place, kind),
        Kind::Cdn(kind) => cdn::node(context, places, place, kind),
        Kind::Dns(kind) => dns::node(context, places, place, kind),
        Kind::Container(kind) => container::node(context, places, place, kind),
    };
    node.limits = match &tier.kind {
        Kind::Postgres(Postgres { capacity: Some(capacity), .. }) => Some(smallest(capacity)),
        _ => tier.size.as_ref().map(limits),
    };
    node.publish = publish(context, place, tier);
    node.needs.clone_from(&tier.needs);
    node.redirects = address::redirects(context.stage, places, place);
    node
}

/// A node without anything that its kind decides.
fn blank(context: &Context<'_>, place: &Place, kind: &str, image: &str) -> NodeSpec {
    NodeSpec {
        name: place.name.clone(),
        tier: place.tier.clone(),
        kind: kind.into(),
        region: place.region.clone(),
        zone: place.zone.clone(),
        address: place.address,
        image: context.images.get(image).cloned().unwrap_or_else(|| image.to_owned()),
        command: Vec::new(),
        entrypoint: Vec::new(),
        env: BTreeMap::new(),
        files: Vec::new(),
        data: None,
        volumes: Vec::new(),
        hosts: BTreeMap::new(),
        dns: Vec::new(),
        redirects: Vec::new(),
        binds: Vec::new(),
        limits: None,
        publish: None,
        probe: Probe::Tcp { port: WEB_PORT },
        needs: Vec::new(),
        reserve: place.duty == Duty::Reserve,
        init: false,
        rights: None,
        release: None,
        priority: 5,
    }
}

fn limits(size: &Size) -> Limits {
    Limits {
        nano_cpus: (size.cpus * 1e9) as i64,
        memory_bytes: i64::try_from(size.memory_mib << 20).unwrap_or(i64::MAX),
    }
}

/// What a node may use for as long as it is there; nothing where the control plane decides about it, or
/// nobody does.
pub fn fixed_limits(stage: &Stage, place: &Place) -> Option<Limits> {
    let tier = stage.tiers.get(&place.tier)?;
    match &tier.kind {
        Kind::Postgres(Postgres { capacity: Some(_), .. }) => None,
        _ => tier.size.as_ref().map(limits),
    }
}

/// A database with capacity units begins small.
fn smallest(capacity: &Capacity) -> Limits {
    let halves = capacity.min.halves();
    Limits { nano_cpus: capacity.nano_cpus(halves), memory_bytes: capacity.memory_bytes(halves) }
}

fn publish(context: &Context<'_>, place: &Place, tier: &Tier) -> Option<Publish> {
    let serves = matches!(place.duty, Duty::Member | Duty::Emulator(_));
    let declared = tier.publish.filter(|_| serves)?;
    let first = context.stage.tiers.values().filter_map(|t| t.publish).min().unwrap_or(declared);
    let host = match context.publish {
        PublishMode::AsDeclared => declared + place.index,
        PublishMode::From(0) => 0,
        PublishMode::From(port) => port.saturating_add(declared - first + place.index),
    };
    let udp = matches!(tier.kind, Kind::Dns(_));
    Some(Publish { container: port_of(&tier.kind), host, udp })
}

/// The port on which nodes of a kind serve.
pub fn port_of(kind: &Kind) -> u16 {
    match kind {
        Kind::Box(_) | Kind::LoadBalancer(_) | Kind::ApiGateway(_) => WEB_PORT,
        Kind::Service(service) => service.port,
        Kind::Postgres(_) => POSTGRES_PORT,
        Kind::Etcd(_) => etcd::CLIENT_PORT,
        Kind::Redis(_) => REDIS_PORT,
        Kind::Aws(_) => aws::AWS_PORT,
        Kind::DatabaseProxy(_) => database_proxy::PROXY_PORT,
        Kind::Cdn(_) => WEB_PORT,
        Kind::Dns(_) => dns::DNS_PORT,
        Kind::Container(kind) => container::port(kind),
    }
}

/// What says that a node works.
pub fn probe(stage: &Stage, places: &[Place], place: &Place, secret: &str) -> Probe {
    let Some(tier) = stage.tiers.get(&place.tier) else { return network_proxy::probe() };
    match &tier.kind {
        Kind::Box(_) => Probe::Http { port: WEB_PORT, path: "/readyz".into() },
        Kind::Service(kind) => service::probe(kind),
        Kind::LoadBalancer(_) => Probe::Tcp { port: WEB_PORT },
        Kind::ApiGateway(_) => api_gateway::probe(),
        Kind::Postgres(kind) => postgres::probe(places, place, kind),
        Kind::Etcd(_) => Probe::Http { port: etcd::CLIENT_PORT, path: "/health".into() },
        Kind::Redis(_) => redis::probe(secret, places, place),
        Kind::Aws(_) => match place.duty {
            Duty::Emulator(emulator) => aws::probe(emulator),
            _ => Probe::Tcp { port: aws::AWS_PORT },
        },
        Kind::DatabaseProxy(_) => database_proxy::probe(),
        Kind::Cdn(_) => cdn::probe(),
        Kind::Dns(_) => dns::probe(),
        Kind::Container(kind) => container::probe(kind),
    }
}

/// The addresses that clients of the stage talk to, one per node of its entry tier.
pub fn entry(stage: &Stage, places: &[Place]) -> Vec<(Ipv4Addr, u16)> {
    let Some(tier) = stage.tiers.get(&stage.traffic.entry) else { return Vec::new() };
    let port = port_of(&tier.kind);
    layout::with_duty(places, &stage.traffic.entry, Duty::Member)
        .map(|p| (p.address, port))
        .collect()
}

/// How clients of the stage find its entry by name; nothing where no name server stands for it.
pub fn names(stage: &Stage, places: &[Place]) -> Option<EntryName> {
    let entry = &stage.traffic.entry;
    let (tier, name) = stage.tiers.iter().find_map(|(tier, t)| match &t.kind {
        Kind::Dns(kind) if kind.targets == *entry => Some((tier, kind.name.clone())),
        _ => None,
    })?;
    let servers = layout::with_duty(places, tier, Duty::Member);
    let servers = servers.map(|p| SocketAddrV4::new(p.address, dns::DNS_PORT)).collect();
    let port = stage.tiers.get(entry).map_or(WEB_PORT, |t| port_of(&t.kind));
    Some(EntryName { name, servers, port })
}

/// The role that applications sign in as, and the database that it owns, in a tier with a database or
/// before one.
pub fn database_names<'a>(stage: &'a Stage, tier: &str) -> (&'a str, &'a str) {
    match stage.tiers.get(tier).map(|t| &t.kind) {
        Some(Kind::Postgres(kind)) => (&kind.database.user, &kind.database.name),
        Some(Kind::DatabaseProxy(kind)) => database_names(stage, &kind.database),
        _ => (DATABASE, DATABASE),
    }
}

/// A password of this lab for one role: known to whoever may read the lab's labels, and to nobody
/// else.
pub fn password(secret: &str, role: &str) -> String {
    let digest = Sha256::digest(format!("{secret}/{role}"));
    digest.iter().take(12).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_container;
#[cfg(test)]
mod tests_edges;
#[cfg(test)]
mod tests_growth;
#[cfg(test)]
mod tests_messaging;
#[cfg(test)]
mod tests_scaling;
#[cfg(test)]
mod tests_services;
#[cfg(test)]
mod tests_traces;
