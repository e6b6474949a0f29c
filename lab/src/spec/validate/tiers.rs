//! What all tiers have in common: zones, names of nodes, published ports.

use std::collections::HashMap;

use super::{Check, Point};
use crate::spec::model::Tier;
use crate::spec::path::Path;
use crate::spec::slots::{Duty, Ground, slots};

impl Check<'_> {
    /// Every tier by itself, then what tiers could take from each other.
    pub(super) fn tiers(&mut self) {
        for (name, tier) in self.known_tiers() {
            let path = Path::of(["tiers", name]);
            for zone in tier.zones.keys() {
                self.zone_named(&path.key("zones").key(zone), zone, Point::Key);
            }
            self.kind(&path, name, tier);
        }
        self.node_names();
        self.published_ports();
    }

    /// `<tier>-<zone><n>` is unique: `web` in zone `b-a` and `web-b` in zone `a` collide.
    fn node_names(&mut self) {
        let mut owners: HashMap<String, &str> = HashMap::new();
        for (name, tier) in self.known_tiers() {
            for slot in slots(name, tier) {
                let Some(owner) = owners.insert(slot.name.clone(), name) else { continue };
                let message = format!(
                    "tier `{owner}` has a node `{}` already, and this one would be a second",
                    slot.name
                );
                let path = Path::of(["tiers", name, slot.duty.field()]);
                let path = match &slot.ground {
                    Ground::Zone(zone) => path.key(zone),
                    Ground::Region(_) | Ground::Global => path,
                };
                let problem = self.at_key(&path, message);
                let allowed = "names of tiers and zones whose nodes (`tier-zoneN`) differ";
                self.report(problem.found(&slot.name).allowed(allowed));
                break;
            }
        }
    }

    /// The ports of a tier go up from `publish`, one for each node.
    fn published_ports(&mut self) {
        let mut taken: Vec<(&str, u32, u32)> = Vec::new();
        for (name, tier) in self.known_tiers() {
            let Some((first, last)) = ports(name, tier) else { continue };
            let path = Path::of(["tiers", name, "publish"]);
            if last > u32::from(u16::MAX) {
                let message = format!("the nodes of tier `{name}` need ports {first} to {last}");
                let problem = self.at_value(&path, message).found(&first.to_string());
                self.report(problem.allowed("ports up to 65535"));
            }
            let overlap = taken.iter().find(|(_, f, l)| first <= *l && *f <= last).copied();
            if let Some((other, other_first, other_last)) = overlap {
                let message = format!(
                    "tier `{name}` publishes {}, and tier `{other}` {}",
                    range(first, last),
                    range(other_first, other_last)
                );
                let problem = self.at_value(&path, message).found(&first.to_string());
                self.report(
                    problem.allowed("ports that no other tier publishes, one for each node"),
                );
            }
            taken.push((name, first, last));
        }
    }
}

/// Only what serves on the tier's own port is published.
fn ports(name: &str, tier: &Tier) -> Option<(u32, u32)> {
    let first = u32::from(tier.publish?);
    let serves = |duty: Duty| matches!(duty, Duty::Member | Duty::Emulator(_));
    let nodes = slots(name, tier).iter().filter(|s| serves(s.duty)).count();
    Some((first, first + u32::try_from(nodes).unwrap_or(u32::MAX).max(1) - 1))
}

fn range(first: u32, last: u32) -> String {
    if first == last { format!("port {first}") } else { format!("ports {first} to {last}") }
}
