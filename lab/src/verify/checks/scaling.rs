//! Did a group grow with a spike, and shrink again without an error that a client saw?
//!
//! What the control plane did stands in the journal. A spike that no group grew for was none, and one
//! after which none was seen to shrink shows half of what is promised: both prove nothing. What fails once
//! the traffic is the stage's own again fails because tasks end.

use crate::journal::{ControlEvent, Micros, Op, Outcome};
use crate::spec::model::{Fault, Kind};

use super::super::findings::{Check, Finding, Part};
use super::super::history::FaultRecord;
use super::super::judge::Case;
use super::plural;

/// How long after a spike answers may still belong to it: as long as a client waits.
const LATE: Micros = 6_000_000;

/// Nothing where no group scales, or nobody promised that one would.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let scales = |kind: &Kind| matches!(kind, Kind::Service(s) if s.scaling.is_some());
    if case.since_up || !case.stage.tiers.values().any(|tier| scales(&tier.kind)) {
        return None;
    }
    let is_spike = |f: &&FaultRecord<'_>| matches!(f.fault, Some(Fault::Spike(_)));
    let spike = case.history.faults.iter().rfind(is_spike)?;
    let (from, healed) = spike.injected_at.zip(spike.healed_at)?;
    let (part, summary) = judge(case, from, healed);
    Some(Finding::new(Check::Scaling, part, summary))
}

fn judge(case: &Case<'_>, from: Micros, healed: Micros) -> (Part, String) {
    let changes = |larger: bool, since: Micros| -> Vec<(&str, u16)> {
        let events = case.history.controls.iter().filter(|(at, _)| *at >= since);
        let change = events.filter_map(|(_, event)| match event {
            ControlEvent::Scaled { tier, from, to, .. } if (to > from) == larger => {
                Some((tier.as_str(), *to))
            }
            _ => None,
        });
        change.collect()
    };
    let of_scaling = |(tier, _): &(&str, u16)| {
        let kind = case.stage.tiers.iter().find(|(name, _)| name.as_str() == *tier);
        matches!(kind.map(|(_, t)| &t.kind), Some(Kind::Service(s)) if s.scaling.is_some())
    };
    let grown = changes(true, from).into_iter().filter(of_scaling).max_by_key(|(_, to)| *to);
    let Some((tier, most)) = grown else {
        return (Part::Inconclusive, "no group grew: nothing shows that it would have".into());
    };
    let shrunk = changes(false, healed).into_iter().filter(|(name, _)| *name == tier).next_back();
    let Some((_, least)) = shrunk else {
        return (Part::Inconclusive, format!("{tier} grew to {most} and was not seen to shrink"));
    };
    let after = |op: &&&Op| op.intended >= healed + LATE;
    let ops: Vec<&&Op> = case.history.ops.iter().filter(after).collect();
    let failed = ops.iter().filter(|op| op.outcome != Outcome::Ok).count();
    let what = format!("{tier} grew to {most} and shrank to {least} tasks");
    match (failed, ops.len()) {
        (_, 0) => (Part::Inconclusive, format!("{what}, and nobody asked anything meanwhile")),
        (0, all) => {
            (Part::Pass, format!("{what}, and none of {all} requests failed after the spike"))
        }
        (failed, all) => (
            Part::Fail,
            format!("{what}, and {} of {all} failed after the spike", plural(failed, "request")),
        ),
    }
}
