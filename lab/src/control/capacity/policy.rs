//! When a database gets more capacity, and when less. Pure.
//!
//! The provider publishes that capacity grows at a rate in proportion to its present size and shrinks
//! more slowly, not by how much; the numbers here are a model.

use std::time::Duration;

use crate::spec::machine::Machine;
use crate::spec::model::Capacity;

/// Above this share of its processors, memory or connections a database grows.
const BUSY: f64 = 0.7;
/// Below this share it shrinks, when it has been so for long enough.
const IDLE: f64 = 0.4;
/// By which share of its present size it grows at a time.
const GROWS_BY: f64 = 0.5;
/// It never shrinks to where what it has in memory would be more than this share.
const MEMORY_FULL: f64 = 0.8;
/// How long it has been idle before each step down, on the provider's clock.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// What a node uses, as shares of what it has now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Use {
    /// Of its processors.
    pub cpu: f64,
    /// Of its memory, without what can be dropped at any time.
    pub memory: f64,
}

impl Use {
    /// The greater of each.
    pub fn max(self, other: Self) -> Self {
        Self { cpu: self.cpu.max(other.cpu), memory: self.memory.max(other.memory) }
    }
}

/// A change, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The new size, in half units.
    pub to: u16,
    /// Why, in a few words.
    pub why: String,
}

/// The rules for one node or more that are sized together.
#[derive(Clone, Debug)]
pub struct Policy {
    min: u16,
    /// How far it can grow here.
    max: u16,
    /// How far the stage lets it grow.
    declared: u16,
    idle_for: Duration,
}

/// What it remembers: since when the nodes have been idle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    idle_since: Option<Duration>,
}

impl Policy {
    /// The rules of a tier, with its waiting time divided by the time scale.
    /// It never grows to more than the machine has.
    pub fn new(capacity: &Capacity, time_scale: f64, machine: &Machine) -> Self {
        let idle_for = IDLE_FOR.div_f64(time_scale.max(f64::MIN_POSITIVE));
        Self {
            min: capacity.min.halves(),
            max: machine.most_halves(capacity),
            declared: capacity.max.halves(),
            idle_for,
        }
    }

    /// Decides at a moment (`now` counts from any fixed one) from what the busiest node uses. Growth
    /// needs no waiting: what is too small is slow at once.
    pub fn decide(
        &self,
        memory: &mut Memory,
        now: Duration,
        size: u16,
        usage: Use,
    ) -> Option<Change> {
        let most = usage.cpu.max(usage.memory);
        if most >= IDLE {
            memory.idle_since = None;
        }
        if most > BUSY {
            let step = (f64::from(size) * GROWS_BY).ceil() as u16;
            let to = size.saturating_add(step.max(1)).min(self.max);
            let why = words("more than", BUSY, usage) + &self.end_of_the_machine(to);
            return (to > size).then_some(Change { to, why });
        }
        if most >= IDLE {
            return None;
        }
        let since = *memory.idle_since.get_or_insert(now);
        let to = size.saturating_sub(1).max(self.min);
        let fits = usage.memory * f64::from(size) <= MEMORY_FULL * f64::from(to);
        if now.saturating_sub(since) < self.idle_for || to == size || !fits {
            return None;
        }
        memory.idle_since = Some(now);
        Some(Change { to, why: words("less than", IDLE, usage) })
    }
}

impl Policy {
    /// What is said of a step that is the last one here and not in the stage.
    fn end_of_the_machine(&self, to: u16) -> String {
        if to < self.max || self.max == self.declared {
            return String::new();
        }
        let declared = f64::from(self.declared) / 2.0;
        format!("; the machine has no more, though its `max` is {declared} units")
    }
}

