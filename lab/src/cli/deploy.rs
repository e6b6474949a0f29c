//! `lab deploy`.

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::args::DeployArgs;
use super::interrupt::Interrupt;
use super::{CliError, Format, Global};
use crate::deploy::{self, DeployError, Deployment, Order, Outcome, Site};
use crate::engine::{DeployMarker, Engine, Lock};
use crate::journal::{ControlEvent, Entry, Event};
use crate::report::Ui;
use crate::run::{self, Faults, RunningLab};

/// Exit code of a release that was rolled back.
const ROLLED_BACK: u8 = 1;

/// Puts a release in the place of the one that runs.
pub async fn run(global: &Global, args: &DeployArgs, ui: &Ui) -> Result<u8, CliError> {
    let engine = global.engine().await?;
    let lab = RunningLab::require(&engine).await?;
    let site = Site::find(&engine)
        .await?
        .ok_or_else(|| run::RunError::NotRunning { lab: global.lab.clone() })?;
    refuse_second(&engine).await?;
    // What cannot be is said before anything is healed or waited for.
    site.order(&args.tier, &args.release).await.map(drop).or_else(after_healing)?;
    let _lock = Lock::take(&global.lab)?;
    run::undo(&engine, Faults::Abandoned).await?.tell(ui);
    run::end_open_experiments(&lab).await;
    let order = site.order(&args.tier, &args.release).await?;
    let events: Mutex<Vec<Entry>> = Mutex::default();
    let record = |event: Event| {
        if let Event::Control(event) = &event {
            ui.step(&in_words(event));
        }
        let entry = Entry { at: run::now(), event };
        events.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    };
    let mut interrupt = Interrupt::listen()?;
    let mut interrupted = None;
    let stop = async { interrupted = Some(interrupt.come().await) };
    let deployment = Deployment { site: &site, order: order.clone(), record: &record };
    let outcome = deployment.carry_out(stop).await;
    let entries = std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner));
    if let Err(e) = lab.control().append(&entries).await {
        ui.warn(&format!("the control plane does not answer ({e}): its journal misses this"));
    }
    Ok(interrupted.unwrap_or(show(&order, &outcome?, args.format, ui)))
}

/// A deploy that another command carries out at this moment.
async fn refuse_second(engine: &Engine) -> Result<(), CliError> {
    match engine.deploy().await? {
        Some(DeployMarker { tier, from, to, owner, .. }) if owner.is_alive() => {
            Err(DeployError::UnderWay { tier, from, to }.into())
        }
        _ => Ok(()),
    }
}

/// What an abandoned deploy or fault has left is healed first, and looked at again then.
fn after_healing(e: DeployError) -> Result<(), CliError> {
    use deploy::Refusal::{Deployed, NoRoom, NotWhole};
    match e {
        DeployError::Refused(Deployed { .. } | NotWhole { .. } | NoRoom { .. }) => Ok(()),
        other => Err(other.into()),
    }
}

fn show(order: &Order, outcome: &Outcome, format: Format, ui: &Ui) -> u8 {
    let Order { tier, from, to, .. } = order;
    let (code, text, runs, why) = match outcome {
        Outcome::Deployed => (0, format!("{tier} runs {to}"), to, None),
        Outcome::RolledBack { why, .. } => (
            ROLLED_BACK,
            format!("{tier} runs {from} again: {to} was rolled back, {why}"),
            from,
            Some(why),
        ),
    };
    match format {
        Format::Text => ui.result(&text),
        Format::Json => ui.json(&json!({
            "tier": tier, "from": from, "to": to, "runs": runs, "rolled_back": why,
        })),
    }
    code
}

fn in_words(event: &ControlEvent) -> String {
    match event {
        ControlEvent::Deploying { tier, from, to } => format!("{tier}: {to} beside {from}"),
        ControlEvent::Shifted { release, percent, .. } => {
            format!("{release} has {percent} % of the traffic")
        }
        ControlEvent::RolledBack { release, to, by_hand: true, .. } => {
            format!("all traffic is back on {to}: the deploy of {release} was interrupted")
        }
        ControlEvent::RolledBack { release, to, why, .. } => {
            format!("all traffic is back on {to}: {release} is not good enough, {why}")
        }
        ControlEvent::Deployed { tier, release } => format!("{tier} runs {release} alone"),
        other => format!("{other:?}"),
    }
}
