//! What has just been started does not answer yet, and that is worth no warning.

use std::time::{Duration, Instant};

/// After so long without a first answer it is not the start any more.
const LIMIT: Duration = Duration::from_secs(180);

/// Whether something is still starting: it has never answered, and not for too long.
#[derive(Debug)]
pub struct Starting {
    since: Instant,
    answered: bool,
}

impl Starting {
    /// It begins at this moment.
    pub fn new(now: Instant) -> Self {
        Self { since: now, answered: false }
    }

    /// It has answered: whatever it does not answer from now on is told.
    pub fn answered(&mut self) {
        self.answered = true;
    }

    /// Whether silence is what a start looks like.
    pub fn excuses_silence(&self, now: Instant) -> bool {
        !self.answered && now.duration_since(self.since) < LIMIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_excused_until_the_first_answer_and_not_for_ever() {
        let begun = Instant::now();
        let mut starting = Starting::new(begun);
        assert!(starting.excuses_silence(begun + LIMIT / 2));
        assert!(!starting.excuses_silence(begun + LIMIT));
        starting.answered();
        assert!(!starting.excuses_silence(begun), "it was away after it had answered");
    }
}
