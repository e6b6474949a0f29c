//! The load balancers before a tier, all of them at once.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use crate::balancer::Weights;
use crate::balancer::client::BalancerClient;
use crate::balancer::health::State;
use crate::balancer::numbers::{AllNumbers, Numbers};
use crate::balancer::view::{TargetView, View};
use crate::spec::model::Name;

/// How often all balancers are told before that is given up.
const TRIES: usize = 3;
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long balancers may take to see that a task has ended.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

/// The load balancers before a tier.
#[derive(Clone, Debug)]
pub(super) struct Balancers(Vec<BalancerClient>);

/// What one of them has counted so far.
pub(super) type Baseline = Vec<Option<AllNumbers>>;

impl Balancers {
    pub(super) fn new(addresses: &[SocketAddrV4]) -> Self {
        Self(addresses.iter().copied().map(BalancerClient::new).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells all of them their targets' shares; one that answers is enough, the others are told again.
    pub(super) async fn tell(&self, weights: &Weights) -> Result<(), String> {
        let mut why = String::new();
        for _ in 0..TRIES {
            let told = self.0.iter().map(|balancer| balancer.weigh(weights));
            let told = futures::future::join_all(told).await;
            if told.iter().any(Result::is_ok) {
                return Ok(());
            }
            why = told.into_iter().find_map(Result::err).unwrap_or_default();
        }
        Err(format!("no load balancer takes other shares: {why}"))
    }

    /// Tells those again that have other shares: one that was down when they were told, or that is
    /// new.
    pub(super) async fn insist(&self, weights: &Weights) {
        for balancer in &self.0 {
            let differs = |view: View| {
                view.targets.iter().any(|t| t.weight != weights.get(&t.name).copied().unwrap_or(1))
            };
            if balancer.view().await.is_ok_and(differs) {
                // Tried again at the next look.
                drop(balancer.weigh(weights).await);
            }
        }
    }

    /// Whether one of them gives its targets other shares than equal ones.
    pub(super) async fn any_weighted(&self) -> bool {
        let views = futures::future::join_all(self.0.iter().map(BalancerClient::view)).await;
        let mut targets = views.into_iter().flatten().flat_map(|view: View| view.targets);
        targets.any(|target| target.weight != 1)
    }

    /// Whether all these targets are healthy for every balancer that answers; or which is not, and
    /// why.
    pub(super) async fn healthy(&self, nodes: &[Name]) -> Result<(), String> {
        let targets = self.targets(nodes).await;
        if targets.is_empty() {
            return Err("no load balancer answers".to_owned());
        }
        first(targets, |state| state != State::Healthy).map_or(Ok(()), Err)
    }

    /// The first of these targets that a balancer has taken out, and why.
    pub(super) async fn taken_out(&self, nodes: &[Name]) -> Option<String> {
        first(self.targets(nodes).await, |state| state == State::Unhealthy)
    }

    /// Waits until no balancer takes any of these targets for healthy, for some seconds at most.
    pub(super) async fn until_out(&self, nodes: &[Name]) {
        let begun = Instant::now();
        while begun.elapsed() < SEEN_WITHIN {
            if first(self.targets(nodes).await, |state| state == State::Healthy).is_none() {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What the balancers that answer think of these targets.
    async fn targets(&self, nodes: &[Name]) -> Vec<TargetView> {
        let views = futures::future::join_all(self.0.iter().map(BalancerClient::view)).await;
        let targets = views.into_iter().flatten().flat_map(|view: View| view.targets);
        targets.filter(|t| nodes.contains(&t.name)).collect()
    }

    /// What they have counted so far.
    pub(super) async fn baseline(&self) -> Baseline {
        let asked = self.0.iter().map(BalancerClient::numbers);
        futures::future::join_all(asked).await.into_iter().map(Result::ok).collect()
    }
}

fn first(targets: Vec<TargetView>, is_so: impl Fn(State) -> bool) -> Option<String> {
    let found = targets.into_iter().find(|t| is_so(t.state))?;
    Some(format!("{}: {}", found.name, found.last_probe.unwrap_or_default()))
}

/// What these targets did between two moments, over all balancers. One that did not answer at the
/// first of them counts from there on.
pub(super) fn between(before: &mut Baseline, now: Baseline, nodes: &[Name]) -> Numbers {
    let mut sum = Numbers::default();
    for (before, now) in before.iter_mut().zip(now) {
        let Some(now) = now else { continue };
        let Some(before) = before else {
            *before = Some(now);
            continue;
        };
        for (name, numbers) in now.iter().filter(|(name, _)| nodes.contains(name)) {
            let zero = Numbers::default();
            sum.add(&numbers.since(before.get(name).unwrap_or(&zero)));
        }
    }
    sum
}
