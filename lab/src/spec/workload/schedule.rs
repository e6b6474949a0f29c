//! Which operation is wanted when: a pure function of workload, seed, rate and duration.
//!
//! Users do not know of each other, so arrivals are a Poisson process: the gaps are exponentially
//! distributed. Each operation comes as often as its weight says, and users take turns.

use std::sync::Arc;
use std::time::Duration;

use super::dice::Dice;
use super::model::{Operation, Workload};
use crate::spec::model::Name;

/// Sets the throws that say when and what apart from those of values.
const WHEN: u64 = u64::MAX;

/// Everything that decides what is wanted when. The same plan always gives the same operations.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What clients do.
    pub workload: Arc<Workload>,
    /// All choices follow from it.
    pub seed: u64,
    /// Mean arrivals per second; 0 means none at all.
    pub rate_per_s: u32,
    /// When arrivals end; without it they go on until somebody stops them.
    pub duration: Option<Duration>,
    /// How long the rate takes to grow evenly from nothing to what it is; zero: it is there at once.
    pub ramp: Duration,
    /// What the keys of writes begin with: `<prefix>-<number>`. It must be new for every run, or a system
    /// takes new writes for repetitions of old ones.
    pub key_prefix: String,
}

/// One wanted operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// When it is wanted, counted from the start of the traffic.
    pub offset: Duration,
    /// Counted from 0; the number in the key of a write, and of the throws that make its values.
    pub number: u64,
    /// Which operation of the workload, counted from 0.
    pub operation: usize,
    /// Of a register: it is read, and not written.
    pub reads: bool,
    /// For a write that carries a key: its number among those, counted from 1.
    pub keyed: Option<u64>,
}

impl Plan {
    /// The operations in the order of time.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            weights: self.workload.weights(),
            dice: Dice::new(self.seed, WHEN),
            plan: self.clone(),
            elapsed_ns: 0,
            number: 0,
            keyed: 0,
        }
    }

    /// Name and meaning of a planned operation; `None` for one of another workload.
    pub fn operation(&self, planned: &Planned) -> Option<(&Name, &Operation)> {
        self.workload.operations.get_index(planned.operation)
    }

    /// The throws that make the values of the operation of this number.
    pub fn dice(&self, number: u64) -> Dice {
        Dice::new(self.seed, number)
    }

    /// The key of the write of this number.
    pub fn key(&self, number: u64) -> String {
        format!("{}-{number}", self.key_prefix)
    }
}

/// The operations of a plan, made one after the other: an endless plan takes no memory.
#[derive(Clone, Debug)]
pub struct Schedule {
    plan: Plan,
    weights: u64,
    dice: Dice,
    /// Sum of the gaps, as if the rate had been there from the beginning.
    elapsed_ns: u64,
    number: u64,
    /// Keyed writes so far.
    keyed: u64,
}

impl Iterator for Schedule {
    type Item = Planned;

    fn next(&mut self) -> Option<Planned> {
        self.elapsed_ns = self.elapsed_ns.saturating_add(self.gap_ns()?);
        let offset = stretched(Duration::from_nanos(self.elapsed_ns), self.plan.ramp);
        if self.plan.duration.is_some_and(|end| offset >= end) {
            return None;
        }
        let index = self.pick()?;
        // Thrown for every operation, so that a register does not change what comes after.
        let percent = self.dice.below(100);
        let (_, operation) = self.plan.workload.operations.get_index(index)?;
        let read_percent = operation.register.as_ref().map(|register| register.read_percent);
        let reads = read_percent.is_some_and(|share| percent < u64::from(share));
        let keyed = (operation.is_keyed() && operation.is_write() && !reads).then(|| {
            self.keyed += 1;
            self.keyed
        });
        let number = self.number;
        self.number += 1;
        Some(Planned { offset, number, operation: index, reads, keyed })
    }
}

impl Schedule {
    /// The time to the next arrival.
    fn gap_ns(&mut self) -> Option<u64> {
        let rate = f64::from(self.plan.rate_per_s);
        if rate == 0.0 {
            return None;
        }
        // Below 1, so the logarithm is finite.
        Some((-(1.0 - self.dice.unit()).ln() / rate * 1e9) as u64)
    }

    fn pick(&mut self) -> Option<usize> {
        let mut left = self.dice.below(self.weights);
        for (index, operation) in self.plan.workload.operations.values().enumerate() {
            match left.checked_sub(u64::from(operation.weight)) {
                Some(rest) => left = rest,
                None => return Some(index),
            }
        }
        // Only when all weights are 0.
        None
    }
}

/// When an arrival of an even rate comes if the rate first grows evenly: at the time at which as many
/// are expected as at `even`. While the rate grows these are `t * t / (2 * ramp)` of its seconds, and
/// `t - ramp / 2` from then on.
fn stretched(even: Duration, ramp: Duration) -> Duration {
    if ramp.is_zero() {
        return even;
    }
    let half = ramp / 2;
    if even >= half {
        return even + half;
    }
    Duration::from_secs_f64((2.0 * ramp.as_secs_f64() * even.as_secs_f64()).sqrt())
}
