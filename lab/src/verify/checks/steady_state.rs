//! Was the lab healthy before the fault? If not, nothing after it can be blamed on the fault, and a
//! negative control that "breaks" has shown nothing.

use crate::journal::{Micros, Op, Outcome, Phase};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::measure::Outage;
use super::super::recovery::{MAX_WINDOW_PERCENT, Standard, within};
use super::plural;

/// How many operations before the fault are enough to call the lab healthy.
pub const MIN_STEADY: usize = 10;

/// How long before a fault injected by hand the canary has to be healthy, in microseconds: what
/// happened long ago says nothing about now.
pub const MANUAL_STEADY: Micros = 5_000_000;

pub(super) fn check(case: &Case<'_>) -> Finding {
    let mut gaps = Vec::new();
    let mut seen = 0;
    let mut since = case.history.phase(Phase::Steady).unwrap_or(case.history.start);
    for outage in &case.outages {
        if case.since_up {
            since = since.max(outage.from - MANUAL_STEADY);
        }
        let steady = steady(case, since, outage.from);
        seen += steady.len();
        gaps.extend(gap(case, &steady, outage));
        if outage.is_proven_failure() {
            // What comes after it was not healthy because of this fault: that hides nothing.
            break;
        }
        since = outage.over();
    }
    match gaps.first() {
        Some(first) => Finding::new(Check::SteadyState, Part::Inconclusive, first.clone())
            .with(gaps.iter().skip(1).cloned()),
        None if case.outages.is_empty() => {
            Finding::new(Check::SteadyState, Part::Pass, "no fault to compare with")
        }
        None => {
            let summary = format!("healthy over {} before the fault", plural(seen, "operation"));
            let earlier = case.history.unsteady.iter();
            Finding::new(Check::SteadyState, Part::Pass, summary)
                .with(earlier.map(|why| format!("begun anew, because {why}")))
        }
    }
}

/// The operations that say something about the time before the fault: those whose outcome was known
/// by then, and those that had already taken too long.
fn steady<'a>(case: &Case<'a>, since: Micros, fault: Micros) -> Vec<&'a Op> {
    let limit = case.standard().latency;
    case.history
        .ops
        .iter()
        .copied()
        .filter(|op| (since..fault).contains(&op.intended))
        .filter(|op| op.done <= fault || fault - op.intended > limit)
        .collect()
}

fn gap(case: &Case<'_>, steady: &[&Op], outage: &Outage<'_>) -> Option<String> {
    let label = outage.label();
    if steady.len() < MIN_STEADY {
        return Some(format!(
            "only {} before {label}, too few to say that it was healthy (at least {MIN_STEADY})",
            plural(steady.len(), "operation")
        ));
    }
    let why = unhealthy(steady, case.standard())?;
    Some(format!("was not healthy before {label}: {why}"))
}

/// Why these operations are not those of a healthy service.
pub fn unhealthy(ops: &[&Op], standard: Standard) -> Option<String> {
    let ok = ops.iter().filter(|op| op.outcome == Outcome::Ok).count();
    let fast = ops.iter().filter(|op| standard.is_good(op)).count();
    if !within(ok, ops.len(), standard.percent) {
        return Some(format!("{} of {} failed", plural(ops.len() - ok, "operation"), ops.len()));
    }
    (!within(fast, ok, MAX_WINDOW_PERCENT)).then(|| {
        let (slow, limit) = (plural(ok - fast, "operation"), standard.latency / 1000);
        format!("{slow} of {ok} took longer than {limit} ms")
    })
}
