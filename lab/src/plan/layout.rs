//! From a stage to its nodes with their places and addresses, before any kind has its say.
//!
//! Addresses follow from the stage alone: zone number in the third octet, ordinal within the zone
//! in the fourth, so that a node keeps its address for as long as the stage does not change.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::spec::model::{Kind, Name, Region, Stage, Tier};
use crate::spec::slots::{Duty, Ground, all_slots};

/// Fourth octet of the first node of a zone; below it is room for the gateway.
const FIRST_HOST: u8 = 10;
/// Third octet of nodes that belong to no region.
const GLOBAL_NET: u8 = 250;
/// Third octet of the first region's nodes that belong to no zone.
const REGIONAL_NET: u8 = 200;

/// The network of a lab: a /16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// What it is for within its tier.
    pub duty: Duty,
    /// Its region; empty for a node that belongs to none.
    pub region: Name,
    /// Its zone; empty for a node that belongs to none.
    pub zone: Name,
    /// Its number within the tier, from 0, in the order of zones.
    pub index: u16,
    /// Its address.
    pub address: Ipv4Addr,
}

/// Every node of a stage, without the control plane, in the order of the stage file.
pub fn places(stage: &Stage, subnet: Subnet) -> Vec<Place> {
    // The control plane has the first global address.
    let mut used: BTreeMap<u8, u8> = [(GLOBAL_NET, 1)].into();
    let mut all = Vec::new();
    let mut indices: BTreeMap<Name, u16> = BTreeMap::new();
    for (tier, slot) in all_slots(stage) {
        let Some((net, region, zone)) = ground(stage, &slot.ground) else { continue };
        let used = used.entry(net).or_default();
        let host = FIRST_HOST.saturating_add(*used);
        *used = used.saturating_add(1);
        let next = indices.entry(tier.clone()).or_default();
        let index = *next;
        *next = next.saturating_add(1);
        let address = Ipv4Addr::new(subnet.0, subnet.1, net, host);
        all.push(Place { name: slot.name, tier, duty: slot.duty, region, zone, index, address });
    }
    all
}

/// Third octet, region and zone of where a node stands; `None` for what the stage does not have.
fn ground(stage: &Stage, ground: &Ground) -> Option<(u8, Name, Name)> {
    match ground {
        Ground::Zone(zone) => {
            let mut zones = stage.regions.iter().flat_map(|r| r.zones.iter().map(move |z| (r, z)));
            let at = zones.clone().position(|(_, z)| z == zone)?;
            let (region, _) = zones.nth(at)?;
            Some((u8::try_from(at).ok()? + 1, region.name.clone(), zone.clone()))
        }
        Ground::Region(name) => {
            let named = |r: &Region| name.as_ref().is_none_or(|n| *n == r.name);
            let at = stage.regions.iter().position(named)?;
            let net = REGIONAL_NET.checked_add(u8::try_from(at).ok()?)?;
            Some((net, stage.regions.get(at)?.name.clone(), Name::new()))
        }
        Ground::Global => Some((GLOBAL_NET, Name::new(), Name::new())),
    }
}

/// The places of one tier that have one duty.
pub fn with_duty<'a>(
    places: &'a [Place],
    tier: &'a str,
    duty: Duty,
) -> impl Iterator<Item = &'a Place> {
    of_tier(places, tier).filter(move |p| p.duty == duty)
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
