//! The schedule: reproducible, at the rate asked for, with the shares of the weights and of today's traffic.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Plan, Workload, parse, shop};
use super::{EXAMPLE, good};
use crate::load;

fn plan(workload: &Workload, seed: u64, rate_per_s: u32, seconds: u64) -> Plan<'_> {
    let duration = Some(Duration::from_secs(seconds));
    Plan { workload, seed, rate_per_s, duration, ramp: Duration::ZERO }
}

/// Whether a share seen in `n` is within five standard deviations of the one wanted.
fn is_close(seen: f64, wanted: f64, n: f64) -> bool {
    (seen - wanted).abs() <= 5.0 * (wanted * (1.0 - wanted) / n).sqrt()
}

#[test]
fn no_rate_means_nothing_and_an_open_end_goes_on() {
    let workload = good(EXAMPLE);
    assert_eq!(plan(&workload, 1, 0, 10).schedule().next(), None);
    let open = Plan { duration: None, ..plan(&workload, 1, 20, 0) };
    assert!(open.schedule().nth(100_000).is_some_and(|p| p.offset > Duration::from_secs(4000)));
}

#[test]
fn a_ramp_grows_evenly_to_the_whole_rate() {
    let workload = good(EXAMPLE);
    let plan = Plan { ramp: Duration::from_secs(20), ..plan(&workload, 3, 400, 40) };
    let all: Vec<f64> = plan.schedule().map(|p| p.offset.as_secs_f64()).collect();
    for (from, to, rate) in [(0.0, 10.0, 100.0), (10.0, 20.0, 300.0), (20.0, 40.0, 400.0)] {
        let seen = all.iter().filter(|t| (from..to).contains(*t)).count() as f64 / (to - from);
        assert!((seen - rate).abs() < 30.0, "{seen} from {from} s to {to} s, {rate} wanted");
    }
}

/// The shop's own workload sends what today's code sends, as often.
#[test]
fn the_shops_shares_are_those_of_today() {
    let workload = parse(shop(), "shop.yaml").unwrap();
    let mut seen: BTreeMap<String, f64> = BTreeMap::new();
    for planned in plan(&workload, 7, 1000, 40).schedule() {
        *seen.entry(planned.name.to_owned()).or_default() += 1.0;
    }
    let today = load::Plan {
        seed: 7,
        rate_per_s: 1000,
        read_percent: 70,
        profile_percent: 0,
        duration: Some(Duration::from_secs(40)),
        ramp: Duration::ZERO,
        key_prefix: "t".into(),
    };
    let mut wanted: BTreeMap<String, f64> = BTreeMap::new();
    for arrival in today.arrivals() {
        *wanted.entry(arrival.action.kind().as_str().to_owned()).or_default() += 1.0;
    }
    assert_eq!(seen.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    let (n, of) = (seen.values().sum::<f64>(), wanted.values().sum::<f64>());
    for (name, count) in &seen {
        // Both sides are drawn, so each may be off.
        let (seen, wanted) = (count / n, wanted[name] / of);
        assert!((seen - wanted).abs() < 0.012, "{name}: {seen}, and {wanted} today");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_plan_gives_the_same_operations(seed: u64, rate in 1u32..500) {
        let workload = good(EXAMPLE);
        let plan = plan(&workload, seed, rate, 5);
        let again: Vec<_> = plan.schedule().collect();
        prop_assert_eq!(plan.schedule().collect::<Vec<_>>(), again);
    }

    #[test]
    fn the_rate_is_what_was_asked_for(seed: u64, rate in 50u32..500) {
        let workload = good(EXAMPLE);
        let count = plan(&workload, seed, rate, 40).schedule().count() as f64;
        let expected = f64::from(rate) * 40.0;
        prop_assert!((count - expected).abs() < 5.0 * expected.sqrt(), "{} {}", count, expected);
    }

    #[test]
    fn shares_are_those_of_the_weights(seed: u64) {
        let workload = good(EXAMPLE);
        let all: Vec<_> = plan(&workload, seed, 500, 20).schedule().collect();
        let n = all.len() as f64;
        for (name, operation) in &workload.operations {
            let seen = all.iter().filter(|p| p.name == name).count() as f64 / n;
            let wanted = f64::from(operation.weight) / workload.weights() as f64;
            prop_assert!(is_close(seen, wanted, n), "{}: {} {}", name, seen, wanted);
        }
        let registers: Vec<_> = all.iter().filter(|p| p.operation.register.is_some()).collect();
        let reads = registers.iter().filter(|p| p.reads).count() as f64;
        prop_assert!(is_close(reads / registers.len() as f64, 0.5, registers.len() as f64));
        prop_assert!(all.iter().all(|p| p.operation.register.is_some() || !p.reads));
    }

    #[test]
    fn operations_are_in_order_within_the_duration_with_keys_of_their_own(seed: u64) {
        let workload = good(EXAMPLE);
        let all: Vec<_> = plan(&workload, seed, 300, 5).schedule().collect();
        prop_assert!(all.windows(2).all(|w| w[0].offset <= w[1].offset));
        prop_assert!(all.iter().all(|p| p.offset < Duration::from_secs(5)));
        let keys: HashSet<String> = all.iter().map(|p| p.key("t")).collect();
        prop_assert_eq!(keys.len(), all.len());
        // Users take turns.
        prop_assert!(all.iter().all(|p| p.user == p.number % 20));
    }

    /// The weight 0 is never drawn.
    #[test]
    fn an_operation_without_weight_never_comes(seed: u64) {
        let workload = good("workload: {operations: {a: {get: /}, b: {get: /, weight: 0}}}");
        prop_assert!(plan(&workload, seed, 100, 5).schedule().all(|p| p.name == "a"));
    }
}
