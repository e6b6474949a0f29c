//! The control plane's own node: in no zone, because it is the provider's.

use super::load_balancer::STATUS_PORT;
use super::{Context, aws, blank, entry};
use crate::control::{CONFIG_PATH, CloudWatch, ControlConfig, DATA_PATH, Group, PORT, WatchedNode};
use crate::plan::CONTROL;
use crate::plan::layout::{Place, of_tier};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::{Kind, Service, Tier};
use crate::spec::slots::Duty;

/// Where Docker's socket is, on the machine and in the container: the control plane starts failed
/// nodes again as a provider would.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// The control plane.
pub(super) fn node(context: &Context<'_>, places: &[Place], nodes: &[NodeSpec]) -> NodeSpec {
    let place = Place {
        name: CONTROL.into(),
        tier: "control".into(),
        duty: Duty::Member,
        region: String::new(),
        zone: String::new(),
        index: 0,
        address: context.subnet.control(),
    };
    let traffic = &context.stage.traffic;
    let config = ControlConfig {
        lab: context.lab.into(),
        control_plane: context.stage.control_plane.clone(),
        nodes: nodes.iter().map(|n| watched(context, places, n)).collect(),
        groups: groups(context, places),
        cloudwatch: cloudwatch(context, places),
        entry: entry(context.stage, places),
        entry_path: entry_path(context, nodes),
        timeout_ms: traffic.timeout_ms,
        read_percent: traffic.read_percent,
    };
    let mut node = blank(context, &place, "control", "control");
    node.command = vec!["lab".into(), "control".into(), "--config".into(), CONFIG_PATH.into()];
    node.files = vec![ConfigFile {
        path: CONFIG_PATH.into(),
        content: serde_json::to_string_pretty(&config).unwrap_or_default(),
    }];
    node.data = Some(DATA_PATH.into());
    node.binds = vec![format!("{DOCKER_SOCKET}:{DOCKER_SOCKET}")];
    node.probe = Probe::Http { port: PORT, path: "/healthz".into() };
    node.priority = 6;
    node
}

/// The scaling groups, each with the load balancers whose requests are its load.
fn groups(context: &Context<'_>, places: &[Place]) -> Vec<Group> {
    let stage = context.stage;
    let balancers = |tier: &str| {
        let before = stage.tiers.iter().filter(|(_, t)| match &t.kind {
            Kind::LoadBalancer(kind) => kind.targets == tier,
            _ => false,
        });
        let nodes = before.flat_map(|(name, _)| of_tier(places, name));
        nodes.map(|p| (p.address, STATUS_PORT)).collect()
    };
    let group = |(name, tier): (&String, &Tier)| match &tier.kind {
        Kind::Service(Service { scaling: Some(scaling), .. }) => Some(Group {
            tier: name.clone(),
            min: tier.zones.values().sum(),
            scaling: scaling.clone(),
            time_scale: stage.time_scale,
            balancers: balancers(name),
        }),
        _ => None,
    };
    stage.tiers.iter().filter_map(group).collect()
}

/// Where metrics go: the emulator that stands for CloudWatch.
fn cloudwatch(context: &Context<'_>, places: &[Place]) -> Option<CloudWatch> {
    let stage = context.stage;
    stage.tiers.iter().find_map(|(name, tier)| {
        let Kind::Aws(kind) = &tier.kind else { return None };
        let emulator = kind.services.cloudwatch?;
        let node = of_tier(places, name).find(|p| p.duty == Duty::Emulator(emulator))?;
        Some(CloudWatch {
            address: node.address,
            port: aws::AWS_PORT,
            region: aws::region(context, node),
            time_scale: stage.time_scale,
            availability_percent: stage.objectives.availability_percent,
        })
    })
}

/// What says that the site is up: the readiness of the entry tier's own nodes.
fn entry_path(context: &Context<'_>, nodes: &[NodeSpec]) -> String {
    let entry = nodes.iter().find(|n| n.tier == context.stage.traffic.entry);
    match entry.map(|n| &n.probe) {
        Some(Probe::Http { path, .. }) => path.clone(),
        _ => "/".into(),
    }
}

fn watched(context: &Context<'_>, places: &[Place], node: &NodeSpec) -> WatchedNode {
    let coordination = match context.stage.tiers.get(&node.tier).map(|t| &t.kind) {
        Some(Kind::Postgres(p)) => p.coordination.as_deref(),
        _ => None,
    };
    WatchedNode {
        name: node.name.clone(),
        tier: node.tier.clone(),
        address: node.address,
        zone: node.zone.clone(),
        probe: node.probe.clone(),
        reserve: node.reserve,
        coordination: coordination
            .map(|tier| of_tier(places, tier).map(|p| p.address).collect())
            .unwrap_or_default(),
    }
}
