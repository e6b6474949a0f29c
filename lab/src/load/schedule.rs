//! Which operation is wanted when: a pure function of the plan.

use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::repeat;
use crate::journal::OpKind;

/// Products in the shop; their ids are 1 to this.
pub const PRODUCTS: u32 = 200;

/// Pages of the catalogue that people look at: 20 products on each.
const PAGES: u32 = PRODUCTS / 20;

/// Topics of the forum.
const TOPICS: [&str; 6] = ["news", "help", "offers", "reviews", "ideas", "off-topic"];

/// Shares of the reads, in percent: most people look around, some read the forum.
const READS: [(OpKind, u8); 3] =
    [(OpKind::Browse, 40), (OpKind::Product, 40), (OpKind::ReadForum, 20)];

/// Shares of the writes, in percent. Orders are half of them, because they promise the most.
const WRITES: [(OpKind, u8); 3] =
    [(OpKind::AddToCart, 30), (OpKind::Order, 50), (OpKind::Post, 20)];

/// Everything that decides what is sent when. The same plan always gives the same arrivals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// All choices follow from it.
    pub seed: u64,
    /// Mean arrivals per second; 0 means none at all.
    pub rate_per_s: u32,
    /// Share of operations that only read, in percent; more than 100 counts as 100.
    pub read_percent: u8,
    /// Share of operations that are about users' own profiles, in percent; 0 means none.
    pub profile_percent: u8,
    /// When arrivals end; without it they go on until somebody stops them.
    pub duration: Option<Duration>,
    /// How long the rate takes to grow evenly from nothing to what it is; zero: it is there at once.
    pub ramp: Duration,
    /// What the idempotency keys begin with: `<prefix>-<number>`. It must be new for every run,
    /// or the shop takes new writes for repetitions of old ones.
    pub key_prefix: String,
}

impl Plan {
    /// The arrivals in the order of time.
    pub fn arrivals(&self) -> Schedule {
        Schedule {
            rng: ChaCha8Rng::seed_from_u64(self.seed),
            plan: self.clone(),
            elapsed_ns: 0,
            number: 0,
            keyed: 0,
        }
    }
}

/// One wanted operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When it is wanted, counted from the start of the traffic.
    pub offset: Duration,
    /// Counted from 0; the number in the key of a write.
    pub number: u64,
    /// What the client does.
    pub action: Action,
    /// The client loses a good answer to it, and sends it once more. Only keyed writes are lost so.
    pub loses_answer: bool,
}

/// What a client does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Looks at a page of the catalogue.
    Browse {
        /// From 1.
        page: u32,
    },
    /// Looks at a product.
    Product {
        /// Its id.
        id: u32,
    },
    /// Reads a topic of the forum.
    ReadForum {
        /// Its name.
        topic: &'static str,
    },
    /// Puts a product in the cart.
    AddToCart {
        /// Its id.
        product: u32,
        /// How many.
        quantity: u32,
    },
    /// Orders a product.
    Order {
        /// The idempotency key.
        key: String,
        /// Its id.
        product: u32,
        /// How many.
        quantity: u32,
    },
    /// Writes in the forum.
    Post {
        /// The idempotency key.
        key: String,
        /// Name of the topic.
        topic: &'static str,
    },
    /// Writes the next version of the own profile.
    WriteProfile,
    /// Reads the own profile.
    ReadProfile,
}

impl Action {
    /// The kind under which the journal has it.
    pub fn kind(&self) -> OpKind {
        match self {
            Self::Browse { .. } => OpKind::Browse,
            Self::Product { .. } => OpKind::Product,
            Self::ReadForum { .. } => OpKind::ReadForum,
            Self::AddToCart { .. } => OpKind::AddToCart,
            Self::Order { .. } => OpKind::Order,
            Self::Post { .. } => OpKind::Post,
            Self::WriteProfile => OpKind::WriteProfile,
            Self::ReadProfile => OpKind::ReadProfile,
        }
    }

    /// The idempotency key of a promise.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Order { key, .. } | Self::Post { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// The arrivals of a plan, made one after the other: an endless plan takes no memory.
#[derive(Clone, Debug)]
pub struct Schedule {
    rng: ChaCha8Rng,
    plan: Plan,
    /// Sum of the gaps, as if the rate had been there from the beginning.
    elapsed_ns: u64,
    number: u64,
    /// Keyed writes so far.
    keyed: u64,
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        self.elapsed_ns = self.elapsed_ns.saturating_add(self.gap_ns()?);
        let offset = stretched(Duration::from_nanos(self.elapsed_ns), self.plan.ramp);
        if self.plan.duration.is_some_and(|end| offset >= end) {
            return None;
        }
        let number = self.number;
        self.number += 1;
        let action = self.action(number);
        let loses_answer = action.key().is_some() && {
            self.keyed += 1;
            repeat::loses_answer(self.keyed)
        };
        Some(Arrival { offset, number, action, loses_answer })
    }
}

