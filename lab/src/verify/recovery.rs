//! When was service back for good? The definition of RTO.
//!
//! An operation is *good* when it succeeded within the p99 objective, counted from its intended
//! start. Take the operations that were due at or after the first fault, in the order in which they
//! were due. Service is back with the first good operation such that, from this operation on,
//!
//! 1. every stretch of one second that begins with an operation, and the last second of traffic,
//!    holds enough good operations, and
//! 2. all the rest of the traffic together does too, and
//! 3. at least one second of traffic follows, or there is no proof.
//!
//! *Enough* is the stage's availability objective, at most 99 % (see [`within`]). RTO is the time
//! from the fault until that operation was *done*. When no operation after the fault was bad, the
//! RTO is zero. With several faults, RTO counts from the first one.
//!
//! Healing needs no rule of its own. Where service returns only because the fault was healed, RTO
//! includes the whole time until the heal. Where it was back before and a late heal (a node that
//! rejoins) takes it away again, conditions 1 and 2 fail for everything before that second dip: it
//! was not back for good.
//!
//! Alone at the edge, one slow or failed operation is noise and not an outage: with few operations
//! in a second a share of 99 % cannot be told from 100 %, so [`within`] lets one pass.

use crate::journal::{Micros, Op, Outcome};

/// Length of the windows in which service must hold.
pub const WINDOW: Micros = 1_000_000;

/// Highest share of good operations, in percent, that a single second can be asked for.
pub const MAX_WINDOW_PERCENT: f64 = 99.0;

/// From how many operations on a single bad one is tolerated whatever the percentage says.
pub const LONE_BAD_FROM: usize = 10;

/// What became of service after a fault. Times are microseconds from the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// No operation after the fault was bad.
    NotHit,
    /// Back for good after this time.
    Back(Micros),
    /// Looked back after this time, but traffic ended before a full second could prove it.
    Unproven(Micros),
    /// Not back when traffic ended, so long after the fault.
    NotBack(Micros),
    /// No operation was due after the fault.
    NoTraffic,
}

impl Recovery {
    /// The time after which service was back, when it was; zero when it was not hit.
    pub fn after(self) -> Option<Micros> {
        match self {
            Self::NotHit => Some(0),
            Self::Back(after) => Some(after),
            Self::Unproven(_) | Self::NotBack(_) | Self::NoTraffic => None,
        }
    }

    /// How long users were without service as far as it was seen.
    pub fn outage(self) -> Micros {
        match self {
            Self::NotHit | Self::NoTraffic => 0,
            Self::Back(t) | Self::Unproven(t) | Self::NotBack(t) => t,
        }
    }

    /// The worse of two: not back, then nothing known, then unproven, then the later one.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        if self.severity() >= other.severity() { self } else { other }
    }

    /// Orders recoveries from good to bad.
    pub fn severity(self) -> (u8, Micros) {
        match self {
            Self::NotHit => (0, 0),
            Self::Back(t) => (1, t),
            Self::Unproven(t) => (2, t),
            Self::NoTraffic => (3, 0),
            Self::NotBack(t) => (4, t),
        }
    }
}

/// What good service means in one experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standard {
    /// Longest latency of a good operation, in microseconds.
    pub latency: Micros,
    /// Least share of good operations in a second, in percent.
    pub percent: f64,
}

impl Standard {
    /// From the latency objective of the experiment and the availability objective of the stage.
    pub fn new(p99_ms: u64, stage_availability_percent: f64) -> Self {
        Self {
            latency: i64::try_from(p99_ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000),
            percent: stage_availability_percent.min(MAX_WINDOW_PERCENT),
        }
    }

    /// Whether the operation succeeded in time.
    pub fn is_good(&self, op: &Op) -> bool {
        op.outcome == Outcome::Ok && op.done - op.intended <= self.latency
    }
}

/// Whether `good` of `all` operations are enough for `percent`. The share is rounded in favour of
/// the service to whole operations, and from [`LONE_BAD_FROM`] operations on a single bad one is
/// tolerated. Zero of zero is enough: who needs samples has to count them.
pub fn within(good: usize, all: usize, percent: f64) -> bool {
    let allowed = (all as f64 * (100.0 - percent) / 100.0 + 1e-9).floor() as usize;
    let lone = usize::from(all >= LONE_BAD_FROM);
    all.saturating_sub(good) <= allowed.max(lone)
}

