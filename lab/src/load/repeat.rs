//! Clients repeat: a keyed write whose outcome nobody knows is sent again with the same key, as any careful
//! client does, a while later and over another connection. And now and then a client loses a good answer.
//! Without that *exactly once* could hardly fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

/// How often a write in doubt is sent again at most, unless the traffic ends before.
pub const TRIES: u32 = 5;
/// Pause before the first repetition; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// Those who lost their answers at one moment do not come back at one moment.
const SPREAD: Duration = Duration::from_millis(500);
/// The first keyed write whose good answer is lost: early, so that each experiment has one.
const FIRST_LOST: u64 = 3;
/// From there on one of so many.
const LOST_EVERY: u64 = 100;

/// Whether the client loses a good answer to its keyed write of this number, counted from 1.
pub fn loses_answer(keyed: u64) -> bool {
    keyed >= FIRST_LOST && (keyed - FIRST_LOST).is_multiple_of(LOST_EVERY)
}

/// Pause before a repetition, counted from 1, of the write with this number.
pub fn pause(repetition: u32, number: u64) -> Duration {
    let doubled = FIRST_PAUSE * 2_u32.saturating_pow(repetition.saturating_sub(1));
    let share = u32::try_from(number % 8).unwrap_or(0);
    doubled.min(LONGEST_PAUSE) + SPREAD * share / 8
}

/// Keyed writes that are under way or will be sent again, and the word to hurry.
#[derive(Debug)]
pub struct Repeats {
    open: AtomicUsize,
    none_open: Notify,
    hurry: watch::Sender<bool>,
}

/// One of them; it ends when this is dropped.
pub struct Open<'a>(&'a Repeats);

impl Repeats {
    /// None.
    pub fn new() -> Self {
        let (hurry, _) = watch::channel(false);
        Self { open: AtomicUsize::new(0), none_open: Notify::new(), hurry }
    }

    /// One more.
    pub fn begin(&self) -> Open<'_> {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(self)
    }

    /// The traffic has ended: what waits is sent once more now, for the last time.
    pub fn hurry(&self) {
        self.hurry.send_replace(true);
    }

    /// Waits; returns whether this is the last chance, because the traffic has ended.
    pub async fn wait(&self, pause: Duration) -> bool {
        let mut hurry = self.hurry.subscribe();
        let hurried = tokio::time::timeout(pause, hurry.wait_for(|hurry| *hurry)).await;
        hurried.is_ok()
    }

    /// Returns when none is left.
    pub async fn all_ended(&self) {
        loop {
            let ended = self.none_open.notified();
            if self.open.load(Ordering::Relaxed) == 0 {
                return;
            }
            ended.await;
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.none_open.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_good_answer_of_a_hundred_is_lost_and_an_early_one() {
        let lost: Vec<u64> = (1..=300).filter(|n| loses_answer(*n)).collect();
        assert_eq!(lost, [3, 103, 203]);
    }

    #[test]
    fn pauses_grow_and_have_an_end() {
        let pauses: Vec<u64> = (1..=TRIES).map(|n| pause(n, 0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 8]);
        assert!(pause(1, 7) > pause(1, 0) && pause(1, 7) < pause(2, 0));
        assert_eq!(pause(1, 8), pause(1, 0));
    }
}
