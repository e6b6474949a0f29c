//! `slow_close`: the end arrives later, data does not.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::stage::millis;
use super::{Item, Kind, Stage};

/// Settings in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowClose {
    delay: i64,
}

/// Passes data and holds the end.
#[derive(Debug)]
pub struct Lingering {
    settings: SlowClose,
    queue: VecDeque<Item>,
    /// When the end may go on.
    due: Option<Instant>,
}

impl Lingering {
    /// With these settings.
    pub fn new(settings: SlowClose) -> Self {
        Self { settings, queue: VecDeque::new(), due: None }
    }
}

impl Stage for Lingering {
    fn push(&mut self, item: Item, now: Instant) {
        if matches!(item, Item::End(_)) {
            self.due = Some(now + millis(self.settings.delay));
        }
        self.queue.push_back(item);
    }

    fn take(&mut self, now: Instant) -> Option<Item> {
        match self.queue.front()? {
            Item::End(_) if self.due.is_some_and(|due| due > now) => None,
            _ => self.queue.pop_front(),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.due.filter(|_| !self.queue.is_empty())
    }

    fn full(&self) -> bool {
        !self.queue.is_empty()
    }

    fn update(&mut self, kind: &Kind, now: Instant) {
        if let Kind::SlowClose(settings) = kind {
            self.settings = *settings;
            self.due = self.due.map(|_| now + millis(settings.delay));
        }
    }

    fn remove(&mut self) -> Vec<Item> {
        self.queue.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Ending;
    use super::super::stage::testing::{data, text};
    use super::*;

    #[test]
    fn data_passes_and_the_end_waits() {
        let now = Instant::now();
        let mut stage = Lingering::new(SlowClose { delay: 300 });
        stage.push(data("a", now), now);
        assert_eq!(text(stage.take(now)).unwrap(), "a");
        stage.push(Item::End(Ending::Close), now);
        assert_eq!(text(stage.take(now)), None);
        let due = stage.deadline().unwrap();
        assert_eq!(due, now + Duration::from_millis(300));
        assert_eq!(text(stage.take(due)).unwrap(), "Close");
    }
}
