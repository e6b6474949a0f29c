//! What is left of deploys: those whose command was killed, and those that an experiment made.

use super::DeployError;
use super::order::Order;
use super::run::{Deployment, Outcome};
use super::settle::Settle;
use super::site::Site;
use crate::engine::{DeployMarker, Engine};
use crate::journal::Event;
use crate::spec::model::{ShiftStep, Strategy};

/// Ends the deploy whose command is no longer alive; returns it. One that had not all traffic for
/// good is rolled back, the others are finished.
///
/// # Errors
/// Docker refuses, or the tasks that shall serve do not become healthy.
pub async fn recover_abandoned(engine: &Engine) -> Result<Option<DeployMarker>, DeployError> {
    match engine.deploy().await? {
        Some(marker) if !marker.owner.is_alive() => {
            recover(engine, &marker).await?;
            Ok(Some(marker))
        }
        _ => Ok(None),
    }
}

async fn recover(engine: &Engine, marker: &DeployMarker) -> Result<(), DeployError> {
    let Some(site) = Site::find(engine).await? else { return Ok(engine.remove_deploy().await?) };
    let containers = engine.containers().await?;
    let order = site.marked(&containers, marker)?;
    let (release, keep) = match marker.committed {
        true => (marker.to.as_str(), &order.after),
        false => (marker.from.as_str(), &order.blue),
    };
    Settle { site: &site, order: &order, release, keep }.carry_out().await
}

/// Brings a tier back to a release: what is under way is ended, and what was deployed is replaced,
/// again without an error that a client sees where the stage can do that.
///
/// # Errors
/// As for [`recover_abandoned`], or the release cannot take over.
pub async fn undo(
    engine: &Engine,
    tier: &str,
    release: &str,
    record: &(dyn Fn(Event) + Sync),
) -> Result<(), DeployError> {
    if let Some(marker) = engine.deploy().await?.filter(|m| m.tier == tier) {
        recover(engine, &marker).await?;
    }
    let Some(site) = Site::find(engine).await? else { return Ok(()) };
    if site.release(tier).await?.is_none_or(|current| current == release) {
        return Ok(());
    }
    let mut order: Order = site.order(tier, release).await?;
    if order.settings.strategy == Strategy::BlueGreen {
        // It is known: nothing has to be watched.
        order.settings.steps = vec![ShiftStep { percent: 100, bake_s: 0 }];
    }
    let deployment = Deployment { site: &site, order, record };
    match deployment.carry_out(std::future::pending()).await? {
        Outcome::Deployed => Ok(()),
        Outcome::RolledBack { why, .. } => Err(DeployError::Stuck { tier: tier.into(), why }),
    }
}
