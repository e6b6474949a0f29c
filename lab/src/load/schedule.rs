//! The schedule: a pure function of seed, rate and mix to an endless row of arrivals.

use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::journal::OpKind;

/// Number of products that the shop is seeded with.
const PRODUCTS: u32 = 200;
/// Products on one page.
const PAGE: u32 = 20;
/// Topics of the forum.
const TOPICS: u32 = 10;
/// Simulated users; each is signed in on its own.
pub const USERS: u32 = 20;

/// One arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// When, after the start.
    pub at: Duration,
    /// Its number; part of a write's key.
    pub number: u64,
    /// Which simulated user.
    pub user: u32,
    /// What is asked.
    pub request: Request,
}

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A page of products.
    Browse {
        /// Counted from 1.
        page: u32,
    },
    /// One product.
    Product {
        /// Its id.
        id: u32,
    },
    /// The latest posts of a topic.
    ReadForum {
        /// The topic.
        topic: u32,
    },
    /// One product into the cart.
    AddToCart {
        /// Its id.
        product: u32,
    },
    /// An order of one or two products.
    Order {
        /// Product and quantity.
        items: Vec<(u32, u32)>,
    },
    /// A forum post.
    Post {
        /// The topic.
        topic: u32,
    },
}

impl Request {
    /// The kind of operation.
    pub fn kind(&self) -> OpKind {
        match self {
            Self::Browse { .. } => OpKind::Browse,
            Self::Product { .. } => OpKind::Product,
            Self::ReadForum { .. } => OpKind::ReadForum,
            Self::AddToCart { .. } => OpKind::AddToCart,
            Self::Order { .. } => OpKind::Order,
            Self::Post { .. } => OpKind::Post,
        }
    }
}

/// Poisson arrivals: independent users, so gaps are exponential.
#[derive(Debug)]
pub struct Schedule {
    rng: ChaCha8Rng,
    rate_per_s: f64,
    read_percent: u8,
    at: f64,
    number: u64,
}

impl Schedule {
    /// The schedule of a seed. `rate_per_s` is at least one arrival in a thousand seconds.
    pub fn new(seed: u64, rate_per_s: f64, read_percent: u8) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { rng, rate_per_s: rate_per_s.max(0.001), read_percent, at: 0.0, number: 0 }
    }

    fn request(&mut self) -> Request {
        let rng = &mut self.rng;
        let read = rng.random_range(0..100) < self.read_percent;
        // Of the reads half are single products; of the writes half are orders.
        match (read, rng.random_range(0..4)) {
            (true, 0) => Request::Browse { page: rng.random_range(1..=PRODUCTS / PAGE) },
            (true, 1 | 2) => Request::Product { id: rng.random_range(1..=PRODUCTS) },
            (true, _) => Request::ReadForum { topic: rng.random_range(0..TOPICS) },
            (false, 0) => Request::AddToCart { product: rng.random_range(1..=PRODUCTS) },
            (false, 1 | 2) => Request::Order { items: items(rng) },
            (false, _) => Request::Post { topic: rng.random_range(0..TOPICS) },
        }
    }
}

/// One or two different products.
fn items(rng: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
    let first = rng.random_range(1..=PRODUCTS);
    let mut items = vec![(first, rng.random_range(1..=3))];
    if rng.random_bool(0.5) {
        let second = (first + rng.random_range(1..PRODUCTS) - 1) % PRODUCTS + 1;
        items.push((second, 1));
    }
    items
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let unit: f64 = self.rng.random_range(f64::MIN_POSITIVE..1.0);
        self.at += -unit.ln() / self.rate_per_s;
        let number = self.number;
        self.number += 1;
        let user = self.rng.random_range(0..USERS);
        let request = self.request();
        Some(Arrival { at: Duration::from_secs_f64(self.at), number, user, request })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_seed_fixes_the_schedule(seed: u64, rate in 1.0..5000.0f64, reads in 0u8..=100) {
            let take = || Schedule::new(seed, rate, reads).take(200).collect::<Vec<_>>();
            prop_assert_eq!(take(), take());
        }

        #[test]
        fn rate_and_mix_are_kept(seed: u64, rate in 1.0..5000.0f64, reads in 0u8..=100) {
            let n = 4000;
            let all: Vec<_> = Schedule::new(seed, rate, reads).take(n).collect();
            let seconds = all[n - 1].at.as_secs_f64();
            // Six standard deviations of a Poisson process and of a binomial.
            prop_assert!((seconds * rate / n as f64 - 1.0).abs() < 0.1);
            let read = all.iter().filter(|a| !a.request.kind().is_write()).count();
            prop_assert!((read as f64 / n as f64 - f64::from(reads) / 100.0).abs() < 0.05);
            prop_assert!(all.windows(2).all(|w| w[0].at <= w[1].at));
        }

        #[test]
        fn products_exist_and_are_not_ordered_twice_in_one_order(seed: u64) {
            for arrival in Schedule::new(seed, 100.0, 0).take(500) {
                if let Request::Order { items } = arrival.request {
                    prop_assert!(items.iter().all(|(id, n)| (1..=PRODUCTS).contains(id) && *n > 0));
                    prop_assert!(items.len() < 2 || items[0].0 != items[1].0);
                }
            }
        }
    }
}
