//! `needs`: tiers that work before others begin, and jobs that are done by then.

use super::{Check, nodes};
use crate::spec::model::{Container, Kind, Tier};
use crate::spec::path::Path;

impl Check<'_> {
    /// Each names other tiers, and none waits for itself in the end.
    pub(super) fn needs(&mut self) {
        let mut told: Vec<Vec<&str>> = Vec::new();
        for (name, tier) in self.known_tiers() {
            for (index, needed) in tier.needs.iter().enumerate() {
                let path = Path::of(["tiers", name, "needs"]).index(index);
                if self.tier_named(&path, needed, &[]).is_none() {
                    continue;
                }
                let Some(round) = self.way(needed, name, &mut Vec::new()) else { continue };
                let mut members = round.clone();
                members.sort_unstable();
                if told.contains(&members) {
                    continue;
                }
                told.push(members);
                let way = round.iter().map(|tier| format!("`{tier}`"));
                let way: Vec<String> = std::iter::once(format!("`{name}`")).chain(way).collect();
                let message =
                    format!("{} wait for each other: none would ever begin", way.join(" needs "));
                let problem = self.at_value(&path, message).found(needed);
                self.report(problem.allowed("tiers that do not wait for this one"));
            }
        }
    }

    /// How one tier needs another: the tiers on the way, both ends included.
    fn way<'t>(&self, from: &'t str, to: &str, seen: &mut Vec<&'t str>) -> Option<Vec<&'t str>>
    where
        Self: 't,
    {
        if from == to {
            return Some(vec![from]);
        }
        if seen.contains(&from) {
            return None;
        }
        seen.push(from);
        let (_, tier) = self.known_tiers().find(|(name, _)| *name == from)?;
        let on = tier.needs.iter().find_map(|next| self.way(next, to, seen))?;
        Some(std::iter::once(from).chain(on).collect())
    }

    /// A job runs once: it has no ports, no health, no members to choose from.
    pub(super) fn job(&mut self, path: &Path, name: &str, tier: &Tier, kind: &Container) {
        if !kind.job {
            return;
        }
        if nodes(tier) != 1 {
            let message = format!("tier `{name}` is a job, which runs once");
            let problem = self.at_key(&path.key("zones"), message);
            self.report(problem.found(&format!("{} nodes", nodes(tier))).allowed("one zone"));
        }
        let senseless = [
            ("ports", !kind.ports.is_empty()),
            ("health", kind.health.is_some()),
            ("health_command", !kind.health_command.is_empty()),
            ("roles", kind.roles.is_some()),
        ];
        for (field, _) in senseless.into_iter().filter(|(_, there)| *there) {
            let message = format!("tier `{name}` is a job: it ends, and serves nobody");
            let problem = self.at_key(&path.key(field), message).found(field);
            self.report(problem.allowed(format!("`job: true` without `{field}`")));
        }
    }

    /// Whoever is called has a port.
    pub(super) fn has_port(&mut self, path: &Path, name: &str) {
        let tier = self.known_tiers().find(|(known, _)| *known == name);
        let Some((_, Tier { kind: Kind::Container(kind), .. })) = tier else { return };
        if kind.ports.is_empty() {
            let message = format!("tier `{name}` has no `ports`, and cannot be called");
            let problem = self.at_value(path, message).found(name);
            self.report(problem.allowed(format!("a tier with ports: give `{name}` some")));
        }
    }
}
