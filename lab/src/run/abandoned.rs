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
    /// The control plane did not answer, and its journal misses the healing.
    pub untold: bool,
}

/// Which faults are healed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Faults {
    /// Those whose command is gone.
    Abandoned,
    /// All of them.
    Every,
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
        self.tell_untold(ui);
    }

    /// Says that the lab's history misses a healing, where it does.
    pub fn tell_untold(&self, ui: &Ui) {
        if self.untold {
            ui.warn("the control plane does not answer: its journal misses this healing");
        }
    }
}

/// Heals faults, and rolls back a deploy whose process is gone.
///
/// # Errors
/// Docker cannot be asked, or something cannot be undone.
pub async fn undo(engine: &Engine, faults: Faults) -> Result<Abandoned, RunError> {
    let events = Mutex::new(Vec::new());
    let record = |event: Event| events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    let healed = match faults {
        Faults::Abandoned => chaos::heal_abandoned(engine, &record).await,
        Faults::Every => chaos::heal_all(engine, &record).await,
    };
    let told = tell(engine, events.into_inner().unwrap_or_else(PoisonError::into_inner)).await;
    let deploy = deploy::recover_abandoned(engine).await;
    Ok(Abandoned { faults: healed?, deploy: deploy?, untold: !told })
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

/// Without a control plane there is no history to add to; false when there is one, and it does not answer.
async fn tell(engine: &Engine, events: Vec<Event>) -> bool {
    if events.is_empty() {
        return true;
    }
    match RunningLab::find(engine).await {
        Ok(Some(lab)) => lab.control().record(events).await.is_ok(),
        Ok(None) => true,
        Err(_) => false,
    }
}
