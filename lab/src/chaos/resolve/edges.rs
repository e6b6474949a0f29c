//! Faults of an edge: what its network proxies do to the connections that cross them.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::scene::Scene;
use super::{Act, Injection, ResolveError, injection};
use crate::kinds::{self, NETWORK_PROXY_PORT};
use crate::spec::model::{CutEdge, Fault, PoisonedRoute, SlowEdge, Toxic};
use crate::spec::slots::network_tier;

/// What every answer takes longer when nobody says otherwise, as in the scenario of a zone
/// that slows down.
const LATENCY_MS: u64 = 200;
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
        let routes = kinds::routes(scene.stage, scene.places, proxy);
        for route in routes.into_iter().filter(|r| r.to == to) {
            let node = proxy.name.clone();
            let api = SocketAddrV4::new(proxy.address, NETWORK_PROXY_PORT);
            let poisoned = PoisonedRoute { node: node.clone(), api, route: route.name, toxic };
            acts.push(Act::Poison { node, poisoned });
        }
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
