//! `lab heal`.

use std::sync::{Mutex, PoisonError};

use super::{CliError, Global};
use crate::chaos;
use crate::deploy;
use crate::engine::Engine;
use crate::journal::Event;
use crate::report::Ui;
use crate::run::RunningLab;

/// Undoes every active fault.
pub async fn run(global: &Global, ui: &Ui) -> Result<u8, CliError> {
    let engine = Engine::connect(&global.lab).await?;
    let events = Mutex::new(Vec::new());
    let record = |event: Event| {
        events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    };
    let healed = chaos::heal_all(&engine, &record).await;
    if let Some(lab) = RunningLab::find(&engine).await? {
        let events = events.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Without a control plane there is no history to add to; the healing itself is done.
        if !events.is_empty() && lab.control().record(events).await.is_err() {
            ui.warn("the control plane does not answer: its journal misses this healing");
        }
    }
    let healed = healed?;
    let deploy = deploy::recover_abandoned(&engine).await?;
    for marker in &healed {
        ui.result(&format!("healed {} on {}", marker.fault.name(), marker.nodes.join(", ")));
    }
    if let Some(left) = &deploy {
        ui.result(&left.recovered());
    }
    if healed.is_empty() && deploy.is_none() {
        ui.result("no fault is active");
    }
    Ok(0)
}