fn words(how: &str, bound: f64, usage: Use) -> String {
    format!(
        "{how} {:.0} %: processors {:.0} %, memory {:.0} %",
        bound * 100.0,
        usage.cpu * 100.0,
        usage.memory * 100.0
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::model::Units;

    fn policy() -> Policy {
        let units = |text: &str| serde_json::from_str::<Units>(text).unwrap();
        let capacity = Capacity {
            min: units("0.5"),
            max: units("8"),
            milli_cpus_per_unit: 250,
            memory_mib_per_unit: 192,
        };
        Policy::new(&capacity, 20.0, &Machine { cpus: 64, memory_bytes: 1 << 40 })
    }

    fn cpu(cpu: f64) -> Use {
        Use { cpu, memory: 0.1 }
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn it_grows_at_once_and_the_faster_the_larger_it_is() {
        let (policy, mut memory) = (policy(), Memory::default());
        let mut sizes = vec![1];
        for second in 0..20 {
            let size = *sizes.last().unwrap();
            if let Some(change) = policy.decide(&mut memory, at(second * 1000), size, cpu(0.9)) {
                sizes.push(change.to);
            }
        }
        assert_eq!(sizes, [1, 2, 3, 5, 8, 12, 16], "to its maximum and no further");
    }

    #[test]
    fn it_grows_to_what_the_machine_has_and_says_so() {
        let units = |text: &str| serde_json::from_str::<Units>(text).unwrap();
        let (min, max) = (units("0.5"), units("8"));
        let capacity = Capacity { min, max, milli_cpus_per_unit: 500, memory_mib_per_unit: 192 };
        let two = Machine { cpus: 2, memory_bytes: 8 << 30 };
        let policy = Policy::new(&capacity, 20.0, &two);
        let change = policy.decide(&mut Memory::default(), at(0), 7, cpu(0.9)).unwrap();
        assert_eq!(change.to, 8, "four units are two processors");
        assert!(change.why.ends_with("its `max` is 8 units"), "{}", change.why);
        assert_eq!(policy.decide(&mut Memory::default(), at(0), 8, cpu(0.9)), None);
        let before = policy.decide(&mut Memory::default(), at(0), 2, cpu(0.9)).unwrap();
        assert!(!before.why.contains("the machine"), "{}", before.why);
        let small = Machine { cpus: 64, memory_bytes: 300 << 20 };
        let policy = Policy::new(&capacity, 20.0, &small);
        assert_eq!(policy.decide(&mut Memory::default(), at(0), 2, cpu(0.9)).unwrap().to, 3);
    }

    #[test]
    fn it_shrinks_by_half_a_unit_after_each_idle_minute() {
        let (policy, mut memory) = (policy(), Memory::default());
        let mut size = 8;
        let mut changes = Vec::new();
        // A minute passes in three seconds.
        for tenth in 0..150 {
            if let Some(change) = policy.decide(&mut memory, at(tenth * 100), size, cpu(0.2)) {
                changes.push((tenth, change.to));
                size = change.to;
            }
        }
        assert_eq!(changes, [(30, 7), (60, 6), (90, 5), (120, 4)]);
    }

    #[test]
    fn a_busy_moment_begins_the_wait_anew_and_the_middle_changes_nothing() {
        let (policy, mut memory) = (policy(), Memory::default());
        assert_eq!(policy.decide(&mut memory, at(0), 8, cpu(0.2)), None);
        assert_eq!(policy.decide(&mut memory, at(2900), 8, cpu(0.5)), None);
        assert_eq!(policy.decide(&mut memory, at(3100), 8, cpu(0.2)), None);
        assert_eq!(policy.decide(&mut memory, at(6000), 8, cpu(0.2)), None);
        assert!(policy.decide(&mut memory, at(6100), 8, cpu(0.2)).is_some());
    }

    #[test]
    fn it_keeps_the_memory_that_it_uses_and_its_minimum() {
        let (policy, mut memory) = (policy(), Memory::default());
        let full = Use { cpu: 0.0, memory: 0.39 };
        policy.decide(&mut memory, at(0), 2, full);
        // 0.39 of two halves is 0.78 of one.
        assert_eq!(policy.decide(&mut memory, at(5000), 2, full).unwrap().to, 1);
        let mut memory = Memory::default();
        policy.decide(&mut memory, at(0), 1, full);
        assert_eq!(policy.decide(&mut memory, at(5000), 1, full), None, "its minimum");
        let swelling = Use { cpu: 0.0, memory: 0.9 };
        assert!(policy.decide(&mut memory, at(9000), 2, swelling).unwrap().to > 2);
    }
}
