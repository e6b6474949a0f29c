//! The schedule: reproducible, at the rate asked for, with the shares of the weights and of today's traffic.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::{Plan, Planned, Workload};
use super::{EXAMPLE, good};

fn plan(workload: &Workload, seed: u64, rate_per_s: u32, seconds: u64) -> Plan {
    let duration = Some(Duration::from_secs(seconds));
    let (workload, ramp) = (Arc::new(workload.clone()), Duration::ZERO);
    Plan { workload, seed, rate_per_s, duration, ramp, key_prefix: "t".into() }
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

/// The shop's own traffic has the shares that a stage wants.
#[test]
fn the_shops_shares_are_those_that_a_stage_wants() {
    let mut stage = crate::verify::testing::stage();
    for (reads, profiles) in [(70, 0), (0, 0), (100, 0), (60, 25)] {
        stage.traffic.read_percent = reads;
        stage.traffic.profile_percent = profiles;
        let workload = stage.workload();
        let mut seen: BTreeMap<String, f64> = BTreeMap::new();
        let plan = plan(&workload, 7, 1000, 40);
        for planned in plan.schedule() {
            let (name, _) = plan.operation(&planned).unwrap();
            let name = if planned.reads { format!("read-{name}") } else { name.clone() };
            *seen.entry(name).or_default() += 1.0;
        }
        let n: f64 = seen.values().sum();
        let (reads, profiles) = (f64::from(reads) / 100.0, f64::from(profiles) / 100.0);
        let (others, writes) = (1.0 - profiles, 1.0 - reads);
        for (name, wanted) in [
            ("browse", others * reads * 0.4),
            ("product", others * reads * 0.4),
            ("read-forum", others * reads * 0.2),
            ("add-to-cart", others * writes * 0.3),
            ("order", others * writes * 0.5),
            ("post", others * writes * 0.2),
            ("profile", profiles * writes),
            ("read-profile", profiles * reads),
        ] {
            let share = seen.get(name).copied().unwrap_or_default() / n;
            assert!(is_close(share, wanted, n), "{name}: {share}, and {wanted} is wanted");
        }
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
        let plan = plan(&workload, seed, 500, 20);
        let all: Vec<_> = plan.schedule().collect();
        let n = all.len() as f64;
        for (index, (name, operation)) in workload.operations.iter().enumerate() {
            let seen = all.iter().filter(|p| p.operation == index).count() as f64 / n;
            let wanted = f64::from(operation.weight) / workload.weights() as f64;
            prop_assert!(is_close(seen, wanted, n), "{}: {} {}", name, seen, wanted);
        }
        let is_register = |p: &Planned| plan.operation(p).unwrap().1.register.is_some();
        let registers: Vec<_> = all.iter().filter(|p| is_register(p)).collect();
        let reads = registers.iter().filter(|p| p.reads).count() as f64;
        prop_assert!(is_close(reads / registers.len() as f64, 0.5, registers.len() as f64));
        prop_assert!(all.iter().all(|p| is_register(p) || !p.reads));
    }

    #[test]
    fn operations_are_in_order_within_the_duration_with_keys_of_their_own(seed: u64) {
        let workload = good(EXAMPLE);
        let plan = plan(&workload, seed, 300, 5);
        let all: Vec<_> = plan.schedule().collect();
        prop_assert!(all.windows(2).all(|w| w[0].offset <= w[1].offset));
        prop_assert!(all.iter().all(|p| p.offset < Duration::from_secs(5)));
        let keys: HashSet<String> = all.iter().map(|p| plan.key(p.number)).collect();
        prop_assert_eq!(keys.len(), all.len());
        let keyed: Vec<u64> = all.iter().filter_map(|p| p.keyed).collect();
        prop_assert_eq!(&keyed, &(1..=keyed.len() as u64).collect::<Vec<_>>());
    }

    /// The weight 0 is never drawn.
    #[test]
    fn an_operation_without_weight_never_comes(seed: u64) {
        let workload = good("workload: {operations: {a: {get: /}, b: {get: /, weight: 0}}}");
        prop_assert!(plan(&workload, seed, 100, 5).schedule().all(|p| p.operation == 0));
    }
}
