//! Faults of data stores, of what stands before them, and of edges.

use super::{Check, Point};
use crate::spec::edges::{by_default, obstacle};
use crate::spec::model::{Edge, Fault, Kind, Outage, SlowDependency};
use crate::spec::path::Path;

impl<'a> Check<'a> {
    /// Finds what a fault hits; those of processes, tasks and primaries are looked at elsewhere.
    pub(super) fn store_fault(&mut self, path: &Path, fault: &'a Fault) {
        let name = fault.name();
        match fault {
            Fault::KillReplica(f) => {
                self.replicas(path, name, f.tier.as_deref());
                if let Some(zone) = &f.zone {
                    self.zone_named(&path.key("zone"), zone, Point::Value);
                }
            }
            Fault::ReplicaLag(f) => self.replicas(path, name, f.tier.as_deref()),
            Fault::ConnectionStorm(f) => {
                // Without a name the proxy is meant where there is one.
                let kinds: &[&str] = match &f.tier {
                    Some(_) => &["database-proxy", "postgres"],
                    None if self.of_kinds(&["database-proxy"]).is_empty() => &["postgres"],
                    None => &["database-proxy"],
                };
                self.target(path, name, f.tier.as_deref(), kinds);
            }
            Fault::KillCache(f) => drop(self.target(path, name, f.tier.as_deref(), &["redis"])),
            Fault::KillSentinel(f) => {
                self.target(path, name, f.tier.as_deref(), &["redis"]);
                if let Some(zone) = &f.zone {
                    self.zone_named(&path.key("zone"), zone, Point::Value);
                }
            }
            Fault::FlushCache(f) => drop(self.target(path, name, f.tier.as_deref(), &["redis"])),
            Fault::OriginDown(f) => drop(self.target(path, name, f.tier.as_deref(), &["cdn"])),
            Fault::Outage(f) => self.outage(path, f),
            Fault::QueueOutage(f) => self.queue_outage(path, f),
            Fault::DuplicateDelivery(f) => self.taken(path, name, f.tier.as_deref()),
            Fault::PoisonMessage(f) => self.taken(path, name, f.tier.as_deref()),
            Fault::KillWorker(f) => self.taken(path, name, f.tier.as_deref()),
            Fault::SlowEdge(f) => self.edge(path, &f.from, &f.to),
            Fault::SlowDependency(f) => self.slow_dependency(path, f),
            Fault::CutEdge(f) | Fault::ResetEdge(f) => self.edge(path, &f.from, &f.to),
            Fault::FlashCrowd(f) => self.flash_crowd(path, f),
            Fault::Flood(f) => self.flood(path, f),
            _ => {}
        }
    }

    fn replicas(&mut self, path: &Path, fault: &str, tier: Option<&'a str>) {
        let Some((name, tier)) = self.target(path, fault, tier, &["postgres"]) else { return };
        let Kind::Postgres(kind) = &tier.kind else { return };
        if kind.replicas.is_empty() {
            let message = format!("`{fault}` hits a read replica, and tier `{name}` has none");
            let problem = self.at_value(path, message).found("no replicas");
            self.report(problem.allowed("a postgres tier with `replicas`"));
        }
    }

    fn outage(&mut self, path: &Path, fault: &'a Outage) {
        let named = fault.tier.as_deref().or_else(|| self.only_with(&fault.service));
        let target = self.target(path, "outage", named, &["aws"]);
        let Some((name, tier)) = target else { return };
        let Kind::Aws(kind) = &tier.kind else { return };
        let used: Vec<&str> = kind.services.used().into_iter().map(|(s, _)| s).collect();
        if used.contains(&fault.service.as_str()) {
            return;
        }
        let message = format!("tier `{name}` has no service `{}`", fault.service);
        let problem = self.at_value(&path.key("service"), message).found(&fault.service);
        self.report(problem.one_of(&fault.service, used));
    }

    /// A service that somebody reaches through a network proxy.
    fn slow_dependency(&mut self, path: &Path, fault: &'a SlowDependency) {
        if let Some(tier) = &fault.tier {
            self.tier_named(&path.key("tier"), tier, &[]);
        }
        // A tier that is not well-formed could be the one that is meant.
        if self.draft.tiers.iter().flatten().any(|(_, tier)| tier.is_none()) {
            return;
        }
        let service = fault.service();
        let reached = |edge: &Edge| {
            let tier = |name: &str| self.known_tiers().find(|(n, _)| *n == name).map(|(_, t)| t);
            let Some(Kind::Aws(kind)) = tier(&edge.to).map(|t| &t.kind) else { return false };
            fault.tier.as_ref().is_none_or(|caller| *caller == edge.from)
                && edge.faultable.unwrap_or(self.draft.faultable_edges)
                && kind.services.used().iter().any(|(used, _)| *used == service)
        };
        if self.draft.edges.iter().flatten().any(reached) {
            return;
        }
        let message = format!("no network proxy has a route to the service `{service}`");
        let problem = self.at_value(path, message).found(service);
        self.report(
            problem
                .allowed("a service of an aws tier to which an edge leads with `faultable: true`"),
        );
    }

    /// An edge of the stage, with a network proxy in it.
    fn edge(&mut self, path: &Path, from: &'a str, to: &'a str) {
        let caller = self.tier_named(&path.key("from"), from, &[]);
        let called = self.tier_named(&path.key("to"), to, &[]);
        let (Some(caller), Some(called)) = (caller, called) else { return };
        let found = self.draft.edges.iter().flatten().find(|e| e.from == from && e.to == to);
        let message = match found {
            // It may be the one with a mistake in it.
            None if self.draft.edges.iter().any(Option::is_none) => return,
            None => format!("no edge leads from `{from}` to `{to}`"),
            Some(_) if obstacle(caller, called).is_some() => {
                let why = obstacle(caller, called).unwrap_or_default();
                format!("the edge from `{from}` to `{to}` cannot be faulty: {why}")
            }
            Some(e) if by_default(self.draft.faultable_edges, e, called) => return,
            Some(_) => format!("no network proxy stands between `{from}` and `{to}`"),
        };
        let problem = self.at_value(path, message).found(&format!("{from} to {to}"));
        self.report(problem.allowed("an edge of the stage with `faultable: true`"));
    }
}
