//! What a deploy means here and now: which tasks are blue, which green, and whether it can be. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use crate::balancer::Weights;
use crate::kinds::STATUS_PORT;
use crate::plan::layout::{Place, of_tier};
use crate::plan::main_name;
use crate::plan::observed::{ObservedContainer, State};
use crate::plan::releases::deployed;
use crate::spec::model::{Deploy, Kind, Name, Service, Stage, Strategy};
use crate::spec::releases::released;
use crate::spec::slots::Duty;

/// A deploy with everything decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The tier.
    pub tier: Name,
    /// The release that runs.
    pub from: Name,
    /// The release that is to run.
    pub to: Name,
    /// All tasks of the tier, those at rest included.
    pub all: Vec<Name>,
    /// Tasks that serve.
    pub blue: Vec<Name>,
    /// Tasks at rest that will serve beside them; none when all are replaced at once.
    pub green: Vec<Name>,
    /// Tasks that serve when all is done.
    pub after: Vec<Name>,
    /// In which way.
    pub settings: Deploy,
    /// By what the provider's times are divided.
    pub time_scale: f64,
    /// How long a task serves on when it is told to end, in milliseconds.
    pub drain_ms: u64,
    /// The interfaces of the load balancers before the tier.
    pub balancers: Vec<SocketAddrV4>,
}

/// Why a deploy cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such tier.
    #[error("there is no tier `{tier}`; tiers with releases: {}", listed(.known))]
    UnknownTier {
        /// What was asked for.
        tier: Name,
        /// Tiers with releases.
        known: Vec<Name>,
    },
    /// The tier has nothing to deploy.
    #[error("tier `{tier}` has no releases; tiers with releases: {}", listed(.known))]
    NoReleases {
        /// The tier.
        tier: Name,
        /// Tiers with releases.
        known: Vec<Name>,
    },
    /// There is no such release.
    #[error("tier `{tier}` has no release `{release}`; there are: {}", listed(.known))]
    UnknownRelease {
        /// The tier.
        tier: Name,
        /// What was asked for.
        release: Name,
        /// The tier's releases.
        known: Vec<Name>,
    },
    /// It runs.
    #[error("tier `{tier}` runs release `{release}` already")]
    Deployed {
        /// The tier.
        tier: Name,
        /// The release.
        release: Name,
    },
    /// A task that should serve does not.
    #[error("tier `{tier}` is not whole: {} does not run", .missing.join(", "))]
    NotWhole {
        /// The tier.
        tier: Name,
        /// What does not run.
        missing: Vec<Name>,
    },
    /// There are not enough tasks at rest.
    #[error(
        "tier `{tier}` has no room for as many new tasks as run in zone {zone}: {running} run, and \
         {resting} are at rest"
    )]
    NoRoom {
        /// The tier.
        tier: Name,
        /// The zone.
        zone: Name,
        /// Tasks that serve there.
        running: usize,
        /// Tasks at rest there.
        resting: usize,
    },
}

fn listed(names: &[Name]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A lab as it is.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// Its name.
    pub lab: &'a str,
    /// Its stage.
    pub stage: &'a Stage,
    /// Its nodes.
    pub places: &'a [Place],
    /// Its containers.
    pub containers: &'a BTreeMap<String, ObservedContainer>,
}

