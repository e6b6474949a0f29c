//! `limit_data`: the connection is closed after a number of bytes in this direction.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Ending, Item, Kind, Stage};

/// The number of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitData {
    bytes: i64,
}

/// Counts what passes.
#[derive(Debug)]
pub struct Counting {
    settings: LimitData,
    queue: VecDeque<Item>,
    passed: u64,
    closed: bool,
}

impl Counting {
    /// With these settings and nothing counted.
    pub fn new(settings: LimitData) -> Self {
        Self { settings, queue: VecDeque::new(), passed: 0, closed: false }
    }

    fn left(&self) -> u64 {
        u64::try_from(self.settings.bytes).unwrap_or(0).saturating_sub(self.passed)
    }
}

impl Stage for Counting {
    fn push(&mut self, item: Item, _: Instant) {
        match item {
            _ if self.closed => {}
            Item::End(_) => self.queue.push_back(item),
            Item::Data(mut chunk) => {
                chunk.bytes.truncate(usize::try_from(self.left()).unwrap_or(usize::MAX));
                self.passed += chunk.bytes.len() as u64;
                if !chunk.bytes.is_empty() {
                    self.queue.push_back(Item::Data(chunk));
                }
                if self.left() == 0 {
                    self.closed = true;
                    self.queue.push_back(Item::End(Ending::Close));
                }
            }
        }
    }

    fn take(&mut self, _: Instant) -> Option<Item> {
        self.queue.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn full(&self) -> bool {
        self.closed || !self.queue.is_empty()
    }

    fn update(&mut self, kind: &Kind, _: Instant) {
        if let Kind::LimitData(settings) = kind {
            self.settings = *settings;
        }
    }

    fn remove(&mut self) -> Vec<Item> {
        self.queue.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::testing::{data, text};
    use super::*;

    #[test]
    fn what_is_over_the_limit_is_cut_off() {
        let now = Instant::now();
        let mut stage = Counting::new(LimitData { bytes: 5 });
        stage.push(data("abc", now), now);
        stage.push(data("def", now), now);
        stage.push(data("ghi", now), now);
        let passed: Vec<_> = std::iter::from_fn(|| text(stage.take(now))).collect();
        assert_eq!(passed, ["abc", "de", "Close"]);
        assert!(stage.full());
    }

    #[test]
    fn the_count_outlives_a_change_of_the_limit() {
        let now = Instant::now();
        let mut stage = Counting::new(LimitData { bytes: 5 });
        stage.push(data("abc", now), now);
        stage.update(&Kind::LimitData(LimitData { bytes: 4 }), now);
        stage.push(data("def", now), now);
        let passed: Vec<_> = std::iter::from_fn(|| text(stage.take(now))).collect();
        assert_eq!(passed, ["abc", "d", "Close"]);
    }
}
