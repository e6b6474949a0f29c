//! `bandwidth`: no more than `rate` kilobytes (of 1000 bytes) each second; a rate of zero holds
//! everything back.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Chunk, Item, Kind, Stage};

/// Large chunks go out in pieces, each of which takes this long on the line.
const PIECE: Duration = Duration::from_millis(100);

/// How much too late a timer may be; more than that is a peer that does not read, and no credit.
const TIMER_ERROR: Duration = Duration::from_millis(10);

/// Kilobytes a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bandwidth {
    rate: i64,
}

impl Bandwidth {
    /// How many bytes go out at once and how long they take; nothing at a rate of zero.
    fn piece(self, len: usize) -> Option<(usize, Duration)> {
        let rate = u64::try_from(self.rate).ok().filter(|rate| *rate > 0)?;
        let most = rate.saturating_mul(PIECE.as_millis() as u64);
        let len = len.min(usize::try_from(most).unwrap_or(usize::MAX));
        Some((len, Duration::from_nanos((len as u64).saturating_mul(1_000_000) / rate)))
    }
}

/// A line that transmits one piece after the other.
#[derive(Debug)]
pub struct Limiting {
    settings: Bandwidth,
    queue: VecDeque<Item>,
    /// When the piece at the front has been transmitted.
    due: Option<Instant>,
    /// How much too late the last piece was taken: timers are coarse, and the rate should hold.
    late: Duration,
}

impl Limiting {
    /// With these settings.
    pub fn new(settings: Bandwidth) -> Self {
        Self { settings, queue: VecDeque::new(), due: None, late: Duration::ZERO }
    }

    fn begin_piece(&mut self, start: Instant) {
        self.due = match self.queue.front() {
            Some(Item::Data(chunk)) => {
                self.settings.piece(chunk.bytes.len()).map(|(_, t)| start + t)
            }
            Some(Item::End(_)) => Some(start),
            None => None,
        };
    }
}

impl Stage for Limiting {
    fn push(&mut self, item: Item, now: Instant) {
        let idle = self.queue.is_empty();
        self.queue.push_back(item);
        if idle {
            let credit = std::mem::take(&mut self.late);
            self.begin_piece(now - credit);
        }
    }

    fn take(&mut self, now: Instant) -> Option<Item> {
        let due = self.due.filter(|due| *due <= now)?;
        let item = match self.queue.pop_front()? {
            Item::Data(mut chunk) => {
                let (len, _) = self.settings.piece(chunk.bytes.len())?;
                let piece = Chunk { bytes: chunk.bytes.split_to(len), since: chunk.since };
                if !chunk.bytes.is_empty() {
                    self.queue.push_front(Item::Data(chunk));
                }
                Item::Data(piece)
            }
            end @ Item::End(_) => end,
        };
        let late = (now - due).min(TIMER_ERROR);
        if self.queue.is_empty() {
            self.late = late;
        }
        self.begin_piece(now - late);
        Some(item)
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn full(&self) -> bool {
        !self.queue.is_empty()
    }

    fn update(&mut self, kind: &Kind, now: Instant) {
        if let Kind::Bandwidth(settings) = kind {
            self.settings = *settings;
            self.begin_piece(now);
        }
    }

    fn remove(&mut self) -> Vec<Item> {
        self.queue.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::stage::testing::data;
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn bytes(item: Option<Item>) -> usize {
        match item {
            Some(Item::Data(chunk)) => chunk.bytes.len(),
            _ => 0,
        }
    }

    #[test]
    fn a_large_chunk_goes_out_in_pieces() {
        let now = Instant::now();
        let mut stage = Limiting::new(Bandwidth { rate: 10 });
        stage.push(data(vec![0; 2500], now), now);
        assert!(stage.full());
        assert_eq!(bytes(stage.take(now + 99 * MS)), 0);
        assert_eq!(bytes(stage.take(now + 100 * MS)), 1000);
        assert_eq!(bytes(stage.take(now + 200 * MS)), 1000);
        assert_eq!(bytes(stage.take(now + 249 * MS)), 0);
        assert_eq!(bytes(stage.take(now + 250 * MS)), 500);
        assert!(!stage.full());
    }

    #[test]
    fn late_timers_do_not_lower_the_rate() {
        let now = Instant::now();
        let mut stage = Limiting::new(Bandwidth { rate: 1000 });
        stage.push(data(vec![0; 500], now), now);
        // Due after 0.5 ms, taken after 1 ms: the next one has half a millisecond of credit.
        assert_eq!(bytes(stage.take(now + MS)), 500);
        stage.push(data(vec![0; 500], now + MS), now + MS);
        assert_eq!(bytes(stage.take(now + MS)), 500);
        // Idle time is no credit.
        stage.push(data(vec![0; 5000], now + 100 * MS), now + 100 * MS);
        assert_eq!(bytes(stage.take(now + 104 * MS)), 0);
        assert_eq!(bytes(stage.take(now + 105 * MS)), 5000);
    }

    #[test]
    fn a_rate_of_zero_holds_everything_back_until_it_is_raised() {
        let now = Instant::now();
        let mut stage = Limiting::new(Bandwidth { rate: 0 });
        stage.push(data("abc", now), now);
        assert_eq!((stage.deadline(), stage.full()), (None, true));
        assert_eq!(bytes(stage.take(now + 10_000 * MS)), 0);
        stage.update(&Kind::Bandwidth(Bandwidth { rate: 1 }), now + 20_000 * MS);
        assert_eq!(bytes(stage.take(now + 20_003 * MS)), 3);
    }
}
