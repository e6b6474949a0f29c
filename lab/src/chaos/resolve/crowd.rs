//! Traffic as a fault: who is asked, and for what.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::scene::Scene;
use super::{Act, Injection, ResolveError, injection};
use crate::kinds;
use crate::plan::layout::with_duty;
use crate::spec::model::{Fault, FlashCrowd, Flood, Kind, Name, Spike};
use crate::spec::slots::Duty;
use crate::spec::workload::Asked;

/// How many ask when nobody says otherwise.
const REQUESTS: u16 = 1000;
/// By then everybody has been answered or has given up.
const GONE_AFTER: Duration = Duration::from_secs(10);

/// By how much a spike multiplies the traffic when nobody says otherwise, and how long it takes to get
/// there: a factor of 4 within a minute.
const FACTOR: u16 = 4;
const RAMP_MS: u64 = 60_000;
/// How long it lasts beyond its ramp.
const LASTS_MS: u64 = 30_000;

/// How many clients flood when nobody says otherwise, how much each sends, and how long.
const GREEDY: u16 = 1;
const GREEDY_PER_S: u16 = 300;
const FLOOD_FOR: Duration = Duration::from_secs(20);

/// Few clients that send as much as they can.
pub(super) fn flood(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &Flood,
) -> Result<Injection, ResolveError> {
    let (node, addresses) = entry(scene)?;
    let workload = scene.stage.workload();
    let act = Act::Flood {
        node,
        addresses,
        clients: f.clients.unwrap_or(GREEDY),
        per_s: f.per_s.unwrap_or(GREEDY_PER_S),
        asked: asked(&f.operation, &f.path, &workload.floods(), workload.flood())?,
    };
    let duration = f.for_ms.map_or(FLOOD_FOR, Duration::from_millis);
    Ok(injection(fault, vec![act], false, duration, "send the greedy clients away"))
}

/// More users of the stage's own kind.
pub(super) fn spike(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &Spike,
) -> Result<Injection, ResolveError> {
    let (node, addresses) = entry(scene)?;
    let more = u32::from(f.factor.unwrap_or(FACTOR)).saturating_sub(1);
    let extra_per_s = scene.stage.traffic.rate_per_s.saturating_mul(more);
    let ramp_ms = f.ramp_ms.unwrap_or(RAMP_MS);
    let ramp = Duration::from_millis(ramp_ms);
    let duration = Duration::from_millis(f.for_ms.unwrap_or(ramp_ms + LASTS_MS));
    let act = Act::Spike { node, addresses, extra_per_s, ramp };
    Ok(injection(fault, vec![act], false, duration, "send no more than the stage's own traffic"))
}

/// Where all users go: the first node of the entry, and the addresses of all.
fn entry(scene: &Scene<'_>) -> Result<(Name, Vec<SocketAddrV4>), ResolveError> {
    let entry = &scene.stage.traffic.entry;
    let first = with_duty(scene.places, entry, Duty::Member).next();
    let node = first
        .map(|p| p.name.clone())
        .ok_or_else(|| ResolveError::NoNode(format!("the entry `{entry}` has no node to ask")))?;
    let addresses = kinds::entry(scene.stage, scene.places);
    Ok((node, addresses.into_iter().map(|(ip, port)| SocketAddrV4::new(ip, port)).collect()))
}

/// What is asked for: an operation, a path, or what the workload says.
fn asked(
    operation: &Option<Name>,
    path: &Option<String>,
    fitting: &[&str],
    otherwise: Option<Asked>,
) -> Result<Asked, ResolveError> {
    match (operation, path) {
        (Some(_), Some(_)) => {
            Err(ResolveError::NoNode("they ask for one thing: a path, or an operation".to_owned()))
        }
        (Some(name), None) if fitting.contains(&name.as_str()) => {
            Ok(Asked::Operation(name.clone()))
        }
        (Some(name), None) => Err(ResolveError::NoNode(format!(
            "the workload has no operation `{name}` that they can ask for; there are: {}",
            fitting.join(", ")
        ))),
        (None, Some(path)) => Ok(Asked::literally(path)),
        (None, None) => otherwise.ok_or_else(|| {
            let why = "the workload has no read that a stranger could send: say which with --operation or --path";
            ResolveError::NoNode(why.to_owned())
        }),
    }
}

/// They come to where all users do.
pub(super) fn flash_crowd(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &FlashCrowd,
) -> Result<Injection, ResolveError> {
    if !scene.stage.traffic.is_plain() {
        let why = "a flash crowd speaks HTTP/1.1 without TLS, and the entry does not: try spike";
        return Err(ResolveError::NoNode(why.to_owned()));
    }
    let (node, addresses) = entry(scene)?;
    let workload = scene.stage.workload();
    let act = Act::Crowd {
        node,
        addresses,
        requests: f.requests.unwrap_or(REQUESTS),
        asked: asked(&f.operation, &f.path, &workload.crowds(), workload.crowd())?,
        signed_in: f.signed_in,
        cold: !f.signed_in && scene.stage.tiers.values().any(|t| matches!(t.kind, Kind::Cdn(_))),
    };
    let heal = "nothing: the crowd goes with its answers";
    Ok(injection(fault, vec![act], false, GONE_AFTER, heal))
}
