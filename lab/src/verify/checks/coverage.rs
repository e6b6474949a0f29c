//! Is there enough of everything to judge by? Zero samples pass every threshold.

use std::collections::BTreeMap;

use crate::journal::{Micros, Op, OpKind};

use super::super::findings::{Check, Finding, OpCounts, Part};
use super::super::judge::Case;
use super::super::measure::{self, Outage};
use super::super::writes::Fate;

/// Fewest successes of each kind of operation that was attempted; in the canary's history, of reads
/// and of writes.
pub const MIN_SUCCESSES: u64 = 10;

/// Traffic has stopped when nothing is due for this many mean intervals …
pub const QUIET_MEANS: Micros = 20;

/// … and for this long, in microseconds.
pub const QUIET_MIN: Micros = 2_000_000;

pub(super) fn check(case: &Case<'_>) -> Finding {
    let counts = measure::counts(&case.history.ops);
    let mut gaps: Vec<String> = Vec::new();
    if counts.is_empty() {
        gaps.push("nothing was sent".to_owned());
    }
    gaps.extend(few(case, &counts));
    for outage in &case.outages {
        gaps.extend(promises_gap(case, outage));
        gaps.extend(silence(case, outage));
    }
    let details = counts.iter().map(|(kind, count)| {
        let (ok, fail, unknown) = (count.ok, count.fail, count.unknown);
        format!("{}: {ok} ok, {fail} failed, {unknown} unknown", kind.as_str())
    });
    let finding = match gaps.first() {
        Some(first) => Finding::new(Check::Coverage, Part::Inconclusive, first.clone())
            .with(gaps.iter().skip(1).cloned()),
        None => Finding::new(Check::Coverage, Part::Pass, enough(&counts)),
    };
    finding.with(details)
}

/// What succeeded too rarely: each kind of operation in an experiment. The canary sends few
/// operations, so in its history reads and writes are counted instead.
fn few(case: &Case<'_>, counts: &BTreeMap<OpKind, OpCounts>) -> Vec<String> {
    let mut classes: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (kind, count) in counts {
        let class = match kind {
            kind if !case.since_up => kind.as_str(),
            kind if case.history.kinds.class(*kind).is_write => "write",
            _ => "read",
        };
        let (ok, total) = classes.entry(class).or_default();
        (*ok, *total) = (*ok + count.ok, *total + count.total());
    }
    let gap = |(class, (ok, total)): (&str, (u64, u64))| {
        (ok < MIN_SUCCESSES).then(|| {
            format!("only {ok} of {total} {class} operations succeeded (at least {MIN_SUCCESSES})")
        })
    };
    classes.into_iter().filter_map(gap).collect()
}

fn enough(counts: &BTreeMap<OpKind, OpCounts>) -> String {
    let total: u64 = counts.values().map(|c| c.total()).sum();
    format!("{total} operations of {} kinds", counts.len())
}

/// Promises have to be at stake: acknowledged before the fault, attempted after it. A stage whose
/// traffic only reads, or whose writes promise nothing, has none.
fn promises_gap(case: &Case<'_>, outage: &Outage<'_>) -> Option<String> {
    if !case.history.kinds.any_promise() {
        return None;
    }
    let label = outage.label();
    let mut writes = case.accounts.iter().flat_map(|a| &a.writes);
    let before = |at: Option<Micros>| at.is_some_and(|at| at < outage.from);
    if !writes.clone().any(|w| w.fate == Fate::Acknowledged && before(w.acknowledged_at)) {
        return Some(format!("no promised write was acknowledged before {label}"));
    }
    let after = outage.from..outage.until;
    (!writes.any(|w| after.contains(&w.intended)))
        .then(|| format!("no promised write was attempted after {label}"))
}

/// The longest time after the fault in which nothing was due, when traffic must have stopped. What is
/// another run's is no silence.
fn silence(case: &Case<'_>, outage: &Outage<'_>) -> Option<String> {
    let ops: &[&Op] = &case.history.ops;
    let (first, last) = (ops.first()?.intended, ops.last()?.intended);
    let silent = |from: Micros, until: Micros| {
        let left_out = case.history.left_out.iter();
        let overlap = left_out.map(|(since, end)| (until.min(*end) - from.max(*since)).max(0));
        (until - from) - overlap.sum::<Micros>()
    };
    let mean = silent(first, last) / Micros::try_from(ops.len()).unwrap_or(Micros::MAX);
    let limit = mean.saturating_mul(QUIET_MEANS).max(QUIET_MIN);
    let due =
        ops.iter().map(|op| op.intended).filter(|at| (outage.from..outage.until).contains(at));
    let times: Vec<Micros> = [outage.from].into_iter().chain(due).chain([outage.until]).collect();
    let gaps = times.windows(2).map(|w| (silent(w[0], w[1]), w[0]));
    let (long, from) = gaps.max_by_key(|(long, _)| *long)?;
    (long > limit).then(|| {
        let long = long as f64 / 1e6;
        format!("nothing was sent for {long:.1} s, from {}", case.moment(from))
    })
}
