//! Experiments: every fault finds something that it fits.

use super::{Check, KILLABLE_KINDS, PRIMARY_KINDS, Point, TASK_KINDS, kind_name, nodes};
use crate::spec::model::{
    BoxProcess, Container, Expectation, Experiment, Fault, KillTask, Kind, Tier,
};
use crate::spec::path::Path;

/// The row of a report in which no experiment is judged, but what happened since `lab up`.
const SINCE_UP: &str = "since-up";

impl<'a> Check<'a> {
    /// Every experiment by itself.
    pub(super) fn experiments(&mut self) {
        for (name, experiment) in &self.draft.experiments {
            let Some(experiment) = experiment else { continue };
            let path = Path::of(["experiments", name]);
            if name == SINCE_UP {
                let message =
                    format!("`{name}` is what reports call the time before the experiments");
                let problem = self.at_key(&path, message).found(name);
                self.report(problem.allowed("another name"));
            }
            self.reason(&path, name, experiment);
            for (index, timed) in experiment.faults.iter().enumerate() {
                self.fault(&path.key("faults").index(index), &timed.fault);
            }
        }
    }

    /// A negative control that does not say why it matters teaches nobody.
    fn reason(&mut self, path: &Path, name: &str, experiment: &Experiment) {
        let why = experiment.why.as_deref().unwrap_or_default().trim();
        if experiment.expect != Expectation::Breaks || !why.is_empty() {
            return;
        }
        let message = format!("experiment `{name}` expects `breaks` and does not say why");
        let problem = self.at_value(&path.key("expect"), message).found("breaks");
        self.report(
            problem.allowed("`breaks` with `why`: which promise breaks, and what it teaches"),
        );
    }

    fn fault(&mut self, path: &Path, fault: &'a Fault) {
        match fault {
            Fault::KillProcess(f) => {
                let tier = self.target(path, "kill-process", f.tier.as_deref(), &["box"]);
                self.process(path, tier, f.process);
            }
            Fault::KillTask(f) => self.kill_task(path, f),
            Fault::KillShare(f) => {
                self.target(path, "kill-share", f.tier.as_deref(), &["service"]);
            }
            Fault::Deploy(f) | Fault::BadDeploy(f) => self.deploy_fault(path, fault.name(), f),
            Fault::KillPrimary(f) => {
                self.with_primary(path, "kill-primary", f.tier.as_deref());
            }
            Fault::PausePrimary(f) => self.pair(path, "pause-primary", f.tier.as_deref()),
            Fault::CutReplication(f) => self.pair(path, "cut-replication", f.tier.as_deref()),
            Fault::LoseZone(f) => {
                if let Some(zone) = &f.zone {
                    self.lose_zone(path, zone);
                }
            }
            _ => self.store_fault(path, fault),
        }
    }

    /// The tier that a fault hits: the named one, or the only one that fits.
    pub(super) fn target(
        &mut self,
        path: &Path,
        fault: &str,
        name: Option<&'a str>,
        kinds: &[&str],
    ) -> Option<(&'a str, &'a Tier)> {
        if let Some(name) = name {
            return Some((name, self.tier_named(&path.key("tier"), name, kinds)?));
        }
        let tiers = self.draft.tiers.as_ref()?;
        // A tier that is not well-formed could be the one that is meant.
        if tiers.values().any(Option::is_none) {
            return None;
        }
        let fitting = self.of_kinds(kinds);
        let kinds = kinds.join(" or ");
        let message = match fitting.as_slice() {
            [only] => {
                return Some((only, tiers.get(*only)?.as_ref()?));
            }
            [] => format!("`{fault}` hits a tier of kind {kinds}, and the stage has none"),
            _ => format!("`{fault}` could hit more than one tier: name it with `tier`"),
        };
        let problem = self.at_value(path, message).found(fault);
        self.report(match fitting.as_slice() {
            [] => problem.allowed(format!("faults for {}", self.kinds_present())),
            several => problem.allowed(several.join(", ")),
        });
        None
    }

