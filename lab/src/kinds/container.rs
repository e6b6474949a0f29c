//! `container`: any image.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

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
    let file = |(path, content): (&String, &String)| ConfigFile {
        path: path.clone(),
        content: content.clone(),
    };
    node.files = kind.files.iter().map(file).collect();
    node.volumes.clone_from(&kind.volumes);
    node.hosts = hosts(context.stage, places, place);
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

pub(super) fn probe(kind: &Container) -> Probe {
    let port = port(kind);
    match &kind.health {
        Some(path) => Probe::Http { port, path: path.clone() },
        None => Probe::Tcp { port },
    }
}

/// The port that others call.
pub(super) fn port(kind: &Container) -> u16 {
    kind.ports.first().copied().unwrap_or(super::WEB_PORT)
}

/// What names mean inside a container of somebody else's: every node's name is its address, every
/// tier's name is its members, those of the caller's own zone first.
///
/// Addresses follow from the stage, so these never go out of date; but whoever takes the first of
/// several gets the same one each time, and a dead one as well.
pub(super) fn hosts(
    stage: &Stage,
    places: &[Place],
    from: &Place,
) -> BTreeMap<String, Vec<Ipv4Addr>> {
    let of_nodes = places.iter().map(|p| (p.name.clone(), vec![p.address]));
    let of_tiers = stage.tiers.keys().map(|tier| {
        let mut members: Vec<&Place> = with_duty(places, tier, Duty::Member).collect();
        members.sort_by_key(|p| p.zone != from.zone);
        (tier.clone(), members.iter().map(|p| p.address).collect::<Vec<_>>())
    });
    of_nodes.chain(of_tiers).filter(|(_, addresses)| !addresses.is_empty()).collect()
}