/// When service was back. `ops` are in the order in which they were due and all were due before
/// `end`, the end of traffic; those due before `fault` are ignored.
pub fn measure(ops: &[&Op], fault: Micros, end: Micros, standard: Standard) -> Recovery {
    let after = &ops[ops.partition_point(|op| op.intended < fault)..];
    if after.is_empty() {
        return Recovery::NoTraffic;
    }
    let goods = prefix_sums(after, standard);
    let total = after.len();
    if goods[total] == total {
        return Recovery::NotHit;
    }
    let hold = full_windows_hold_from(after, &goods, end, standard);
    let last_second = after.partition_point(|op| op.intended < end - WINDOW);
    let enough = |from: usize| within(goods[total] - goods[from], total - from, standard.percent);
    let served =
        |i: usize| goods[i + 1] > goods[i] && hold[i] && enough(i.max(last_second)) && enough(i);
    match (0..total).find(|&i| served(i)) {
        Some(i) if after[i].intended + WINDOW <= end => Recovery::Back(after[i].done - fault),
        Some(i) => Recovery::Unproven(after[i].done - fault),
        None => Recovery::NotBack(end - fault),
    }
}

/// Number of good operations among the first `i`, for each `i`.
fn prefix_sums(ops: &[&Op], standard: Standard) -> Vec<usize> {
    let mut sums = Vec::with_capacity(ops.len() + 1);
    sums.push(0);
    for op in ops {
        sums.push(sums[sums.len() - 1] + usize::from(standard.is_good(op)));
    }
    sums
}

