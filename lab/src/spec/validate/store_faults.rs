//! Faults of data stores, of what stands before them, and of edges.

use super::{Check, Point};
use crate::spec::edges::obstacle;
use crate::spec::model::{Fault, Kind, Outage};
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
            Fault::FlushCache(f) => drop(self.target(path, name, f.tier.as_deref(), &["redis"])),
            Fault::OriginDown(f) => drop(self.target(path, name, f.tier.as_deref(), &["cdn"])),
            Fault::Outage(f) => self.outage(path, f),
            Fault::SlowEdge(f) => self.edge(path, &f.from, &f.to),
            Fault::CutEdge(f) | Fault::ResetEdge(f) => self.edge(path, &f.from, &f.to),
            Fault::FlashCrowd(f) => self.flash_crowd(path, f),
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
        let target = self.target(path, "outage", fault.tier.as_deref(), &["aws"]);
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

    /// An edge of the stage, with a network proxy in it.
    fn edge(&mut self, path: &Path, from: &'a str, to: &'a str) {
        let caller = self.tier_named(&path.key("from"), from, &[]);
        let called = self.tier_named(&path.key("to"), to, &[]);
        let (Some(caller), Some(called)) = (caller, called) else { return };
        let found = self.draft.edges.iter().flatten().find(|e| e.from == from && e.to == to);
        let message = match found {
            None => format!("no edge leads from `{from}` to `{to}`"),
            Some(_) if obstacle(caller, called).is_some() => {
                let why = obstacle(caller, called).unwrap_or_default();
                format!("the edge from `{from}` to `{to}` cannot be faulty: {why}")
            }
            Some(e) if e.faultable.unwrap_or(self.draft.faultable_edges) => return,
            Some(_) => format!("no network proxy stands between `{from}` and `{to}`"),
        };
        let problem = self.at_value(path, message).found(&format!("{from} to {to}"));
        self.report(problem.allowed("an edge of the stage with `faultable: true`"));
    }
}
