//! Faults of data stores and of what stands before them.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::scene::{Scene, has_replicas, is_cdn, is_redis};
use super::{Act, Injection, ResolveError, death, edges, injection};
use crate::kinds;
use crate::plan::layout::{of_tier, with_duty};
use crate::spec::model::{
    ConnectionStorm, CutEdge, Fault, FlushCache, KillCache, KillReplica, KillSentinel, Kind, Name,
    OriginDown, Outage, ReplicaLag, Toxic,
};
use crate::spec::slots::{Duty, network_tier};

/// How long a killed replica or cache stays lost when nobody says otherwise.
const KILLED_FOR: Duration = Duration::from_secs(10);
/// How far replicas lag when nobody says otherwise.
const LAG_MS: u64 = 10_000;
/// How long they do: long enough that the lag is reached and lasts.
const LAG_FOR: Duration = Duration::from_secs(25);
/// How many connections a storm opens when nobody says otherwise.
const STORM: u16 = 200;
/// How long they are held.
const STORM_FOR: Duration = Duration::from_secs(10);
/// How long a service or an origin is out.
const OUT_FOR: Duration = Duration::from_secs(10);
/// How long traffic meets a cold cache before the experiment goes on.
const COLD_FOR: Duration = Duration::from_secs(5);

fn millis(given: Option<u64>, default: Duration) -> Duration {
    given.map_or(default, Duration::from_millis)
}

pub(super) fn kill_replica(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &KillReplica,
) -> Result<Injection, ResolveError> {
    let wanted = "postgres with replicas";
    let tier = scene.tier("kill-replica", f.tier.as_ref(), wanted, has_replicas)?;
    let node = scene.any(&tier, Duty::Replica, f.zone.as_ref())?;
    let duration = millis(f.for_ms, KILLED_FOR);
    Ok(injection(fault, death(&[node], f.mode), true, duration, "start the node"))
}

pub(super) fn replica_lag(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &ReplicaLag,
) -> Result<Injection, ResolveError> {
    let wanted = "postgres with replicas";
    let tier = scene.tier("replica-lag", f.tier.as_ref(), wanted, has_replicas)?;
    let by_ms = f.lag_ms.unwrap_or(LAG_MS);
    let acts = with_duty(scene.places, &tier, Duty::Replica)
        .map(|p| Act::DelayReplay { node: p.name.clone(), by_ms })
        .collect();
    let duration = millis(f.for_ms, LAG_FOR);
    Ok(injection(fault, acts, false, duration, "let the replicas replay at once"))
}

pub(super) fn connection_storm(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &ConnectionStorm,
) -> Result<Injection, ResolveError> {
    let tier = match &f.tier {
        Some(named) => scene.tier("connection-storm", Some(named), ENTRANCE, is_entrance)?,
        None => entrance(scene)?,
    };
    let kind = scene.stage.tiers.get(&tier).map(|t| &t.kind);
    let node = match kind {
        Some(Kind::Postgres(_)) => scene.primary_of(&tier)?,
        _ => scene.any(&tier, Duty::Member, None)?,
    };
    let port = kind.map_or(kinds::POSTGRES_PORT, kinds::port_of);
    // As real clients, which know all nodes, because the primary moves.
    let addresses = with_duty(scene.places, &tier, Duty::Member)
        .map(|p| SocketAddrV4::new(p.address, port))
        .collect();
    let connections = f.connections.unwrap_or(STORM);
    let (user, database) = kinds::database_names(scene.stage, &tier);
    let (user, database) = (user.to_owned(), database.to_owned());
    let acts = vec![Act::Storm { node, addresses, connections, user, database }];
    let heal = "close the connections";
    Ok(injection(fault, acts, false, millis(f.for_ms, STORM_FOR), heal))
}

const ENTRANCE: &str = "postgres or database-proxy";

fn is_entrance(kind: &Kind) -> bool {
    matches!(kind, Kind::Postgres(_) | Kind::DatabaseProxy(_))
}

