//! Effects that no fault on record explains: the record of a fault is a container, and a routine clean-up
//! may take it away. So the effects themselves are looked for in every node, and undone.
//!
//! What a process of ours does for a fault (connections, crowds, floods, copies, kills one after the other)
//! ends with the process. Messages that nobody can handle stay, and become dead letters.

mod filters;
mod lag;
mod state;
mod toxics;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{ChaosError, NetProxy, acts, packet_filter};
use crate::engine::{Engine, EngineError, Marker};
use crate::plan::layout::Place;
use crate::plan::node::Limits;
use crate::plan::{CONTROL, holder_name, main_name};
use crate::spec::model::Stage;

/// Something that only a fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// The node.
    pub node: String,
    /// What was found there.
    pub effect: StrayEffect,
}

/// What can be left of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StrayEffect {
    /// Packets are dropped.
    Filter {
        /// The table of the packet filter.
        table: String,
    },
    /// Its processes are frozen.
    Frozen,
    /// Its processes have ended, and nobody starts them again.
    Stopped,
    /// It may use something else than its stage says.
    Limits {
        /// What it may use.
        found: Limits,
        /// What the stage says.
        wanted: Limits,
    },
    /// An edge is slow, cut or reset.
    Toxic {
        /// Where the proxy's interface answers.
        api: SocketAddrV4,
        /// The route's name there.
        route: String,
    },
    /// A replica replays late, on purpose.
    Lag {
        /// By so many milliseconds.
        by_ms: u64,
    },
}

impl fmt::Display for StrayEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |limits: &Limits| limits.memory_bytes >> 20;
        let cpus = |limits: &Limits| limits.nano_cpus as f64 / 1e9;
        match self {
            Self::Filter { .. } => write!(f, "a packet filter"),
            Self::Frozen => write!(f, "frozen processes"),
            Self::Stopped => write!(f, "processes that have ended"),
            Self::Limits { found, wanted } => write!(
                f,
                "limits of {} CPUs and {} MiB instead of {} and {}",
                cpus(found),
                mib(found),
                cpus(wanted),
                mib(wanted)
            ),
            Self::Toxic { route, .. } => write!(f, "a slow or cut edge {route}"),
            Self::Lag { by_ms } => write!(f, "a replay {by_ms} ms late"),
        }
    }
}

/// How thoroughly is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// A process in a container costs Docker 40 ms and more: one is started only where something hints at
    /// a fault.
    Hints,
    /// Every namespace of every node.
    Everything,
}

/// Where is looked.
#[derive(Clone, Copy, Debug)]
pub struct Lab<'a> {
    /// The lab's engine.
    pub engine: &'a Engine,
    /// Its stage.
    pub stage: &'a Stage,
    /// Its nodes, without the control plane.
    pub places: &'a [Place],
    /// The control plane's address.
    pub control: Ipv4Addr,
}

impl Lab<'_> {
    /// Every node with its address.
    fn nodes(&self) -> impl Iterator<Item = (&str, Ipv4Addr)> {
        let places = self.places.iter().map(|p| (p.name.as_str(), p.address));
        places.chain([(CONTROL, self.control)])
    }
}

/// Looks for effects that no fault on record explains. What cannot be looked at now shows nothing.
///
/// # Errors
/// Docker does not answer.
pub async fn strays(lab: Lab<'_>, depth: Depth) -> Result<Vec<Stray>, EngineError> {
    let mut containers = lab.engine.containers().await?;
    lab.engine.look_closely(&mut containers).await?;
    let (filters, toxics, lags) = tokio::join!(
        filters::look(lab, &containers, depth),
        toxics::look(lab),
        lag::look(lab, &containers)
    );
    let mut found = state::look(lab, &containers);
    found.extend(filters);
    found.extend(toxics);
    found.extend(lags);
    // A fault is written down before it takes effect: what is on record now explains all that was seen.
    let now = lab.engine.containers().await?;
    let markers = crate::engine::markers::markers_among(now.values())?;
    found.retain(|stray| !is_explained(stray, &markers));
    Ok(found)
}

