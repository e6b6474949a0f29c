//! A deploy, as an act: carried out to its end, whether the release stays or is rolled back.

use super::{Before, ChaosError, Effect, Proof};
use crate::deploy::{DeployError, Deployment, Order, Outcome, Site};
use crate::engine::Interrupt;
use crate::plan::releases;

/// What became of a deploy.
#[derive(Debug)]
pub struct Deployed {
    proof: Proof,
}

impl Deployed {
    /// New tasks that ran are its effect.
    pub(super) fn proof(&self) -> Proof {
        self.proof.clone()
    }
}

/// Refuses what cannot begin, and looks which release runs.
pub(super) async fn before(
    e: &Effect<'_>,
    tier: &str,
    release: &str,
) -> Result<Before, ChaosError> {
    site(e).await?.order(tier, release).await?;
    let containers = e.injector.engine.containers().await?;
    let current = releases::deployed(&containers).remove(tier);
    let released = current.map(|current| (tier.to_owned(), current));
    Ok(Before { released, ..Before::default() })
}

/// Deploys; what ends the command rolls back.
pub(super) async fn deploy(
    e: &Effect<'_>,
    tier: &str,
    release: &str,
) -> Result<Deployed, ChaosError> {
    let site = site(e).await?;
    let order = site.order(tier, release).await?;
    let Order { blue, green, .. } = order.clone();
    let nodes = if green.is_empty() { blue } else { green }.join(", ");
    let deployment = Deployment { site: &site, order, record: e.injector.record };
    let proof = match deployment.carry_out(interrupted()).await? {
        Outcome::Deployed => Ok(format!("{release} ran on {nodes}, and stayed")),
        Outcome::RolledBack { why, started: true } => {
            Ok(format!("{release} ran on {nodes}, and was rolled back: {why}"))
        }
        Outcome::RolledBack { why, started: false } => {
            Err(format!("no task of {release} ran: {why}"))
        }
    };
    Ok(Deployed { proof })
}

async fn site(e: &Effect<'_>) -> Result<Site, ChaosError> {
    let nothing = || DeployError::Corrupt("a lab that is not there".into());
    Ok(Site::find(e.injector.engine).await?.ok_or_else(nothing)?)
}

/// Ends with the wish that the command ends; never, where that cannot be heard.
async fn interrupted() {
    match Interrupt::listen() {
        Ok(mut interrupt) => drop(interrupt.come().await),
        Err(_) => std::future::pending().await,
    }
}
