//! `lab chaos`: inject, prove, wait, heal, and say what the canary saw.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::args::ChaosArgs;
use super::error::INCONCLUSIVE;
use super::interrupt::Interrupt;
use super::{CliError, Format, Global, verify};
use crate::chaos::{Active, Adjust, ChaosError, Injector, Traffic, adjusted, offers, resolve};
use crate::engine::Lock;
use crate::journal::{Entry, Event};
use crate::report::{self, Ui};
use crate::run::{self, CANARY_PREFIX, Faults, Progress, RunningLab};
use crate::spec::model::{Fault, Stage};
use crate::verify as judging;

pub mod list;

/// How long the lab may take to be whole after the heal.
const WHOLE_LIMIT: Duration = Duration::from_secs(60);
/// How long canary traffic is awaited after the lab is whole, so that "for good" has a meaning.
const WATCH_AFTER: Duration = Duration::from_secs(2);
/// History before the fault that is judged together with it.
const WATCH_BEFORE_MICROS: i64 = 10_000_000;

/// Injects one fault, or lists all.
pub async fn run(global: &Global, args: &ChaosArgs, ui: &Ui) -> Result<u8, CliError> {
    if args.fault == "list" {
        return list::run(global, args, ui).await;
    }
    let engine = global.engine().await?;
    let lab = RunningLab::require(&engine).await?;
    let fault = chosen(&lab.stage, args)?;
    // `lab verify` would take this fault for an effect of its own.
    let _lock = Lock::take(&global.lab)?;
    run::undo(&engine, Faults::Abandoned).await?.tell(ui);
    require_nodes(&lab).await?;
    run::end_open_experiments(&lab).await;
    let seed = args.seed.unwrap_or_else(rand::random);
    ui.detail(&format!("seed {seed}"));

    let events: Mutex<Vec<Entry>> = Mutex::default();
    let record = |event: Event| {
        let entry = Entry { at: run::now(), event };
        events.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    };
    let progress = Progress::new(ui, fault.name());
    let told = |_| "waits until the canary has seen enough to judge by".to_owned();
    if !progress.during(told, run::await_history(&lab)).await {
        ui.warn("the canary has seen too little good service to judge this fault by");
    }
    let since = run::now();
    let mut interrupt = Interrupt::listen()?;
    let result = one_fault(&lab, &fault, seed, &record, &mut interrupt, ui).await;
    let entries = std::mem::take(&mut *events.lock().unwrap_or_else(PoisonError::into_inner));
    for entry in &entries {
        match &entry.event {
            Event::CrowdAnswered(crowd) => ui.step(&crowd.to_string()),
            Event::FloodEnded(flood) => ui.step(&flood.to_string()),
            _ => {}
        }
    }
    if let Err(e) = lab.control().append(&entries).await {
        ui.warn(&format!("the control plane does not answer ({e}): there is no canary to ask"));
        // Nobody can judge what was not written down.
        return result.map(|code| if code == 0 { INCONCLUSIVE } else { code });
    }
    let code = result?;
    if code == 0 || code == INCONCLUSIVE {
        tokio::select! {
            reported = report_canary(&lab, &fault, since, args, ui) => reported?,
            code = interrupt.come() => return Ok(code),
        }
    }
    Ok(code)
}

/// A lab whose start was interrupted, or of which somebody has removed something, has nothing to show.
async fn require_nodes(lab: &RunningLab) -> Result<(), CliError> {
    let ailments = lab.ailments().await?;
    let lasting = ailments.iter().filter(|(node, ailment)| ailment.lasts(node));
    let lasting: Vec<String> = lasting.map(|(node, what)| format!("{node}: {what}")).collect();
    if lasting.is_empty() {
        return Ok(());
    }
    let error = format!("the lab is not whole: {}", lasting.join("; "));
    Err(CliError::environment(error).hint("`lab up` with the same stage repairs it"))
}