/// The tier that applications connect to when they mean the database: a proxy where there is one.
fn entrance(scene: &Scene<'_>) -> Result<Name, ResolveError> {
    let is_proxy = |kind: &Kind| matches!(kind, Kind::DatabaseProxy(_));
    match scene.tier("connection-storm", None, ENTRANCE, is_proxy) {
        Ok(tier) => Ok(tier),
        Err(_) => {
            scene.tier("connection-storm", None, ENTRANCE, |k| matches!(k, Kind::Postgres(_)))
        }
    }
}

pub(super) fn kill_cache(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &KillCache,
) -> Result<Injection, ResolveError> {
    let tier = scene.tier("kill-cache", f.tier.as_ref(), "redis", is_redis)?;
    let node = scene.primary_of(&tier)?;
    let duration = millis(f.for_ms, KILLED_FOR);
    Ok(injection(fault, death(&[node], f.mode), true, duration, "start the node"))
}

pub(super) fn kill_sentinel(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &KillSentinel,
) -> Result<Injection, ResolveError> {
    let tier = scene.tier("kill-sentinel", f.tier.as_ref(), "redis", is_redis)?;
    let node = scene.any(&tier, Duty::Sentinel, f.zone.as_ref())?;
    let duration = millis(f.for_ms, KILLED_FOR);
    Ok(injection(fault, death(&[node], f.mode), true, duration, "start the node"))
}

pub(super) fn flush_cache(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &FlushCache,
) -> Result<Injection, ResolveError> {
    let tier = scene.tier("flush-cache", f.tier.as_ref(), "redis", is_redis)?;
    let node = scene.primary_of(&tier)?;
    let acts = vec![Act::Flush { node }];
    Ok(injection(fault, acts, false, COLD_FOR, "nothing: the cache fills by itself"))
}

/// Only what the edge cache asks of its origin for pages is lost; clients still reach the edge.
pub(super) fn origin_down(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &OriginDown,
) -> Result<Injection, ResolveError> {
    let tier = scene.tier("origin-down", f.tier.as_ref(), "cdn", is_cdn)?;
    let origin = match scene.stage.tiers.get(&tier).map(|t| &t.kind) {
        Some(Kind::Cdn(cdn)) => cdn.origins.pages.clone(),
        _ => return Err(ResolveError::NoNode(format!("tier {tier} has no origin"))),
    };
    // Where a network proxy stands in between, the edge cache never talks to its origin itself.
    let between = network_tier(&tier);
    let mut routes = scene
        .places
        .iter()
        .filter(|p| p.tier == between)
        .flat_map(|p| kinds::routes(scene.stage, scene.places, p));
    if routes.any(|route| route.to == origin) {
        let cut = CutEdge { from: tier, to: origin, for_ms: f.for_ms };
        return edges::ended(scene, fault, &cut, Toxic::Cut);
    }
    let peers = scene.addresses(&origin);
    let acts = of_tier(scene.places, &tier)
        .map(|p| Act::Cut { node: p.name.clone(), peers: peers.clone() })
        .collect();
    Ok(injection(fault, acts, true, millis(f.for_ms, OUT_FOR), "remove the packet filter"))
}

pub(super) fn outage(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &Outage,
) -> Result<Injection, ResolveError> {
    let tier = scene.with_service("outage", f.tier.as_ref(), &f.service)?;
    let emulator = match scene.stage.tiers.get(&tier).map(|t| &t.kind) {
        Some(Kind::Aws(aws)) => aws.services.used().into_iter().find(|(s, _)| *s == f.service),
        _ => None,
    };
    let Some((_, emulator)) = emulator else {
        return Err(ResolveError::NoNode(format!("tier {tier} has no service `{}`", f.service)));
    };
    let node = scene.any(&tier, Duty::Emulator(emulator), None)?;
    let duration = millis(f.for_ms, OUT_FOR);
    Ok(injection(fault, vec![Act::Silence { node }], true, duration, "remove the packet filter"))
}