/// Whether a fault on record explains it.
fn is_explained(stray: &Stray, markers: &[Marker]) -> bool {
    let hit = |m: &Marker| m.nodes.contains(&stray.node);
    markers.iter().any(|m| match &stray.effect {
        StrayEffect::Filter { table } => packet_filter::table(&m.id) == *table,
        StrayEffect::Toxic { route, .. } => {
            m.routes.iter().any(|r| r.node == stray.node && r.route == *route)
        }
        StrayEffect::Frozen | StrayEffect::Stopped | StrayEffect::Lag { .. } => hit(m),
        // No fault changes them.
        StrayEffect::Limits { .. } => false,
    })
}

/// Undoes it.
///
/// # Errors
/// Docker or a proxy refuses.
pub async fn undo_stray(engine: &Engine, stray: &Stray) -> Result<(), ChaosError> {
    let node = &stray.node;
    let (holder, main) = (holder_name(engine.lab(), node), main_name(engine.lab(), node));
    match &stray.effect {
        StrayEffect::Filter { table } => packet_filter::remove_table(engine, node, table).await?,
        StrayEffect::Frozen => {
            for container in [&holder, &main] {
                engine.unpause(container).await?;
            }
        }
        StrayEffect::Stopped => {
            for container in [&holder, &main] {
                engine.start(container).await?;
            }
        }
        StrayEffect::Limits { wanted, .. } => {
            engine.resize(&main, wanted.nano_cpus, wanted.memory_bytes).await?;
        }
        StrayEffect::Toxic { api, route } => NetProxy::new(*api).calm(route).await?,
        StrayEffect::Lag { .. } => acts::catch_up(engine, node).await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Owner;
    use crate::spec::model::{PoisonedRoute, Toxic};

    fn marker(id: &str, nodes: &[&str], routes: Vec<PoisonedRoute>) -> Marker {
        Marker {
            id: id.into(),
            fault: serde_json::from_value(serde_json::json!({"fault": "lose-zone"})).unwrap(),
            nodes: nodes.iter().map(|n| (*n).to_owned()).collect(),
            hold: true,
            routes,
            released: None,
            owner: Owner::current(),
        }
    }

    fn stray(node: &str, effect: StrayEffect) -> Stray {
        Stray { node: node.into(), effect }
    }

    #[test]
    fn only_what_a_fault_on_record_does_is_left_alone() {
        let api = SocketAddrV4::new(Ipv4Addr::new(10, 77, 1, 12), 8474);
        let poisoned = PoisonedRoute {
            node: "web-net-a1".into(),
            api,
            route: "web:db".into(),
            toxic: Toxic::Cut,
        };
        let markers =
            [marker("f-1", &["web-a1"], vec![]), marker("f-2", &["web-net-a1"], vec![poisoned])];
        let explained = |node: &str, effect| is_explained(&stray(node, effect), &markers);
        let filter = |table: &str| StrayEffect::Filter { table: table.into() };
        assert!(explained("web-a1", filter("lab_f_1")));
        assert!(!explained("web-a1", filter("lab_f_3")), "of a fault that is gone");
        assert!(
            explained("web-a1", StrayEffect::Frozen) && explained("web-a1", StrayEffect::Stopped)
        );
        assert!(!explained("web-b1", StrayEffect::Frozen));
        let toxic = |route: &str| StrayEffect::Toxic { api, route: route.into() };
        assert!(explained("web-net-a1", toxic("web:db")));
        assert!(!explained("web-net-a1", toxic("web:cache")));
        let limits = Limits { nano_cpus: 1, memory_bytes: 1 };
        let changed = StrayEffect::Limits { found: limits, wanted: limits };
        assert!(!explained("web-a1", changed), "no fault changes limits");
    }
}
