//! How many tries again a task may make: one for every five requests, so that an application tier in
//! trouble is not sent a multiple of its traffic on top.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a request adds, in fifths of a try.
const DEPOSIT: u64 = 1;
/// What a try costs.
const PRICE: u64 = 5;
/// The most that can be saved up: 50 tries.
const MOST: u64 = 50 * PRICE;

/// What is left.
#[derive(Debug)]
pub struct Budget {
    enabled: bool,
    fifths: AtomicU64,
    denied: AtomicU64,
}

impl Budget {
    /// A full one; one that is not enabled allows nothing.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, fifths: AtomicU64::new(MOST), denied: AtomicU64::new(0) }
    }

    /// A request came.
    pub fn deposit(&self) {
        let more = |left: u64| Some((left + DEPOSIT).min(MOST));
        let _ = self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    /// Takes a try, if there is one.
    pub fn take(&self) -> bool {
        let less = |left: u64| left.checked_sub(PRICE);
        let taken = self.enabled
            && self.fifths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        self.denied.fetch_add((self.enabled && !taken).into(), Ordering::Relaxed);
        taken
    }

    /// Tries that were not made because none was left.
    pub fn denied(&self) -> u64 {
        self.denied.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_try_for_five_requests_once_the_savings_are_spent() {
        let budget = Budget::new(true);
        for _ in 0..MOST / PRICE {
            assert!(budget.take());
        }
        assert!(!budget.take());
        let tries = (0..100).filter(|_| {
            budget.deposit();
            budget.take()
        });
        assert_eq!(tries.count(), 20);
        assert_eq!(budget.denied(), 81);
    }

    #[test]
    fn switched_off_it_allows_nothing() {
        assert!(!Budget::new(false).take());
    }
}
