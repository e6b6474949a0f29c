//! What a fault is decided from, and the questions that are asked of it.

use std::net::Ipv4Addr;

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::ResolveError;
use crate::chaos::roles::{Role, Roles};
use crate::plan::layout::{Place, of_tier, with_duty};
use crate::spec::model::{Container, Kind, Name, Stage};
use crate::spec::slots::Duty;

pub(super) fn is_box(kind: &Kind) -> bool {
    matches!(kind, Kind::Box(_))
}

pub(super) fn is_task(kind: &Kind) -> bool {
    matches!(kind, Kind::Box(_) | Kind::Service(_))
}

/// What [`is_killable`] wants, in words.
pub(super) const KILLABLE: &str = "service, box, container, cdn, dns or etcd";

pub(super) fn is_killable(kind: &Kind) -> bool {
    is_task(kind)
        || matches!(kind, Kind::Cdn(_) | Kind::Dns(_) | Kind::Etcd(_) | Kind::Container(_))
}

pub(super) fn is_service(kind: &Kind) -> bool {
    matches!(kind, Kind::Service(_))
}

pub(super) fn is_postgres(kind: &Kind) -> bool {
    matches!(kind, Kind::Postgres(_))
}

/// Whether somebody can say which node is the primary.
pub(super) fn has_primary(kind: &Kind) -> bool {
    is_postgres(kind) || matches!(kind, Kind::Container(Container { roles: Some(_), .. }))
}

pub(super) fn has_replicas(kind: &Kind) -> bool {
    matches!(kind, Kind::Postgres(p) if !p.replicas.is_empty())
}

pub(super) fn is_redis(kind: &Kind) -> bool {
    matches!(kind, Kind::Redis(_))
}

pub(super) fn is_cdn(kind: &Kind) -> bool {
    matches!(kind, Kind::Cdn(_))
}

pub(super) fn is_aws(kind: &Kind) -> bool {
    matches!(kind, Kind::Aws(_))
}

/// What a fault is decided from.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The stage.
    pub stage: &'a Stage,
    /// Its nodes that are awake.
    pub places: &'a [Place],
    /// All of them, those in reserve included.
    pub all: &'a [Place],
    /// Who is who.
    pub roles: &'a Roles,
    /// Decides where there is a choice.
    pub seed: u64,
}

impl<'a> Scene<'a> {
    /// The named tier, or the stage's only one that fits.
    pub(super) fn tier(
        &self,
        fault: &'static str,
        named: Option<&Name>,
        wanted: &'static str,
        fits: fn(&Kind) -> bool,
    ) -> Result<Name, ResolveError> {
        let fitting: Vec<&Name> =
            self.stage.tiers.iter().filter(|(_, t)| fits(&t.kind)).map(|(n, _)| n).collect();
        let found = match (named, fitting.as_slice()) {
            (Some(name), _) if fitting.contains(&name) => return Ok(name.clone()),
            (None, [only]) => return Ok((*only).clone()),
            (Some(name), []) => format!("`{name}` is not one, and the stage has none"),
            (Some(name), _) => format!("`{name}` is not one; there are {}", list(&fitting)),
            (None, []) => "the stage has none".into(),
            (None, _) => format!("name one of {}", list(&fitting)),
        };
        Err(ResolveError::Tier { fault, wanted, found })
    }

    /// The named `aws` tier, else the only one that has the service, else the only one.
    pub(super) fn with_service(
        &self,
        fault: &'static str,
        named: Option<&Name>,
        service: &str,
    ) -> Result<Name, ResolveError> {
        let has = |kind: &Kind| match kind {
            Kind::Aws(aws) => aws.services.used().iter().any(|(used, _)| *used == service),
            _ => false,
        };
        let mut fitting = self.stage.tiers.iter().filter(|(_, t)| has(&t.kind)).map(|(n, _)| n);
        let only = fitting.next().filter(|_| fitting.next().is_none());
        self.tier(fault, named.or(only), "aws", is_aws)
    }