    fn kinds_present(&self) -> String {
        let mut kinds: Vec<&str> = self.known_tiers().map(|(_, t)| kind_name(&t.kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        format!("the kinds of this stage: {}", kinds.join(", "))
    }

    fn process(&mut self, path: &Path, tier: Option<(&str, &Tier)>, process: BoxProcess) {
        let Some((name, tier)) = tier else { return };
        let Kind::Box(kind) = &tier.kind else { return };
        let (BoxProcess::Postgres, Some(database)) = (process, &kind.database) else { return };
        let message =
            format!("no process `postgres` runs in box `{name}`: its database is `{database}`");
        let problem = self.at_value(&path.key("process"), message).found("postgres");
        self.report(
            problem
                .allowed("nginx, app")
                .help(format!("`kill-primary` with `tier: {database}` kills that database")),
        );
    }

    fn kill_task(&mut self, path: &Path, fault: &'a KillTask) {
        // Without a name one of those that do the work is meant.
        let kinds: &[&str] = if fault.tier.is_some() { &KILLABLE_KINDS } else { &TASK_KINDS };
        let tier = self.target(path, "kill-task", fault.tier.as_deref(), kinds);
        if let Some((name, Tier { kind: Kind::Container(Container { job: true, .. }), .. })) = tier
        {
            let message = format!("tier `{name}` is a job, and has ended when the lab is up");
            let problem = self.at_value(&path.key("tier"), message).found(name);
            self.report(problem.allowed("a tier that is no job"));
        }
        let Some(zone) = &fault.zone else { return };
        let zone_path = path.key("zone");
        let Some((name, tier)) = tier else {
            self.zone_named(&zone_path, zone, Point::Value);
            return;
        };
        if !self.zone_named(&zone_path, zone, Point::Value) || tier.zones.contains_key(zone) {
            return;
        }
        let message = format!("tier `{name}` has no node in zone `{zone}`");
        let zones = tier.zones.keys().map(String::as_str);
        let problem = self.at_value(&zone_path, message).found(zone).one_of(zone, zones);
        self.report(problem);
    }

    /// A fault that hits whoever is the primary: of a named tier, or of the only database. Of somebody
    /// else's container nobody knows it who is not told how to ask.
    fn with_primary(
        &mut self,
        path: &Path,
        fault: &str,
        named: Option<&'a str>,
    ) -> Option<(&'a str, &'a Tier)> {
        let databases = !self.of_kinds(&["postgres"]).is_empty();
        let kinds: &[&str] =
            if named.is_none() && databases { &["postgres"] } else { &PRIMARY_KINDS };
        let (name, tier) = match self.only_with_roles() {
            Some(only) if named.is_none() && !databases => only,
            _ => self.target(path, fault, named, kinds)?,
        };
        match &tier.kind {
            Kind::Container(Container { roles: None, .. }) => {
                let message = format!(
                    "`{fault}` hits the primary of tier `{name}`, and nothing says how to find out \
                     which of its nodes that is"
                );
                let problem = self.at_value(path, message).found(name);
                self.report(problem.allowed(format!("`roles` in tier `{name}`")));
                None
            }
            _ => Some((name, tier)),
        }
    }

    /// The only tier of somebody else's containers that can be asked who its primary is.
    fn only_with_roles(&self) -> Option<(&'a str, &'a Tier)> {
        let asked =
            |tier: &Tier| matches!(&tier.kind, Kind::Container(Container { roles: Some(_), .. }));
        let mut found = self.known_tiers().filter(|(_, tier)| asked(tier));
        found.next().filter(|_| found.next().is_none())
    }

    /// A fault that needs a primary and someone else.
    fn pair(&mut self, path: &Path, fault: &str, tier: Option<&'a str>) {
        let Some((name, tier)) = self.with_primary(path, fault, tier) else { return };
        if nodes(tier) >= 2 {
            return;
        }
        let message = format!("`{fault}` needs a standby, and tier `{name}` has one node");
        let problem = self.at_value(path, message).found("1 node");
        self.report(problem.allowed("a tier with at least 2 nodes"));
    }

    fn lose_zone(&mut self, path: &Path, zone: &str) {
        let path = path.key("zone");
        if !self.zone_named(&path, zone, Point::Value) {
            return;
        }
        let Some(tiers) = &self.draft.tiers else { return };
        let used = |tier: &Option<Tier>| tier.as_ref().is_none_or(|t| t.zones.contains_key(zone));
        if tiers.values().any(used) {
            return;
        }
        let message = format!("zone `{zone}` has no node, so its loss breaks nothing");
        let problem = self.at_value(&path, message).found(zone);
        self.report(problem.allowed("a zone with nodes"));
    }
}
