//! A circuit breaker: what fails again and again is left alone for a while, then tried by one.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open it.
const FAILURES: u32 = 5;

/// How long it stays open before one try is allowed.
const OPEN_FOR: Duration = Duration::from_millis(500);

/// Guards one thing that may fail.
#[derive(Debug)]
pub struct Breaker {
    enabled: bool,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    /// Nobody may try before this, except the one whose try moved it.
    closed_until: Option<Instant>,
    opened: u64,
}

impl Breaker {
    /// A closed breaker; one that is not enabled stays closed.
    pub fn new(enabled: bool) -> Self {
        Self { enabled, state: Mutex::default() }
    }

    /// Whether a try may be made at `now`. While open, one try each time the wait is over.
    pub fn allows(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + OPEN_FOR);
                true
            }
        }
    }

    /// Notes how a try ended.
    pub fn record(&self, now: Instant, ok: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if ok {
            state.failures = 0;
            state.closed_until = None;
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if self.enabled && state.failures >= FAILURES {
            state.opened += u64::from(state.closed_until.is_none());
            state.closed_until = Some(now + OPEN_FOR);
        }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed_until.is_some()
    }

    /// How often it opened.
    pub fn opened(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(breaker: &Breaker, now: Instant, failures: u32) {
        for _ in 0..failures {
            assert!(breaker.allows(now));
            breaker.record(now, false);
        }
    }

    #[tokio::test]
    async fn it_opens_after_failures_in_a_row_only() {
        let now = Instant::now();
        let breaker = Breaker::new(true);
        after(&breaker, now, FAILURES - 1);
        breaker.record(now, true);
        after(&breaker, now, FAILURES - 1);
        assert!(breaker.allows(now) && !breaker.is_open());
        breaker.record(now, false);
        assert!(!breaker.allows(now));
        assert_eq!(breaker.opened(), 1);
    }

    #[tokio::test]
    async fn half_open_it_lets_one_through_and_its_end_decides() {
        let now = Instant::now();
        let breaker = Breaker::new(true);
        after(&breaker, now, FAILURES);
        let later = now + OPEN_FOR;
        assert!(breaker.allows(later));
        assert!(!breaker.allows(later), "only one");
        breaker.record(later, false);
        assert!(!breaker.allows(later + OPEN_FOR / 2));
        assert!(breaker.allows(later + OPEN_FOR));
        breaker.record(later + OPEN_FOR, true);
        assert!(breaker.allows(later + OPEN_FOR) && !breaker.is_open());
        assert_eq!(breaker.opened(), 1, "a failed probe is not another opening");
    }

    #[tokio::test]
    async fn switched_off_it_stays_closed() {
        let now = Instant::now();
        let breaker = Breaker::new(false);
        after(&breaker, now, FAILURES * 2);
        assert!(breaker.allows(now));
    }
}
