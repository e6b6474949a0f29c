//! Names of the faults of data stores and of what stands before them.

use super::name::Offer;
use crate::spec::edges::is_faultable;
use crate::spec::model::{
    Aws, ConnectionStorm, Fault, Flood, FlushCache, KillCache, KillReplica, KillSentinel, Kind,
    OriginDown, Outage, Postgres, ReplicaLag, SlowDependency, Stage,
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
            name: "kill-sentinel".into(),
            what: format!("kills one of those that agree on the primary of {tier}"),
            flags: "--zone --mode --for",
            fault: Fault::KillSentinel(KillSentinel { tier: named.clone(), ..Default::default() }),
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

/// Each managed service that some caller reaches through a network proxy, slow: `slow-ses`.
pub(super) fn slow_dependencies(stage: &Stage) -> Vec<Offer> {
    let faultable = stage.edges.iter().filter(|edge| is_faultable(stage, edge));
    let services = faultable.filter_map(|edge| match &stage.tiers.get(&edge.to)?.kind {
        Kind::Aws(kind) => Some(kind.services.used()),
        _ => None,
    });
    let offer = |service: &str| Offer {
        name: format!("slow-{service}"),
        what: format!("every answer of the service {service} comes 5 s later, and of no other"),
        flags: "CALLER --latency --jitter --for",
        fault: Fault::SlowDependency(SlowDependency {
            service: Some(service.to_owned()),
            ..SlowDependency::default()
        }),
    };
    services.flatten().map(|(service, _)| offer(service)).collect()
}

/// Greedy clients.
pub(super) fn flood(stage: &Stage) -> Offer {
    Offer {
        name: "flood".into(),
        what: format!("a greedy client sends {} 300 requests a second", stage.traffic.entry),
        flags: "--clients --per-second --path --operation --for",
        fault: Fault::Flood(Flood::default()),
    }
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
