//! Did a group grow with a spike, and shrink again without an error that a client saw?
//!
//! What the control plane did stands in the journal. A spike that no group grew for was none, and one
//! after which none was seen to shrink shows half of what is promised: both prove nothing. What fails once
//! the traffic is the stage's own again fails because tasks end.

use std::collections::BTreeMap;

use crate::journal::{ControlEvent, Micros, Op, Outcome};
use crate::spec::model::{Expectation, Fault, Kind};

use super::super::findings::{Check, Finding, Part};
use super::super::history::FaultRecord;
use super::super::judge::Case;
use super::plural;

/// How long after a spike answers may still belong to it: as long as a client waits.
const LATE: Micros = 6_000_000;

/// Nothing where no group scales, or nobody promised that one would.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let promised = !case.since_up && case.expectation == Expectation::Survives;
    if !promised || !case.stage.tiers.keys().any(|tier| scales(case, tier)) {
        return None;
    }
    let is_spike = |f: &&FaultRecord<'_>| matches!(f.fault, Some(Fault::Spike(_)));
    let spike = case.history.faults.iter().find(is_spike)?;
    let from = spike.injected_at?;
    // What else is broken is none of the group's doing.
    let over = case.history.faults.iter().filter_map(|f| f.healed_at).max()?;
    let (part, summary) = judge(case, from, spike.healed_at?, over);
    Some(Finding::new(Check::Scaling, part, summary))
}

fn scales(case: &Case<'_>, tier: &str) -> bool {
    let found = case.stage.tiers.iter().find(|(name, _)| name.as_str() == tier);
    matches!(found.map(|(_, t)| &t.kind), Some(Kind::Service(s)) if s.scaling.is_some())
}

fn judge(case: &Case<'_>, from: Micros, healed: Micros, over: Micros) -> (Part, String) {
    let mut grown: BTreeMap<&str, u16> = BTreeMap::new();
    let mut shrunk: BTreeMap<&str, u16> = BTreeMap::new();
    for (at, event) in &case.history.controls {
        let ControlEvent::Scaled { tier, from: before, to, .. } = event else { continue };
        if to > before && *at >= from && scales(case, tier) {
            let most = grown.entry(tier).or_default();
            *most = (*most).max(*to);
        } else if to < before && *at >= healed {
            shrunk.insert(tier, *to);
        }
    }
    if grown.is_empty() {
        return (Part::Inconclusive, "no group grew: nothing shows that it would have".into());
    }
    if let Some((tier, most)) = grown.iter().find(|(tier, _)| !shrunk.contains_key(*tier)) {
        return (Part::Inconclusive, format!("{tier} grew to {most} and was not seen to shrink"));
    }
    let least = |tier: &str| shrunk.get(tier).copied().unwrap_or_default();
    let words = grown
        .iter()
        .map(|(tier, most)| format!("{tier} grew to {most} and shrank to {} tasks", least(tier)));
    let what = words.collect::<Vec<_>>().join(", ");
    // What the generator itself was too late to send nobody was asked.
    let sent = |op: &&&Op| !(op.was_dropped() && op.detail == Op::TOO_LATE);
    let after = |op: &&&Op| op.intended >= over + LATE;
    let ops: Vec<&&Op> = case.history.ops.iter().filter(after).filter(sent).collect();
    let failed = ops.iter().filter(|op| op.outcome != Outcome::Ok).count();
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
