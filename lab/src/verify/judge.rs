//! Judges every experiment of a journal.

use crate::journal::{Entry, Event, Micros, Op};
use crate::spec::model::{Expectation, Experiment, Fault, Objectives, Stage, TimedFault};

use super::by_hand;
use super::checks;
use super::findings::{EarlierTry, ExperimentFindings, FaultFinding, Measured, RunFindings};
use super::history::{FaultRecord, History};
use super::measure::{self, Outage};
use super::memory;
use super::recovery::Standard;
use super::split::{JudgeError, head, histories};
use super::stalls;
use super::verdict;
use super::writes::{self, Account};
use super::{SINCE_UP, objectives};

/// Everything the checks of one experiment look at.
pub struct Case<'a> {
    /// What happened.
    pub history: &'a History<'a>,
    /// The stage it happened in.
    pub stage: &'a Stage,
    /// What is expected.
    pub expectation: Expectation,
    /// The objectives that hold.
    pub objectives: Objectives,
    /// What the stage file says is to be injected; empty for [`SINCE_UP`].
    pub declared: &'a [TimedFault],
    /// Whether this is [`SINCE_UP`].
    pub since_up: bool,
    /// Groups of faults with the time to recovery of each, in order.
    pub outages: Vec<Outage<'a>>,
    /// What became of the promised writes.
    pub accounts: Vec<Account<'a>>,
}

impl Case<'_> {
    /// What good service means here.
    pub fn standard(&self) -> Standard {
        standard(self.stage, &self.objectives)
    }

    /// Whether there is nothing to judge but invariants: nothing was injected by hand.
    pub fn is_quiet(&self) -> bool {
        self.since_up && self.history.faults.is_empty()
    }

    /// Whether an operation was due while service was not within its objectives.
    pub fn in_outage(&self, op: &Op) -> bool {
        self.outages.iter().any(|outage| outage.covers(op))
    }

    /// Whether an operation was due while service was not within its objectives and something was
    /// broken.
    pub fn is_excused(&self, op: &Op) -> bool {
        let breaks = |fault: &&FaultRecord<'_>| {
            !matches!(fault.fault, Some(Fault::Spike(_) | Fault::Deploy(_)))
        };
        let excused = |outage: &&Outage<'_>| outage.faults.iter().any(breaks);
        self.outages.iter().filter(excused).any(|outage| outage.covers(op))
    }

    /// What was still missing of the lab long after its faults were healed, when it was promised to
    /// survive them and every heal was confirmed: then that is what they left behind.
    pub fn left_behind(&self) -> Option<&str> {
        let faults = &self.history.faults;
        let healed = !faults.is_empty() && faults.iter().all(|f| f.heal_evidence.is_some());
        let lost = !self.history.lost_nodes.is_empty();
        let promised = !self.since_up && self.expectation == Expectation::Survives;
        let judged = healed && lost && promised;
        self.history.not_whole.filter(|_| judged)
    }

    /// A moment in words, relative to the first fault where there is one.
    pub fn moment(&self, at: Micros) -> String {
        let (from, event) = match self.history.first_fault() {
            Some(fault) => (fault, "the fault"),
            None => (self.history.start, "the start"),
        };
        let seconds = (at - from) as f64 / 1e6;
        if seconds < 0.0 {
            format!("{:.3} s before {event}", -seconds)
        } else {
            format!("{seconds:.3} s after {event}")
        }
    }
}

fn standard(stage: &Stage, objectives: &Objectives) -> Standard {
    Standard::new(objectives.p99_ms, stage.objectives.availability_percent)
}

/// Judges a whole journal, which must be complete up to and including `RunEnded`: without that line
/// the run counts as cut short.
pub fn judge(entries: &[Entry]) -> Result<RunFindings, JudgeError> {
    let (first, head) = head(entries)?;
    let stage = head.stage.as_ref();
    let mut experiments = Vec::new();
    for history in &histories(entries)? {
        let mut found = judge_one(history, stage)?;
        found.earlier = earlier_tries(&mut experiments, &found);
        experiments.push(found);
    }
    Ok(RunFindings {
        run: head.run.clone(),
        stage: stage.stage.clone(),
        title: stage.title.clone(),
        users: stage.users,
        rate_per_s: stage.traffic.rate_per_s,
        derived_peak_per_s: stage.traffic.derived_peak_per_s(stage.users),
        time_scale: stage.time_scale,
        seed: head.seed,
        version: head.version.clone(),
        quick: head.quick,
        started_at: first.at,
        complete: entries.iter().any(|e| e.event == Event::RunEnded),
        experiments,
    })
}

