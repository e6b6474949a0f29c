//! `latency`: everything arrives later, by `latency` plus or minus `jitter`.

use std::collections::VecDeque;
use std::time::Duration;

use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::stage::millis;
use super::{Item, Kind, Stage};

/// Toxiproxy's own bound: what is on the way must be kept somewhere.
const MOST_CHUNKS: usize = 1024;

/// Settings in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    latency: i64,
    jitter: i64,
}

impl Latency {
    fn delay(self) -> Duration {
        let least = self.latency.saturating_sub(self.jitter.max(0));
        let most = self.latency.saturating_add(self.jitter.max(0));
        let (least, most) = (millis(least), millis(most));
        if least == most { least } else { rand::rng().random_range(least..most) }
    }
}

/// Holds each chunk until its delay is over. Order is kept: a chunk with a short delay waits for
/// those before it.
#[derive(Debug)]
pub struct Delaying {
    settings: Latency,
    queue: VecDeque<(Instant, Item)>,
}

impl Delaying {
    /// With these settings.
    pub fn new(settings: Latency) -> Self {
        Self { settings, queue: VecDeque::new() }
    }

    fn due(&self, item: &Item, now: Instant) -> Instant {
        match item {
            Item::Data(chunk) => chunk.since + self.settings.delay(),
            // As in Toxiproxy the end is not late by itself; it only comes after the data.
            Item::End(_) => now,
        }
    }
}

impl Stage for Delaying {
    fn push(&mut self, item: Item, now: Instant) {
        self.queue.push_back((self.due(&item, now), item));
    }

    fn take(&mut self, now: Instant) -> Option<Item> {
        self.deadline().filter(|due| *due <= now)?;
        let (due, mut item) = self.queue.pop_front()?;
        if let Item::Data(chunk) = &mut item {
            chunk.since = due;
        }
        Some(item)
    }

    fn deadline(&self) -> Option<Instant> {
        self.queue.front().map(|(due, _)| *due)
    }

    fn full(&self) -> bool {
        self.queue.len() >= MOST_CHUNKS
    }

    fn update(&mut self, kind: &Kind, now: Instant) {
        if let Kind::Latency(settings) = kind {
            self.settings = *settings;
            for (_, item) in std::mem::take(&mut self.queue) {
                self.push(item, now);
            }
        }
    }

    fn remove(&mut self) -> Vec<Item> {
        self.queue.drain(..).map(|(_, item)| item).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ending;
    use super::super::stage::testing::{data, text};
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn chunks_are_late_and_in_order_and_the_end_comes_last() {
        let now = Instant::now();
        let mut stage = Delaying::new(Latency { latency: 100, jitter: 0 });
        stage.push(data("a", now), now);
        stage.push(data("b", now + 10 * MS), now + 10 * MS);
        stage.push(Item::End(Ending::Close), now + 20 * MS);
        assert_eq!(stage.deadline(), Some(now + 100 * MS));
        assert_eq!(text(stage.take(now + 99 * MS)), None);
        assert_eq!(text(stage.take(now + 100 * MS)).unwrap(), "a");
        assert_eq!(text(stage.take(now + 100 * MS)), None);
        assert_eq!(text(stage.take(now + 110 * MS)).unwrap(), "b");
        assert_eq!(text(stage.take(now + 110 * MS)).unwrap(), "Close");
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_varies() {
        let settings = Latency { latency: 100, jitter: 20 };
        let delays: Vec<_> = (0..1000).map(|_| settings.delay()).collect();
        assert!(delays.iter().all(|d| (80 * MS..120 * MS).contains(d)), "{delays:?}");
        let spread = delays.iter().max().unwrap().saturating_sub(*delays.iter().min().unwrap());
        assert!(spread > 30 * MS, "{spread:?}");
    }

    #[test]
    fn more_jitter_than_latency_and_absurd_settings_are_harmless() {
        assert!(Latency { latency: 1, jitter: 50 }.delay() < 51 * MS);
        assert_eq!(Latency { latency: -5, jitter: -5 }.delay(), Duration::ZERO);
        let absurd = Latency { latency: i64::MAX, jitter: i64::MAX }.delay();
        let _ = Instant::now() + absurd;
    }

    #[test]
    fn new_settings_hold_for_what_is_on_the_way() {
        let now = Instant::now();
        let mut stage = Delaying::new(Latency { latency: 1000, jitter: 0 });
        stage.push(data("a", now), now);
        stage.update(&Kind::Latency(Latency { latency: 50, jitter: 0 }), now + 10 * MS);
        assert_eq!(stage.deadline(), Some(now + 50 * MS));
    }

    #[test]
    fn two_delays_add_up() {
        let now = Instant::now();
        let mut first = Delaying::new(Latency { latency: 30, jitter: 0 });
        let mut second = Delaying::new(Latency { latency: 50, jitter: 0 });
        first.push(data("a", now), now);
        // Woken late: the second delay counts from when the first should have ended.
        second.push(first.take(now + 31 * MS).unwrap(), now + 31 * MS);
        assert_eq!(second.deadline(), Some(now + 80 * MS));
    }

    #[test]
    fn removal_drops_nothing() {
        let now = Instant::now();
        let mut stage = Delaying::new(Latency { latency: 1000, jitter: 0 });
        stage.push(data("a", now), now);
        assert_eq!(stage.remove(), vec![data("a", now)]);
    }
}
