//! Target tracking: when a scaling group changes its size. Pure: time is an argument.
//!
//! - So many points in a row above the target add tasks, so many below 90 % of it take tasks away.
//! - While a cool-down after adding lasts only a larger addition passes; while one after taking away
//!   lasts nothing more is taken away, and an addition ends it.
//! - A point without data is no reason to do anything, and ends every row.
//!
//! The provider does not publish how many tasks it adds. `ceil(tasks x metric / target)` is a model
//! of it, and what it is called here. Its tasks are those that run, among which the metric is shared out;
//! those that are starting are part of the size that the answer is compared with.

use std::time::Duration;

use crate::spec::model::Scaling;

/// Below this share of the target there are too many tasks: the alarm that takes tasks away is set
/// 10 % below the target, so that the group does not swing.
const LOW_SHARE: f64 = 0.9;

/// A group's rules, with its times already divided by the stage's `time_scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Policy {
    target: f64,
    min: u16,
    max: u16,
    points_out: u16,
    points_in: u16,
    cooldown_out: Duration,
    cooldown_in: Duration,
}

/// What is remembered from point to point.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    above: u16,
    below: u16,
    out_until: Option<(Duration, u16)>,
    in_until: Option<Duration>,
}

/// How large a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tasks {
    /// How many there shall be.
    pub size: u16,
    /// How many run: the metric is theirs.
    pub running: u16,
}

/// A change of size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The number of tasks that there shall be.
    pub to: u16,
    /// Why, in words.
    pub why: String,
}

impl Policy {
    /// The rules of a group that has at least `min` tasks.
    pub fn new(scaling: &Scaling, min: u16, time_scale: f64) -> Self {
        let scaled = |s: u32| Duration::from_secs_f64(f64::from(s) / time_scale);
        Self {
            target: f64::from(scaling.target_per_s),
            min,
            max: scaling.max,
            points_out: scaling.points_out,
            points_in: scaling.points_in,
            cooldown_out: scaled(scaling.cooldown_out_s),
            cooldown_in: scaled(scaling.cooldown_in_s),
        }
    }

    /// Takes in one point: requests per second of each task, or no data.
    pub fn decide(
        &self,
        memory: &mut Memory,
        now: Duration,
        tasks: Tasks,
        per_task: Option<f64>,
    ) -> Option<Change> {
        let Some(per_task) = per_task else {
            (memory.above, memory.below) = (0, 0);
            return None;
        };
        let row = |is: bool, before: u16| if is { before.saturating_add(1) } else { 0 };
        memory.above = row(per_task > self.target, memory.above);
        memory.below = row(per_task < self.target * LOW_SHARE, memory.below);
        let wanted = (f64::from(tasks.running) * per_task / self.target).ceil();
        let wanted = (wanted.clamp(0.0, f64::from(u16::MAX)) as u16).clamp(self.min, self.max);
        if memory.above >= self.points_out {
            self.add(memory, now, tasks.size, wanted, per_task)
        } else if memory.below >= self.points_in {
            self.take_away(memory, now, tasks.size, wanted, per_task)
        } else {
            None
        }
    }

    fn add(
        &self,
        memory: &mut Memory,
        now: Duration,
        size: u16,
        wanted: u16,
        per_task: f64,
    ) -> Option<Change> {
        let cooling = memory.out_until.filter(|(until, _)| now < *until).map(|(_, size)| size);
        if wanted <= size.max(cooling.unwrap_or(0)) {
            return None;
        }
        memory.out_until = Some((now + self.cooldown_out, wanted));
        memory.in_until = None;
        Some(self.change(wanted, "above", per_task))
    }

    fn take_away(
        &self,
        memory: &mut Memory,
        now: Duration,
        size: u16,
        wanted: u16,
        per_task: f64,
    ) -> Option<Change> {
        let cooling = memory.in_until.is_some_and(|until| now < until)
            || memory.out_until.is_some_and(|(until, _)| now < until);
        if wanted >= size || cooling {
            return None;
        }
        memory.in_until = Some(now + self.cooldown_in);
        memory.below = 0;
        Some(self.change(wanted, "below", per_task))
    }

