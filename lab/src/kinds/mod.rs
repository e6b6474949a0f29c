//! One module per kind: how a tier becomes nodes, with their configuration, environment and
//! readiness. Pure functions of the stage and of what is known about the lab.

mod box_kind;
mod control_node;
mod etcd;
mod load_balancer;
mod patroni;
mod postgres;
mod service;

pub use postgres::postgres_probe;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use crate::plan::layout::{self, Place, Subnet};
use crate::plan::node::{Limits, NodeSpec, Probe, Publish};
use crate::spec::model::{Kind, Size, Stage, Tier};

/// PostgreSQL's port.
pub const POSTGRES_PORT: u16 = 5432;
/// Port on which boxes and load balancers answer: they run without privileges, so not 80.
pub const WEB_PORT: u16 = 8080;
/// Name of the application's database and of its role.
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
        Kind::Postgres(kind) => postgres::node(context, places, place, kind),
        Kind::Etcd(_) => etcd::node(context, places, place),
    };
    node.limits = tier.size.as_ref().map(limits);
    node.publish = publish(context, place, tier);
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
        env: BTreeMap::new(),
        files: Vec::new(),
        data: None,
        binds: Vec::new(),
        limits: None,
        publish: None,
        probe: Probe::Tcp { port: WEB_PORT },
        priority: 5,
    }
}

fn limits(size: &Size) -> Limits {
    Limits {
        nano_cpus: (size.cpus * 1e9) as i64,
        memory_bytes: i64::try_from(size.memory_mib << 20).unwrap_or(i64::MAX),
    }
}

fn publish(context: &Context<'_>, place: &Place, tier: &Tier) -> Option<Publish> {
    let declared = tier.publish?;
    let first = context.stage.tiers.values().filter_map(|t| t.publish).min().unwrap_or(declared);
    let host = match context.publish {
        PublishMode::AsDeclared => declared + place.index,
        PublishMode::From(0) => 0,
        PublishMode::From(port) => port.saturating_add(declared - first + place.index),
    };
    Some(Publish { container: port_of(&tier.kind), host })
}

/// The port on which nodes of a kind serve.
pub fn port_of(kind: &Kind) -> u16 {
    match kind {
        Kind::Box(_) | Kind::LoadBalancer(_) => WEB_PORT,
        Kind::Service(service) => service.port,
        Kind::Postgres(_) => POSTGRES_PORT,
        Kind::Etcd(_) => etcd::CLIENT_PORT,
    }
}

/// The addresses that clients of the stage talk to, one per node of its entry tier.
pub fn entry(stage: &Stage, places: &[Place]) -> Vec<(Ipv4Addr, u16)> {
    let Some(tier) = stage.tiers.get(&stage.traffic.entry) else { return Vec::new() };
    let port = port_of(&tier.kind);
    layout::of_tier(places, &stage.traffic.entry).map(|p| (p.address, port)).collect()
}

/// A password of this lab for one role: known to whoever may read the lab's labels, and to nobody
/// else.
pub fn password(secret: &str, role: &str) -> String {
    let digest = Sha256::digest(format!("{secret}/{role}"));
    digest.iter().take(12).map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests;
