//! Were requests fast enough outside of the outage?
//!
//! More traffic and a good release break nothing: there is no outage that would excuse what is slow.
//!
//! Only successful operations count: a failure may be quick, and is counted by availability. The
//! share of slow operations is counted exactly, not read from the histogram. At most 1 % may be
//! slower than the objective; among fewer than 100 operations a single one may be, since a 99th
//! percentile of so few is their maximum.

use crate::journal::{Op, Outcome};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::measure;
use super::super::recovery::{MAX_WINDOW_PERCENT, within};

pub(super) fn check(case: &Case<'_>) -> Finding {
    let ops: Vec<&Op> = case
        .history
        .ops
        .iter()
        .copied()
        .filter(|op| op.outcome == Outcome::Ok && !case.is_excused(op))
        .collect();
    let Some(q) = measure::quantiles(ops.iter().copied()) else {
        let summary = "no operation succeeded outside of the outage: no latency to judge";
        return Finding::new(Check::Latency, Part::Inconclusive, summary);
    };
    let standard = case.standard();
    let fast = ops.iter().filter(|op| standard.is_good(op)).count();
    let part = if within(fast, ops.len(), MAX_WINDOW_PERCENT) { Part::Pass } else { Part::Fail };
    let ms = |us: u64| us as f64 / 1000.0;
    let slow = ops.len() - fast;
    let objective = case.objectives.p99_ms;
    let summary =
        format!("p99 {:.0} ms outside of the outage (objective {objective} ms)", ms(q.p99));
    Finding::new(Check::Latency, part, summary).with([
        format!("p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms", ms(q.p50), ms(q.p99), ms(q.p999)),
        format!("{slow} of {} successful operations took longer than {objective} ms", ops.len()),
    ])
}
