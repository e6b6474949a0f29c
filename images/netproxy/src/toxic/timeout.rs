//! `timeout`: nothing gets through, and after `timeout` without data the connection is closed; a
//! `timeout` of zero never closes it. Removing this toxic closes the connection: its data is gone.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::stage::millis;
use super::{Ending, Item, Kind, Stage};

/// Settings in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeout {
    timeout: i64,
}

impl Timeout {
    fn from(self, now: Instant) -> Option<Instant> {
        (self.timeout > 0).then(|| now + millis(self.timeout))
    }
}

/// Throws data away.
#[derive(Debug)]
pub struct Swallowing {
    settings: Timeout,
    due: Option<Instant>,
    ended: bool,
}

impl Swallowing {
    /// With these settings; the time-out begins.
    pub fn new(settings: Timeout, now: Instant) -> Self {
        Self { settings, due: settings.from(now), ended: false }
    }
}

impl Stage for Swallowing {
    fn push(&mut self, item: Item, now: Instant) {
        match item {
            // As in Toxiproxy every piece of data begins the time-out anew.
            Item::Data(_) if !self.ended => self.due = self.settings.from(now),
            Item::Data(_) => {}
            Item::End(_) => self.due = Some(now),
        }
    }

    fn take(&mut self, now: Instant) -> Option<Item> {
        self.due.take_if(|due| *due <= now)?;
        self.ended = true;
        Some(Item::End(Ending::Close))
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn full(&self) -> bool {
        self.ended
    }

    fn update(&mut self, kind: &Kind, now: Instant) {
        if let Kind::Timeout(settings) = kind {
            self.settings = *settings;
            self.due = settings.from(now).filter(|_| !self.ended);
        }
    }

    fn remove(&mut self) -> Vec<Item> {
        vec![Item::End(Ending::Close)]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stage::testing::{data, text};
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn data_is_swallowed_and_the_end_comes_after_silence() {
        let now = Instant::now();
        let mut stage = Swallowing::new(Timeout { timeout: 100 }, now);
        stage.push(data("a", now), now + 50 * MS);
        assert_eq!(text(stage.take(now + 149 * MS)), None);
        assert_eq!(stage.deadline(), Some(now + 150 * MS));
        assert_eq!(text(stage.take(now + 150 * MS)).unwrap(), "Close");
        assert_eq!(text(stage.take(now + 500 * MS)), None, "it ends once");
    }

    #[test]
    fn zero_never_ends_but_removal_does() {
        let now = Instant::now();
        let mut stage = Swallowing::new(Timeout { timeout: 0 }, now);
        stage.push(data("a", now), now);
        assert_eq!((stage.deadline(), stage.full()), (None, false));
        assert_eq!(stage.remove(), vec![Item::End(Ending::Close)]);
    }
}
