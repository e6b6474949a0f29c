//! `noop`: nothing. Also stands in for a toxic that a connection is spared.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::{Item, Kind, Stage};

/// Passes everything on.
#[derive(Debug, Default)]
pub struct Passing {
    queue: VecDeque<Item>,
}

impl Stage for Passing {
    fn push(&mut self, item: Item, _: Instant) {
        self.queue.push_back(item);
    }

    fn take(&mut self, _: Instant) -> Option<Item> {
        self.queue.pop_front()
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }

    fn full(&self) -> bool {
        !self.queue.is_empty()
    }

    fn update(&mut self, _: &Kind, _: Instant) {}

    fn remove(&mut self) -> Vec<Item> {
        self.queue.drain(..).collect()
    }
}
