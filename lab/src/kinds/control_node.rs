//! The control plane's own node: in no zone, because it is the provider's.

use super::{Context, blank, entry};
use crate::control::{CONFIG_PATH, ControlConfig, DATA_PATH, PORT, WatchedNode};
use crate::plan::CONTROL;
use crate::plan::layout::{Place, of_tier};
use crate::plan::node::{ConfigFile, NodeSpec, Probe};
use crate::spec::model::Kind;
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
        probe: node.probe.clone(),
        coordination: coordination
            .map(|tier| of_tier(places, tier).map(|p| p.address).collect())
            .unwrap_or_default(),
    }
}