/// For each operation: whether every full window that begins with it or a later one holds. A
/// window that the end of traffic cuts short says too little; the last full second stands for it.
fn full_windows_hold_from(
    ops: &[&Op],
    goods: &[usize],
    end: Micros,
    standard: Standard,
) -> Vec<bool> {
    let mut hold = vec![true; ops.len()];
    let mut all_later = true;
    for i in (0..ops.len()).rev() {
        let until = ops[i].intended + WINDOW;
        if until <= end {
            let next = ops.partition_point(|op| op.intended < until);
            all_later &= within(goods[next] - goods[i], next - i, standard.percent);
        }
        hold[i] = all_later;
    }
    hold
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::OpKind;

    const MS: Micros = 1000;

    fn op(intended: Micros, latency: Micros, outcome: Outcome) -> Op {
        Op {
            kind: OpKind::Browse,
            key: None,
            intended,
            done: intended + latency,
            outcome,
            detail: String::new(),
        }
    }

    /// One operation every 20 ms for `seconds`; bad where `bad` says so (time in ms).
    fn traffic(seconds: i64, bad: impl Fn(i64) -> bool) -> Vec<Op> {
        (0..seconds * 50)
            .map(|i| {
                let outcome = if bad(i * 20) { Outcome::Fail } else { Outcome::Ok };
                op(i * 20 * MS, 5 * MS, outcome)
            })
            .collect()
    }

    fn standard() -> Standard {
        Standard::new(100, 99.9)
    }

    fn measured(ops: &[Op], fault_ms: i64, end_ms: i64) -> Recovery {
        let refs: Vec<&Op> = ops.iter().collect();
        measure(&refs, fault_ms * MS, end_ms * MS, standard())
    }

    #[test]
    fn service_that_was_never_hit_has_no_recovery_time() {
        assert_eq!(measured(&traffic(6, |_| false), 2000, 6000), Recovery::NotHit);
    }

    #[test]
    fn what_was_bad_before_the_fault_does_not_count() {
        assert_eq!(measured(&traffic(6, |t| t < 1000), 2000, 6000), Recovery::NotHit);
    }

    #[test]
    fn an_outage_ends_with_its_first_good_operation() {
        let ops = traffic(8, |t| (2000..3500).contains(&t));
        assert_eq!(measured(&ops, 2000, 8000), Recovery::Back(1505 * MS));
    }

    #[test]
    fn a_second_dip_at_the_heal_counts() {
        let ops = traffic(12, |t| (2000..3000).contains(&t) || (7000..7400).contains(&t));
        assert_eq!(measured(&ops, 2000, 12_000), Recovery::Back(5405 * MS));
    }

    #[test]
    fn one_lucky_operation_in_an_outage_is_not_recovery() {
        let ops = traffic(8, |t| (2000..5000).contains(&t) && t != 3000);
        assert_eq!(measured(&ops, 2000, 8000), Recovery::Back(3005 * MS));
    }

    #[test]
    fn one_stray_failure_after_recovery_is_not_an_outage() {
        let ops = traffic(8, |t| (2000..2500).contains(&t) || t == 6000 || t == 7980);
        assert_eq!(measured(&ops, 2000, 8000), Recovery::Back(505 * MS));
    }

    #[test]
    fn half_of_all_operations_failing_is_an_outage() {
        let ops = traffic(8, |t| (2000..4000).contains(&t) && t % 40 == 0);
        assert_eq!(measured(&ops, 2000, 8000), Recovery::Back(1945 * MS));
    }

    #[test]
    fn slow_answers_are_not_service() {
        let mut ops = traffic(8, |_| false);
        for op in ops.iter_mut().filter(|op| (2_000_000..3_000_000).contains(&op.intended)) {
            op.done = op.intended + 101 * MS;
        }
        assert_eq!(measured(&ops, 2000, 8000), Recovery::Back(1005 * MS));
    }

    #[test]
    fn an_outage_until_the_end_is_no_recovery() {
        assert_eq!(measured(&traffic(8, |t| t >= 2000), 2000, 8000), Recovery::NotBack(6000 * MS));
    }

    #[test]
    fn a_recovery_in_the_last_moment_is_unproven() {
        let ops = traffic(8, |t| (2000..7500).contains(&t));
        assert_eq!(measured(&ops, 2000, 8000), Recovery::Unproven(5505 * MS));
    }

    #[test]
    fn silence_after_the_fault_is_not_recovery() {
        assert_eq!(measured(&traffic(2, |_| false), 2000, 8000), Recovery::NoTraffic);
    }

    /// The definition, word for word and slowly.
    fn oracle(ops: &[&Op], fault: Micros, end: Micros, s: Standard) -> Recovery {
        let after: Vec<&Op> = ops.iter().copied().filter(|op| op.intended >= fault).collect();
        if after.is_empty() {
            return Recovery::NoTraffic;
        }
        if after.iter().all(|op| s.is_good(op)) {
            return Recovery::NotHit;
        }
        let enough = |rest: &[&Op], from: Micros, to: Micros| {
            let seen: Vec<_> =
                rest.iter().filter(|op| op.intended >= from && op.intended < to).collect();
            let bad = seen.iter().filter(|op| !s.is_good(op)).count();
            let lone = seen.len() >= LONE_BAD_FROM && bad <= 1;
            lone || bad as f64 <= seen.len() as f64 * (1.0 - s.percent / 100.0) + 1e-6
        };
        for (i, candidate) in after.iter().enumerate().filter(|(_, op)| s.is_good(op)) {
            let rest = &after[i..];
            let holds = rest
                .iter()
                .enumerate()
                .filter(|(_, op)| op.intended + WINDOW <= end)
                .all(|(j, op)| enough(&rest[j..], op.intended, op.intended + WINDOW));
            if holds && enough(rest, end - WINDOW, end) && enough(rest, Micros::MIN, end) {
                let took = candidate.done - fault;
                let proven = candidate.intended + WINDOW <= end;
                return if proven { Recovery::Back(took) } else { Recovery::Unproven(took) };
            }
        }
        Recovery::NotBack(end - fault)
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(
            raw in prop::collection::vec((0i64..4000, 0i64..200, 0u8..6), 0..60),
            fault in 0i64..3000,
            percent in prop::sample::select(vec![50.0, 80.0, 95.0, 99.9]),
        ) {
            let mut ops: Vec<Op> = raw
                .into_iter()
                .map(|(at, latency, outcome)| {
                    let outcome = match outcome {
                        0 => Outcome::Fail,
                        1 => Outcome::Unknown,
                        _ => Outcome::Ok,
                    };
                    op(at * MS, latency * MS, outcome)
                })
                .collect();
            ops.sort_by_key(|op| (op.intended, op.done));
            let refs: Vec<&Op> = ops.iter().collect();
            let standard = Standard::new(170, percent);
            let (fault, end) = (fault * MS, 4000 * MS);
            prop_assert_eq!(
                measure(&refs, fault, end, standard),
                oracle(&refs, fault, end, standard)
            );
        }

        #[test]
        fn a_single_outage_is_measured_to_the_operation(
            start in 0i64..100, length in 2i64..200, rate_ms in 5i64..20,
        ) {
            let fault = 2000 * MS;
            let from = fault + start * rate_ms * MS;
            let to = from + length * rate_ms * MS;
            let ops: Vec<Op> = (0..1500)
                .map(|i| {
                    let at = i * rate_ms * MS;
                    let hit = at >= from && at < to && at >= fault;
                    op(at, MS, if hit { Outcome::Unknown } else { Outcome::Ok })
                })
                .collect();
            let end = 1500 * rate_ms * MS;
            prop_assume!(to + WINDOW < end);
            let refs: Vec<&Op> = ops.iter().collect();
            let hit = refs.iter().filter(|op| op.outcome != Outcome::Ok).count();
            prop_assume!(hit >= 3);
            let back = refs.iter().find(|op| op.intended >= to).map(|op| op.done - fault);
            prop_assert_eq!(
                measure(&refs, fault, end, Standard::new(100, 99.9)).after(),
                back
            );
        }
    }
}
