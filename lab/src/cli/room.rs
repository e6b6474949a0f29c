//! Whether the machine has what a stage asks for: said before anything is started.

use super::CliError;
use crate::engine::Engine;
use crate::report::Ui;
use crate::spec::Source;
use crate::spec::machine::{Cramped, cramped, fits};
use crate::spec::model::Stage;

/// Refuses a stage of which a node is larger than the machine, and says which databases cannot grow as
/// far as they may.
///
/// # Errors
/// Every such size, with its line. The file is right and another machine would do, so it is the
/// machine that is not able.
pub async fn check(
    engine: &Engine,
    source: &Source,
    stage: &Stage,
    ui: &Ui,
) -> Result<(), CliError> {
    let machine = engine.machine().await?;
    fits(source, stage, &machine).map_err(|e| {
        CliError::environment(e.to_string()).hint(
            "make it smaller, or run it where Docker has more; `lab doctor` shows what it has",
        )
    })?;
    for tier in cramped(stage, &machine) {
        ui.step(&growth(&tier));
    }
    Ok(())
}

/// `tier db grows to 2 capacity units: its `max` of 8 is more than this machine has`
fn growth(tier: &Cramped) -> String {
    let units = |halves: u16| f64::from(halves) / 2.0;
    format!(
        "tier {} grows to {} capacity units: its `max` of {} is more than this machine has",
        tier.tier,
        units(tier.most),
        units(tier.max)
    )
}
