//! Was everything that the stage file declares injected, shown to be there, undone, and shown to be
//! gone? Whatever is not makes the experiment inconclusive, by name.

use std::mem::discriminant;

use crate::spec::model::Fault;

use super::super::findings::{Check, Finding, Part};
use super::super::history::FaultRecord;
use super::super::judge::Case;
use super::plural;

pub(super) fn check(case: &Case<'_>) -> Finding {
    let faults = &case.history.faults;
    let mut gaps = never_planned(case);
    gaps.extend(faults.iter().flat_map(gaps_of));
    if case.left_behind().is_none() {
        gaps.extend(case.history.not_whole.map(|why| format!("after the heal, {why}")));
    }
    let evidence = faults.iter().flat_map(evidence_of);
    let finding = match gaps.first() {
        None if faults.is_empty() => {
            Finding::new(Check::FaultEffect, Part::Pass, "no fault is declared")
        }
        None => {
            let summary = format!("{} took effect and were undone", plural(faults.len(), "fault"));
            let summary = if faults.len() == 1 {
                "the fault took effect and was undone".to_owned()
            } else {
                summary
            };
            Finding::new(Check::FaultEffect, Part::Pass, summary)
        }
        Some(first) => Finding::new(Check::FaultEffect, Part::Inconclusive, first.clone())
            .with(gaps.iter().skip(1).cloned()),
    };
    finding.with(evidence)
}

/// Declared kinds of fault of which fewer were planned. The plan may fill in what the stage file
/// leaves open (the tier, the zone), so only the kind is compared.
fn never_planned(case: &Case<'_>) -> Vec<String> {
    let mut open: Vec<_> = case.history.faults.iter().filter_map(|f| f.fault).collect();
    let mut missing = Vec::new();
    for declared in case.declared {
        let same = |f: &&Fault| discriminant(*f) == discriminant(&declared.fault);
        match open.iter().position(same) {
            Some(at) => drop(open.swap_remove(at)),
            None => {
                missing.push(format!("{} is declared and was never planned", declared.fault.name()))
            }
        }
    }
    missing
}

/// The first step that is not shown, in the order of a fault's life. What follows a missing step is
/// not reported again, except for the heal: a fault may have been left behind.
fn gaps_of(fault: &FaultRecord<'_>) -> Vec<String> {
    let label = fault.label();
    let mut gaps = Vec::new();
    if fault.fault.is_none() {
        gaps.push(format!("fault {label} was not planned in the journal"));
    }
    if fault.injected_at.is_none() {
        gaps.push(format!("{label} was planned and never injected"));
    } else if fault.evidence.is_none() {
        let reason = fault.unconfirmed.unwrap_or("nothing was read back before the heal");
        gaps.push(format!("the effect of {label} is not confirmed: {reason}"));
    }
    if let Some(reason) = fault.ended {
        gaps.push(format!("{label} ended before its heal: {reason}"));
    }
    if fault.injected_at.is_some() && fault.healed_at.is_none() {
        gaps.push(format!("{label} was never healed"));
    } else if fault.injected_at.is_some() && fault.heal_evidence.is_none() {
        let reason = fault.heal_unconfirmed.unwrap_or("nothing was read back after it");
        gaps.push(format!("the heal of {label} is not confirmed: {reason}"));
    }
    gaps
}

fn evidence_of(fault: &FaultRecord<'_>) -> Vec<String> {
    let line = |what: &str, seen: &str| format!("{}: {what}: {seen}", fault.label());
    let effect = fault.evidence.map(|seen| line("confirmed", seen));
    let heal = fault.heal_evidence.map(|seen| line("healed", seen));
    effect.into_iter().chain(heal).collect()
}
