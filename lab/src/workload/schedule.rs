//! Which operation is wanted when: a pure function of workload, seed, rate and duration.
//!
//! Users do not know of each other, so arrivals are a Poisson process: the gaps are exponentially
//! distributed. Each operation comes as often as its weight says, and users take turns.

use std::time::Duration;

use super::dice::Dice;
use super::model::{Operation, Workload};

/// Sets the throws that say when and what apart from those of values.
const WHEN: u64 = u64::MAX;

/// Everything that decides what is wanted when. The same plan always gives the same operations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan<'a> {
    /// What clients do.
    pub workload: &'a Workload,
    /// All choices follow from it.
    pub seed: u64,
    /// Mean arrivals per second; 0 means none at all.
    pub rate_per_s: u32,
    /// When arrivals end; without it they go on until somebody stops them.
    pub duration: Option<Duration>,
    /// How long the rate takes to grow evenly from nothing to what it is; zero: it is there at once.
    pub ramp: Duration,
}

/// One wanted operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned<'a> {
    /// When it is wanted, counted from the start of the traffic.
    pub offset: Duration,
    /// Counted from 0; the number in the key of a write, and of the throws that make its values.
    pub number: u64,
    /// Who does it, counted from 0.
    pub user: u64,
    /// The operation's name.
    pub name: &'a str,
    /// What is done.
    pub operation: &'a Operation,
    /// Of a register: it is read, and not written.
    pub reads: bool,
}

impl Planned<'_> {
    /// The throws that make the values of this operation.
    pub fn dice(&self, seed: u64) -> Dice {
        Dice::new(seed, self.number)
    }

    /// Its idempotency key, in traffic whose keys have this prefix.
    pub fn key(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.number)
    }

    /// Whether it changes something.
    pub fn is_write(&self) -> bool {
        self.operation.is_write() && !self.reads
    }
}

impl<'a> Plan<'a> {
    /// The operations in the order of time.
    pub fn schedule(&self) -> Schedule<'a> {
        Schedule {
            plan: *self,
            weights: self.workload.weights(),
            dice: Dice::new(self.seed, WHEN),
            elapsed_ns: 0,
            number: 0,
        }
    }
}

/// The operations of a plan, made one after the other: an endless plan takes no memory.
#[derive(Clone, Debug)]
pub struct Schedule<'a> {
    plan: Plan<'a>,
    weights: u64,
    dice: Dice,
    /// Sum of the gaps, as if the rate had been there from the beginning.
    elapsed_ns: u64,
    number: u64,
}

impl<'a> Iterator for Schedule<'a> {
    type Item = Planned<'a>;

    fn next(&mut self) -> Option<Planned<'a>> {
        self.elapsed_ns = self.elapsed_ns.saturating_add(self.gap_ns()?);
        let offset = stretched(Duration::from_nanos(self.elapsed_ns), self.plan.ramp);
        if self.plan.duration.is_some_and(|end| offset >= end) {
            return None;
        }
        let (name, operation) = self.pick()?;
        // Thrown for every operation, so that a register does not change what comes after.
        let percent = self.dice.below(100);
        let read_percent = operation.register.as_ref().map(|register| register.read_percent);
        let reads = read_percent.is_some_and(|share| percent < u64::from(share));
        let number = self.number;
        self.number += 1;
        let user = number % u64::from(self.plan.workload.users.max(1));
        Some(Planned { offset, number, user, name, operation, reads })
    }
}

impl<'a> Schedule<'a> {
    /// The time to the next arrival.
    fn gap_ns(&mut self) -> Option<u64> {
        let rate = f64::from(self.plan.rate_per_s);
        if rate == 0.0 {
            return None;
        }
        // Below 1, so the logarithm is finite.
        Some((-(1.0 - self.dice.unit()).ln() / rate * 1e9) as u64)
    }

    fn pick(&mut self) -> Option<(&'a str, &'a Operation)> {
        let mut left = self.dice.below(self.weights);
        for (name, operation) in &self.plan.workload.operations {
            match left.checked_sub(u64::from(operation.weight)) {
                Some(rest) => left = rest,
                None => return Some((name, operation)),
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