impl Schedule {
    /// The time to the next arrival. Users do not know of each other, so arrivals are a Poisson
    /// process: the gaps are exponentially distributed.
    fn gap_ns(&mut self) -> Option<u64> {
        let rate = f64::from(self.plan.rate_per_s);
        if rate == 0.0 {
            return None;
        }
        // `random` is below 1, so the logarithm is finite.
        let uniform: f64 = self.rng.random();
        Some((-(1.0 - uniform).ln() / rate * 1e9) as u64)
    }

    fn action(&mut self, number: u64) -> Action {
        let reads = self.rng.random_range(0..100) < self.plan.read_percent;
        // Not drawn for a plan without, whose arrivals stay what they were.
        let profiles = self.plan.profile_percent;
        if profiles > 0 && self.rng.random_range(0..100) < profiles {
            return if reads { Action::ReadProfile } else { Action::WriteProfile };
        }
        let kind = pick(if reads { &READS } else { &WRITES }, self.rng.random_range(0..100));
        // Drawn for every operation, so that the mix does not change what comes after.
        let product = self.rng.random_range(1..=PRODUCTS);
        let page = self.rng.random_range(1..=PAGES);
        let quantity = self.rng.random_range(1..=3);
        let topic = TOPICS[self.rng.random_range(0..TOPICS.len())];
        let key = || format!("{}-{number}", self.plan.key_prefix);
        match kind {
            OpKind::Browse => Action::Browse { page },
            OpKind::Product => Action::Product { id: product },
            OpKind::ReadForum => Action::ReadForum { topic },
            OpKind::AddToCart => Action::AddToCart { product, quantity },
            OpKind::Order => Action::Order { key: key(), product, quantity },
            OpKind::Post => Action::Post { key: key(), topic },
            // Of no share above.
            OpKind::WriteProfile => Action::WriteProfile,
            OpKind::ReadProfile => Action::ReadProfile,
        }
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

/// The kind that `percent` (0 to 99) falls on.
fn pick(shares: &[(OpKind, u8); 3], percent: u8) -> OpKind {
    let first = shares[0].1;
    let second = first + shares[1].1;
    match percent {
        p if p < first => shares[0].0,
        p if p < second => shares[1].0,
        _ => shares[2].0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn plan(seed: u64, rate_per_s: u32, read_percent: u8, seconds: u64) -> Plan {
        let duration = Some(Duration::from_secs(seconds));
        let key_prefix = "t".into();
        let ramp = Duration::ZERO;
        Plan { seed, rate_per_s, read_percent, profile_percent: 0, duration, ramp, key_prefix }
    }

    #[test]
    fn shares_are_percentages() {
        for shares in [READS, WRITES] {
            assert_eq!(shares.iter().map(|(_, share)| u32::from(*share)).sum::<u32>(), 100);
        }
    }

    #[test]
    fn no_rate_means_no_arrivals() {
        assert_eq!(plan(1, 0, 70, 10).arrivals().next(), None);
    }

    #[test]
    fn an_open_end_goes_on() {
        let open = Plan { duration: None, ..plan(1, 20, 70, 0) };
        let last = open.arrivals().nth(100_000);
        assert!(last.is_some_and(|a| a.offset > Duration::from_secs(4000)));
    }

    #[test]
    fn a_ramp_grows_evenly_to_the_whole_rate() {
        let ramp = Duration::from_secs(20);
        let all: Vec<f64> = Plan { ramp, ..plan(3, 400, 70, 40) }
            .arrivals()
            .map(|a| a.offset.as_secs_f64())
            .collect();
        let within = |from: f64, to: f64| {
            all.iter().filter(|t| (from..to).contains(*t)).count() as f64 / (to - from)
        };
        // The mean rates are those in the middle of each stretch.
        for (from, to, rate) in [(0.0, 10.0, 100.0), (10.0, 20.0, 300.0), (20.0, 40.0, 400.0)] {
            let seen = within(from, to);
            assert!((seen - rate).abs() < 30.0, "{seen} from {from} s to {to} s, {rate} wanted");
        }
        assert!(all.windows(2).all(|w| w[0] <= w[1]));
    }

    #[test]
    fn gaps_are_exponential() {
        // Of an exponential distribution 1 - 1/e = 63.2% lie below the mean; evenly spaced
        // arrivals would have none or all there.
        let offsets: Vec<f64> =
            plan(7, 1000, 70, 20).arrivals().map(|a| a.offset.as_secs_f64()).collect();
        let short = offsets.windows(2).filter(|w| w[1] - w[0] < 0.001).count();
        let share = short as f64 / offsets.len() as f64;
        assert!((0.61..0.65).contains(&share), "{share}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_same_seed_gives_the_same_arrivals(seed: u64, rate in 1u32..500, reads in 0u8..=100) {
            let plan = plan(seed, rate, reads, 5);
            let again: Vec<Arrival> = plan.arrivals().collect();
            prop_assert_eq!(plan.arrivals().collect::<Vec<_>>(), again);
        }

        #[test]
        fn another_seed_gives_other_arrivals(seed in 0u64..u64::MAX) {
            let [one, other] = [seed, seed + 1].map(|s| plan(s, 100, 70, 5).arrivals());
            prop_assert_ne!(one.collect::<Vec<_>>(), other.collect::<Vec<_>>());
        }

        #[test]
        fn the_rate_is_what_was_asked_for(seed: u64, rate in 50u32..500) {
            let count = plan(seed, rate, 70, 40).arrivals().count() as f64;
            let expected = f64::from(rate) * 40.0;
            // Five standard deviations of a Poisson count.
            prop_assert!((count - expected).abs() < 5.0 * expected.sqrt(), "{count} {expected}");
        }

        #[test]
        fn the_mix_is_what_was_asked_for(seed: u64, reads in 0u8..=100) {
            let all: Vec<Arrival> = plan(seed, 500, reads, 20).arrivals().collect();
            let n = all.len() as f64;
            let got = all.iter().filter(|a| !a.action.kind().is_write()).count() as f64 / n;
            let want = f64::from(reads) / 100.0;
            prop_assert!((got - want).abs() <= 5.0 * (want * (1.0 - want) / n).sqrt(), "{got}");
            let orders = all.iter().filter(|a| a.action.kind() == OpKind::Order).count() as f64;
            let want = (1.0 - want) * 0.5;
            let tolerance = 5.0 * (want * (1.0 - want) / n).sqrt();
            prop_assert!((orders / n - want).abs() <= tolerance, "{orders} of {n}");
        }

        #[test]
        fn arrivals_are_in_order_within_the_duration_with_unique_keys(seed: u64) {
            let all: Vec<Arrival> = plan(seed, 300, 30, 5).arrivals().collect();
            prop_assert!(all.windows(2).all(|w| w[0].offset <= w[1].offset));
            prop_assert!(all.iter().all(|a| a.offset < Duration::from_secs(5)));
            let keys: Vec<&str> = all.iter().filter_map(|a| a.action.key()).collect();
            prop_assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
            for arrival in &all {
                prop_assert_eq!(arrival.action.key().is_some(), arrival.action.kind().is_promise());
                if let Some(key) = arrival.action.key() {
                    prop_assert_eq!(key, format!("t-{}", arrival.number));
                }
            }
        }

        #[test]
        fn products_and_pages_exist(seed: u64) {
            for arrival in plan(seed, 300, 50, 2).arrivals() {
                match arrival.action {
                    Action::Browse { page } => prop_assert!((1..=PAGES).contains(&page)),
                    Action::Product { id } => prop_assert!((1..=PRODUCTS).contains(&id)),
                    Action::AddToCart { product, quantity }
                    | Action::Order { product, quantity, .. } => {
                        prop_assert!((1..=PRODUCTS).contains(&product));
                        prop_assert!((1..=3).contains(&quantity));
                    }
                    Action::ReadForum { .. } | Action::Post { .. } => {}
                    other => prop_assert!(false, "{:?}: none of these is wanted", other),
                }
            }
        }

        #[test]
        fn profiles_have_their_share(seed: u64) {
            let all: Vec<_> = Plan { profile_percent: 20, ..plan(seed, 500, 70, 4) }.arrivals().collect();
            let of = |wanted: Action| all.iter().filter(|a| a.action == wanted).count();
            let (reads, writes) = (of(Action::ReadProfile), of(Action::WriteProfile));
            let share = (reads + writes) * 100 / all.len();
            prop_assert!((14..=26).contains(&share), "{} %", share);
            prop_assert!(writes > 0 && reads > writes, "{} reads, {} writes", reads, writes);
        }
    }
}
