//! Of many who ask at the same moment for an object that no edge cache has: was one passed on?
//!
//! Each edge node may ask the origin once, and everybody must be answered well. What is no edge cache
//! passes all of them on, and fails: that is what an edge cache is for. Nobody promised it of a stage
//! without one, so there a crowd that was sent by hand is not held against it.

use crate::journal::CrowdAnswered;
use crate::spec::model::{Kind, Stage};
use crate::spec::slots::{Duty, slots};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::crowds::{Shown, judged, unanswered};

pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let edges = edge_nodes(case.stage);
    if case.since_up && edges == 0 {
        return None;
    }
    judged(case, Check::RequestCollapsing, false, |crowd| collapsed(crowd, edges.max(1)))
}

fn collapsed(crowd: &CrowdAnswered, allowed: u32) -> Shown {
    let fetches = match crowd.origin_fetches {
        1 => "1 origin fetch".to_owned(),
        n => format!("{n} origin fetches"),
    };
    let begun = format!("{} requests at once for a cold object: {fetches}", crowd.asked);
    if crowd.origin_fetches > allowed {
        return (Part::Fail, format!("{begun}, {allowed} allowed"));
    }
    if let Some(unanswered) = unanswered(crowd) {
        return (Part::Fail, format!("{begun}, and only {unanswered}"));
    }
    match crowd.origin_fetches {
        0 => (Part::Inconclusive, format!("{begun}: somebody had asked for it before")),
        _ => (Part::Pass, format!("{begun}, and all were answered")),
    }
}

/// How many edge caches take the traffic.
fn edge_nodes(stage: &Stage) -> u32 {
    let entry = &stage.traffic.entry;
    match stage.tiers.get(entry) {
        Some(tier) if matches!(tier.kind, Kind::Cdn(_)) => {
            let members = slots(entry, tier).iter().filter(|s| s.duty == Duty::Member).count();
            u32::try_from(members).unwrap_or(u32::MAX)
        }
        _ => 0,
    }
}
