//! Names of faults as users know them.

use super::name_releases::of_releases;
use super::{name_messages as messages, name_stores as stores};
use crate::spec::edges::is_faultable;
use crate::spec::model::{
    BoxProcess, CutEdge, CutReplication, Edge, Fault, FlashCrowd, KillPrimary, KillProcess,
    KillShare, KillTask, Kind, LoseZone, PausePrimary, SlowEdge, Spike, Stage, StopControlPlane,
};

/// A fault that a stage offers on the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What to type.
    pub name: String,
    /// What it does.
    pub what: String,
    /// Flags it understands.
    pub flags: &'static str,
    /// The fault with its defaults.
    pub fault: Fault,
}

/// Every fault that fits a stage, under the names that `lab chaos` takes: `kill-<tier>` for each
/// tier that can be killed, `kill-<process>` for each process of a box, and the general ones.
pub fn offers(stage: &Stage) -> Vec<Offer> {
    let mut offers = Vec::new();
    for (name, tier) in &stage.tiers {
        let nodes: u16 = tier.zones.values().sum();
        match &tier.kind {
            Kind::Service(_) | Kind::Box(_) => offers.push(kill_task(name)),
            Kind::Postgres(kind) => {
                offers.extend(of_postgres(name, nodes));
                offers.extend(stores::of_replicas(name, kind));
            }
            Kind::Redis(_) => offers.extend(stores::of_redis(name)),
            Kind::Aws(kind) => offers.extend(stores::of_aws(name, kind)),
            Kind::Cdn(_) => offers.extend([kill_task(name), stores::of_cdn(name)]),
            Kind::Dns(_) | Kind::Etcd(_) => offers.push(kill_task(name)),
            Kind::Container(kind) => {
                if kind.roles.is_some() {
                    offers.extend(of_postgres(name, nodes));
                }
                offers.push(kill_task(name));
            }
            Kind::LoadBalancer(_) | Kind::ApiGateway(_) | Kind::DatabaseProxy(_) => {}
        }
        if let Kind::Box(kind) = &tier.kind {
            offers.push(kill_process(name, "kill-nginx", BoxProcess::Nginx));
            offers.push(kill_process(name, "kill-app", BoxProcess::App));
            if kind.database.is_none() {
                offers.push(kill_process(name, "kill-postgres", BoxProcess::Postgres));
            }
        }
    }
    offers.extend(messages::offers(stage));
    offers.extend(stores::connection_storm(stage));
    offers.extend(of_edges(stage));
    offers.extend(stores::slow_dependencies(stage));
    offers.push(Offer {
        name: "flash-crowd".into(),
        what: format!(
            "many ask {} for one object that is in no cache, at the same moment (1000)",
            stage.traffic.entry
        ),
        flags: "--requests --path --operation --signed-in",
        fault: Fault::FlashCrowd(FlashCrowd::default()),
    });
    offers.push(stores::flood(stage));
    let mut services = stage.tiers.iter().filter(|(_, t)| matches!(t.kind, Kind::Service(_)));
    if let Some((first, _)) = services.next() {
        offers.push(Offer {
            name: "kill-share".into(),
            what: "kills a share of the tasks of a tier at once (33 %)".into(),
            flags: "TIER --percent --mode --for",
            fault: Fault::KillShare(KillShare { tier: Some(first.clone()), ..Default::default() }),
        });
    }
    offers.extend(of_releases(stage));
    offers.push(Offer {
        name: "stop-control-plane".into(),
        what: "stops what repairs, scales and watches".into(),
        flags: "--for",
        fault: Fault::StopControlPlane(StopControlPlane::default()),
    });
    offers.push(Offer {
        name: "spike".into(),
        what: "four times the stage's traffic, reached within a minute".into(),
        flags: "--factor --ramp --for",
        fault: Fault::Spike(Spike::default()),
    });
    offers.push(Offer {
        name: "lose-zone".into(),
        what: "everything in a zone is gone at once and silently, then comes back".into(),
        flags: "--zone --for",
        fault: Fault::LoseZone(LoseZone::default()),
    });
    // A tier may be called like a general fault's object; the first meaning wins.
    let mut seen = std::collections::BTreeSet::new();
    offers.retain(|o| seen.insert(o.name.clone()));
    offers
}

