//! Events of orders, from the order's transaction to the queue: an order is never without its
//! event, and no outage of the queue loses one.

mod backlog;
mod channel;
mod event;
mod outbox;
mod relay;

pub use backlog::{Backlog, Gauge};
pub use channel::Channel;
pub use event::{Heard, NoEvent, OrderPlaced};
pub use relay::Relay;

use std::time::Duration;

/// Upper bounds of the first wait and of every wait before something is tried again that failed.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Wait before the next try after so many failures in a row: half of a bound that doubles, and a
/// random part of the other half. So tasks that failed together do not come back together, and none
/// comes back at once. `random` is in `0.0..1.0`.
pub fn pause(failures: u32, random: f64) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    let bound = PAUSES.0.saturating_mul(factor).min(PAUSES.1);
    bound.mul_f64(random.clamp(0.0, 1.0) / 2.0 + 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_are_never_nothing() {
        let most: Vec<u128> = (1..=8).map(|n| pause(n, 1.0).as_millis()).collect();
        assert_eq!(most, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(pause(1, 0.0).as_millis(), 50);
        assert_eq!(pause(u32::MAX, 0.0).as_millis(), 2500);
    }
}
