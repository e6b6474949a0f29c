//! Names of the faults of data stores and of what stands before them.

use super::name::Offer;
use crate::spec::model::{
    Aws, ConnectionStorm, Fault, FlushCache, KillCache, KillReplica, Kind, OriginDown, Outage,
    Postgres, ReplicaLag, Stage,
};

/// Faults of read replicas.
pub(super) fn of_replicas(tier: &str, kind: &Postgres) -> Vec<Offer> {
    if kind.replicas.is_empty() {
        return Vec::new();
    }
    let named = Some(tier.to_owned());
    vec![
        Offer {
            name: "kill-replica".into(),
            what: format!("kills a read replica of {tier}, which stays lost until healed"),
            flags: "--zone --mode --for",
            fault: Fault::KillReplica(KillReplica { tier: named.clone(), ..Default::default() }),
        },
        Offer {
            name: "replica-lag".into(),
            what: format!("the read replicas of {tier} show what was true before (10 s)"),
            flags: "--lag --for",
            fault: Fault::ReplicaLag(ReplicaLag { tier: named, ..Default::default() }),
        },
    ]
}

/// Faults of a cache.
pub(super) fn of_redis(tier: &str) -> Vec<Offer> {
    let named = Some(tier.to_owned());
    vec![
        Offer {
            name: "kill-cache".into(),
            what: format!("kills the primary of {tier}, which stays lost until healed"),
            flags: "--mode --for",
            fault: Fault::KillCache(KillCache { tier: named.clone(), ..Default::default() }),
        },
        Offer {
            name: "flush-cache".into(),
            what: format!("empties {tier}: everything cached is cold at once"),
            flags: "",
            fault: Fault::FlushCache(FlushCache { tier: named }),
        },
    ]
}

/// An outage of each managed service.
pub(super) fn of_aws(tier: &str, kind: &Aws) -> Vec<Offer> {
    let outage = |service: &str| Offer {
        name: format!("{service}-outage"),
        what: format!("{service} of {tier} answers nothing; its data stay"),
        flags: "--for",
        fault: Fault::Outage(Outage {
            tier: Some(tier.to_owned()),
            service: service.to_owned(),
            for_ms: None,
        }),
    };
    kind.services.used().into_iter().map(|(service, _)| outage(service)).collect()
}

/// The loss of an edge cache's origin.
pub(super) fn of_cdn(tier: &str) -> Offer {
    Offer {
        name: "origin-down".into(),
        what: format!("cuts {tier} off from its origin for pages; what is cached stays"),
        flags: "--for",
        fault: Fault::OriginDown(OriginDown { tier: Some(tier.to_owned()), for_ms: None }),
    }
}

/// Many connections to the database, where the stage has one that takes them over a network.
pub(super) fn connection_storm(stage: &Stage) -> Option<Offer> {
    let of_kind = |fits: fn(&Kind) -> bool| {
        let mut fitting = stage.tiers.iter().filter(|(_, t)| fits(&t.kind)).map(|(n, _)| n);
        fitting.next().filter(|_| fitting.next().is_none())
    };
    let tier = of_kind(|k| matches!(k, Kind::DatabaseProxy(_)))
        .or_else(|| of_kind(|k| matches!(k, Kind::Postgres(_))))?;
    Some(Offer {
        name: "connection-storm".into(),
        what: format!("opens many connections to {tier} and holds them (200)"),
        flags: "--connections --for",
        fault: Fault::ConnectionStorm(ConnectionStorm {
            tier: Some(tier.clone()),
            ..Default::default()
        }),
    })
}
