//! How long a request keeps trying, and how long it waits in between.

use std::time::Duration;

use tokio::time::Instant;

/// Upper bound of the first wait.
const BASE: Duration = Duration::from_millis(20);
/// Upper bound of every wait.
const CAP: Duration = Duration::from_millis(250);

/// The time that one request may spend on tries.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    ends: Instant,
}

impl Budget {
    /// A budget that starts now.
    pub fn starting_now(total: Duration) -> Self {
        Self { ends: Instant::now() + total }
    }

    /// The same, but used up after `time` at the latest.
    pub fn at_most(self, time: Duration) -> Self {
        Self { ends: self.ends.min(Instant::now() + time) }
    }

    /// When it is used up.
    pub fn ends(self) -> Instant {
        self.ends
    }

    /// Whether another try may begin after a wait of `pause`.
    pub fn allows(self, pause: Duration) -> bool {
        Instant::now() + pause < self.ends
    }
}

/// Wait before try number `failures + 1`: "full jitter", a uniform choice below an exponentially
/// growing bound, which spreads the clients of a recovering server best. `random` is in `0.0..1.0`.
pub fn backoff(failures: u32, random: f64) -> Duration {
    let bound = BASE.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(CAP);
    bound.mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_cap() {
        let bounds: Vec<u128> = (0..6).map(|n| backoff(n, 1.0).as_millis()).collect();
        assert_eq!(bounds, [20, 40, 80, 160, 250, 250]);
        assert_eq!(backoff(u32::MAX, 1.0), CAP);
    }

    #[test]
    fn the_jitter_is_full() {
        assert_eq!(backoff(3, 0.0), Duration::ZERO);
        assert_eq!(backoff(3, 0.5), Duration::from_millis(80));
    }

    #[tokio::test]
    async fn a_wait_beyond_the_budget_is_not_allowed() {
        let budget = Budget::starting_now(Duration::from_secs(60));
        assert!(budget.allows(Duration::from_secs(50)));
        assert!(!budget.allows(Duration::from_secs(61)));
        assert!(!Budget::starting_now(Duration::ZERO).allows(Duration::ZERO));
    }
}
