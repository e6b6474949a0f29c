//! Releases as faults.

use std::time::Duration;

use super::scene::Scene;
use super::{Act, Injection, ResolveError, injection};
use crate::plan::layout::with_duty;
use crate::spec::model::{DeployRelease, Fault, Kind, Name};
use crate::spec::slots::Duty;

fn has_releases(kind: &Kind) -> bool {
    matches!(kind, Kind::Service(service) if !service.releases.is_empty())
}

/// A release takes the place of the one that runs. The heal comes as soon as that has ended, in
/// whichever way.
pub(super) fn deploy(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &DeployRelease,
) -> Result<Injection, ResolveError> {
    let wanted = "service with releases";
    let tier = scene.tier(fault.name(), f.tier.as_ref(), wanted, has_releases)?;
    if let Some(Kind::Service(service)) = scene.stage.tiers.get(&tier).map(|t| &t.kind)
        && !service.releases.contains_key(&f.release)
    {
        let known: Vec<&str> = service.releases.keys().map(String::as_str).collect();
        return Err(ResolveError::NoNode(format!(
            "tier {tier} has no release `{}`; there are: {}",
            f.release,
            known.join(", ")
        )));
    }
    let nodes: Vec<Name> =
        with_duty(scene.places, &tier, Duty::Member).map(|p| p.name.clone()).collect();
    let node = nodes.first().cloned();
    let node = node.ok_or_else(|| ResolveError::NoNode(format!("tier {tier} has no node")))?;
    let act = Act::Deploy { node, tier, release: f.release.clone() };
    let heal = "bring back the release from before";
    Ok(Injection { nodes, ..injection(fault, vec![act], false, Duration::ZERO, heal) })
}
