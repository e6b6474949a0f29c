//! What commands left behind that were killed or interrupted: undone, and told to the control plane, so
//! that whoever judges later knows that something happened of which no record was kept.

use std::sync::{Mutex, PoisonError};

use super::since_up::is_open;
use super::{RunError, RunningLab, settle};
use crate::chaos;
use crate::deploy;
use crate::engine::{DeployMarker, Engine, Marker};
use crate::journal::Event;
use crate::report::Ui;

/// What was left behind, and is undone.
#[derive(Debug, Default)]
pub struct Abandoned {
    /// Faults.
    pub faults: Vec<Marker>,
    /// A deploy.
    pub deploy: Option<DeployMarker>,
}

impl Abandoned {
    /// Says what was left behind.
    pub fn tell(&self, ui: &Ui) {
        for marker in &self.faults {
            ui.warn(&format!("healed a fault that was left behind on {}", marker.nodes.join(", ")));
        }
        if let Some(left) = &self.deploy {
            ui.warn(&left.recovered());
        }
    }
}

/// Heals faults and rolls back a deploy whose process is gone.
///
/// # Errors
/// Docker cannot be asked, or something cannot be undone.
pub async fn heal_abandoned(engine: &Engine) -> Result<Abandoned, RunError> {
    let events = Mutex::new(Vec::new());
    let record = |event: Event| events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    let healed = chaos::heal_abandoned(engine, &record).await;
    tell(engine, events.into_inner().unwrap_or_else(PoisonError::into_inner)).await;
    Ok(Abandoned { faults: healed?, deploy: deploy::recover_abandoned(engine).await? })
}

/// Ends the experiments of a `lab verify` that did not come to their end: what happens from now on is
/// part of the lab's history again. Nothing when none is open, or the control plane does not answer.
pub async fn end_open_experiments(lab: &RunningLab) {
    if let Ok(journal) = lab.control().journal().await
        && let Some(name) = is_open(&journal)
    {
        end_experiments(lab, &name).await;
    }
}

/// Ends the experiments of a `lab verify` in the control plane's journal, with what they leave in the
/// dead-letter queues; false when it does not answer.
pub async fn end_experiments(lab: &RunningLab, name: &str) -> bool {
    let mut events = settle::look_at_queues(lab).await;
    events.push(Event::ExperimentEnded { experiment: name.to_owned() });
    lab.control().record(events).await.is_ok()
}

/// Without a control plane there is no history to add to.
async fn tell(engine: &Engine, events: Vec<Event>) {
    if events.is_empty() {
        return;
    }
    if let Ok(Some(lab)) = RunningLab::find(engine).await
        && let Err(e) = lab.control().record(events).await
    {
        tracing::warn!(error = %e, "the control plane's journal misses a healing");
    }
}