    fn change(&self, to: u16, side: &str, per_task: f64) -> Change {
        let why = format!(
            "{per_task:.1} requests a second for each task, {side} the target of {}",
            self.target
        );
        Change { to, why }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scaling() -> Scaling {
        Scaling {
            max: 12,
            target_per_s: 20,
            period_s: 60,
            points_out: 3,
            points_in: 15,
            cooldown_out_s: 300,
            cooldown_in_s: 300,
            drain_ms: 0,
        }
    }

    /// The size after each point, one a minute, when the whole load is given.
    fn sizes(scaling: &Scaling, begin: u16, loads: &[Option<f64>]) -> Vec<u16> {
        let policy = Policy::new(scaling, 4, 1.0);
        let mut memory = Memory::default();
        let mut tasks = begin;
        let minutes = loads.iter().zip(0u64..);
        minutes
            .map(|(load, minute)| {
                let now = Duration::from_secs(60 * minute);
                let per_task = load.map(|l| l / f64::from(tasks));
                let group = Tasks { size: tasks, running: tasks };
                if let Some(change) = policy.decide(&mut memory, now, group, per_task) {
                    tasks = change.to;
                }
                tasks
            })
            .collect()
    }

    #[test]
    fn three_points_above_the_target_add_what_the_load_needs() {
        assert_eq!(sizes(&scaling(), 4, &[Some(160.0); 4]), [4, 4, 8, 8]);
        assert_eq!(sizes(&scaling(), 4, &[Some(80.0); 5]), [4; 5], "at the target is not above it");
    }

    #[test]
    fn a_row_is_broken_by_a_point_below_and_by_one_without_data() {
        let (high, low) = (Some(160.0), Some(80.0));
        assert_eq!(sizes(&scaling(), 4, &[high, high, low, high, high]), [4; 5]);
        assert_eq!(sizes(&scaling(), 4, &[high, high, None, high, high]), [4; 5]);
        assert_eq!(sizes(&scaling(), 4, &[None; 40]), [4; 40]);
    }

    #[test]
    fn during_the_cool_down_only_a_larger_addition_passes() {
        let mut loads = vec![Some(160.0); 3];
        loads.push(Some(170.0));
        assert_eq!(sizes(&scaling(), 4, &loads), [4, 4, 8, 9], "9 are more than 8");
        // Of the 8 only 6 are there yet: what the load needs has been added already.
        let policy = Policy::new(&scaling(), 4, 1.0);
        let out_until = Some((Duration::from_secs(300), 8));
        let cooling = Memory { above: 9, out_until, ..Memory::default() };
        let decide = |now| {
            let now = Duration::from_secs(now);
            let tasks = Tasks { size: 6, running: 6 };
            policy.decide(&mut cooling.clone(), now, tasks, Some(26.0)).map(|c| c.to)
        };
        assert_eq!((decide(299), decide(300)), (None, Some(8)));
    }

    #[test]
    fn tasks_that_are_starting_or_lost_are_not_added_a_second_time() {
        let policy = Policy::new(&scaling(), 4, 1.0);
        let decide = |size, running, per_task| {
            let mut memory = Memory { above: 9, ..Memory::default() };
            let tasks = Tasks { size, running };
            policy.decide(&mut memory, Duration::ZERO, tasks, Some(per_task)).map(|c| c.to)
        };
        // 160 a second need 8 tasks, whether 4 or 6 of them run already.
        assert_eq!(decide(4, 4, 40.0), Some(8));
        assert_eq!(decide(8, 6, 160.0 / 6.0), None);
        // A zone took 4 of 8 tasks along: the load is what it was.
        assert_eq!(decide(8, 4, 40.0), None);
        assert_eq!(decide(8, 4, 45.0), Some(9), "and more load is more tasks all the same");
    }

    #[test]
    fn fifteen_points_well_below_take_tasks_away_but_not_during_a_cool_down() {
        let mut loads = vec![Some(160.0); 3];
        loads.extend([Some(20.0); 15]);
        let sizes_seen = sizes(&scaling(), 4, &loads);
        assert_eq!(sizes_seen[16], 8);
        assert_eq!(sizes_seen[17], 4, "the fifteenth, and the cool-down of adding is over");
        let slow = Scaling { cooldown_out_s: 3600, ..scaling() };
        assert_eq!(sizes(&slow, 4, &loads).last(), Some(&8), "it still cools down");
        assert_eq!(sizes(&scaling(), 8, &[Some(8.0 * 18.1); 30]), [8; 30], "90 % is near enough");
    }

    #[test]
    fn an_addition_ends_the_cool_down_of_taking_away() {
        let policy = Policy::new(&scaling(), 4, 1.0);
        let mut memory =
            Memory { in_until: Some(Duration::from_secs(9999)), above: 2, ..Memory::default() };
        let change =
            policy.decide(&mut memory, Duration::ZERO, Tasks { size: 4, running: 4 }, Some(40.0));
        assert_eq!(change.map(|c| c.to), Some(8));
        assert_eq!(memory.in_until, None);
    }

    #[test]
    fn time_can_be_scaled() {
        let policy = Policy::new(&scaling(), 4, 60.0);
        assert_eq!(policy.cooldown_out, Duration::from_secs(5));
    }

    proptest! {
        #[test]
        fn the_size_stays_within_its_limits(
            loads in prop::collection::vec(prop::option::of(0.0f64..5000.0), 0..80)
        ) {
            let sizes = sizes(&scaling(), 4, &loads);
            prop_assert!(sizes.iter().all(|size| (4..=12).contains(size)), "{sizes:?}");
        }
    }
}