    /// One node of a tier, in a zone if one is given, chosen by the seed.
    pub(super) fn any(
        &self,
        tier: &str,
        duty: Duty,
        zone: Option<&Name>,
    ) -> Result<Name, ResolveError> {
        let candidates: Vec<&Place> = with_duty(self.places, tier, duty)
            .filter(|p| zone.is_none_or(|z| *z == p.zone))
            .collect();
        let chosen = candidates.choose(&mut ChaCha8Rng::seed_from_u64(self.seed));
        chosen.map(|p| p.name.clone()).ok_or_else(|| {
            let what = if duty == Duty::Replica { "replica" } else { "node" };
            ResolveError::NoNode(match zone {
                Some(zone) => format!("tier {tier} has no {what} in zone {zone}"),
                None => format!("tier {tier} has no {what}"),
            })
        })
    }

    /// One task of a tier, in a zone if one is given, chosen by the seed.
    pub(super) fn task(&self, tier: &str, zone: Option<&Name>) -> Result<Name, ResolveError> {
        let mut tasks = self.tasks(tier);
        tasks.retain(|p| zone.is_none_or(|z| *z == p.zone));
        let chosen = tasks.choose(&mut ChaCha8Rng::seed_from_u64(self.seed));
        chosen.map(|p| p.name.clone()).ok_or_else(|| no_task(tier, zone))
    }

    /// A share of the tasks of a tier, rounded up, chosen by the seed.
    pub(super) fn share(&self, tier: &str, percent: u8) -> Result<Vec<Name>, ResolveError> {
        let tasks = self.tasks(tier);
        let count = (tasks.len() * usize::from(percent)).div_ceil(100);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let chosen: Vec<Name> =
            tasks.choose_multiple(&mut rng, count).map(|p| p.name.clone()).collect();
        if chosen.is_empty() { Err(no_task(tier, None)) } else { Ok(chosen) }
    }

    /// The tasks that run at this moment, those of a scaling group included.
    fn tasks(&self, tier: &str) -> Vec<&'a Place> {
        let is_task = |p: &&Place| matches!(p.duty, Duty::Member | Duty::Reserve);
        self.places.iter().filter(|p| p.tier == tier).filter(is_task).collect()
    }

    /// The current primary of the named tier, of the only database, or of the only other tier that has
    /// one.
    pub(super) fn primary(
        &self,
        fault: &'static str,
        named: Option<&Name>,
    ) -> Result<Name, ResolveError> {
        const WANTED: &str = "postgres, or container with `roles`";
        let databases = self.stage.tiers.values().any(|t| is_postgres(&t.kind));
        let fits = if named.is_none() && databases { is_postgres } else { has_primary };
        self.primary_of(&self.tier(fault, named, WANTED, fits)?)
    }

    /// The current primary of a tier.
    pub(super) fn primary_of(&self, tier: &str) -> Result<Name, ResolveError> {
        of_tier(self.places, tier)
            .find(|p| self.roles.get(&p.name) == Some(&Role::Primary))
            .map(|p| p.name.clone())
            .ok_or_else(|| {
                ResolveError::NoNode(format!("tier {tier} has no primary at this moment"))
            })
    }

    /// Addresses of all nodes of a tier.
    pub(super) fn addresses(&self, tier: &str) -> Vec<Ipv4Addr> {
        of_tier(self.places, tier).map(|p| p.address).collect()
    }

    /// Addresses of the other nodes of a node's tier.
    pub(super) fn peers(&self, node: &str) -> Vec<Ipv4Addr> {
        let tier = self.places.iter().find(|p| p.name == node).map(|p| p.tier.as_str());
        self.places
            .iter()
            .filter(|p| Some(p.tier.as_str()) == tier && p.name != node)
            .map(|p| p.address)
            .collect()
    }

    /// The named zone, else the zone of the current primary, else the first one.
    pub(super) fn zone(&self, named: Option<&Name>) -> Name {
        let of_primary =
            self.places.iter().find(|p| self.roles.get(&p.name) == Some(&Role::Primary));
        named
            .or(of_primary.map(|p| &p.zone))
            .or_else(|| self.stage.regions.first().and_then(|r| r.zones.first()))
            .cloned()
            .unwrap_or_default()
    }
}

fn no_task(tier: &str, zone: Option<&Name>) -> ResolveError {
    ResolveError::NoNode(match zone {
        Some(zone) => format!("tier {tier} has no node in zone {zone}"),
        None => format!("tier {tier} has no node"),
    })
}

fn list(names: &[&Name]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}
