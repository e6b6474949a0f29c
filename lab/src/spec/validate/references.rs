//! Edges, federation and the entry of the traffic: names of tiers in the rest of the stage.

use std::collections::HashMap;

use super::{
    Check, DATABASE_KINDS, ENTRY_KINDS, HTTP_KINDS, PAGE_KINDS, UPSTREAM_KINDS, kind_name,
};
use crate::spec::edges::obstacle;
use crate::spec::model::{Edge, Kind, Service, Tier};
use crate::spec::path::Path;

/// All kinds; an edge may connect any two.
const ALL_KINDS: [&str; 12] = [
    "box",
    "service",
    "load-balancer",
    "api-gateway",
    "postgres",
    "etcd",
    "redis",
    "aws",
    "database-proxy",
    "cdn",
    "dns",
    "container",
];

impl Check<'_> {
    /// Edges connect two different tiers that exist, once, and in the direction of the calls.
    pub(super) fn edges(&mut self) {
        let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
        for (index, edge) in self.draft.edges.iter().enumerate() {
            let Some(edge) = edge else { continue };
            let path = Path::of(["edges"]).index(index);
            self.tier_named(&path.key("from"), &edge.from, &ALL_KINDS);
            self.tier_named(&path.key("to"), &edge.to, &ALL_KINDS);
            if edge.from == edge.to {
                let message = format!("the edge leads from tier `{}` to itself", edge.from);
                let problem = self.at_value(&path.key("to"), message).found(&edge.to);
                self.report(problem.allowed("an edge between two different tiers"));
                continue;
            }
            if let Some(first) = seen.get(&(edge.from.as_str(), edge.to.as_str())) {
                let message = format!(
                    "the edge from `{}` to `{}` is there twice; first as edge {}",
                    edge.from,
                    edge.to,
                    first + 1
                );
                let problem = self.at_value(&path, message).found(&edge.to);
                self.report(problem.allowed("each edge once"));
                continue;
            }
            seen.insert((&edge.from, &edge.to), index);
            self.direction(&path, edge);
            self.faultable(&path, edge);
        }
    }

    /// An edge that no reference says, or that says the opposite of one. A reference that is itself
    /// wrong has its own message, and somebody else's image may call what it likes.
    fn direction(&mut self, path: &Path, edge: &Edge) {
        let (Some(from), Some(to)) = (self.tier(&edge.from), self.tier(&edge.to)) else { return };
        let opposite = calls(to).into_iter().find(|(_, called, kinds)| {
            *called == edge.from && kinds.contains(&kind_name(&from.kind))
        });
        if let Some((field, _, _)) = opposite {
            let message = format!(
                "tier `{}` calls `{}` (its `{field}` says so), and this edge says the opposite",
                edge.to, edge.from
            );
            let problem = self.at_value(path, message).found(&edge.to);
            self.report(problem.allowed(format!("from `{}` to `{}`", edge.to, edge.from)));
            return;
        }
        let own_business = match &from.kind {
            Kind::Service(service) => !service.is_ours(),
            Kind::Container(_) => true,
            _ => false,
        };
        let wrong = |(_, name, kinds): &Call<'_>| !self.of_kinds(kinds).contains(name);
        let calls = calls(from);
        let mut called: Vec<&str> = calls.iter().map(|(_, name, _)| *name).collect();
        called.extend(self.replicas_behind_proxy(from).filter(|name| !called.contains(name)));
        if own_business || called.contains(&edge.to.as_str()) || calls.iter().any(wrong) {
            return;
        }
        let message = format!("tier `{}` does not call tier `{}`", edge.from, edge.to);
        let problem = self.at_value(path, message).found(&edge.to);
        self.report(match called.as_slice() {
            [] => problem.allowed("no edge from it: its definition names no other tier"),
            called => problem.allowed(format!("an edge to {}", called.join(", "))),
        });
    }

    /// The database whose read replicas a service is told of although a proxy stands before it.
    fn replicas_behind_proxy(&self, from: &Tier) -> Option<&str> {
        let Kind::Service(Service { database: Some(proxy), .. }) = &from.kind else { return None };
        let Kind::DatabaseProxy(proxy) = &self.tier(proxy)?.kind else { return None };
        let Kind::Postgres(database) = &self.tier(&proxy.database)?.kind else { return None };
        (!database.replicas.is_empty()).then(|| self.tier_name(&proxy.database))?
    }

    fn tier(&self, name: &str) -> Option<&Tier> {
        self.known_tiers().find(|(n, _)| *n == name).map(|(_, tier)| tier)
    }

    fn tier_name(&self, name: &str) -> Option<&str> {
        self.known_tiers().find(|(n, _)| *n == name).map(|(n, _)| n)
    }

    /// Faults of an edge need calls that go through a network proxy.
    fn faultable(&mut self, path: &Path, edge: &Edge) {
        let (Some(from), Some(to)) = (self.tier(&edge.from), self.tier(&edge.to)) else { return };
        let Some(why) = obstacle(from, to).filter(|_| edge.faultable == Some(true)) else { return };
        let message =
            format!("the edge from `{}` to `{}` cannot be faultable: {why}", edge.from, edge.to);
        let problem = self.at_value(&path.key("faultable"), message).found("true");
        self.report(problem.allowed("false"));
    }

    /// Federation is part of the model before a stage can use it.
    pub(super) fn federation(&mut self) {
        let path = Path::of(["federation"]);
        if let Some(function) = self.draft.federation.keys().next() {
            let message = "`federation` is not yet supported by this version";
            let problem = self.at_key(&path, message).found(function);
            self.report(problem.allowed("no federation: remove the field"));
        }
        for (function, tier) in &self.draft.federation {
            if let Some(tier) = tier {
                self.tier_named(&path.key(function), tier, &["postgres"]);
            }
        }
    }

    /// Users talk to something that speaks HTTP.
    pub(super) fn entry(&mut self) {
        if let Some(traffic) = &self.draft.traffic {
            let path = Path::of(["traffic", "entry"]);
            self.tier_named(&path, &traffic.entry, &ENTRY_KINDS);
            self.answers(&path, &traffic.entry);
        }
    }
}

