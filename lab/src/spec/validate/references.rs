//! Edges, federation and the entry of the traffic: names of tiers in the rest of the stage.

use std::collections::HashMap;

use super::{Check, HTTP_KINDS, kind_name};
use crate::spec::model::{Edge, Kind, Tier};
use crate::spec::path::Path;

/// All kinds; an edge may connect any two.
const ALL_KINDS: [&str; 5] = ["box", "service", "load-balancer", "postgres", "etcd"];
/// Kinds that speak HTTP to users.
const ENTRY_KINDS: [&str; 3] = ["load-balancer", "service", "box"];

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
        }
    }

    /// An edge against a reference; a reference that is itself wrong has its own message.
    fn direction(&mut self, path: &Path, edge: &Edge) {
        let tier = |name: &str| self.known_tiers().find(|(n, _)| *n == name).map(|(_, t)| t);
        let (Some(from), Some(to)) = (tier(&edge.from), tier(&edge.to)) else { return };
        let Some((field, called, kinds)) = calls(to) else { return };
        if called != edge.from || !kinds.contains(&kind_name(&from.kind)) {
            return;
        }
        let message = format!(
            "tier `{}` calls `{}` (its `{field}` says so), and this edge says the opposite",
            edge.to, edge.from
        );
        let problem = self.at_value(path, message).found(&edge.to);
        self.report(problem.allowed(format!("from `{}` to `{}`", edge.to, edge.from)));
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
            self.tier_named(&Path::of(["traffic", "entry"]), &traffic.entry, &ENTRY_KINDS);
        }
    }
}

/// The field, the tier and its kinds of what a tier calls by its own definition.
fn calls(tier: &Tier) -> Option<(&'static str, &str, &'static [&'static str])> {
    match &tier.kind {
        Kind::Box(kind) => Some(("database", kind.database.as_deref()?, &["postgres"])),
        Kind::Service(kind) => Some(("database", kind.database.as_deref()?, &["postgres"])),
        Kind::LoadBalancer(kind) => Some(("targets", &kind.targets, &HTTP_KINDS)),
        Kind::Postgres(kind) => Some(("coordination", kind.coordination.as_deref()?, &["etcd"])),
        Kind::Etcd(_) => None,
    }
}