impl Scene<'_> {
    fn state(&self, node: &str) -> Option<State> {
        self.containers.get(&main_name(self.lab, node)).map(|c| c.state)
    }

    /// Decides what the deploy of a release means.
    ///
    /// # Errors
    /// It cannot begin.
    pub fn order(&self, tier: &str, to: &str) -> Result<Order, Refusal> {
        let service = self.service(tier)?;
        let known: Vec<Name> = service.releases.keys().cloned().collect();
        if !known.iter().any(|k| k == to) {
            return Err(Refusal::UnknownRelease { tier: tier.into(), release: to.into(), known });
        }
        let order = self.idle(tier, service);
        if order.from == to {
            return Err(Refusal::Deployed { tier: tier.into(), release: to.into() });
        }
        let members = of_tier(self.places, tier).filter(|p| p.duty == Duty::Member);
        let missing: Vec<Name> =
            members.map(|p| p.name.clone()).filter(|n| !order.blue.contains(n)).collect();
        if !missing.is_empty() {
            return Err(Refusal::NotWhole { tier: tier.into(), missing });
        }
        let mut order = Order { to: to.into(), ..order };
        match order.settings.strategy {
            Strategy::AllAtOnce => order.after = order.blue.clone(),
            Strategy::BlueGreen => self.choose_green(&mut order)?,
        }
        Ok(order)
    }

    fn service(&self, tier: &str) -> Result<&Service, Refusal> {
        let known: Vec<Name> = released(self.stage).map(|(name, _)| name.clone()).collect();
        let tier = tier.to_owned();
        match self.stage.tiers.get(&tier).map(|t| &t.kind) {
            None => Err(Refusal::UnknownTier { tier, known }),
            Some(Kind::Service(service)) if !service.releases.is_empty() => Ok(service),
            Some(_) => Err(Refusal::NoReleases { tier, known }),
        }
    }

    /// The tier as it is: an order that changes nothing.
    ///
    /// # Errors
    /// It has no releases.
    pub fn as_it_is(&self, tier: &str) -> Result<Order, Refusal> {
        Ok(self.idle(tier, self.service(tier)?))
    }

    fn idle(&self, tier: &str, service: &Service) -> Order {
        let current = deployed(self.containers).remove(tier).or_else(|| service.release.clone());
        let current = current.unwrap_or_default();
        let all: Vec<Name> = of_tier(self.places, tier).map(|p| p.name.clone()).collect();
        let runs = |n: &&Name| self.state(n) == Some(State::Running);
        let blue: Vec<Name> = all.iter().filter(runs).cloned().collect();
        Order {
            tier: tier.into(),
            from: current.clone(),
            to: current,
            after: blue.clone(),
            blue,
            all,
            green: Vec::new(),
            settings: service.deploying(),
            time_scale: self.stage.time_scale,
            drain_ms: service.scaling.as_ref().map_or(0, |s| s.drain_ms),
            balancers: self.balancers(tier),
        }
    }

    /// In every zone as many tasks at rest as serve there. Those that a group has beyond its least are
    /// afterwards green ones.
    fn choose_green(&self, order: &mut Order) -> Result<(), Refusal> {
        let tier = order.tier.clone();
        let zones: BTreeSet<&Name> = of_tier(self.places, &tier).map(|p| &p.zone).collect();
        let own = |zone: &str| -> Vec<&Place> {
            of_tier(self.places, &tier).filter(|p| p.zone == zone).collect()
        };
        let at_rest = |p: &&Place| {
            p.duty == Duty::Reserve && self.state(&p.name).is_some_and(State::is_at_rest)
        };
        (order.green, order.after) = (Vec::new(), Vec::new());
        for zone in zones {
            let blue: Vec<&Place> =
                own(zone).into_iter().filter(|p| order.blue.contains(&p.name)).collect();
            let resting: Vec<&Place> = own(zone).into_iter().filter(at_rest).collect();
            let (running, rest) = (blue.len(), resting.len());
            if rest < running {
                let (tier, zone) = (tier.clone(), zone.clone());
                return Err(Refusal::NoRoom { tier, zone, running, resting: rest });
            }
            let green: Vec<Name> = resting.iter().take(running).map(|p| p.name.clone()).collect();
            let more = blue.iter().filter(|p| p.duty == Duty::Reserve).count();
            let least = blue.iter().filter(|p| p.duty == Duty::Member).map(|p| p.name.clone());
            order.after.extend(least.chain(green.iter().take(more).cloned()));
            order.green.extend(green);
        }
        Ok(())
    }

    /// Where the load balancers before a tier listen.
    fn balancers(&self, tier: &str) -> Vec<SocketAddrV4> {
        let before = self.stage.tiers.iter().filter(|(_, t)| match &t.kind {
            Kind::LoadBalancer(kind) => kind.targets == tier,
            _ => false,
        });
        let places = before.flat_map(|(name, _)| of_tier(self.places, name));
        places.map(|p| SocketAddrV4::new(p.address, STATUS_PORT)).collect()
    }
}

impl Order {
    /// The shares of all tasks such that green has so many percent of the traffic; tasks that are
    /// neither have none.
    pub fn weights(&self, percent: u8) -> Weights {
        let percent = u32::from(percent.min(100));
        let count = |nodes: &[Name]| u32::try_from(nodes.len()).unwrap_or(u32::MAX).max(1);
        // Each of `n` tasks of one colour has a part of `share / n`, brought to a common divisor.
        let green = percent * count(&self.blue);
        let blue = (100 - percent) * count(&self.green);
        let divisor = greatest_divisor(green, blue).max(1);
        let weight = |node: &Name| match node {
            node if self.green.contains(node) => green / divisor,
            node if self.blue.contains(node) => blue / divisor,
            _ => 0,
        };
        self.all.iter().map(|node| (node.clone(), weight(node))).collect()
    }

    /// Shares such that only these tasks serve.
    pub fn only(&self, nodes: &[Name]) -> Weights {
        self.all.iter().map(|n| (n.clone(), u32::from(nodes.contains(n)))).collect()
    }
}

fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}
