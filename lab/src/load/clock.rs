//! Time stamps that never run backwards.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::journal::Micros;

/// Converts monotonic time into microseconds since the Unix epoch. The wall clock is read once:
/// when somebody sets it during a run, latencies stay what they were.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Instant,
    wall: Micros,
}

impl Clock {
    /// A clock anchored at this moment.
    pub fn start() -> Self {
        Self::anchored(Instant::now(), SystemTime::now())
    }

    fn anchored(anchor: Instant, wall: SystemTime) -> Self {
        let wall = match wall.duration_since(UNIX_EPOCH) {
            Ok(since) => micros(since),
            Err(before) => -micros(before.duration()),
        };
        Self { anchor, wall }
    }

    /// The moment at which the clock was anchored.
    pub fn anchor(&self) -> Instant {
        self.anchor
    }

    /// Microseconds since the Unix epoch at `instant`, which may be before the anchor.
    pub fn micros_at(&self, instant: Instant) -> Micros {
        match instant.checked_duration_since(self.anchor) {
            Some(after) => self.wall + micros(after),
            None => self.wall - micros(self.anchor.duration_since(instant)),
        }
    }
}

/// Whole microseconds; 292,000 years at most.
fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_the_wall_clock_at_the_anchor() {
        let anchor = Instant::now() + Duration::from_secs(10);
        let clock = Clock::anchored(anchor, UNIX_EPOCH + Duration::from_micros(5_000_000));
        assert_eq!(clock.micros_at(anchor), 5_000_000);
        assert_eq!(clock.micros_at(anchor + Duration::from_micros(7)), 5_000_007);
        assert_eq!(clock.micros_at(anchor - Duration::from_micros(7)), 4_999_993);
    }
}
