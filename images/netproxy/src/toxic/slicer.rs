//! `slicer`: data goes out in small pieces, with a pause after each.

use std::collections::VecDeque;

use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::stage::micros;
use super::{Chunk, Item, Kind, Stage};

/// Sizes in bytes, the pause in microseconds (our timers round up to whole milliseconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slicer {
    average_size: i64,
    size_variation: i64,
    delay: i64,
}

impl Slicer {
    /// Halves a length until the pieces are near the average size; the places of the cuts vary.
    fn cuts(self, len: usize) -> Vec<usize> {
        let size = |setting: i64| usize::try_from(setting).unwrap_or(0);
        let (average, variation) = (size(self.average_size).max(1), size(self.size_variation));
        let mut pieces = Vec::new();
        let mut uncut = vec![len];
        while let Some(len) = uncut.pop() {
            if len <= average.saturating_add(variation) {
                pieces.push(len);
            } else {
                let shift = rand::rng().random_range(0..=variation.min(len / 2 - 1) * 2);
                let first = len / 2 + shift - variation.min(len / 2 - 1);
                uncut.push(len - first);
                uncut.push(first);
            }
        }
        pieces
    }
}

/// Holds the pieces of one chunk.
#[derive(Debug)]
pub struct Slicing {
    settings: Slicer,
    queue: VecDeque<Item>,
    /// End of the pause.
    next: Option<Instant>,
}

impl Slicing {
    /// With these settings.
    pub fn new(settings: Slicer) -> Self {
        Self { settings, queue: VecDeque::new(), next: None }
    }
}

impl Stage for Slicing {
    fn push(&mut self, item: Item, _: Instant) {
        match item {
            Item::Data(mut chunk) => {
                for len in self.settings.cuts(chunk.bytes.len()) {
                    let bytes = chunk.bytes.split_to(len);
                    self.queue.push_back(Item::Data(Chunk { bytes, since: chunk.since }));
                }
            }
            end @ Item::End(_) => self.queue.push_back(end),
        }
    }

    fn take(&mut self, now: Instant) -> Option<Item> {
        if self.next.is_some_and(|next| next > now) {
            return None;
        }
        let item = self.queue.pop_front()?;
        self.next = Some(now + micros(self.settings.delay));
        Some(item)
    }

    fn deadline(&self) -> Option<Instant> {
        self.next.filter(|_| !self.queue.is_empty())
    }

    fn full(&self) -> bool {
        !self.queue.is_empty()
    }

    fn update(&mut self, kind: &Kind, _: Instant) {
        if let Kind::Slicer(settings) = kind {
            self.settings = *settings;
            self.next = None;
        }
    }

    fn remove(&mut self) -> Vec<Item> {
        self.queue.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stage::testing::{data, text};
    use super::*;

    #[test]
    fn pieces_are_near_the_average_and_add_up() {
        for (average_size, size_variation) in
            [(64, 0), (64, 16), (1, 0), (0, 0), (10, 1000), (2, 1)]
        {
            let cuts = Slicer { average_size, size_variation, delay: 0 }.cuts(1000);
            assert_eq!(cuts.iter().sum::<usize>(), 1000, "{average_size} {size_variation}");
            let most = usize::try_from(average_size.max(1) + size_variation).unwrap();
            assert!(cuts.iter().all(|c| (1..=most).contains(c)), "{average_size}: {cuts:?}");
        }
    }

    #[test]
    fn there_is_a_pause_after_each_piece() {
        let now = Instant::now();
        let mut stage = Slicing::new(Slicer { average_size: 1, size_variation: 0, delay: 5000 });
        stage.push(data("ab", now), now);
        assert_eq!(text(stage.take(now)).unwrap(), "a");
        assert_eq!(text(stage.take(now)), None);
        let next = stage.deadline().unwrap();
        assert_eq!(next, now + Duration::from_millis(5));
        assert_eq!(text(stage.take(next)).unwrap(), "b");
    }
}
