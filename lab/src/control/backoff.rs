//! How long a node that ends again and again is left alone before it is started once more.

use std::time::Duration;

/// Pause before the second start in a row; it doubles with each one.
const FIRST: Duration = Duration::from_secs(1);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Pause before the next start of a node that was started so often without ever working.
pub fn pause(starts: u32) -> Duration {
    match starts.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST.saturating_mul(1 << doublings.min(16)).min(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_is_at_once_and_the_others_come_ever_later() {
        let pauses: Vec<u64> = (0..8).map(|starts| pause(starts).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pause(u32::MAX), LONGEST);
    }
}
