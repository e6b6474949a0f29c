//! `reset_peer`: the first data or end that passes is swallowed, and after `timeout` both peers get
//! a TCP reset.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::stage::millis;
use super::{Ending, Item, Kind, Stage};

/// Settings in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetPeer {
    timeout: i64,
}

/// Waits for something to pass, then resets.
#[derive(Debug)]
pub struct Resetting {
    settings: ResetPeer,
    due: Option<Instant>,
    ended: bool,
}

impl Resetting {
    /// With these settings.
    pub fn new(settings: ResetPeer) -> Self {
        Self { settings, due: None, ended: false }
    }
}

impl Stage for Resetting {
    fn push(&mut self, _: Item, now: Instant) {
        if !self.ended {
            self.due.get_or_insert(now + millis(self.settings.timeout));
        }
    }

    fn take(&mut self, now: Instant) -> Option<Item> {
        self.due.take_if(|due| *due <= now)?;
        self.ended = true;
        Some(Item::End(Ending::Reset))
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn full(&self) -> bool {
        self.ended || self.due.is_some()
    }

    fn update(&mut self, kind: &Kind, now: Instant) {
        if let Kind::ResetPeer(settings) = kind {
            self.settings = *settings;
            self.due = self.due.map(|_| now + millis(settings.timeout));
        }
    }

    fn remove(&mut self) -> Vec<Item> {
        // Data is missing once something was swallowed: such a connection cannot go on.
        self.full().then_some(Item::End(Ending::Reset)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stage::testing::{data, text};
    use super::*;

    #[test]
    fn an_idle_connection_stays_and_a_busy_one_is_reset() {
        let now = Instant::now();
        let mut stage = Resetting::new(ResetPeer { timeout: 20 });
        assert_eq!((text(stage.take(now)), stage.deadline()), (None, None));
        assert_eq!(stage.remove(), vec![]);
        stage.push(data("a", now), now);
        assert_eq!(text(stage.take(now)), None);
        assert_eq!(text(stage.take(now + Duration::from_millis(20))).unwrap(), "Reset");
        assert_eq!(text(stage.take(now + Duration::from_millis(20))), None, "it ends once");
        assert_eq!(stage.remove(), vec![Item::End(Ending::Reset)]);
    }
}
