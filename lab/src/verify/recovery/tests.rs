//! The definition of RTO by example, and against a slow reading of itself.

use proptest::prelude::*;

use super::*;
use crate::journal::OpKind;

const MS: Micros = 1000;

fn op(intended: Micros, latency: Micros, outcome: Outcome) -> Op {
    Op {
        kind: OpKind::BROWSE,
        key: None,
        intended,
        done: intended + latency,
        outcome,
        detail: String::new(),
        session: None,
        values: Default::default(),
        listed: None,
        caches: None,
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

fn binomial(n: usize, k: usize, percent: f64) -> f64 {
    let bad = 1.0 - percent / 100.0;
    let ways: f64 = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product();
    ways * bad.powi(k as i32) * (1.0 - bad).powi((n - k) as i32)
}

#[test]
fn a_dip_is_more_than_chance() {
    // P(more than 4 of 60 bad | 1 % bad) = 0.03 %, P(more than 3) = 0.3 %.
    assert_eq!(tolerated(60, 0.01), 4);
    assert_eq!([tolerated(0, 0.01), tolerated(1, 0.01), tolerated(5, 0.01)], [0, 1, 1]);
    assert_eq!(tolerated(1000, 0.01), 21);
    assert_eq!(tolerated(100_000, 0.5), 50_489);
    assert_eq!(tolerated(9, 1.0), 9);
}

#[test]
fn two_slow_answers_that_meet_after_recovery_are_not_an_outage() {
    let ops = traffic(24, |t| (2000..3000).contains(&t) || t == 20_000 || t == 20_020);
    assert_eq!(measured(&ops, 2000, 24_000), Recovery::Back(1005 * MS));
    let ops = traffic(24, |t| (2000..3000).contains(&t) || (20_000..20_100).contains(&t));
    assert_eq!(measured(&ops, 2000, 24_000), Recovery::Back(18_105 * MS), "five are");
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
    let dip = |rest: &[&Op], from: Micros| {
        let seen: Vec<_> =
            rest.iter().filter(|op| op.intended >= from && op.intended < from + WINDOW).collect();
        let bad = seen.iter().filter(|op| !s.is_good(op)).count();
        // The probability of so many bad ones or more.
        let tail: f64 = (bad..=seen.len()).map(|k| binomial(seen.len(), k, s.percent)).sum();
        bad > 0 && tail < BY_CHANCE
    };
    for (i, candidate) in after.iter().enumerate().filter(|(_, op)| s.is_good(op)) {
        let rest = &after[i..];
        let full = |op: &Op| op.intended + WINDOW <= end;
        let holds = rest
            .iter()
            .enumerate()
            .filter(|(_, op)| full(op))
            .all(|(j, op)| !dip(&rest[j..], op.intended));
        let at = candidate.intended;
        let first = !full(candidate) || enough(rest, at, at + WINDOW);
        if holds && first && enough(rest, end - WINDOW, end) && enough(rest, Micros::MIN, end) {
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
        // Fewer are no dip when they come later than a second after the fault.
        prop_assume!(hit >= 12);
        let back = refs.iter().find(|op| op.intended >= to).map(|op| op.done - fault);
        prop_assert_eq!(
            measure(&refs, fault, end, Standard::new(100, 99.9)).after(),
            back
        );
    }
}
