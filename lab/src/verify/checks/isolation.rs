//! Did one slow dependency slow down what does not need it?
//!
//! Nobody who browses waits for a mail, so the 99th percentile of reads may be at most a fifth higher
//! while a managed service is slow than it was before. What lies above that by no more than a machine's
//! own unsteadiness cannot be told from it.

use crate::journal::{Micros, Op, Phase};
use crate::spec::model::Fault;

use super::super::findings::{Check, Finding, Part};
use super::super::history::FaultRecord;
use super::super::judge::Case;
use super::super::measure::Outage;
use super::age;

/// How much higher the 99th percentile may be, in percent.
const RISE_PERCENT: i64 = 20;

/// A rise that is no more than this is none: nobody notices it, and of a p99 of a millisecond a fifth is less
/// than a clock can tell.
const NOTICED: Micros = 10_000;

/// What lies no further above that is nothing that can be told from chance: a machine that is busy for a
/// moment does as much to a few reads.
const UNSTEADY: Micros = 50_000;

/// Fewest reads before the fault and during it.
const MIN_BEFORE: usize = 100;
const MIN_DURING: usize = 200;

/// How much of the canary's history before a fault by hand is compared with: some [`MIN_BEFORE`] reads at
/// 20 operations a second and more.
const MANUAL_BEFORE: Micros = 20_000_000;

/// `None` when nothing was slow on purpose.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let slow = |f: &&FaultRecord<'_>| matches!(f.fault, Some(Fault::SlowDependency(_)));
    let faults = case.history.faults.iter().filter(slow);
    faults.map(|fault| judged(case, fault)).max_by_key(|finding| finding.part)
}

fn judged(case: &Case<'_>, fault: &FaultRecord<'_>) -> Finding {
    let finding = |part, summary: String| Finding::new(Check::Isolation, part, summary);
    let (Some(from), Some(until)) = (fault.injected_at, fault.healed_at) else {
        return finding(Part::Inconclusive, "it is not known when the dependency was slow".into());
    };
    let before = latencies(case, healthy_since(case, from), from);
    let during = latencies(case, from, until);
    if before.len() < MIN_BEFORE || during.len() < MIN_DURING {
        let summary = format!(
            "{} reads before the dependency was slow and {} meanwhile: too few to compare (at least \
             {MIN_BEFORE} and {MIN_DURING})",
            before.len(),
            during.len()
        );
        return finding(Part::Inconclusive, summary);
    }
    let (was, is) = (p99(&before), p99(&during));
    let begun = format!(
        "reads' p99 {} before {} and {} meanwhile ({} and {} reads)",
        age(was),
        fault.fault.map_or("the fault", dependency),
        age(is),
        before.len(),
        during.len()
    );
    let limit = was + (was * RISE_PERCENT / 100).max(NOTICED);
    if is <= limit {
        finding(Part::Pass, format!("{begun}, {} allowed", age(limit)))
    } else if is <= limit + UNSTEADY {
        let summary = format!("{begun}, {} allowed: a busy machine does as much", age(limit));
        finding(Part::Inconclusive, summary)
    } else {
        finding(Part::Fail, format!("{begun}, {} allowed", age(limit)))
    }
}

/// Since when reads show what they take without a fault: since an earlier fault is over, and by hand for
/// [`MANUAL_BEFORE`] at most, because what happened long ago says nothing about now.
fn healthy_since(case: &Case<'_>, from: Micros) -> Micros {
    let steady = case.history.phase(Phase::Steady).unwrap_or(case.history.start);
    let recent = if case.since_up { from - MANUAL_BEFORE } else { steady };
    let over =
        case.outages.iter().filter(|o| o.from < from).map(Outage::over).filter(|at| *at < from);
    over.fold(steady.max(recent), Micros::max)
}

fn dependency(fault: &Fault) -> &str {
    match fault {
        Fault::SlowDependency(slow) => match slow.service() {
            "ses" => "mail was slow",
            _ => "the service was slow",
        },
        _ => "the fault",
    }
}

/// How long reads took that were due in a span, sorted. One that failed took as long as it took to fail.
fn latencies(case: &Case<'_>, from: Micros, until: Micros) -> Vec<Micros> {
    let is_read = |op: &&&Op| {
        case.history.kinds.class(op.kind).is_shared && (from..until).contains(&op.intended)
    };
    let mut all: Vec<Micros> =
        case.history.ops.iter().filter(is_read).map(|op| op.done - op.intended).collect();
    all.sort_unstable();
    all
}

/// The smallest value that 99 % of the sorted values do not exceed.
fn p99(sorted: &[Micros]) -> Micros {
    let rank = (sorted.len() * 99).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}
