//! From a fault as a stage file or a user names it to the exact nodes and acts: a pure function of
//! stage, roles and seed.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use scene::{KILLABLE, Scene, is_box, is_killable, is_service, is_task};

use super::roles::Roles;
use crate::plan::layout::Place;
use crate::plan::{CONTROL, QueueAt};
use crate::spec::model::{BoxProcess, Fault, Mode, Name, PoisonedRoute, Stage, Toxic};
use crate::spec::slots::Duty;
use crate::spec::workload::Asked;

mod crowd;
mod edges;
mod messages;
mod releases;
mod scene;
mod stores;

/// How long a killed database node stays lost when nobody says otherwise.
const KILL_PRIMARY_FOR: Duration = Duration::from_secs(10);
/// How long a frozen primary stays frozen: longer than the lease of 20 s, so that it wakes as a
/// zombie.
const PAUSE_FOR: Duration = Duration::from_secs(30);
/// How long the replication link stays cut.
const CUT_FOR: Duration = Duration::from_secs(5);
/// How long a zone stays dark.
const ZONE_FOR: Duration = Duration::from_secs(20);
/// Which share of a tier is killed when nobody says otherwise, in percent.
const SHARE_PERCENT: u8 = 33;
/// How long the control plane stays stopped.
const CONTROL_FOR: Duration = Duration::from_secs(20);
/// After a kill that may be repaired at once: how long until the heal looks after it.
const REPLACED_WITHIN: Duration = Duration::from_secs(5);

/// A fault with everything decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injection {
    /// The fault as it was asked for.
    pub fault: Fault,
    /// What is done, in this order; acts of one kind run at the same time.
    pub acts: Vec<Act>,
    /// The nodes that are hit.
    pub nodes: Vec<Name>,
    /// The nodes stay lost until the heal.
    pub hold: bool,
    /// From injection to heal.
    pub duration: Duration,
    /// What the heal will do, in words.
    pub heal: String,
}

impl Injection {
    /// The routes of network proxies that suffer.
    pub fn routes(&self) -> Vec<PoisonedRoute> {
        let routes = self.acts.iter().filter_map(|act| match act {
            Act::Poison { poisoned, .. } => Some(poisoned.clone()),
            _ => None,
        });
        routes.collect()
    }
}

/// One effect on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Drops every packet from and to the node.
    Silence {
        /// The node.
        node: Name,
    },
    /// Drops every packet between the node and its peers.
    Cut {
        /// The node.
        node: Name,
        /// The peers' addresses.
        peers: Vec<Ipv4Addr>,
    },
    /// Kills every process of the node.
    Kill {
        /// The node.
        node: Name,
    },
    /// Takes away the disk of a node that was killed: its next start finds an empty one.
    Erase {
        /// The node.
        node: Name,
    },
    /// Freezes every process of the node.
    Freeze {
        /// The node.
        node: Name,
    },
    /// Kills one process in a box.
    KillProcess {
        /// The node.
        node: Name,
        /// The process.
        process: BoxProcess,
    },
    /// Lets a read replica replay each commit only when it is so old.
    DelayReplay {
        /// The node.
        node: Name,
        /// Milliseconds.
        by_ms: u64,
    },
    /// Empties a cache.
    Flush {
        /// The node.
        node: Name,
    },
    /// Opens connections to a database and holds them.
    Storm {
        /// The node.
        node: Name,
        /// Where connections are tried, one address after the other.
        addresses: Vec<SocketAddrV4>,
        /// How many.
        connections: u16,
        /// As whom they sign in.
        user: String,
        /// To which database.
        database: String,
    },
    /// Asks for one object over many connections at the same moment.
    Crowd {
        /// The first node of those that are asked.
        node: Name,
        /// Who is asked, in turn.
        addresses: Vec<SocketAddrV4>,
        /// How many ask.
        requests: u16,
        /// For what.
        asked: Asked,
        /// With a session.
        signed_in: bool,
        /// For an object that no edge cache can have.
        cold: bool,
    },
    /// Sends more of the stage's own traffic.
    Spike {
        /// The first node of those that are asked.
        node: Name,
        /// Who is asked, in turn.
        addresses: Vec<SocketAddrV4>,
        /// Requests per second besides the stage's own, once the ramp is over.
        extra_per_s: u32,
        /// How long it takes to get there.
        ramp: Duration,
    },
    /// Lets greedy clients send.
    Flood {
        /// The first node of those that are asked.
        node: Name,
        /// Who is asked, in turn.
        addresses: Vec<SocketAddrV4>,
        /// How many clients, each with a session.
        clients: u16,
        /// Requests per second of each.
        per_s: u16,
        /// For what they ask.
        asked: Asked,
    },
    /// Delivers messages of a queue a second time.
    Duplicate {
        /// The emulator's node.
        node: Name,
        /// The queue.
        queue: QueueAt,
    },
    /// Sends messages that nobody can handle.
    Spoil {
        /// The emulator's node.
        node: Name,
        /// The queue.
        queue: QueueAt,
        /// How many.
        messages: u16,
    },
    /// Kills one node after the other at random moments.
    Hunt {
        /// The first of them.
        node: Name,
        /// All of them.
        nodes: Vec<Name>,
        /// Decides who, and when.
        seed: u64,
    },
    /// Puts a release in the place of the one that runs.
    Deploy {
        /// The first node of the tier.
        node: Name,
        /// The tier.
        tier: Name,
        /// The release.
        release: Name,
    },
    /// Makes what passes a network proxy slow, or ends it.
    Poison {
        /// The node of the proxy.
        node: Name,
        /// Which of its routes, and what that suffers.
        poisoned: PoisonedRoute,
    },
}

