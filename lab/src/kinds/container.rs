//! `container`: any image.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use indexmap::IndexMap;

use super::{Context, blank};
use crate::plan::layout::{Place, with_duty};
use crate::plan::node::{ConfigFile, NodeSpec, Probe, Rights};
use crate::spec::model::{Container, Stage};
use crate::spec::slots::Duty;

/// A container. It begins before what probably calls it: services and load balancers come later.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &Container,
) -> NodeSpec {
    let mut node = blank(context, place, "container", "");
    // Also when it is called like one of ours.
    node.image.clone_from(&kind.image);
    node.command.clone_from(&kind.command);
    node.entrypoint.clone_from(&kind.entrypoint);
    node.env.insert("NODE_NAME".into(), place.name.clone());
    node.env.extend(kind.env.iter().map(|(k, v)| (k.clone(), v.clone())));
    node.files = files(&kind.files);
    node.volumes.clone_from(&kind.volumes);
    node.hosts = hosts(context.stage, places);
    node.dns = vec![context.subnet.control()];
    node.init = true;
    node.rights = Some(Rights {
        cap_add: kind.cap_add.iter().map(|c| c.as_str().to_owned()).collect(),
        cap_drop: kind.cap_drop.iter().map(|c| c.as_str().to_owned()).collect(),
        user: kind.user.clone(),
    });
    node.probe = probe(kind);
    node.priority = 3;
    node
}

/// Files of a stage as those of a node.
pub(super) fn files(files: &IndexMap<String, String>) -> Vec<ConfigFile> {
    let file = |(path, content): (&String, &String)| ConfigFile {
        path: path.clone(),
        content: content.clone(),
    };
    files.iter().map(file).collect()
}

pub(super) fn probe(kind: &Container) -> Probe {
    let port = port(kind);
    match &kind.health {
        _ if kind.job => Probe::Done,
        _ if !kind.health_command.is_empty() => {
            Probe::Command { command: kind.health_command.clone() }
        }
        Some(path) => Probe::Http { port, path: path.clone() },
        None => Probe::OfImage { port: kind.ports.first().copied() },
    }
}

/// The port that others call.
pub(super) fn port(kind: &Container) -> u16 {
    kind.ports.first().copied().unwrap_or(super::WEB_PORT)
}

/// What names mean inside a container of somebody else's: every node's name is its address, and so is the
/// name of a tier with one node. Addresses follow from the stage, so these never go out of date. What the
/// name of a tier with several nodes means changes: the control plane answers it.
pub(super) fn hosts(stage: &Stage, places: &[Place]) -> BTreeMap<String, Ipv4Addr> {
    let of_nodes = places.iter().map(|p| (p.name.clone(), p.address));
    let of_tiers = stage.tiers.keys().filter_map(|tier| {
        let mut members = with_duty(places, tier, Duty::Member);
        let only = members.next().filter(|_| members.next().is_none())?;
        Some((tier.clone(), only.address))
    });
    of_nodes.chain(of_tiers).collect()
}
