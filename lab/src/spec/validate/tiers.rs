//! What all tiers have in common: zones, names of nodes, published ports.

use std::collections::HashMap;

use super::{Check, Point};
use crate::spec::edges::{by_default, obstacle};
use crate::spec::model::Tier;
use crate::spec::path::Path;
use crate::spec::slots::{Duty, Ground, Slot, network_slots, network_tier, slots};

impl Check<'_> {
    /// Every tier by itself, then what tiers could take from each other.
    pub(super) fn tiers(&mut self) {
        for (name, tier) in self.known_tiers() {
            let path = Path::of(["tiers", name]);
            for zone in tier.zones.keys() {
                self.zone_named(&path.key("zones").key(zone), zone, Point::Key);
            }
            self.kind(&path, name, tier);
            self.memory(name, tier);
        }
        self.needs();
        self.node_names();
        self.network_names();
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

    /// Network proxies are nodes, too, of a tier that no stage file names.
    fn network_names(&mut self) {
        let nodes: HashMap<String, &str> = self
            .known_tiers()
            .flat_map(|(name, tier)| slots(name, tier).into_iter().map(move |s| (s.name, name)))
            .collect();
        let callers: Vec<_> =
            self.known_tiers().filter(|(name, _)| self.has_proxies(name)).collect();
        for (caller, tier) in callers {
            let net = network_tier(caller);
            let same = |slot: Slot| Some((*nodes.get(&slot.name)?, slot.name));
            let collision = network_slots(caller, tier).into_iter().find_map(same);
            let (owner, found) = match (self.known_tiers().find(|(n, _)| *n == net), collision) {
                (Some((owner, _)), _) => (owner, owner.to_owned()),
                (None, Some((owner, node))) => (owner, node),
                (None, None) => continue,
            };
            let message = format!(
                "`{found}` is what the network proxies of tier `{caller}` are called, through which \
                 its faultable edges lead"
            );
            let problem = self.at_key(&Path::of(["tiers", owner]), message).found(&found);
            self.report(problem.allowed(format!("a name of which `{net}` is not the beginning")));
        }
    }

    /// Whether calls of a tier go through network proxies.
    fn has_proxies(&self, caller: &str) -> bool {
        let tier = |name: &str| self.known_tiers().find(|(n, _)| *n == name).map(|(_, tier)| tier);
        self.draft.edges.iter().flatten().filter(|edge| edge.from == caller).any(|edge| {
            let both = tier(&edge.from).zip(tier(&edge.to));
            both.is_some_and(|(from, to)| {
                by_default(self.draft.faultable_edges, edge, to) && obstacle(from, to).is_none()
            })
        })
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
