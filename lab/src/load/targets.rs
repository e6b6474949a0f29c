//! Which address a client talks to: round robin over those that did not fail lately, as browsers
//! and DNS health checks do.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an address that failed is avoided.
const AVOID: Duration = Duration::from_secs(1);

/// The addresses and their recent failures.
#[derive(Debug)]
pub struct Targets {
    addresses: Vec<SocketAddr>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: usize,
    avoid_until: Vec<Option<Instant>>,
}

impl Targets {
    /// All addresses good.
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        let avoid_until = vec![None; addresses.len()];
        Self { addresses, state: Mutex::new(State { next: 0, avoid_until }) }
    }

    /// Every address, the one to try first in front; avoided ones at the end, because trying them
    /// is better than giving up.
    pub fn order(&self, now: Instant) -> Vec<SocketAddr> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let n = self.addresses.len();
        let first = state.next;
        state.next = (first + 1) % n.max(1);
        let rotated = (0..n).map(|i| (first + i) % n);
        let (good, bad): (Vec<_>, Vec<_>) =
            rotated.partition(|i| state.avoid_until[*i].is_none_or(|until| until <= now));
        good.into_iter().chain(bad).map(|i| self.addresses[i]).collect()
    }

    /// An address failed: it is avoided for a while.
    pub fn failed(&self, address: SocketAddr, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(i) = self.addresses.iter().position(|a| *a == address) {
            state.avoid_until[i] = Some(now + AVOID);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_turns_and_a_failed_one_comes_last_for_a_while() {
        let a: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let b: SocketAddr = "127.0.0.1:2".parse().unwrap();
        let targets = Targets::new(vec![a, b]);
        let now = Instant::now();
        assert_eq!(targets.order(now), [a, b]);
        assert_eq!(targets.order(now), [b, a]);
        targets.failed(a, now);
        assert_eq!(targets.order(now), [b, a]);
        assert_eq!(targets.order(now), [b, a]);
        let later = now + AVOID;
        assert_eq!(targets.order(later), [a, b]);
        assert!(Targets::new(vec![]).order(now).is_empty());
    }
}
