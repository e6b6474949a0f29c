//! What commands left behind that were killed or interrupted: undone, and told to the control plane, so
//! that whoever judges later knows that something happened of which no record was kept.

use std::sync::{Mutex, PoisonError};

use super::since_up::is_open;
use super::{RunError, RunningLab, settle};
use crate::chaos::{self, Depth};
use crate::deploy;
use crate::engine::{DeployMarker, Engine, Marker};
use crate::journal::{ControlEvent, Event};
use crate::report::Ui;

/// What was left behind, and is undone.
#[derive(Debug, Default)]
pub struct Abandoned {
    /// Faults.
    pub faults: Vec<Marker>,
    /// A deploy.
    pub deploy: Option<DeployMarker>,
    /// Effects that no fault or deploy on record explains.
    pub strays: Vec<ControlEvent>,
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
        for stray in &self.strays {
            ui.warn(&found(stray));
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

/// What was found and undone, in words.
pub fn found(stray: &ControlEvent) -> String {
    format!("found {}", stray.note().unwrap_or_default())
}

/// Heals faults, and rolls back a deploy whose process is gone; then whatever of either is not on record any
/// more is looked for, and undone.
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
    let deploy = deploy::recover_abandoned(engine).await;
    let depth = match faults {
        Faults::Abandoned => Depth::Hints,
        Faults::Every => Depth::Everything,
    };
    let strays = undo_strays(engine, depth).await;
    let mut events = events.into_inner().unwrap_or_else(PoisonError::into_inner);
    events.extend(strays.iter().flatten().cloned().map(Event::Control));
    let told = tell(engine, events).await;
    Ok(Abandoned { faults: healed?, deploy: deploy?, strays: strays?, untold: !told })
}

/// Undoes effects that nothing on record explains; returns what they were.
async fn undo_strays(engine: &Engine, depth: Depth) -> Result<Vec<ControlEvent>, RunError> {
    let Some(lab) = RunningLab::find(engine).await? else { return Ok(Vec::new()) };
    let mut undone = Vec::new();
    for stray in chaos::strays(lab.for_strays(), depth).await? {
        chaos::undo_stray(engine, &stray).await?;
        undone.push(ControlEvent::Stray { node: stray.node, what: stray.effect.to_string() });
    }
    for (node, what) in deploy::recover_unmarked(engine).await? {
        undone.push(ControlEvent::Stray { node, what });
    }
    Ok(undone)
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
