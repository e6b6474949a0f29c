//! From a fault as a stage file or a user names it to the exact nodes and acts: a pure function of
//! stage, roles and seed.

use std::net::Ipv4Addr;
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::roles::{Role, Roles};
use crate::plan::layout::Place;
use crate::spec::model::{BoxProcess, Fault, Kind, Mode, Name, Stage};

/// How long a killed database node stays lost when nobody says otherwise.
const KILL_PRIMARY_FOR: Duration = Duration::from_secs(10);
/// How long a frozen primary stays frozen: longer than the lease of 20 s, so that it wakes as a
/// zombie.
const PAUSE_FOR: Duration = Duration::from_secs(30);
/// How long the replication link stays cut.
const CUT_FOR: Duration = Duration::from_secs(5);
/// How long a zone stays dark.
const ZONE_FOR: Duration = Duration::from_secs(20);
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
}

impl Act {
    /// The node it hits.
    pub fn node(&self) -> &Name {
        match self {
            Self::Silence { node }
            | Self::Cut { node, .. }
            | Self::Kill { node }
            | Self::Freeze { node }
            | Self::KillProcess { node, .. } => node,
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

/// Decides what a fault means here and now.
pub fn resolve(
    fault: &Fault,
    stage: &Stage,
    places: &[Place],
    roles: &Roles,
    seed: u64,
) -> Result<Injection, ResolveError> {
    let scene = Scene { stage, places, roles };
    match fault {
        Fault::KillProcess(f) => {
            let tier = scene.tier("kill-process", f.tier.as_ref(), "box", is_box)?;
            let node = scene.any(&tier, None, seed)?;
            let acts = vec![Act::KillProcess { node, process: f.process }];
            Ok(injection(fault, acts, false, REPLACED_WITHIN, "the box starts it again"))
        }
        Fault::KillTask(f) => {
            let tier = scene.tier("kill-task", f.tier.as_ref(), "service or box", is_task)?;
            let node = scene.any(&tier, f.zone.as_ref(), seed)?;
            let hold = f.for_ms.is_some() || f.mode == Mode::Silent;
            let duration = f.for_ms.map_or(REPLACED_WITHIN, Duration::from_millis);
            Ok(injection(fault, death(&[node], f.mode), hold, duration, "start the node"))
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
    match mode {
        Mode::Crash => kill.collect(),
        Mode::Silent => silence.chain(kill).collect(),
    }
}

fn is_box(kind: &Kind) -> bool {
    matches!(kind, Kind::Box(_))
}

fn is_task(kind: &Kind) -> bool {
    matches!(kind, Kind::Box(_) | Kind::Service(_))
}

fn is_postgres(kind: &Kind) -> bool {
    matches!(kind, Kind::Postgres(_))
}

struct Scene<'a> {
    stage: &'a Stage,
    places: &'a [Place],
    roles: &'a Roles,
}

impl Scene<'_> {
    /// The named tier, or the stage's only one that fits.
    fn tier(
        &self,
        fault: &'static str,
        named: Option<&Name>,
        wanted: &'static str,
        fits: fn(&Kind) -> bool,
    ) -> Result<Name, ResolveError> {
        let fitting: Vec<&Name> =
            self.stage.tiers.iter().filter(|(_, t)| fits(&t.kind)).map(|(n, _)| n).collect();
        let found = match (named, fitting.as_slice()) {
            (Some(name), _) if fitting.contains(&name) => return Ok(name.clone()),
            (None, [only]) => return Ok((*only).clone()),
            (Some(name), []) => format!("`{name}` is not one, and the stage has none"),
            (Some(name), _) => format!("`{name}` is not one; there are {}", list(&fitting)),
            (None, []) => "the stage has none".into(),
            (None, _) => format!("name one of {}", list(&fitting)),
        };
        Err(ResolveError::Tier { fault, wanted, found })
    }

    /// One node of a tier, in a zone if one is given, chosen by the seed.
    fn any(&self, tier: &str, zone: Option<&Name>, seed: u64) -> Result<Name, ResolveError> {
        let candidates: Vec<&Place> = self
            .places
            .iter()
            .filter(|p| p.tier == tier && zone.is_none_or(|z| *z == p.zone))
            .collect();
        candidates.choose(&mut ChaCha8Rng::seed_from_u64(seed)).map(|p| p.name.clone()).ok_or_else(
            || match zone {
                Some(zone) => {
                    ResolveError::NoNode(format!("tier {tier} has no node in zone {zone}"))
                }
                None => ResolveError::NoNode(format!("tier {tier} has no node")),
            },
        )
    }

    fn primary(&self, fault: &'static str, named: Option<&Name>) -> Result<Name, ResolveError> {
        let tier = self.tier(fault, named, "postgres", is_postgres)?;
        self.places
            .iter()
            .find(|p| p.tier == tier && self.roles.get(&p.name) == Some(&Role::Primary))
            .map(|p| p.name.clone())
            .ok_or_else(|| {
                ResolveError::NoNode(format!("tier {tier} has no primary at this moment"))
            })
    }

    /// Addresses of the other nodes of a node's tier.
    fn peers(&self, node: &str) -> Vec<Ipv4Addr> {
        let tier = self.places.iter().find(|p| p.name == node).map(|p| p.tier.as_str());
        self.places
            .iter()
            .filter(|p| Some(p.tier.as_str()) == tier && p.name != node)
            .map(|p| p.address)
            .collect()
    }

    /// The named zone, else the zone of the current primary, else the first one.
    fn zone(&self, named: Option<&Name>) -> Name {
        let of_primary =
            self.places.iter().find(|p| self.roles.get(&p.name) == Some(&Role::Primary));
        named
            .or(of_primary.map(|p| &p.zone))
            .or_else(|| self.stage.regions.first().and_then(|r| r.zones.first()))
            .cloned()
            .unwrap_or_default()
    }
}

fn list(names: &[&Name]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
