//! The nodes that a tier asks for, in their order, before they have addresses.

use indexmap::IndexMap;

use super::edges::is_faultable;
use super::model::{Emulator, Kind, Name, Scaling, Service, Stage, Tier};

/// What a node is for within its tier. Which of the members is the primary is no duty: it changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// One of the nodes that `zones` counts.
    #[default]
    Member,
    /// An asynchronous read replica of a `postgres` tier, never promoted.
    Replica,
    /// Watches the data servers of a `redis` tier.
    Sentinel,
    /// A task beyond those that `zones` counts: it runs while the scaling group wants it, or while
    /// there is something to do for a function.
    Reserve,
    /// Runs once, and is done.
    Job,
    /// Stands for the managed services of an `aws` tier that are its own.
    Emulator(Emulator),
    /// Stands between the callers of a zone and what they call.
    NetworkProxy,
}

impl Duty {
    /// The field of the tier that asks for such nodes.
    pub fn field(self) -> &'static str {
        match self {
            Self::Member | Self::Job => "zones",
            Self::Replica => "replicas",
            Self::Sentinel => "sentinels",
            Self::Reserve => "scaling",
            Self::Emulator(_) => "services",
            Self::NetworkProxy => "zones",
        }
    }
}

/// Where a node stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ground {
    /// In a zone.
    Zone(Name),
    /// In a region and none of its zones; the stage's first region when it has no name.
    Region(Option<Name>),
    /// Nowhere in particular.
    Global,
}

/// A node that a tier asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// `<tier>-<zone><n>`, with the duty between the two when it is not that of a member:
    /// `web-a1`, `db-replica-b1`, `cache-sentinel-c1`; `aws-localstack` and `cdn-1` without a zone.
    pub name: String,
    /// What the node is for.
    pub duty: Duty,
    /// Where it stands.
    pub ground: Ground,
}

/// The nodes of a tier: its members first.
pub fn slots(name: &str, tier: &Tier) -> Vec<Slot> {
    if let Kind::Service(Service { worker: Some(worker), .. }) = &tier.kind
        && let Some(function) = &worker.function
    {
        return reserve(name, &tier.zones, function.max, |_| 0);
    }
    let duty = match &tier.kind {
        Kind::Container(kind) if kind.job => Duty::Job,
        _ => Duty::Member,
    };
    let mut all = zonal(name, "", duty, &tier.zones);
    match &tier.kind {
        Kind::Postgres(kind) => {
            all.extend(zonal(name, "replica-", Duty::Replica, &kind.replicas));
        }
        Kind::Redis(kind) => {
            all.extend(zonal(name, "sentinel-", Duty::Sentinel, &kind.sentinels));
        }
        Kind::Service(kind) => {
            let reserve = |s: &Scaling| reserve(name, &tier.zones, s.max, |own| own);
            all.extend(kind.scaling.as_deref().into_iter().flat_map(reserve));
        }
        Kind::Aws(kind) => all.extend(kind.services.emulators().into_iter().map(|e| Slot {
            name: format!("{name}-{}", e.as_str()),
            duty: Duty::Emulator(e),
            ground: Ground::Region(kind.region.clone()),
        })),
        Kind::Cdn(_) if tier.zones.is_empty() => {
            let name = format!("{name}-1");
            all.push(Slot { name, duty: Duty::Member, ground: Ground::Global });
        }
        _ => {}
    }
    all
}

/// The tasks that a group may add: numbered on from those of the zone that always run, and as many in
/// each zone as make the zones even, so that there may be one too many in some.
fn reserve(
    name: &str,
    zones: &IndexMap<Name, u16>,
    max: u16,
    always: impl Fn(u16) -> u16,
) -> Vec<Slot> {
    let each = max.div_ceil(u16::try_from(zones.len()).unwrap_or(u16::MAX).max(1));
    let of = |(zone, own)| (always(own) + 1..=each).map(move |n| (zone, n));
    let numbers = zones.iter().map(|(zone, own)| (zone, *own)).flat_map(of);
    numbers
        .map(|(zone, n)| Slot {
            name: format!("{name}-{zone}{n}"),
            duty: Duty::Reserve,
            ground: Ground::Zone(zone.clone()),
        })
        .collect()
}

/// Every node of a stage, the control plane excepted: tier and node. Network proxies come last and
/// belong to a tier of their own, `web-net`, which is not in the stage.
pub fn all_slots(stage: &Stage) -> Vec<(Name, Slot)> {
    let of_tier = |(name, tier): (&Name, &Tier)| {
        slots(name, tier).into_iter().map(|slot| (name.clone(), slot)).collect::<Vec<_>>()
    };
    let mut all: Vec<(Name, Slot)> = stage.tiers.iter().flat_map(of_tier).collect();
    for (name, tier) in &stage.tiers {
        if stage.edges.iter().any(|e| e.from == *name && is_faultable(stage, e)) {
            let proxies = network_slots(name, tier);
            all.extend(proxies.into_iter().map(|slot| (network_tier(name), slot)));
        }
    }
    all
}

/// The tier of a caller's network proxies.
pub fn network_tier(caller: &str) -> Name {
    format!("{caller}-net")
}

/// The network proxies of a caller whose calls go through some: one in each of its zones.
pub fn network_slots(caller: &str, tier: &Tier) -> Vec<Slot> {
    let name = network_tier(caller);
    let duty = Duty::NetworkProxy;
    if tier.zones.is_empty() {
        return vec![Slot { name: format!("{name}-1"), duty, ground: Ground::Global }];
    }
    let one_each: Vec<(&Name, &u16)> = tier.zones.keys().map(|zone| (zone, &1)).collect();
    zonal(&name, "", duty, one_each)
}

fn zonal<'a>(
    tier: &str,
    duty_word: &str,
    duty: Duty,
    zones: impl IntoIterator<Item = (&'a Name, &'a u16)>,
) -> Vec<Slot> {
    let slot = |zone: &Name, n: u16| Slot {
        name: format!("{tier}-{duty_word}{zone}{n}"),
        duty,
        ground: Ground::Zone(zone.clone()),
    };
    zones
        .into_iter()
        .flat_map(|(zone, count)| (1..=*count).map(move |n| (zone, n)))
        .map(|(zone, n)| slot(zone, n))
        .collect()
}
