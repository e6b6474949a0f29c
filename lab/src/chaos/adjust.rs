//! A fault with what a user gave on the command line.

use crate::spec::model::{Fault, Mode};

/// What a user gave besides the name.
#[derive(Clone, Debug, Default)]
pub struct Adjust {
    /// Tier, or an edge as `caller:called`.
    pub tier: Option<String>,
    /// Zone.
    pub zone: Option<String>,
    /// How it dies.
    pub mode: Option<Mode>,
    /// How long, in milliseconds.
    pub for_ms: Option<u64>,
    /// What an edge takes longer, in milliseconds.
    pub latency_ms: Option<u64>,
    /// How much that varies, in milliseconds.
    pub jitter_ms: Option<u64>,
    /// How far replicas lag, in milliseconds.
    pub lag_ms: Option<u64>,
    /// How many connections are opened.
    pub connections: Option<u16>,
    /// How many ask at once.
    pub requests: Option<u16>,
    /// For what.
    pub path: Option<String>,
    /// For what, as an operation of the workload.
    pub operation: Option<String>,
    /// By how much traffic is multiplied.
    pub factor: Option<u16>,
    /// How many clients are greedy.
    pub clients: Option<u16>,
    /// How much each of them sends in a second.
    pub per_s: Option<u16>,
    /// Which share of a tier is hit, in percent.
    pub percent: Option<u8>,
    /// Which release is deployed.
    pub release: Option<String>,
    /// How long it takes to multiply traffic, in milliseconds.
    pub ramp_ms: Option<u64>,
    /// With a session; `None` when nothing is said about it.
    pub signed_in: Option<bool>,
}

/// Where a fault keeps what can be given; `None` for what it does not understand.
#[derive(Default)]
struct Slots<'a> {
    tier: Option<&'a mut Option<String>>,
    edge: Option<(&'a mut String, &'a mut String)>,
    zone: Option<&'a mut Option<String>>,
    mode: Option<&'a mut Mode>,
    for_ms: Option<&'a mut Option<u64>>,
    latency_ms: Option<&'a mut Option<u64>>,
    jitter_ms: Option<&'a mut u64>,
    lag_ms: Option<&'a mut Option<u64>>,
    connections: Option<&'a mut Option<u16>>,
    requests: Option<&'a mut Option<u16>>,
    path: Option<&'a mut Option<String>>,
    operation: Option<&'a mut Option<String>>,
    signed_in: Option<&'a mut bool>,
    factor: Option<&'a mut Option<u16>>,
    clients: Option<&'a mut Option<u16>>,
    per_s: Option<&'a mut Option<u16>>,
    ramp_ms: Option<&'a mut Option<u64>>,
    percent: Option<&'a mut Option<u8>>,
    release: Option<&'a mut String>,
}

/// A fault with what the user gave; `Err` names the flag that it does not understand.
pub fn adjusted(fault: &Fault, adjust: Adjust) -> Result<Fault, &'static str> {
    let mut fault = fault.clone();
    let slots = slots(&mut fault);
    match (adjust.tier, slots.edge) {
        (Some(edge), Some((from, to))) => {
            let (caller, called) = edge.split_once(':').ok_or("a target that is no edge")?;
            (*from, *to) = (caller.into(), called.into());
        }
        (tier, _) => put(slots.tier, tier, "TARGET")?,
    }
    put(slots.zone, adjust.zone, "--zone")?;
    put(slots.for_ms, adjust.for_ms, "--for")?;
    put(slots.latency_ms, adjust.latency_ms, "--latency")?;
    put(slots.lag_ms, adjust.lag_ms, "--lag")?;
    put(slots.connections, adjust.connections, "--connections")?;
    put(slots.requests, adjust.requests, "--requests")?;
    put(slots.path, adjust.path, "--path")?;
    put(slots.operation, adjust.operation, "--operation")?;
    put(slots.factor, adjust.factor, "--factor")?;
    put(slots.clients, adjust.clients, "--clients")?;
    put(slots.per_s, adjust.per_s, "--per-second")?;
    put(slots.percent, adjust.percent, "--percent")?;
    put(slots.ramp_ms, adjust.ramp_ms, "--ramp")?;
    set(slots.release, adjust.release, "--release")?;
    set(slots.signed_in, adjust.signed_in, "--signed-in")?;
    set(slots.mode, adjust.mode, "--mode")?;
    set(slots.jitter_ms, adjust.jitter_ms, "--jitter")?;
    Ok(fault)
}

fn put<T>(
    slot: Option<&mut Option<T>>,
    given: Option<T>,
    flag: &'static str,
) -> Result<(), &'static str> {
    match (slot, given) {
        (_, None) => Ok(()),
        (Some(slot), given) => {
            *slot = given;
            Ok(())
        }
        (None, Some(_)) => Err(flag),
    }
}

