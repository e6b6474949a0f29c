//! `lab heal`.

use super::{CliError, Global};
use crate::report::Ui;
use crate::run::{self, Faults};

/// Undoes every active fault, a deploy that was left behind, and whatever of either is not on record.
pub async fn run(global: &Global, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    let undone = run::undo(&engine, Faults::Every).await?;
    undone.tell_untold(ui);
    for marker in &undone.faults {
        ui.result(&format!("healed {} on {}", marker.fault.name(), marker.nodes.join(", ")));
    }
    if let Some(left) = &undone.deploy {
        ui.result(&left.recovered());
    }
    for stray in &undone.strays {
        ui.result(&run::found(stray));
    }
    if undone.faults.is_empty() && undone.deploy.is_none() && undone.strays.is_empty() {
        ui.result("no fault is active");
    }
    Ok(0)
}
