//! Did enough requests succeed?
//!
//! In a declared experiment the share counts over all of it: its length is part of the stage file.
//! The history since `lab up` has any length, so a share over all of it would say more about when
//! somebody asked than about the architecture: there the outages of faults injected by hand are
//! left to the recovery check, and the rest has to be available.

use crate::journal::{Op, Outcome};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::measure;

pub(super) fn check(case: &Case<'_>) -> Finding {
    let ops: Vec<&Op> = case.history.ops.iter().copied().filter(|op| judged(case, op)).collect();
    let objective = case.objectives.availability_percent;
    let failed = ops.iter().filter(|op| op.outcome != Outcome::Ok).count();
    let Some(share) = measure::availability(ops.iter().copied()) else {
        let (part, summary) = if case.is_quiet() {
            (Part::Pass, "no fault and no canary traffic: nothing to judge")
        } else {
            (Part::Inconclusive, "no operation to measure availability by")
        };
        return Finding::new(Check::Availability, part, summary);
    };
    let part = if share >= objective { Part::Pass } else { Part::Fail };
    let scope = if case.since_up && !case.outages.is_empty() { " outside of outages" } else { "" };
    let summary = format!(
        "{share:.2} % of {} operations succeeded{scope} (objective {objective} %)",
        ops.len()
    );
    let longest = measure::longest_outage(&case.history.ops, case.standard()) as f64 / 1e6;
    Finding::new(Check::Availability, part, summary).with([
        format!("{failed} failed or unknown, of which {} dropped", measure::drops(&ops)),
        format!("longest outage {longest:.2} s"),
    ])
}

fn judged(case: &Case<'_>, op: &Op) -> bool {
    !case.since_up || !case.outages.iter().any(|outage| outage.touches(op))
}
