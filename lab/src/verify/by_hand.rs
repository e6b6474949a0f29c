//! Faults injected by hand may lie hours apart: which of them belong together, and for how long what
//! happens to service belongs to them.
//!
//! A fault joins the one before when it was injected before that one was healed, or within that one's
//! RTO objective; otherwise it begins an outage of its own. An outage lasts until its faults are healed,
//! their RTO objective is over, the nodes that they hit are back, and service has then been good for
//! [`CALM`]. What happens after that is no part of it, whatever it is.

use std::collections::BTreeMap;

use crate::journal::{ControlEvent, Micros, Op};
use crate::spec::model::Stage;

use super::history::{FaultRecord, History};
use super::measure::{self, Outage};
use super::objectives;
use super::recovery::{self, Standard};

/// How long service has to be good after a fault until its recovery is over.
pub const CALM: Micros = 10_000_000;

/// How long after the heal a node that was hit may come back; as long as a lab has to be whole again.
const WHOLE: Micros = 90_000_000;

/// Faults that belong together.
struct Group<'a> {
    from: Micros,
    /// All of them are healed, and what they may take is over.
    settled: Micros,
    faults: Vec<&'a FaultRecord<'a>>,
}

/// The outages of faults injected by hand, in their order. `faults` took effect at these moments.
pub fn outages<'a>(
    history: &'a History<'a>,
    stage: &Stage,
    faults: Vec<(Micros, &'a FaultRecord<'a>)>,
) -> Vec<Outage<'a>> {
    let groups = groups(stage, faults);
    let starts: Vec<Micros> = groups.iter().skip(1).map(|group| group.from).collect();
    let nexts = starts.into_iter().chain([history.traffic_end()]);
    groups
        .into_iter()
        .zip(nexts)
        .map(|(group, next)| {
            let own = objectives::of_manual(stage, group.faults.iter().filter_map(|f| f.fault));
            let standard = Standard::new(own.p99_ms, stage.objectives.availability_percent);
            let until = over(history, &group, next, standard).max(group.from);
            measure::outage(history, group.faults, group.from, until, standard, own.rto_ms)
        })
        .collect()
}

fn groups<'a>(stage: &Stage, faults: Vec<(Micros, &'a FaultRecord<'a>)>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (from, fault) in faults {
        let rto_ms = objectives::of_manual(stage, fault.fault).rto_ms;
        let rto = i64::try_from(rto_ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
        let settled = fault.healed_at.unwrap_or(Micros::MAX).max(from.saturating_add(rto));
        match groups.last_mut() {
            Some(group) if from < group.settled => {
                group.settled = settled.max(group.settled);
                group.faults.push(fault);
            }
            _ => groups.push(Group { from, settled, faults: vec![fault] }),
        }
    }
    groups
}

/// When the recovery is over, at the latest at `next`.
fn over(history: &History<'_>, group: &Group<'_>, next: Micros, standard: Standard) -> Micros {
    let back = back(history, group);
    if back >= next {
        return next;
    }
    let ops: Vec<&Op> = history.ops.iter().copied().filter(|op| op.intended < next).collect();
    recovery::calm_after(&ops, back, CALM, next, standard)
}

/// When the nodes that were hit were back. One that is lost again after everything was settled was not
/// lost to these faults.
fn back(history: &History<'_>, group: &Group<'_>) -> Micros {
    let hit = |node: &String| group.faults.iter().any(|f| f.nodes.contains(node));
    let within = group.from..=group.settled.saturating_add(WHOLE);
    let mut lost: BTreeMap<&str, Micros> = BTreeMap::new();
    let mut back = group.settled;
    for (at, event) in history.controls.iter().filter(|(at, _)| within.contains(at)) {
        match event {
            ControlEvent::Detected { node, .. } if hit(node) => {
                lost.insert(node, *at);
            }
            ControlEvent::Recovered { node } => {
                let seen = lost.remove(node.as_str()).is_some_and(|since| since <= group.settled);
                back = if seen { back.max(*at) } else { back };
            }
            _ => {}
        }
    }
    back
}