/// Injects, waits and heals; Ctrl-C heals at once, also when it came during the injection.
async fn one_fault(
    lab: &RunningLab,
    fault: &Fault,
    seed: u64,
    record: &(dyn Fn(Event) + Sync),
    interrupt: &mut Interrupt,
    ui: &Ui,
) -> Result<u8, CliError> {
    let (roles, awake) = (lab.roles().await, lab.awake().await?);
    let injection =
        resolve(fault, &lab.stage, &awake, &lab.places, &roles, seed).map_err(ChaosError::from)?;
    let image = &lab.holder_image;
    let secret = &lab.network.secret;
    let stage = &lab.stage.traffic;
    let workload = std::sync::Arc::new(lab.stage.workload());
    let site = lab.site();
    let traffic = Traffic { stage, site, key_prefix: CANARY_PREFIX, workload, seed };
    let injector =
        Injector { engine: &lab.engine, places: &lab.places, image, secret, traffic, record };
    ui.step(&format!("{} on {}", fault.name(), injection.nodes.join(", ")));
    let id = format!("{:08x}", run::now() & 0xffff_ffff);
    let mut active = injector.inject(&id, &injection).await?;
    match &active.evidence {
        Some(evidence) => ui.step(&format!("confirmed: {evidence}")),
        None => ui.warn("the effect could not be confirmed"),
    }
    let until = active.since + active.duration;
    ui.step(&format!("healing after {:.1} s: {}", active.duration.as_secs_f64(), injection.heal));
    let progress = Progress::new(ui, fault.name());
    let told = |at| format!("in effect, {}", run::remaining(active.duration, at));
    let in_effect = progress.during(told, tokio::time::sleep_until(until.into()));
    let interrupted = tokio::select! {
        () = in_effect => None,
        code = interrupt.come() => Some(code),
    };
    active.heal(&lab.engine, record).await?;
    if let Some(code) = interrupted {
        ui.step("interrupted: the fault is healed");
        return Ok(code);
    }
    tokio::select! {
        () = await_calm(lab, &progress, ui) => Ok(exit_code(&active)),
        code = interrupt.come() => {
            ui.step("interrupted: the fault was healed before");
            Ok(code)
        }
    }
}

async fn await_calm(lab: &RunningLab, progress: &Progress<'_>, ui: &Ui) {
    match progress.until_whole(lab, WHOLE_LIMIT).await {
        Ok(took) => ui.done("healed, and every node is back", took),
        Err(e) => ui.warn(&e.to_string()),
    }
    tokio::time::sleep(WATCH_AFTER).await;
}

fn exit_code(active: &Active) -> u8 {
    if active.evidence.is_some() { 0 } else { INCONCLUSIVE }
}

/// Judges the stretch of the canary's history around the fault and prints what users saw.
async fn report_canary(
    lab: &RunningLab,
    fault: &Fault,
    since: i64,
    args: &ChaosArgs,
    ui: &Ui,
) -> Result<(), CliError> {
    let journal = lab.control().journal().await.map_err(|e| {
        CliError::environment(format!("the control plane's journal cannot be read: {e}"))
    })?;
    let recent = run::around_fault(journal, since, WATCH_BEFORE_MICROS);
    let entries = verify::since_up_entries(lab, &recent, "chaos", args.seed.unwrap_or(0)).await;
    let findings = judging::judge(&entries)
        .map_err(|e| CliError::environment(format!("the canary's history: {e}")))?;
    let Some(experiment) = findings.experiments.first() else { return Ok(()) };
    match args.format {
        Format::Json => ui.json(&report::results_json(&findings)),
        Format::Text => ui.prose(&report::seen(fault.name(), experiment), 4),
    }
    Ok(())
}

/// The fault that the user means, with what the user gave.
fn chosen(stage: &Stage, args: &ChaosArgs) -> Result<Fault, CliError> {
    let offers = offers(stage);
    let Some(offer) = offers.iter().find(|o| o.name == args.fault) else {
        let close = offers
            .iter()
            .map(|o| (strsim::damerau_levenshtein(&o.name, &args.fault), &o.name))
            .filter(|(distance, _)| *distance <= 3)
            .min();
        let names: Vec<&str> = offers.iter().map(|o| o.name.as_str()).collect();
        let error = CliError::usage(format!(
            "{} has no fault `{}`; there are: {}",
            stage.stage,
            args.fault,
            names.join(", ")
        ));
        return Err(match close {
            Some((_, name)) => error.hint(format!("did you mean `{name}`?")),
            None => error.hint("`lab chaos list` explains them"),
        });
    };
    check_zone(stage, args.zone.as_deref())?;
    let adjust = Adjust {
        tier: args.target.clone(),
        zone: args.zone.clone(),
        mode: args.mode,
        for_ms: args.duration.map(millis),
        latency_ms: args.latency.map(millis),
        jitter_ms: args.jitter.map(millis),
        lag_ms: args.lag.map(millis),
        connections: args.connections,
        requests: args.requests,
        path: args.path.clone(),
        operation: args.operation.clone(),
        signed_in: args.signed_in.then_some(true),
        factor: args.factor,
        percent: args.percent,
        clients: args.clients,
        per_s: args.per_second,
        release: args.release.clone(),
        ramp_ms: args.ramp.map(millis),
    };
    adjusted(&offer.fault, adjust).map_err(|flag| {
        CliError::usage(format!("{} does not understand {flag}", offer.name)).hint(format!(
            "it understands: {}",
            if offer.flags.is_empty() { "no flag" } else { offer.flags }
        ))
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn check_zone(stage: &Stage, zone: Option<&str>) -> Result<(), CliError> {
    let zones: Vec<&str> =
        stage.regions.iter().flat_map(|r| &r.zones).map(String::as_str).collect();
    match zone {
        Some(zone) if !zones.contains(&zone) => Err(CliError::usage(format!(
            "{} has no zone `{zone}`; there are: {}",
            stage.stage,
            zones.join(", ")
        ))),
        _ => Ok(()),
    }
}