/// Takes the try before this one out of what counts when it proved nothing.
fn earlier_tries(
    before: &mut Vec<ExperimentFindings>,
    found: &ExperimentFindings,
) -> Vec<EarlierTry> {
    let replaced = before.pop_if(|last| last.name == found.name && last.can_be_repeated());
    replaced.map(ExperimentFindings::into_earlier).unwrap_or_default()
}

fn judge_one(history: &History<'_>, stage: &Stage) -> Result<ExperimentFindings, JudgeError> {
    let experiment = stage.experiments.get(history.name);
    if experiment.is_none() && history.name != SINCE_UP {
        return Err(JudgeError::UnknownExperiment {
            experiment: history.name.to_owned(),
            stage: stage.stage.clone(),
        });
    }
    let case = case(history, stage, experiment);
    let mut findings = checks::all(&case);
    stalls::excuse(&mut findings, history, |calm| {
        checks::of_speed(&self::case(calm, stage, experiment))
    });
    memory::excuse(&mut findings, history, case.standard(), |calm| {
        checks::of_speed(&self::case(calm, stage, experiment))
    });
    findings.splice(0..0, checks::memory(&case, &findings));
    let why = experiment.and_then(|e| e.why.as_deref());
    let verdict = verdict::combine(case.expectation, &findings);
    Ok(ExperimentFindings {
        name: history.name.to_owned(),
        expectation: case.expectation,
        why: why.map(str::to_owned),
        verdict,
        standing: verdict::standing(case.expectation, verdict),
        reasons: verdict::reasons(case.expectation, verdict, &findings, why),
        measured: measured(&case),
        faults: history.faults.iter().map(fault_finding).collect(),
        findings,
        maps: history.maps.iter().map(|map| (*map).clone()).collect(),
        objectives: case.objectives,
        earlier: Vec::new(),
        started_at: history.start,
        ended_at: history.end,
    })
}

fn case<'a>(
    history: &'a History<'a>,
    stage: &'a Stage,
    experiment: Option<&'a Experiment>,
) -> Case<'a> {
    let planned = history.faults.iter().filter_map(|f| f.fault);
    let objectives = match experiment {
        Some(experiment) => objectives::of_experiment(stage, experiment),
        None => objectives::of_manual(stage, planned),
    };
    Case {
        history,
        stage,
        expectation: experiment.map_or(Expectation::Survives, |e| e.expect),
        declared: experiment.map_or(&[], |e| &e.faults),
        since_up: experiment.is_none(),
        outages: match experiment {
            Some(_) => one_outage(history, standard(stage, &objectives), objectives.rto_ms),
            None => by_hand::outages(history, stage, injected(history)),
        },
        accounts: writes::accounts(history),
        objectives,
    }
}

/// The faults that took effect, in the order of injection.
fn injected<'a>(history: &'a History<'a>) -> Vec<(Micros, &'a FaultRecord<'a>)> {
    let mut faults: Vec<_> =
        history.faults.iter().filter_map(|f| f.injected_at.map(|at| (at, f))).collect();
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// In a declared experiment all faults belong together.
fn one_outage<'a>(history: &'a History<'a>, standard: Standard, rto_ms: u64) -> Vec<Outage<'a>> {
    let faults = injected(history);
    let Some(&(from, _)) = faults.first() else { return Vec::new() };
    let until = history.traffic_end().max(from);
    let faults = faults.into_iter().map(|(_, f)| f).collect();
    vec![measure::outage(history, faults, from, until, standard, rto_ms)]
}

fn measured(case: &Case<'_>) -> Measured {
    let ops = &case.history.ops;
    let outside = ops.iter().copied().filter(|op| !case.is_excused(op));
    let worst = case.outages.iter().max_by_key(|outage| outage.rto.worst.severity());
    Measured {
        availability_percent: measure::availability(ops.iter().copied()),
        latency: measure::quantiles(outside),
        rto: worst.map(|outage| outage.rto.clone()),
        lost: writes::lost(&case.accounts, case.history.first_fault()),
        ops: measure::counts(ops),
        drops: measure::drops(ops),
        longest_outage: measure::longest_outage(ops, case.standard()),
    }
}

fn fault_finding(record: &FaultRecord<'_>) -> FaultFinding {
    FaultFinding {
        id: record.id.to_owned(),
        fault: record.name().to_owned(),
        nodes: record.nodes.to_vec(),
        injected_at: record.injected_at,
        healed_at: record.healed_at,
        evidence: record.evidence.map(str::to_owned),
        heal_evidence: record.heal_evidence.map(str::to_owned),
    }
}
