//! Where a person's own client finds what runs: the site, and the databases behind it.

use super::CliError;
use crate::chaos::{Role, Roles};
use crate::engine::Engine;
use crate::kinds::{self, DATABASE, POSTGRES_PORT};
use crate::plan::CONTROL;
use crate::plan::layout::{Place, of_tier};
use crate::plan::ports::REDIS_PORT;
use crate::run::RunningLab;
use crate::spec::model::{Aws, Kind};
use crate::spec::slots::Duty;

/// One address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The node that answers there.
    pub node: String,
    /// `site`, `database`, …
    pub what: &'static str,
    /// With password, where one is needed: it is this lab's own.
    pub url: String,
}

/// The published addresses.
pub async fn sites(engine: &Engine, lab: &RunningLab) -> Result<Vec<Endpoint>, CliError> {
    let mut found = Vec::new();
    for container in engine.containers().await?.into_values() {
        let known = lab.place(&container.node).is_some();
        for (_, port) in container.ports.iter().filter(|_| known) {
            let (what, url) = match name_served(lab, &container.node) {
                Some(name) => ("name", format!("dns://127.0.0.1:{port}/{name}")),
                None => ("site", format!("http://127.0.0.1:{port}")),
            };
            found.push(Endpoint { node: container.node.clone(), what, url });
        }
    }
    found.sort_by(|a, b| (&a.node, &a.url).cmp(&(&b.node, &b.url)));
    found.dedup();
    Ok(found)
}

/// The name that a name server has: `dig @127.0.0.1 -p PORT NAME` shows what it stands for.
fn name_served<'a>(lab: &'a RunningLab, node: &str) -> Option<&'a str> {
    match &lab.stage.tiers.get(&lab.place(node)?.tier)?.kind {
        Kind::Dns(kind) => Some(&kind.name),
        _ => None,
    }
}

/// The data stores, at the lab's own addresses, which only this machine reaches: of databases and
/// caches the one that is the primary at this moment, of managed services all.
pub fn stores(lab: &RunningLab, roles: &Roles) -> Vec<Endpoint> {
    let primary = |p: &&Place| roles.get(&p.name) == Some(&Role::Primary);
    let mut found = Vec::new();
    for (name, tier) in &lab.stage.tiers {
        let nodes = || of_tier(&lab.places, name);
        match &tier.kind {
            Kind::Postgres(_) => found.extend(nodes().filter(primary).map(|p| database(lab, p))),
            Kind::Redis(_) => found.extend(nodes().filter(primary).map(|p| cache(lab, p))),
            Kind::Aws(kind) => found.extend(nodes().filter_map(|p| services(kind, p))),
            Kind::ApiGateway(_) => found.extend(nodes().map(gateway)),
            _ => {}
        }
    }
    let control = lab.network.subnet.control();
    let url = format!("http://{control}:{}/metrics", crate::control::PORT);
    found.push(Endpoint { node: CONTROL.into(), what: "metrics", url });
    if lab.stage.observability.traces {
        let base = format!("http://{control}:{}", crate::control::PORT);
        let own = |what, url| Endpoint { node: CONTROL.into(), what, url };
        // Where an OpenTelemetry library sends its spans, and what came of them.
        found.push(own("otlp", base.clone()));
        found.push(own("traces", format!("{base}/traces")));
        found.push(own("map", format!("{base}/traces/map")));
    }
    found
}

fn database(lab: &RunningLab, place: &Place) -> Endpoint {
    let password = kinds::password(&lab.network.secret, DATABASE);
    let (user, name) = kinds::database_names(&lab.stage, &place.tier);
    let url = format!("postgres://{user}:{password}@{}:{POSTGRES_PORT}/{name}", place.address);
    Endpoint { node: place.name.clone(), what: "database", url }
}

fn cache(lab: &RunningLab, place: &Place) -> Endpoint {
    let password = kinds::cache_password(&lab.network.secret, &place.tier);
    // With the name of Redis's own user: redis-cli sends an empty one as it is, which is refused.
    let url = format!("redis://default:{password}@{}:{REDIS_PORT}", place.address);
    Endpoint { node: place.name.clone(), what: "cache", url }
}

/// What a gateway let through and refused.
fn gateway(place: &Place) -> Endpoint {
    let url = format!("http://{}:{}/metrics", place.address, kinds::STATUS_PORT);
    Endpoint { node: place.name.clone(), what: "metrics", url }
}

/// Any key works for the emulators; the tools want one all the same.
fn services(kind: &Aws, place: &Place) -> Option<Endpoint> {
    let Duty::Emulator(emulator) = place.duty else { return None };
    let all = kind.services.used();
    let services: Vec<&str> =
        all.into_iter().filter(|(_, e)| *e == emulator).map(|(s, _)| s).collect();
    let node = format!("{}: {}", place.name, services.join(", "));
    let url = format!("http://{}:{}", place.address, kinds::AWS_PORT);
    Some(Endpoint { node, what: "aws", url })
}
