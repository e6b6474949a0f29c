//! What happened to the lab between `up` and now that no fault explains: a promotion, a node that was
//! lost. It is told, and breaks nothing by itself: what users saw of it is judged as steady traffic is.

use crate::journal::{ControlEvent, Micros, Op, Outcome};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::measure;
use super::listed;

/// The control plane may notice a fault a moment before its effect is written down.
const SLACK: Micros = 1_000_000;

/// How long before an event what users saw of it is looked at, and how long after it.
const SEEN_BEFORE: Micros = 5_000_000;
const SEEN_WITHIN: Micros = 30_000_000;

/// Nothing in a declared experiment, and when there is nothing to tell.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.since_up {
        return None;
    }
    // Before the site was up for the first time nobody was promised anything.
    let up = case.history.ops.iter().find(|op| op.outcome == Outcome::Ok)?.intended;
    let explained = |at: Micros| {
        case.outages.iter().any(|outage| (outage.from - SLACK..=outage.until).contains(&at))
    };
    let events = case.history.controls.iter().filter(|(at, _)| *at >= up && !explained(*at));
    let told: Vec<(Micros, String)> =
        events.filter_map(|(at, event)| Some((*at, told(event)?))).collect();
    let is_promotion = |(_, what): &&(Micros, String)| what.starts_with(PROMOTION);
    let (at, what) = told.iter().find(is_promotion).or(told.first())?;
    let more = match told.len() - 1 {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let summary = format!("{what} that no fault explains, {}{more}", case.moment(*at));
    let line = |(at, what): &(Micros, String)| {
        format!("{what}, {}; {}", case.moment(*at), seen(case, *at))
    };
    Some(
        Finding::new(Check::Unexplained, Part::Pass, summary)
            .with(listed(told.iter().map(line).collect())),
    )
}

const PROMOTION: &str = "promotion";

fn told(event: &ControlEvent) -> Option<String> {
    match event {
        ControlEvent::Promoted { node } => Some(format!("{PROMOTION} of {node}")),
        ControlEvent::Detected { node, how } => Some(format!("loss of {node} ({how})")),
        _ => None,
    }
}

/// What users saw of it.
fn seen(case: &Case<'_>, at: Micros) -> String {
    let soon = |op: &&&Op| (at - SEEN_BEFORE..at + SEEN_WITHIN).contains(&op.intended);
    let ops: Vec<&Op> = case.history.ops.iter().filter(soon).copied().collect();
    match measure::longest_outage(&ops, case.standard()) {
        0 => "users noticed nothing".to_owned(),
        away => format!("users were not served well for {:.2} s", away as f64 / 1e6),
    }
}
