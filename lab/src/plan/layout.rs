//! From a stage to its nodes with their places and addresses, before any kind has its say.
//!
//! Addresses follow from the stage alone: zone number in the third octet, ordinal within the zone
//! in the fourth, so that a node keeps its address for as long as the stage does not change.

use std::net::Ipv4Addr;

use crate::spec::model::{Kind, Name, Stage, Tier};

/// Fourth octet of the first node of a zone; below it is room for the gateway.
const FIRST_HOST: u8 = 10;
/// Third octet of nodes that belong to no zone.
const GLOBAL_NET: u8 = 250;

/// The network of a lab: a /16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet(pub u8, pub u8);

impl Subnet {
    /// `10.77.0.0/16`
    pub fn cidr(self) -> String {
        format!("{}.{}.0.0/16", self.0, self.1)
    }

    /// The bridge's own address.
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::new(self.0, self.1, 0, 1)
    }

    /// Parses what [`Subnet::cidr`] prints; `None` for anything else.
    pub fn parse(cidr: &str) -> Option<Self> {
        let (a, rest) = cidr.strip_suffix(".0.0/16")?.split_once('.')?;
        Some(Self(a.parse().ok()?, rest.parse().ok()?))
    }

    /// The control plane's address.
    pub fn control(self) -> Ipv4Addr {
        Ipv4Addr::new(self.0, self.1, GLOBAL_NET, FIRST_HOST)
    }
}

/// A node's name and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `<tier>-<zone><n>`.
    pub name: String,
    /// Its tier.
    pub tier: Name,
    /// Its region.
    pub region: Name,
    /// Its zone.
    pub zone: Name,
    /// Its number within the tier, from 0, in the order of zones.
    pub index: u16,
    /// Its address.
    pub address: Ipv4Addr,
}

/// Every node of a stage, without the control plane, in the order of the stage file.
pub fn places(stage: &Stage, subnet: Subnet) -> Vec<Place> {
    let zones: Vec<(&Name, &Name)> =
        stage.regions.iter().flat_map(|r| r.zones.iter().map(move |z| (&r.name, z))).collect();
    let mut used = vec![0u8; zones.len()];
    let mut all = Vec::new();
    for (tier_name, tier) in &stage.tiers {
        let mut index = 0;
        for (zone, count) in &tier.zones {
            let Some(z) = zones.iter().position(|(_, name)| *name == zone) else { continue };
            for n in 1..=*count {
                all.push(Place {
                    name: format!("{tier_name}-{zone}{n}"),
                    tier: tier_name.clone(),
                    region: zones[z].0.clone(),
                    zone: zone.clone(),
                    index,
                    address: Ipv4Addr::new(
                        subnet.0,
                        subnet.1,
                        z as u8 + 1,
                        FIRST_HOST.saturating_add(used[z]),
                    ),
                });
                used[z] = used[z].saturating_add(1);
                index += 1;
            }
        }
    }
    all
}

/// The places of one tier.
pub fn of_tier<'a>(places: &'a [Place], tier: &'a str) -> impl Iterator<Item = &'a Place> {
    places.iter().filter(move |p| p.tier == tier)
}

/// The tiers of a stage that are of a given sort.
pub fn tiers_where(
    stage: &Stage,
    wanted: impl Fn(&Kind) -> bool,
) -> impl Iterator<Item = (&Name, &Tier)> {
    stage.tiers.iter().filter(move |(_, t)| wanted(&t.kind))
}
