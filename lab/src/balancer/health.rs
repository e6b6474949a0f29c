//! Which targets are used: the rules of an application load balancer, without any I/O.
//!
//! - A new target needs one pass.
//! - A healthy one is taken out after `unhealthy_after` failures in a row, an unhealthy one comes
//!   back after `healthy_after` passes in a row.
//! - When none is healthy, all are used (fail open): if the checks are wrong users are served, and
//!   if they are right nothing is lost.

use serde::{Deserialize, Serialize};

use super::config::BalancerConfig;
use crate::spec::model::HealthCheck;

/// What is thought of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It was not probed often enough to tell.
    Initial,
    /// It receives requests.
    Healthy,
    /// It receives none, unless no other target is healthy.
    Unhealthy,
}

/// The state of one target and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    state: State,
    /// Equal results in a row, up to now.
    streak: u16,
    last: Option<Result<(), String>>,
}

/// A target's state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it was.
    pub from: State,
    /// What it is.
    pub to: State,
}

impl Default for TargetHealth {
    fn default() -> Self {
        Self { state: State::Initial, streak: 0, last: None }
    }
}

impl TargetHealth {
    /// What is thought of the target.
    pub fn state(&self) -> State {
        self.state
    }

    /// The result of the last probe: why it failed; `None` before the first.
    pub fn last(&self) -> Option<&Result<(), String>> {
        self.last.as_ref()
    }

    /// Equal results in a row, up to now.
    pub fn streak(&self) -> u16 {
        self.streak
    }

    /// Takes in the result of one probe. Thresholds of 0 mean 1.
    pub fn observe(&mut self, result: Result<(), String>, check: &HealthCheck) -> Option<Change> {
        let passed = result.is_ok();
        let same = self.last.as_ref().is_some_and(|last| last.is_ok() == passed);
        self.streak = if same { self.streak.saturating_add(1) } else { 1 };
        self.last = Some(result);
        let from = self.state;
        let (to, needed) = match (from, passed) {
            (State::Initial, true) => (State::Healthy, 1),
            (State::Unhealthy, true) => (State::Healthy, check.healthy_after),
            (State::Healthy, true) => return None,
            (State::Initial | State::Healthy, false) => (State::Unhealthy, check.unhealthy_after),
            (State::Unhealthy, false) => return None,
        };
        if self.streak < needed.max(1) {
            return None;
        }
        self.state = to;
        Some(Change { from, to })
    }
}

/// All targets of a balancer, in the order of the configuration.
#[derive(Clone, Debug)]
pub struct Fleet {
    check: HealthCheck,
    targets: Vec<TargetHealth>,
}

impl Fleet {
    /// All targets are new.
    pub fn new(config: &BalancerConfig) -> Self {
        let targets = config.targets.iter().map(|_| TargetHealth::default()).collect();
        Self { check: config.health_check.clone(), targets }
    }

    /// The targets.
    pub fn targets(&self) -> &[TargetHealth] {
        &self.targets
    }

    /// Whether targets are probed at all.
    pub fn is_checked(&self) -> bool {
        self.check.interval_ms > 0
    }

    /// Takes in the result of probing target `index`.
    pub fn observe(&mut self, index: usize, result: Result<(), String>) -> Option<Change> {
        self.targets.get_mut(index)?.observe(result, &self.check)
    }

    /// Whether all targets are used because none is healthy.
    pub fn is_failing_open(&self) -> bool {
        self.is_checked() && self.targets.iter().all(|t| t.state != State::Healthy)
    }

