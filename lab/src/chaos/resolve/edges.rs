//! Faults of an edge: what its network proxies do to the connections that cross them.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::scene::Scene;
use super::{Act, Injection, ResolveError, injection};
use crate::kinds::{self, NETWORK_PROXY_PORT, Route};
use crate::plan::layout::Place;
use crate::spec::model::{CutEdge, Fault, PoisonedRoute, SlowDependency, SlowEdge, Toxic};
use crate::spec::slots::{Duty, network_tier};

/// What every answer takes longer when nobody says otherwise, as in the scenario of a zone
/// that slows down.
const LATENCY_MS: u64 = 200;
/// What every answer of a slow dependency takes longer when nobody says otherwise: longer than most
/// clients wait.
const DEPENDENCY_LATENCY_MS: u64 = 5000;
/// How long a dependency is slow when nobody says otherwise.
const DEPENDENCY_FOR: Duration = Duration::from_secs(20);
/// How long an edge suffers when nobody says otherwise.
const EDGE_FOR: Duration = Duration::from_secs(10);

pub(super) fn slow(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &SlowEdge,
) -> Result<Injection, ResolveError> {
    let millis = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
    let latency_ms = millis(f.latency_ms.unwrap_or(LATENCY_MS));
    let toxic = Toxic::Latency { latency_ms, jitter_ms: millis(f.jitter_ms) };
    on_edge(scene, fault, (&f.from, &f.to), toxic, f.for_ms)
}

/// Every route to one managed service, of one caller or of all.
pub(super) fn slow_dependency(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &SlowDependency,
) -> Result<Injection, ResolveError> {
    let millis = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
    let latency_ms = millis(f.latency_ms.unwrap_or(DEPENDENCY_LATENCY_MS));
    let toxic = Toxic::Latency { latency_ms, jitter_ms: millis(f.jitter_ms) };
    let caller = f.tier.as_deref().map(network_tier);
    let acts: Vec<Act> = scene
        .places
        .iter()
        .filter(|p| p.duty == Duty::NetworkProxy)
        .filter(|p| caller.as_ref().is_none_or(|caller| *caller == p.tier))
        .flat_map(|proxy| poison(scene, proxy, toxic, |r| r.service == Some(f.service())))
        .collect();
    if acts.is_empty() {
        return Err(ResolveError::NoNode(format!(
            "no network proxy has a route to the service `{}`; `faultable: true` at the edge to its \
             aws tier puts one there",
            f.service()
        )));
    }
    let duration = f.for_ms.map_or(DEPENDENCY_FOR, Duration::from_millis);
    Ok(injection(fault, acts, false, duration, "remove the toxics from the network proxies"))
}

pub(super) fn ended(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &CutEdge,
    toxic: Toxic,
) -> Result<Injection, ResolveError> {
    on_edge(scene, fault, (&f.from, &f.to), toxic, f.for_ms)
}

/// Every route of the edge, in every zone of the caller.
fn on_edge(
    scene: &Scene<'_>,
    fault: &Fault,
    (from, to): (&str, &str),
    toxic: Toxic,
    for_ms: Option<u64>,
) -> Result<Injection, ResolveError> {
    let proxies = network_tier(from);
    let mut acts = Vec::new();
    for proxy in scene.places.iter().filter(|p| p.tier == proxies) {
        acts.extend(poison(scene, proxy, toxic, |r| r.to == to));
    }
    if acts.is_empty() {
        return Err(ResolveError::NoNode(format!(
            "no network proxy stands between `{from}` and `{to}`; `faultable: true` at that edge of \
             the stage puts one there"
        )));
    }
    let duration = for_ms.map_or(EDGE_FOR, Duration::from_millis);
    Ok(injection(fault, acts, false, duration, "remove the toxics from the network proxies"))
}

/// What the routes of a network proxy suffer that are `meant`.
fn poison(
    scene: &Scene<'_>,
    proxy: &Place,
    toxic: Toxic,
    meant: impl Fn(&Route) -> bool,
) -> Vec<Act> {
    let routes = kinds::routes(scene.stage, scene.places, proxy).into_iter();
    let api = SocketAddrV4::new(proxy.address, NETWORK_PROXY_PORT);
    let act = |route: Route| {
        let node = proxy.name.clone();
        let poisoned = PoisonedRoute { node: node.clone(), api, route: route.name, toxic };
        Act::Poison { node, poisoned }
    };
    routes.filter(meant).map(act).collect()
}
