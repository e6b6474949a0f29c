//! Names of faults as users know them.

use crate::spec::model::{
    BoxProcess, CutReplication, Fault, KillPrimary, KillProcess, KillTask, Kind, LoseZone, Mode,
    PausePrimary, Stage,
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
            Kind::Postgres(_) => offers.extend(of_postgres(name, nodes)),
            Kind::LoadBalancer(_) | Kind::Etcd(_) => {}
        }
        if let Kind::Box(kind) = &tier.kind {
            offers.push(kill_process(name, "kill-nginx", BoxProcess::Nginx));
            offers.push(kill_process(name, "kill-app", BoxProcess::App));
            if kind.database.is_none() {
                offers.push(kill_process(name, "kill-postgres", BoxProcess::Postgres));
            }
        }
    }
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

/// What a user gave besides the name.
#[derive(Clone, Debug, Default)]
pub struct Adjust {
    /// Tier.
    pub tier: Option<String>,
    /// Zone.
    pub zone: Option<String>,
    /// How it dies.
    pub mode: Option<Mode>,
    /// How long, in milliseconds.
    pub for_ms: Option<u64>,
}

/// A fault with what the user gave; `Err` names the flag that it does not understand.
pub fn adjusted(fault: &Fault, adjust: Adjust) -> Result<Fault, &'static str> {
    let mut fault = fault.clone();
    let Adjust { tier, zone, mode, for_ms } = adjust;
    let refuse = |given: bool, flag: &'static str| if given { Err(flag) } else { Ok(()) };
    match &mut fault {
        Fault::KillProcess(f) => {
            f.tier = tier.or(f.tier.take());
            refuse(zone.is_some(), "--zone")?;
            refuse(mode.is_some(), "--mode")?;
            refuse(for_ms.is_some(), "--for")?;
        }
        Fault::KillTask(f) => {
            f.tier = tier.or(f.tier.take());
            f.zone = zone;
            f.mode = mode.unwrap_or_default();
            f.for_ms = for_ms;
        }
        Fault::KillPrimary(f) => {
            f.tier = tier.or(f.tier.take());
            refuse(zone.is_some(), "--zone")?;
            f.mode = mode.unwrap_or_default();
            f.for_ms = for_ms;
        }
        Fault::PausePrimary(f) => {
            f.tier = tier.or(f.tier.take());
            refuse(zone.is_some(), "--zone")?;
            refuse(mode.is_some(), "--mode")?;
            f.for_ms = for_ms;
        }
        Fault::CutReplication(f) => {
            f.tier = tier.or(f.tier.take());
            refuse(zone.is_some(), "--zone")?;
            refuse(mode.is_some(), "--mode")?;
            f.for_ms = for_ms;
        }
        Fault::LoseZone(f) => {
            refuse(tier.is_some(), "TARGET")?;
            refuse(mode.is_some(), "--mode")?;
            f.zone = zone;
            f.for_ms = for_ms;
        }
    }
    Ok(fault)
}