    /// The targets that receive requests, each with its share; never none. One that shall have nothing
    /// gets everything when no other is healthy.
    pub fn in_service(&self, weight: impl Fn(usize) -> u32) -> Vec<(usize, u32)> {
        let healthy = |t: &TargetHealth| !self.is_checked() || t.state == State::Healthy;
        let wanted: Vec<(usize, u32)> = (0..self.targets.len()).map(|i| (i, weight(i))).collect();
        let of = |may: &dyn Fn(usize, u32) -> bool| -> Vec<(usize, u32)> {
            wanted.iter().copied().filter(|(i, weight)| may(*i, *weight)).collect()
        };
        let is_healthy = |i: usize| self.targets.get(i).is_some_and(healthy);
        let best = of(&|i, weight| weight > 0 && is_healthy(i));
        if !best.is_empty() {
            return best;
        }
        let others = of(&|i, _| is_healthy(i));
        let any = if others.is_empty() { of(&|_, weight| weight > 0) } else { others };
        let any = if any.is_empty() { of(&|_, _| true) } else { any };
        any.into_iter().map(|(i, weight)| (i, weight.max(1))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::config;
    use super::*;

    fn check(healthy_after: u16, unhealthy_after: u16) -> HealthCheck {
        HealthCheck { interval_ms: 1000, timeout_ms: 500, healthy_after, unhealthy_after }
    }

    fn result(passed: bool) -> Result<(), String> {
        if passed { Ok(()) } else { Err("refused".into()) }
    }

    /// States after each result; `+` is a pass, `-` a failure.
    fn states(results: &str, check: &HealthCheck) -> String {
        let mut target = TargetHealth::default();
        let letter = |passed| {
            target.observe(result(passed), check);
            match target.state() {
                State::Initial => 'i',
                State::Healthy => 'H',
                State::Unhealthy => 'u',
            }
        };
        results.chars().map(|c| c == '+').map(letter).collect()
    }

    #[test]
    fn a_new_target_needs_one_pass() {
        assert_eq!(states("+", &check(5, 2)), "H");
        assert_eq!(states("-+", &check(5, 2)), "iH");
    }

    #[test]
    fn a_new_target_that_fails_must_pass_as_often_as_any() {
        assert_eq!(states("--+++", &check(3, 2)), "iuuuH");
    }

    #[test]
    fn only_failures_in_a_row_take_a_target_out() {
        assert_eq!(states("+-+-+--", &check(5, 2)), "HHHHHHu");
    }

    #[test]
    fn only_passes_in_a_row_bring_it_back() {
        assert_eq!(states("+--++-+++", &check(3, 2)), "HHuuuuuuH");
    }

    #[test]
    fn a_threshold_of_0_means_1() {
        assert_eq!(states("+-+", &check(0, 0)), "HuH");
    }

    #[test]
    fn changes_are_told_once() {
        let mut target = TargetHealth::default();
        let check = check(2, 1);
        let up = Change { from: State::Initial, to: State::Healthy };
        assert_eq!(target.observe(result(true), &check), Some(up));
        assert_eq!(target.observe(result(true), &check), None);
        let down = Change { from: State::Healthy, to: State::Unhealthy };
        assert_eq!(target.observe(result(false), &check), Some(down));
        assert_eq!(target.last(), Some(&result(false)));
        assert_eq!((target.observe(result(false), &check), target.streak()), (None, 2));
    }

    fn fleet(interval_ms: u64, results: &[(usize, bool)]) -> Fleet {
        let mut config = config(&[1, 2, 3]);
        config.health_check = HealthCheck { interval_ms, ..check(2, 1) };
        let mut fleet = Fleet::new(&config);
        for (index, passed) in results {
            fleet.observe(*index, result(*passed));
        }
        fleet
    }

    #[test]
    fn healthy_targets_are_used_and_without_any_all_are() {
        type Case<'a> = (&'a [(usize, bool)], &'a [usize], bool);
        let cases: [Case; 5] = [
            (&[], &[0, 1, 2], true),
            (&[(1, true)], &[1], false),
            (&[(0, true), (2, true)], &[0, 2], false),
            (&[(0, true), (2, true), (0, false)], &[2], false),
            (&[(0, true), (0, false), (1, false), (2, false)], &[0, 1, 2], true),
        ];
        for (results, used, open) in cases {
            let fleet = fleet(1000, results);
            let in_service: Vec<usize> =
                fleet.in_service(|_| 1).into_iter().map(|(i, _)| i).collect();
            assert_eq!((in_service.as_slice(), fleet.is_failing_open()), (used, open));
        }
    }

    #[test]
    fn without_checks_all_targets_are_always_used() {
        let fleet = fleet(0, &[(0, true), (1, false)]);
        let all = vec![(0, 1), (1, 1), (2, 1)];
        assert_eq!((fleet.in_service(|_| 1), fleet.is_failing_open()), (all, false));
    }

    #[test]
    fn a_target_without_a_share_gets_nothing_unless_nobody_else_can_serve() {
        type Case<'a> = (&'a [(usize, bool)], &'a [(usize, u32)]);
        let share = |index: usize| [3, 0, 2][index];
        let cases: [Case; 4] = [
            (&[(0, true), (1, true), (2, true)], &[(0, 3), (2, 2)]),
            (&[(0, true), (1, true)], &[(0, 3)]),
            (&[(1, true)], &[(1, 1)]),
            (&[], &[(0, 3), (2, 2)]),
        ];
        for (results, used) in cases {
            assert_eq!(fleet(1000, results).in_service(share), used, "{results:?}");
        }
        assert_eq!(fleet(0, &[]).in_service(share), [(0, 3), (2, 2)], "unchecked");
    }

    proptest! {
        /// The rule said once more, by looking at the whole history instead of counters.
        #[test]
        fn the_state_follows_from_the_history(
            results in prop::collection::vec(any::<bool>(), 0..40), up in 1u16..5, down in 1u16..5
        ) {
            let check = check(up, down);
            let mut target = TargetHealth::default();
            let mut expected = State::Initial;
            for n in 1..=results.len() {
                target.observe(result(results[n - 1]), &check);
                let ends_with = |passed: bool, times: u16| {
                    let times = usize::from(times);
                    n >= times && results[n - times..n].iter().all(|r| *r == passed)
                };
                let ups = if expected == State::Initial { 1 } else { up };
                expected = match expected {
                    State::Initial | State::Unhealthy if ends_with(true, ups) => State::Healthy,
                    State::Initial | State::Healthy if ends_with(false, down) => State::Unhealthy,
                    same => same,
                };
                prop_assert_eq!(target.state(), expected);
            }
        }

        #[test]
        fn there_is_always_somebody_to_serve(
            results in prop::collection::vec((0usize..3, any::<bool>()), 0..60)
        ) {
            let fleet = fleet(1000, &results);
            let used: Vec<usize> = fleet.in_service(|_| 1).into_iter().map(|(i, _)| i).collect();
            prop_assert!(!used.is_empty());
            let healthy = |i: &usize| fleet.targets()[*i].state() == State::Healthy;
            prop_assert!(used.iter().all(healthy) || used.len() == 3);
            prop_assert_eq!((0..3).filter(healthy).count() == 0, fleet.is_failing_open());
        }
    }
}
