//! Did somebody else take something of the lab away, or break it in a way that nobody wrote down? Then what
//! failed proves nothing, and the finding says who was hit, and when.

use crate::journal::{ControlEvent, Micros};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::listed;

/// A finding only when somebody did. What happened since `up` may be hours ago: where all the rest is well,
/// nobody was harmed by it.
pub(super) fn check(case: &Case<'_>, all_well: bool) -> Option<Finding> {
    let line = |(at, event): &(Micros, &ControlEvent)| {
        let what = match event {
            ControlEvent::Removed { .. } | ControlEvent::Stray { .. } => event.note()?,
            _ => return None,
        };
        Some(format!("{what} ({}, {})", clock(*at), case.moment(*at)))
    };
    let mut touched = case.history.controls.iter().filter_map(line);
    let first = touched.next().filter(|_| !(case.since_up && all_well))?;
    let others = listed(touched.collect());
    Some(Finding::new(Check::Untouched, Part::Inconclusive, first).with(others))
}

fn clock(at: Micros) -> String {
    let time = jiff::Timestamp::from_microsecond(at);
    time.map_or_else(|_| at.to_string(), |time| time.strftime("%H:%M:%S UTC").to_string())
}
