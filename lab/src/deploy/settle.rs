//! The end of every deploy, good or bad: certain tasks serve with a certain release, the others are
//! at rest with the same one, and the load balancers have no shares to think of. It may be cut short
//! at any moment and begun again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::DeployError;
use super::balancers::Balancers;
use super::order::Order;
use super::site::{Containers, Site};
use crate::balancer::Weights;
use crate::engine::probe::{self, Ready};
use crate::plan::main_name;
use crate::plan::releases::release_of;
use crate::spec::model::{Name, Strategy};

/// Pause between two looks.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);
/// After nginx was told other shares: until no worker sends a new request to who has none.
const TAKEN_BY_WORKERS: Duration = Duration::from_millis(500);

/// What shall be.
pub(super) struct Settle<'a> {
    /// The lab.
    pub site: &'a Site,
    /// The deploy that ends.
    pub order: &'a Order,
    /// The release that shall run.
    pub release: &'a str,
    /// Tasks that shall serve.
    pub keep: &'a [Name],
}

impl Settle<'_> {
    /// Makes it so, and forgets the deploy last.
    ///
    /// # Errors
    /// Docker refuses, or a task that shall serve does not become healthy: the deploy is then still
    /// written down, and who serves goes on.
    pub(super) async fn carry_out(&self) -> Result<(), DeployError> {
        let balancers = Balancers::new(&self.order.balancers);
        let served = self.bring_those_that_serve(&balancers).await;
        // On the way back, and when all are replaced at once, there is nobody better to serve.
        if self.release == self.order.to && self.order.settings.strategy == Strategy::BlueGreen {
            served?;
        } else if let Err(error) = served {
            tracing::warn!(%error, "serving all the same");
        }
        if !balancers.is_empty() {
            balancers.tell(&self.order.only(self.keep)).await.map_err(|why| self.stuck(why))?;
            tokio::time::sleep(TAKEN_BY_WORKERS).await;
        }
        let others = self.others();
        self.rest(&others).await?;
        balancers.until_out(&others).await;
        if !balancers.is_empty() {
            balancers.tell(&Weights::new()).await.map_err(|why| self.stuck(why))?;
        }
        Ok(self.site.engine.remove_deploy().await?)
    }

    async fn bring_those_that_serve(&self, balancers: &Balancers) -> Result<(), DeployError> {
        let containers = self.site.engine.containers().await?;
        let running = self.site.running(&containers, self.keep);
        let right = |node: &Name| running.iter().any(|(n, r)| n == node && r == self.release);
        let held = self.held(&containers)?;
        let anew: Vec<Name> =
            self.keep.iter().filter(|n| !right(n) && !held.contains(*n)).cloned().collect();
        if anew.is_empty() {
            return Ok(());
        }
        let other: Vec<Name> =
            running.iter().filter(|(n, _)| anew.contains(n)).map(|(n, _)| n.clone()).collect();
        self.site.end(&other, self.order.drain_ms).await?;
        self.site.make(&self.order.tier, &anew, self.release, true).await?;
        let limit = Duration::from_millis(self.order.settings.healthy_within_ms);
        healthy(self.site, balancers, &anew, limit).await.map_err(|why| self.stuck(why))
    }

    /// Tasks that a fault keeps lost come back with its heal.
    fn held(&self, containers: &Containers) -> Result<BTreeSet<Name>, DeployError> {
        let markers = crate::engine::markers::markers_among(containers.values())?;
        Ok(markers.into_iter().filter(|m| m.hold).flat_map(|m| m.nodes).collect())
    }

    fn others(&self) -> Vec<Name> {
        self.order.all.iter().filter(|n| !self.keep.contains(n)).cloned().collect()
    }

    async fn rest(&self, others: &[Name]) -> Result<(), DeployError> {
        let containers = self.site.engine.containers().await?;
        let running = self.site.running(&containers, others);
        let running: Vec<Name> = running.into_iter().map(|(node, _)| node).collect();
        self.site.end(&running, self.order.drain_ms).await?;
        let lab = self.site.engine.lab();
        // One that ended otherwise than it was told to is made anew, too: it would be taken for lost.
        let containers = self.site.engine.containers().await?;
        let is_right = |node: &Name| {
            let main = containers.get(&main_name(lab, node));
            main.is_some_and(|m| release_of(m) == Some(self.release) && m.state.is_at_rest())
        };
        let held = self.held(&containers)?;
        let anew: Vec<Name> =
            others.iter().filter(|n| !is_right(n) && !held.contains(*n)).cloned().collect();
        self.site.make(&self.order.tier, &anew, self.release, false).await
    }

    fn stuck(&self, why: String) -> DeployError {
        DeployError::Stuck { tier: self.order.tier.clone(), why }
    }
}

/// Waits until tasks pass the load balancers' health check, or answer where there is none.
pub(super) async fn healthy(
    site: &Site,
    balancers: &Balancers,
    nodes: &[Name],
    limit: Duration,
) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let missing = if balancers.is_empty() {
            answering(site, nodes).await
        } else {
            balancers.healthy(nodes).await
        };
        match missing {
            Ok(()) => return Ok(()),
            Err(why) if begun.elapsed() >= limit => {
                let seconds = limit.as_secs_f64();
                return Err(format!("it did not pass its health check in {seconds:.0} s ({why})"));
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

async fn answering(site: &Site, nodes: &[Name]) -> Result<(), String> {
    for node in nodes {
        let Some((address, probe)) = site.probe(node) else { continue };
        if let Ready::NotYet(missing) = probe::look_at(address, &probe).await {
            return Err(format!("{node}: {missing}"));
        }
    }
    Ok(())
}
