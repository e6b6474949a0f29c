//! What one task can serve, where that is said: a copy of a larger site has smaller tasks, and a
//! machine that runs them all says nothing about when one of them is full.
//!
//! A token bucket that holds two seconds' worth (the generic cell rate algorithm, ITU-T I.371):
//! within it nothing waits, beyond it requests queue, and one whose turn is more than a second away
//! is refused.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::metrics::single;

/// How much may be served at once after a quiet time.
const BURST: Duration = Duration::from_secs(2);
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(1);

/// What one task can serve.
pub struct Capacity {
    /// Time that each request takes of the task.
    each: Duration,
    /// When all that was let in would be done, one after the other.
    busy_until: Mutex<Instant>,
    refused: AtomicU64,
}

impl Capacity {
    /// So many requests a second.
    pub fn new(per_s: u32) -> Self {
        Self {
            each: Duration::from_secs(1) / per_s.max(1),
            busy_until: Mutex::new(Instant::now()),
            refused: AtomicU64::new(0),
        }
    }

    /// Waits for a request's turn; false when that is too far away.
    pub async fn turn(&self) -> bool {
        let Some(at) = self.book(Instant::now()) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return false;
        };
        tokio::time::sleep_until(at).await;
        true
    }

    /// The turn of a request that comes now.
    fn book(&self, now: Instant) -> Option<Instant> {
        let mut busy_until =
            self.busy_until.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let done = (*busy_until).max(now) + self.each;
        // The first turn at which no more than the burst is ahead of it.
        let turn = done.checked_sub(BURST.max(self.each)).unwrap_or(now).max(now);
        if turn - now > PATIENCE {
            return None;
        }
        *busy_until = done;
        Some(turn)
    }

    /// Its metrics.
    pub fn render(&self, out: &mut String) {
        let refused = self.refused.load(Ordering::Relaxed);
        let help = "Requests beyond what the task can serve.";
        single(out, "shop_capacity_refused_total", "counter", help, refused);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits of requests that come at a steady rate, in milliseconds; none for those refused.
    fn waits(capacity: u32, per_s: u32, seconds: u32) -> Vec<Option<u128>> {
        let begin = Instant::now();
        let capacity = Capacity::new(capacity);
        *capacity.busy_until.lock().unwrap() = begin;
        let wait = |n| {
            let now = begin + Duration::from_secs(1) * n / per_s;
            capacity.book(now).map(|turn| (turn - now).as_millis())
        };
        (0..per_s * seconds).map(wait).collect()
    }

    #[test]
    fn within_the_capacity_nobody_waits() {
        assert!(waits(20, 20, 60).iter().all(|wait| *wait == Some(0)));
    }

    #[test]
    fn a_burst_passes_and_what_follows_queues() {
        let begin = Instant::now();
        let capacity = Capacity::new(10);
        *capacity.busy_until.lock().unwrap() = begin;
        let turns: Vec<_> = (0..32).map(|_| capacity.book(begin)).collect();
        let at = |n: usize| turns[n].map(|turn| (turn - begin).as_millis());
        assert_eq!((at(19), at(20), at(21), at(29)), (Some(0), Some(100), Some(200), Some(1000)));
        assert_eq!((at(30), at(31)), (None, None), "more than a second away");
    }

    #[test]
    fn of_twice_the_capacity_half_is_served_late_and_half_is_refused() {
        let waits = waits(20, 40, 60);
        let served: Vec<u128> = waits.iter().flatten().copied().collect();
        assert!((1240..1280).contains(&served.len()), "{}", served.len());
        assert!(served[600..].iter().all(|wait| (900..=1000).contains(wait)), "{served:?}");
    }
}