impl Act {
    /// The node it hits.
    pub fn node(&self) -> &Name {
        match self {
            Self::Silence { node }
            | Self::Cut { node, .. }
            | Self::Kill { node }
            | Self::Erase { node }
            | Self::Freeze { node }
            | Self::KillProcess { node, .. }
            | Self::DelayReplay { node, .. }
            | Self::Flush { node, .. }
            | Self::Storm { node, .. }
            | Self::Crowd { node, .. }
            | Self::Spike { node, .. }
            | Self::Flood { node, .. }
            | Self::Duplicate { node, .. }
            | Self::Spoil { node, .. }
            | Self::Hunt { node, .. }
            | Self::Deploy { node, .. }
            | Self::Poison { node, .. } => node,
        }
    }
}

/// Why a fault does not fit what runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No tier, or more than one, that the fault could mean.
    #[error("{fault} needs a tier of kind {wanted}: {found}")]
    Tier {
        /// The fault.
        fault: &'static str,
        /// Kinds that fit.
        wanted: &'static str,
        /// What the stage has.
        found: String,
    },
    /// No node fits.
    #[error("{0}")]
    NoNode(String),
}

/// Decides what a fault means here and now, for nodes of which `places` are awake.
pub fn resolve(
    fault: &Fault,
    stage: &Stage,
    places: &[Place],
    all: &[Place],
    roles: &Roles,
    seed: u64,
) -> Result<Injection, ResolveError> {
    let scene = Scene { stage, places, all, roles, seed };
    match fault {
        Fault::KillProcess(f) => {
            let tier = scene.tier("kill-process", f.tier.as_ref(), "box", is_box)?;
            let node = scene.any(&tier, Duty::Member, None)?;
            let acts = vec![Act::KillProcess { node, process: f.process }];
            Ok(injection(fault, acts, false, REPLACED_WITHIN, "the box starts it again"))
        }
        Fault::KillTask(f) => {
            let tier = match &f.tier {
                None => scene.tier("kill-task", None, "service or box", is_task)?,
                named => scene.tier("kill-task", named.as_ref(), KILLABLE, is_killable)?,
            };
            let node = scene.task(&tier, f.zone.as_ref())?;
            let hold = f.for_ms.is_some() || f.mode != Mode::Crash;
            let duration = f.for_ms.map_or(REPLACED_WITHIN, Duration::from_millis);
            Ok(injection(fault, death(&[node], f.mode), hold, duration, "start the node"))
        }
        Fault::KillShare(f) => {
            let tier = scene.tier("kill-share", f.tier.as_ref(), "service", is_service)?;
            let nodes = scene.share(&tier, f.percent.unwrap_or(SHARE_PERCENT))?;
            let hold = f.for_ms.is_some() || f.mode != Mode::Crash;
            let duration = f.for_ms.map_or(REPLACED_WITHIN, Duration::from_millis);
            Ok(injection(fault, death(&nodes, f.mode), hold, duration, "start the nodes"))
        }
        Fault::Deploy(f) | Fault::BadDeploy(f) => releases::deploy(&scene, fault, f),
        Fault::StopControlPlane(f) => {
            let duration = f.for_ms.map_or(CONTROL_FOR, Duration::from_millis);
            let acts = vec![Act::Kill { node: CONTROL.into() }];
            Ok(injection(fault, acts, true, duration, "start the control plane"))
        }
        Fault::KillPrimary(f) => {
            let node = scene.primary("kill-primary", f.tier.as_ref())?;
            let duration = f.for_ms.map_or(KILL_PRIMARY_FOR, Duration::from_millis);
            Ok(injection(fault, death(&[node], f.mode), true, duration, "start the node"))
        }
        Fault::PausePrimary(f) => {
            let node = scene.primary("pause-primary", f.tier.as_ref())?;
            let duration = f.for_ms.map_or(PAUSE_FOR, Duration::from_millis);
            Ok(injection(fault, vec![Act::Freeze { node }], true, duration, "wake the node"))
        }
        Fault::CutReplication(f) => {
            let node = scene.primary("cut-replication", f.tier.as_ref())?;
            let peers = scene.peers(&node);
            if peers.is_empty() {
                return Err(ResolveError::NoNode(format!("{node} has no standby to cut off")));
            }
            let duration = f.for_ms.map_or(CUT_FOR, Duration::from_millis);
            let acts = vec![Act::Cut { node, peers }];
            Ok(injection(fault, acts, true, duration, "remove the packet filter"))
        }
        Fault::LoseZone(f) => {
            let zone = scene.zone(f.zone.as_ref());
            let nodes: Vec<Name> =
                places.iter().filter(|p| p.zone == zone).map(|p| p.name.clone()).collect();
            if nodes.is_empty() {
                return Err(ResolveError::NoNode(format!("no node is in zone {zone}")));
            }
            let duration = f.for_ms.map_or(ZONE_FOR, Duration::from_millis);
            let heal = "remove the packet filters and start the zone's nodes";
            Ok(injection(fault, death(&nodes, Mode::Silent), true, duration, heal))
        }
        Fault::KillReplica(f) => stores::kill_replica(&scene, fault, f),
        Fault::ReplicaLag(f) => stores::replica_lag(&scene, fault, f),
        Fault::ConnectionStorm(f) => stores::connection_storm(&scene, fault, f),
        Fault::KillCache(f) => stores::kill_cache(&scene, fault, f),
        Fault::KillSentinel(f) => stores::kill_sentinel(&scene, fault, f),
        Fault::FlushCache(f) => stores::flush_cache(&scene, fault, f),
        Fault::OriginDown(f) => stores::origin_down(&scene, fault, f),
        Fault::Outage(f) => stores::outage(&scene, fault, f),
        Fault::QueueOutage(f) => messages::queue_outage(&scene, fault, f),
        Fault::DuplicateDelivery(f) => messages::duplicate_delivery(&scene, fault, f),
        Fault::PoisonMessage(f) => messages::poison_message(&scene, fault, f),
        Fault::KillWorker(f) => messages::kill_worker(&scene, fault, f),
        Fault::SlowEdge(f) => edges::slow(&scene, fault, f),
        Fault::SlowDependency(f) => edges::slow_dependency(&scene, fault, f),
        Fault::CutEdge(f) => edges::ended(&scene, fault, f, Toxic::Cut),
        Fault::ResetEdge(f) => edges::ended(&scene, fault, f, Toxic::Reset),
        Fault::FlashCrowd(f) => crowd::flash_crowd(&scene, fault, f),
        Fault::Flood(f) => crowd::flood(&scene, fault, f),
        Fault::Spike(f) => crowd::spike(&scene, fault, f),
    }
}

fn injection(
    fault: &Fault,
    acts: Vec<Act>,
    hold: bool,
    duration: Duration,
    heal: &str,
) -> Injection {
    let mut nodes: Vec<Name> = acts.iter().map(|a| a.node().clone()).collect();
    nodes.sort();
    nodes.dedup();
    Injection { fault: fault.clone(), acts, nodes, hold, duration, heal: heal.into() }
}

/// A silent death drops packets first, so that not even the resets of dying processes get out.
fn death(nodes: &[Name], mode: Mode) -> Vec<Act> {
    let silence = nodes.iter().map(|n| Act::Silence { node: n.clone() });
    let kill = nodes.iter().map(|n| Act::Kill { node: n.clone() });
    let erase = nodes.iter().map(|n| Act::Erase { node: n.clone() });
    match mode {
        Mode::Crash => kill.collect(),
        Mode::Silent => silence.chain(kill).collect(),
        Mode::Terminated => silence.chain(kill).chain(erase).collect(),
    }
}