/// A field, the tier that it names, and the kinds that this tier may be of.
type Call<'a> = (&'static str, &'a str, &'static [&'static str]);

/// The field, the tier and its kinds of everything that a tier calls by its own definition.
fn calls(tier: &Tier) -> Vec<Call<'_>> {
    let all = match &tier.kind {
        Kind::Box(kind) => vec![("database", kind.database.as_deref(), &["postgres"][..])],
        Kind::Service(kind) => vec![
            ("database", kind.database.as_deref(), &DATABASE_KINDS[..]),
            ("cache", kind.cache.as_deref(), &["redis"]),
            ("aws", kind.aws.as_deref(), &["aws"]),
            ("upstream", kind.upstream.as_deref(), &UPSTREAM_KINDS),
            ("messaging", kind.messaging.as_deref(), &["aws"]),
        ],
        Kind::ApiGateway(kind) => {
            vec![("upstream", Some(&*kind.upstream), &["load-balancer"][..])]
        }
        Kind::LoadBalancer(kind) => vec![("targets", Some(&*kind.targets), &HTTP_KINDS[..])],
        Kind::Postgres(kind) => vec![("coordination", kind.coordination.as_deref(), &["etcd"][..])],
        Kind::DatabaseProxy(kind) => vec![("database", Some(&*kind.database), &["postgres"][..])],
        Kind::Cdn(kind) => vec![
            ("origins.pages", Some(&*kind.origins.pages), &PAGE_KINDS[..]),
            ("origins.assets", kind.origins.assets.as_deref(), &["aws"]),
        ],
        Kind::Dns(kind) => vec![("targets", Some(&*kind.targets), &ENTRY_KINDS[..])],
        Kind::Etcd(_) | Kind::Redis(_) | Kind::Aws(_) | Kind::Container(_) => vec![],
    };
    all.into_iter().filter_map(|(field, name, kinds)| Some((field, name?, kinds))).collect()
}
