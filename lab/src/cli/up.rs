//! `lab up`.

use super::args::UpArgs;
use super::interrupt::Interrupt;
use super::{CliError, Global, collector, endpoints, room};
use crate::engine::{Engine, EngineError, Lock};
use crate::kinds::PublishMode;
use crate::plan::Plan;
use crate::plan::layout::Subnet;
use crate::report::Ui;
use crate::run::{Publish, RunError, Start, UpOutcome, prepare};
use crate::spec::Source;
use crate::spec::model::Stage;

/// How many lines about repairs are shown at most.
const REPAIRS_SHOWN: usize = 10;

/// Brings a stage up, or prints what that would take.
pub async fn run(global: &Global, args: &UpArgs, ui: &Ui) -> Result<u8, CliError> {
    let source = Source::of(&args.stage)?;
    let mut stage = source.stage()?;
    collector::choose(&mut stage, args.otlp_endpoint.as_deref())?;
    let engine = global.engine().await?;
    let _lock = Lock::take(&global.lab)?;
    room::check(&engine, &source, &stage, ui).await?;
    let start = start(global, args.port, args.subnet);
    if args.dry_run {
        let up = prepare(&engine, &stage, &start, ui).await?;
        ui.prose(&plan_text(&up.plan), 4);
        return Ok(0);
    }
    let mut interrupt = Interrupt::listen()?;
    tokio::select! {
        outcome = bring_up(&engine, &stage, start, ui) => {
            ui.result(&summary(&engine, &outcome?).await?);
            Ok(0)
        }
        code = interrupt.come() => {
            let name = &args.stage;
            ui.step(&format!(
                "interrupted: what was started stays; `lab up {name}` goes on from there, \
                 `lab down` removes it"
            ));
            Ok(code)
        }
    }
}

/// Brings a stage up and returns the lab. Ctrl-C leaves what is there; the next `up` continues.
pub async fn bring_up(
    engine: &Engine,
    stage: &Stage,
    mut start: Start,
    ui: &Ui,
) -> Result<UpOutcome, CliError> {
    loop {
        let up = prepare(engine, stage, &start, ui).await?;
        if !up.plan.is_empty() {
            ui.step(&format!("starting {} ({} steps)", stage.stage, up.plan.steps.len()));
            tell_repairs(&up.plan, ui);
        }
        match up.execute(engine, ui).await {
            // The network comes first, so nothing else was made; addresses are part of the plan.
            Err(RunError::Engine(EngineError::SubnetLost { subnet })) if start.may_lose() => {
                ui.detail(&format!("somebody else took {}: the next one", subnet.cidr()));
                start.lost.push(subnet);
            }
            other => return Ok(other?),
        }
    }
}

/// What a lab is started with.
pub fn start(global: &Global, port: Option<u16>, subnet: Option<Subnet>) -> Start {
    Start { publish: publish_mode(global, port), subnet, lost: Vec::new() }
}

/// Says what is repaired or waited for in a lab that ran already.
fn tell_repairs(plan: &Plan, ui: &Ui) {
    let repairs = plan.repairs();
    for line in repairs.iter().take(REPAIRS_SHOWN) {
        ui.step(line);
    }
    if let Some(more) = repairs.len().checked_sub(REPAIRS_SHOWN).filter(|more| *more > 0) {
        ui.step(&format!("and {more} more; `lab up --dry-run` shows all"));
    }
}

/// The default lab publishes what the stage declares; a lab with another name would collide with
/// it, so Docker chooses.
/// A lab that runs keeps its ports unless others are asked for.
fn publish_mode(global: &Global, port: Option<u16>) -> Publish {
    match port {
        Some(port) => Publish::Always(PublishMode::From(port)),
        None if global.lab == "lab" => Publish::AtFirst(PublishMode::AsDeclared),
        None => Publish::AtFirst(PublishMode::From(0)),
    }
}

fn plan_text(plan: &Plan) -> String {
    if plan.is_empty() {
        return "nothing to do: everything is as the stage wants it".into();
    }
    plan.steps
        .iter()
        .map(|s| format!("{} ({})", s.operation, s.cause))
        .collect::<Vec<_>>()
        .join("\n")
}

async fn summary(engine: &Engine, outcome: &UpOutcome) -> Result<String, CliError> {
    let took = outcome.took.as_secs_f64();
    let stage = &outcome.lab.stage.stage;
    let mut text = if outcome.steps == 0 {
        format!("{stage} is up already: nothing to do ({took:.1} s)")
    } else {
        format!("{stage} is up: {} nodes in {took:.1} s", outcome.lab.places.len() + 1)
    };
    for endpoint in endpoints::sites(engine, &outcome.lab).await? {
        text += &format!("\n  {}: {}", endpoint.node, endpoint.url);
    }
    Ok(text)
}
