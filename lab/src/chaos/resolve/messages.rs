//! Faults of queues, of their messages and of the workers that take them.

use std::time::Duration;

use super::scene::Scene;
use super::{Act, Injection, ResolveError, edges, injection};
use crate::kinds;
use crate::plan::QueueAt;
use crate::plan::layout::of_tier;
use crate::spec::model::{
    BAD_MESSAGES, CutEdge, DuplicateDelivery, Fault, KillWorker, Kind, Name, PoisonMessage,
    QueueOf, QueueOutage, Toxic,
};
use crate::spec::slots::{Duty, network_tier};

/// How long queues are out when nobody says otherwise.
const OUT_FOR: Duration = Duration::from_secs(10);
/// How long messages come twice.
const COPIES_FOR: Duration = Duration::from_secs(10);
/// How long workers are killed.
const HUNT_FOR: Duration = Duration::from_secs(10);
/// Beyond the time-outs, how long a message takes at most to become a dead letter: a worker asks for
/// messages all the time.
const SLACK: Duration = Duration::from_secs(3);

fn millis(given: Option<u64>, default: Duration) -> Duration {
    given.map_or(default, Duration::from_millis)
}

/// From everybody, packets to the emulator are dropped; from one tier, its edge is cut where a network
/// proxy stands in it, and packets are dropped at its nodes where none does.
pub(super) fn queue_outage(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &QueueOutage,
) -> Result<Injection, ResolveError> {
    let tier = scene.with_service("queue-outage", f.tier.as_ref(), "sqs")?;
    let emulator = match scene.stage.tiers.get(&tier).map(|t| &t.kind) {
        Some(Kind::Aws(aws)) => aws.services.sqs,
        _ => None,
    };
    let Some(emulator) = emulator else {
        return Err(ResolveError::NoNode(format!("tier {tier} has no service `sqs`")));
    };
    let node = scene.any(&tier, Duty::Emulator(emulator), None)?;
    let duration = millis(f.for_ms, OUT_FOR);
    let Some(from) = &f.from else {
        let acts = vec![Act::Silence { node }];
        return Ok(injection(fault, acts, true, duration, "remove the packet filter"));
    };
    let between = network_tier(from);
    let routed = scene
        .places
        .iter()
        .filter(|p| p.tier == between)
        .flat_map(|p| kinds::routes(scene.stage, scene.places, p))
        .any(|route| route.to == tier);
    if routed {
        let for_ms = Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        let cut = CutEdge { from: from.clone(), to: tier, for_ms };
        return edges::ended(scene, fault, &cut, Toxic::Cut);
    }
    // At the queue, and for tasks in reserve as well: what the group starts meanwhile must not reach it.
    let peers: Vec<_> = of_tier(scene.all, from).map(|p| p.address).collect();
    if peers.is_empty() {
        return Err(ResolveError::NoNode(format!("tier {from} has no node")));
    }
    let acts = vec![Act::Cut { node, peers }];
    Ok(injection(fault, acts, true, duration, "remove the packet filter"))
}

pub(super) fn duplicate_delivery(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &DuplicateDelivery,
) -> Result<Injection, ResolveError> {
    let (_, queue) = queue(scene, "duplicate-delivery", f.tier.as_ref())?;
    let acts = vec![Act::Duplicate { node: queue.node.clone(), queue }];
    Ok(injection(fault, acts, false, millis(f.for_ms, COPIES_FOR), "copy no more messages"))
}

pub(super) fn poison_message(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &PoisonMessage,
) -> Result<Injection, ResolveError> {
    let (of, queue) = queue(scene, "poison-message", f.tier.as_ref())?;
    let each = Duration::from_secs(of.worker.visibility_s.into());
    let dead_after = each * u32::from(of.worker.max_receives) + SLACK;
    let messages = f.messages.unwrap_or(BAD_MESSAGES);
    let acts = vec![Act::Spoil { node: queue.node.clone(), queue, messages }];
    let heal = "nothing: what nobody can handle becomes a dead letter";
    Ok(injection(fault, acts, false, millis(f.for_ms, dead_after), heal))
}

pub(super) fn kill_worker(
    scene: &Scene<'_>,
    fault: &Fault,
    f: &KillWorker,
) -> Result<Injection, ResolveError> {
    let (of, _) = queue(scene, "kill-worker", f.tier.as_ref())?;
    let nodes: Vec<Name> = of_tier(scene.places, of.tier).map(|p| p.name.clone()).collect();
    let Some(node) = nodes.first().cloned() else {
        return Err(ResolveError::NoNode(format!("tier {} has no node", of.tier)));
    };
    let acts = vec![Act::Hunt { node, nodes: nodes.clone(), seed: scene.seed }];
    let heal = "kill no more, and start the workers";
    let injection = injection(fault, acts, false, millis(f.for_ms, HUNT_FOR), heal);
    Ok(Injection { nodes, ..injection })
}

/// The queue of the named tier of workers, of the one that sends mails, or of the only one.
fn queue<'a>(
    scene: &Scene<'a>,
    fault: &'static str,
    tier: Option<&Name>,
) -> Result<(QueueOf<'a>, QueueAt), ResolveError> {
    let of = scene.stage.queue_of(tier.map(String::as_str));
    let at = of.and_then(|of| {
        let all = kinds::queues(scene.stage, scene.places);
        Some((of, all.into_iter().find(|at| at.tier == of.tier)?))
    });
    at.ok_or_else(|| {
        let found = match tier {
            Some(tier) => format!("`{tier}` is none"),
            None => "the stage has none, or several".into(),
        };
        ResolveError::Tier { fault, wanted: "service with `worker`", found }
    })
}
