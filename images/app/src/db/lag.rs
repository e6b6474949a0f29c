//! How far a replica is behind, measured in the primary's log and this task's clock.
//!
//! The time of the last replayed commit grows on every replica of an idle primary; and when the
//! primary is dead nobody knows how much a replica lacks. So the primary's position is sampled,
//! and a replica is as late as the first sample that it has not reached was before the last one.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::Position;

/// Samples kept; with four a second, a lag of up to two and a half minutes is told exactly.
const KEPT: usize = 600;

/// Where the primary was, and when.
#[derive(Debug, Default)]
pub struct History {
    samples: VecDeque<(Instant, Position)>,
}

impl History {
    /// The primary was seen at `position`.
    pub fn push(&mut self, at: Instant, position: Position) {
        // A position that did not move since is only as old as the last look at it.
        if self.samples.back().is_some_and(|(_, last)| *last == position)
            && let Some(last) = self.samples.back_mut()
        {
            last.0 = at;
            return;
        }
        // Another database took its place.
        if self.latest().is_some_and(|last| position < last) {
            self.samples.clear();
        }
        if self.samples.len() == KEPT {
            self.samples.pop_front();
        }
        self.samples.push_back((at, position));
    }

    /// The primary's latest known position.
    pub fn latest(&self) -> Option<Position> {
        self.samples.back().map(|(_, position)| *position)
    }

    /// How late a replica at `position` is; `None` when nobody knows: before the primary was ever
    /// seen, and for a replica that has not reached the oldest sample. A task that has just begun has
    /// only young samples, and a replica that lacks them may lack minutes. It stands still while the
    /// primary cannot be seen.
    pub fn lag(&self, position: Position) -> Option<Duration> {
        let (newest, _) = self.samples.back()?;
        let reached = self.samples.partition_point(|(_, sample)| *sample <= position);
        // Everything up to the last sample that it has reached is there.
        let (since, _) = self.samples.get(reached.checked_sub(1)?)?;
        Some(newest.saturating_duration_since(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lsn: u64) -> Position {
        Position { timeline: 1, lsn }
    }

    fn history(samples: &[(u64, u64)]) -> History {
        let start = Instant::now();
        let mut history = History::default();
        for (ms, lsn) in samples {
            history.push(start + Duration::from_millis(*ms), at(*lsn));
        }
        history
    }

    #[tokio::test]
    async fn a_replica_is_as_late_as_what_it_has_reached() {
        let history = history(&[(0, 10), (100, 20), (200, 30), (300, 40)]);
        let lag = |lsn: u64| history.lag(at(lsn)).map(|lag| lag.as_millis());
        assert_eq!((lag(40), lag(99)), (Some(0), Some(0)));
        assert_eq!((lag(35), lag(20), lag(10)), (Some(100), Some(200), Some(300)));
    }

    #[tokio::test]
    async fn a_task_that_has_just_begun_does_not_know_how_much_a_late_replica_lacks() {
        let history = history(&[(0, 1000), (50, 1010)]);
        assert_eq!(history.lag(at(10)), None, "50 ms is how long it has watched, not the lag");
        assert_eq!(history.lag(at(1000)).map(|lag| lag.as_millis()), Some(50));
    }

    #[tokio::test]
    async fn an_idle_primary_makes_nobody_late() {
        let history = history(&[(0, 10), (60_000, 10), (60_100, 20)]);
        assert_eq!(history.lag(at(10)).map(|lag| lag.as_millis()), Some(100));
    }

    #[tokio::test]
    async fn a_replica_on_the_old_timeline_is_late() {
        let mut history = history(&[(0, 10), (100, 20)]);
        let later = Instant::now() + Duration::from_secs(2);
        history.push(later, Position { timeline: 2, lsn: 15 });
        assert!(history.lag(at(500)).is_some_and(|lag| lag > Duration::from_secs(1)));
    }

    #[tokio::test]
    async fn nothing_is_known_before_the_primary_was_seen() {
        assert_eq!(History::default().lag(at(1)), None);
    }
}
