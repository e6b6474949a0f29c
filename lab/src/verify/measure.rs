//! The numbers of an experiment: latency quantiles, counts, outages, and RTO with its parts.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::journal::{ControlEvent, Micros, Op, OpKind, Outcome};

use super::findings::{OpCounts, Quantiles, Rto};
use super::history::{FaultRecord, History};
use super::recovery::{self, Recovery, Standard};

/// Faults that are judged together, and when service was back after them.
#[derive(Clone, Debug)]
pub struct Outage<'a> {
    /// In the order of injection; never empty, and all were injected.
    pub faults: Vec<&'a FaultRecord<'a>>,
    /// When the first of them took effect.
    pub from: Micros,
    /// Until when it is judged: the next outage, the end of traffic, or that of the recovery.
    pub until: Micros,
    /// The recovery with its parts.
    pub rto: Rto,
}

impl Outage<'_> {
    /// The end of the time in which service was not within its objectives.
    pub fn over(&self) -> Micros {
        self.from + self.rto.worst.outage()
    }

    /// Whether an operation was due within the outage.
    pub fn covers(&self, op: &Op) -> bool {
        (self.from..self.over()).contains(&op.intended)
    }

    /// Whether any part of an operation's life lies within the outage.
    pub fn touches(&self, op: &Op) -> bool {
        op.intended < self.over() && op.done > self.from
    }

    /// Whether service stayed away for longer than the objective, and so long as it was watched.
    pub fn is_proven_failure(&self) -> bool {
        matches!(self.rto.worst, Recovery::NotBack(t) if t > self.rto.objective)
    }

    /// What the outage's faults are called.
    pub fn label(&self) -> String {
        self.faults.iter().map(|f| f.label()).collect::<Vec<_>>().join(" + ")
    }
}

/// Measures one outage of `history`: `faults` are injected, in the order of injection.
pub fn outage<'a>(
    history: &History<'_>,
    faults: Vec<&'a FaultRecord<'a>>,
    from: Micros,
    until: Micros,
    standard: Standard,
    rto_ms: u64,
) -> Outage<'a> {
    let ops: Vec<&Op> = history.ops.iter().copied().filter(|op| op.intended < until).collect();
    let writes: Vec<&Op> =
        ops.iter().copied().filter(|op| history.kinds.class(op.kind).is_write).collect();
    let all = recovery::measure(&ops, from, until, standard);
    let writes = match recovery::measure(&writes, from, until, standard) {
        Recovery::NoTraffic => None,
        measured => Some(measured),
    };
    let worst = writes.map_or(all, |writes| all.worse(writes));
    let (detect, recover, reroute) = parts(history, &faults, from, until, worst);
    let objective = i64::try_from(rto_ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    let rto = Rto { from, worst, all, writes, objective, detect, recover, reroute };
    Outage { faults, from, until, rto }
}

/// Detection: the first hit node that the control plane saw dead. Recovery: the last time before
/// service was back that a node became primary or a hit node came back, or else the first promotion
/// (the control plane may write it down a moment after clients have noticed). Re-routing: the rest.
fn parts(
    history: &History<'_>,
    faults: &[&FaultRecord<'_>],
    from: Micros,
    until: Micros,
    worst: Recovery,
) -> (Option<Micros>, Option<Micros>, Option<Micros>) {
    let hit = |node: &String| faults.iter().any(|f| f.nodes.contains(node));
    let during: Vec<_> =
        history.controls.iter().filter(|(at, _)| (from..until).contains(at)).collect();
    let detected = during.iter().find_map(|(at, event)| match event {
        ControlEvent::Detected { node, .. } if hit(node) => Some(*at),
        _ => None,
    });
    let served = worst.after().map(|after| from + after);
    let recovered = recovered(&during, hit, detected.unwrap_or(from), served.unwrap_or(until));
    let detect = detected.map(|at| at - from);
    let recover = recovered.map(|at| at - detected.unwrap_or(from));
    let reroute = served
        .filter(|_| worst != Recovery::NotHit)
        .zip(recovered.or(detected))
        .map(|(served, before)| (served - before).max(0));
    (detect, recover, reroute)
}

fn recovered(
    during: &[&(Micros, &ControlEvent)],
    hit: impl Fn(&String) -> bool,
    from: Micros,
    served: Micros,
) -> Option<Micros> {
    let back = |event: &ControlEvent| match event {
        ControlEvent::Promoted { .. } => true,
        ControlEvent::Replaced { node } | ControlEvent::Recovered { node } => hit(node),
        _ => false,
    };
    let in_time = during.iter().rev().find(|(at, e)| (from..=served).contains(at) && back(e));
    let promoted = || {
        let is_promotion = |e: &ControlEvent| matches!(e, ControlEvent::Promoted { .. });
        during.iter().find(|(at, e)| *at >= from && is_promotion(e))
    };
    in_time.or_else(promoted).map(|(at, _)| *at)
}

/// Latency quantiles of the successful operations among `ops`. `None` when there are none.
pub fn quantiles<'a>(ops: impl IntoIterator<Item = &'a Op>) -> Option<Quantiles> {
    // Three significant digits; the range grows with what is recorded.
    let mut histogram = Histogram::<u64>::new(3).ok()?;
    for op in ops.into_iter().filter(|op| op.outcome == Outcome::Ok) {
        histogram.record(u64::try_from(op.done - op.intended).unwrap_or(0)).ok()?;
    }
    (!histogram.is_empty()).then(|| Quantiles {
        count: histogram.len(),
        p50: histogram.value_at_quantile(0.5),
        p99: histogram.value_at_quantile(0.99),
        p999: histogram.value_at_quantile(0.999),
    })
}

/// Share of successful operations in percent. `None` when there are none at all.
pub fn availability<'a>(ops: impl IntoIterator<Item = &'a Op>) -> Option<f64> {
    let (mut ok, mut all) = (0u64, 0u64);
    for op in ops {
        all += 1;
        ok += u64::from(op.outcome == Outcome::Ok);
    }
    (all > 0).then(|| ok as f64 / all as f64 * 100.0)
}

/// Outcomes per kind.
pub fn counts(ops: &[&Op]) -> BTreeMap<OpKind, OpCounts> {
    let mut counts: BTreeMap<OpKind, OpCounts> = BTreeMap::new();
    for op in ops {
        let of_kind = counts.entry(op.kind).or_default();
        match op.outcome {
            Outcome::Ok => of_kind.ok += 1,
            Outcome::Fail => of_kind.fail += 1,
            Outcome::Unknown => of_kind.unknown += 1,
        }
    }
    counts
}

/// Operations that the generator dropped.
pub fn drops(ops: &[&Op]) -> u64 {
    ops.iter().filter(|op| op.was_dropped()).count() as u64
}

/// The longest stretch of bad operations, from when the first was due until the next good one was
/// due, or until the last of them was done when no good one follows.
pub fn longest_outage(ops: &[&Op], standard: Standard) -> Micros {
    let mut longest = 0;
    let mut since: Option<(Micros, Micros)> = None;
    for op in ops {
        if standard.is_good(op) {
            if let Some((from, _)) = since.take() {
                longest = longest.max(op.intended - from);
            }
        } else {
            let (from, last) = since.unwrap_or((op.intended, op.done));
            since = Some((from, last.max(op.done)));
        }
    }
    since.map_or(longest, |(from, last)| longest.max(last - from))
}