fn set<T>(slot: Option<&mut T>, given: Option<T>, flag: &'static str) -> Result<(), &'static str> {
    match (slot, given) {
        (_, None) => Ok(()),
        (Some(slot), Some(given)) => {
            *slot = given;
            Ok(())
        }
        (None, Some(_)) => Err(flag),
    }
}

fn slots(fault: &mut Fault) -> Slots<'_> {
    let mut s = Slots::default();
    match fault {
        Fault::KillProcess(f) => s.tier = Some(&mut f.tier),
        Fault::KillTask(f) => {
            (s.tier, s.zone) = (Some(&mut f.tier), Some(&mut f.zone));
            (s.mode, s.for_ms) = (Some(&mut f.mode), Some(&mut f.for_ms));
        }
        Fault::KillShare(f) => {
            (s.tier, s.percent) = (Some(&mut f.tier), Some(&mut f.percent));
            (s.mode, s.for_ms) = (Some(&mut f.mode), Some(&mut f.for_ms));
        }
        Fault::Deploy(f) | Fault::BadDeploy(f) => {
            (s.tier, s.release) = (Some(&mut f.tier), Some(&mut f.release));
        }
        Fault::StopControlPlane(f) => s.for_ms = Some(&mut f.for_ms),
        Fault::KillPrimary(f) => {
            (s.tier, s.mode, s.for_ms) =
                (Some(&mut f.tier), Some(&mut f.mode), Some(&mut f.for_ms));
        }
        Fault::PausePrimary(f) => (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms)),
        Fault::CutReplication(f) => (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms)),
        Fault::LoseZone(f) => (s.zone, s.for_ms) = (Some(&mut f.zone), Some(&mut f.for_ms)),
        Fault::KillReplica(f) => {
            (s.tier, s.zone) = (Some(&mut f.tier), Some(&mut f.zone));
            (s.mode, s.for_ms) = (Some(&mut f.mode), Some(&mut f.for_ms));
        }
        Fault::ReplicaLag(f) => {
            (s.tier, s.lag_ms, s.for_ms) =
                (Some(&mut f.tier), Some(&mut f.lag_ms), Some(&mut f.for_ms));
        }
        Fault::ConnectionStorm(f) => {
            (s.tier, s.connections, s.for_ms) =
                (Some(&mut f.tier), Some(&mut f.connections), Some(&mut f.for_ms));
        }
        Fault::KillCache(f) => {
            (s.tier, s.mode, s.for_ms) =
                (Some(&mut f.tier), Some(&mut f.mode), Some(&mut f.for_ms));
        }
        Fault::KillSentinel(f) => {
            (s.tier, s.zone) = (Some(&mut f.tier), Some(&mut f.zone));
            (s.mode, s.for_ms) = (Some(&mut f.mode), Some(&mut f.for_ms));
        }
        Fault::FlushCache(f) => s.tier = Some(&mut f.tier),
        Fault::OriginDown(f) => (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms)),
        Fault::Outage(f) => (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms)),
        Fault::QueueOutage(f) => (s.tier, s.for_ms) = (Some(&mut f.from), Some(&mut f.for_ms)),
        Fault::DuplicateDelivery(f) => {
            (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms));
        }
        Fault::PoisonMessage(f) => (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms)),
        Fault::KillWorker(f) => (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms)),
        Fault::SlowEdge(f) => {
            s.edge = Some((&mut f.from, &mut f.to));
            s.for_ms = Some(&mut f.for_ms);
            (s.latency_ms, s.jitter_ms) = (Some(&mut f.latency_ms), Some(&mut f.jitter_ms));
        }
        Fault::SlowDependency(f) => {
            (s.tier, s.for_ms) = (Some(&mut f.tier), Some(&mut f.for_ms));
            (s.latency_ms, s.jitter_ms) = (Some(&mut f.latency_ms), Some(&mut f.jitter_ms));
        }
        Fault::CutEdge(f) | Fault::ResetEdge(f) => {
            (s.edge, s.for_ms) = (Some((&mut f.from, &mut f.to)), Some(&mut f.for_ms));
        }
        Fault::FlashCrowd(f) => {
            (s.requests, s.path) = (Some(&mut f.requests), Some(&mut f.path));
            (s.operation, s.signed_in) = (Some(&mut f.operation), Some(&mut f.signed_in));
        }
        Fault::Flood(f) => {
            (s.clients, s.per_s) = (Some(&mut f.clients), Some(&mut f.per_s));
            (s.path, s.for_ms) = (Some(&mut f.path), Some(&mut f.for_ms));
            s.operation = Some(&mut f.operation);
        }
        Fault::Spike(f) => {
            (s.factor, s.ramp_ms, s.for_ms) =
                (Some(&mut f.factor), Some(&mut f.ramp_ms), Some(&mut f.for_ms));
        }
    }
    s
}
