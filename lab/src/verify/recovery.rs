//! When was service back for good? The definition of RTO.
//!
//! An operation is *good* when it succeeded within the p99 objective, counted from its intended
//! start. Take the operations that were due at or after the first fault, in the order in which they
//! were due. Service is back with the first good operation such that
//!
//! 1. the second that begins with it, the last second of traffic, and all the rest of the traffic
//!    together hold enough good operations, and
//! 2. no later stretch of one second that begins with an operation is a dip, and
//! 3. at least one second of traffic follows, or there is no proof.
//!
//! *Enough* is the stage's availability objective, at most 99 % (see [`within`]). A *dip* is a second
//! with more bad operations than a service that is exactly within that objective shows in one second
//! of a thousand (see [`Dips`]): traffic of a minute has many seconds, in some of which two slow
//! answers meet by chance, and that is no outage. RTO is the time
//! from the fault until that operation was *done*. When no operation after the fault was bad, the
//! RTO is zero. With several faults, RTO counts from the first one.
//!
//! Healing needs no rule of its own. Where service returns only because the fault was healed, RTO
//! includes the whole time until the heal. Where it was back before and a late heal (a node that
//! rejoins) takes it away again, condition 2 fails for everything before that second dip: it was not
//! back for good.
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
    let hold = no_dip_from(after, &goods, end, standard);
    let last_second = after.partition_point(|op| op.intended < end - WINDOW);
    let between =
        |from: usize, to: usize| within(goods[to] - goods[from], to - from, standard.percent);
    let enough = |from: usize| between(from, total);
    let first_second = |i: usize| {
        let until = after[i].intended + WINDOW;
        until > end || between(i, after.partition_point(|op| op.intended < until))
    };
    let is_good = |i: usize| goods[i + 1] > goods[i];
    let served = |i: usize| {
        is_good(i) && hold[i] && first_second(i) && enough(i.max(last_second)) && enough(i)
    };
    match (0..total).find(|&i| served(i)) {
        Some(i) if after[i].intended + WINDOW <= end => Recovery::Back(after[i].done - fault),
        Some(i) => Recovery::Unproven(after[i].done - fault),
        None => Recovery::NotBack(end - fault),
    }
}

/// The end of the first stretch of so long after `from` in which service was good: operations were due,
/// and none of them begins a dip. `end`, the end of traffic, when there is none before.
pub fn calm_after(
    ops: &[&Op],
    from: Micros,
    calm: Micros,
    end: Micros,
    standard: Standard,
) -> Micros {
    let after = &ops[ops.partition_point(|op| op.intended < from)..];
    let goods = prefix_sums(after, standard);
    let mut dips = Dips::new(standard.percent);
    let (mut since, mut last) = (from, from);
    for (i, op) in after.iter().enumerate() {
        if op.intended - last >= calm {
            // Nothing was sent meanwhile, so nothing is known of it.
            since = op.intended;
        } else if op.intended >= since + calm {
            break;
        }
        last = op.intended;
        let next = after.partition_point(|next| next.intended < op.intended + WINDOW);
        let (all, good) = (next - i, goods[next] - goods[i]);
        if all - good > dips.tolerated(all) {
            since = op.intended + WINDOW;
        }
    }
    end.min(since + calm)
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

/// For each operation: whether no full window that begins with it or a later one is a dip. A window
/// that the end of traffic cuts short says too little; the last full second stands for it.
fn no_dip_from(ops: &[&Op], goods: &[usize], end: Micros, standard: Standard) -> Vec<bool> {
    let mut dips = Dips::new(standard.percent);
    let mut hold = vec![true; ops.len()];
    let mut all_later = true;
    for i in (0..ops.len()).rev() {
        let until = ops[i].intended + WINDOW;
        if until <= end {
            let next = ops.partition_point(|op| op.intended < until);
            let (all, good) = (next - i, goods[next] - goods[i]);
            all_later &= all - good <= dips.tolerated(all);
        }
        hold[i] = all_later;
    }
    hold
}

/// How seldom a service that is exactly within its objective may be taken for one in a dip.
const BY_CHANCE: f64 = 0.001;

/// How many bad operations among so many are no dip yet: the least number that a service, each of
/// whose operations is bad with the probability that the objective allows, exceeds with a probability
/// below [`BY_CHANCE`]; the tail of the binomial distribution. What was found out is kept.
struct Dips {
    bad: f64,
    known: Vec<Option<usize>>,
}

impl Dips {
    fn new(percent: f64) -> Self {
        Self { bad: 1.0 - percent / 100.0, known: Vec::new() }
    }

    fn tolerated(&mut self, all: usize) -> usize {
        if self.known.len() <= all {
            self.known.resize(all + 1, None);
        }
        *self.known[all].get_or_insert_with(|| tolerated(all, self.bad))
    }
}

fn tolerated(all: usize, bad: f64) -> usize {
    if bad >= 1.0 {
        return all;
    }
    // Logarithms: the probability of none among many is too small for a number.
    let odds = (bad / (1.0 - bad)).ln();
    let mut exactly = all as f64 * (1.0 - bad).ln();
    let mut at_most = exactly.exp();
    let mut count = 0;
    while count < all && 1.0 - at_most >= BY_CHANCE {
        exactly += ((all - count) as f64 / (count + 1) as f64).ln() + odds;
        at_most += exactly.exp();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests;