/// Faults of the edges that a network proxy stands in. The first such edge is what they mean when
/// nobody names one.
fn of_edges(stage: &Stage) -> Vec<Offer> {
    let mut faultable = stage.edges.iter().filter(|e| is_faultable(stage, e));
    let Some(first) = faultable.clone().next() else { return Vec::new() };
    let named = |edge: &Edge| (edge.from.clone(), edge.to.clone());
    let slow = |edge: &Edge| {
        let (from, to) = named(edge);
        Fault::SlowEdge(SlowEdge { from, to, latency_ms: None, jitter_ms: 0, for_ms: None })
    };
    let (from, to) = named(first);
    let ended = CutEdge { from, to, for_ms: None };
    let offer = |name: &str, what: &str, flags, fault| Offer {
        name: name.into(),
        what: format!("{what} (CALLER:CALLED, such as {}:{})", first.from, first.to),
        flags,
        fault,
    };
    let slow_flags = "CALLER:CALLED --latency --jitter --for";
    let mut offers = vec![
        offer("slow", "every answer along an edge comes later", slow_flags, slow(first)),
        offer(
            "cut",
            "an edge is cut: connections end, new ones are refused",
            "CALLER:CALLED --for",
            Fault::CutEdge(ended.clone()),
        ),
        offer(
            "reset",
            "connections along an edge are reset when an answer is due",
            "CALLER:CALLED --for",
            Fault::ResetEdge(ended),
        ),
    ];
    let is_database = |name: &str| {
        let kind = stage.tiers.get(name).map(|t| &t.kind);
        matches!(kind, Some(Kind::Postgres(_) | Kind::DatabaseProxy(_)))
    };
    let called_by_service = |e: &&Edge| {
        let kind = stage.tiers.get(&e.from).map(|t| &t.kind);
        matches!(kind, Some(Kind::Service(_) | Kind::Box(_))) && is_database(&e.to)
    };
    offers.extend(faultable.find(called_by_service).map(|edge| Offer {
        name: "slow-db".into(),
        what: format!("every answer from {} to {} comes later", edge.to, edge.from),
        flags: slow_flags,
        fault: slow(edge),
    }));
    offers
}

fn kill_task(tier: &str) -> Offer {
    Offer {
        name: format!("kill-{tier}"),
        what: format!("kills one node of {tier}; without --for the control plane replaces it"),
        flags: "--zone --mode --for",
        fault: Fault::KillTask(KillTask { tier: Some(tier.into()), ..Default::default() }),
    }
}

fn kill_process(tier: &str, name: &str, process: BoxProcess) -> Offer {
    Offer {
        name: name.into(),
        what: format!("kills one process in {tier}; the box starts it again"),
        flags: "",
        fault: Fault::KillProcess(KillProcess { tier: Some(tier.into()), process }),
    }
}

fn of_postgres(tier: &str, nodes: u16) -> Vec<Offer> {
    let named = Some(tier.to_owned());
    let kill = |name: String, what: &str| Offer {
        name,
        what: what.into(),
        flags: "--mode --for",
        fault: Fault::KillPrimary(KillPrimary { tier: named.clone(), ..Default::default() }),
    };
    if nodes < 2 {
        return vec![
            kill(
                format!("kill-{tier}"),
                "kills the database server, which stays lost until healed",
            ),
            kill("kill-primary".into(), "kills the database server, which stays lost until healed"),
        ];
    }
    vec![
        kill("kill-primary".into(), "kills the primary, which stays lost until healed"),
        Offer {
            name: "pause-primary".into(),
            what: "freezes the primary, which wakes as a zombie after the fail-over".into(),
            flags: "--for",
            fault: Fault::PausePrimary(PausePrimary { tier: named.clone(), for_ms: None }),
        },
        Offer {
            name: "cut-replication".into(),
            what: "cuts the link between the primary and its standbys in both directions".into(),
            flags: "--for",
            fault: Fault::CutReplication(CutReplication { tier: named, for_ms: None }),
        },
    ]
}
