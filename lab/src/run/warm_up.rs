//! When is service good? Watched before an experiment, so that what a lab does in its first seconds
//! is not taken for its steady state, and after the last heal, so that traffic does not end in the
//! middle of a recovery. It decides when a phase begins or ends and nothing else: whether service
//! was good is judged from the journal.

use std::time::{Duration, Instant};

use crate::load::{Live, LoadHandle};
use crate::verify::recovery::Standard;

/// Pause between two looks at the last second.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// For how long the last second must have looked good: so two seconds in all.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Returns whether traffic was good, for [`GOOD_FOR`] without a break, before the limit was over.
pub async fn good_service(traffic: &LoadHandle, standard: Standard, limit: Duration) -> bool {
    let begun = Instant::now();
    let mut good_since = None;
    loop {
        let now = Instant::now();
        good_since = still_good(good_since, now, is_good(&traffic.live(), standard));
        if good_since.is_some_and(|since| now.duration_since(since) >= GOOD_FOR) {
            return true;
        }
        if now.duration_since(begun) >= limit {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn still_good(since: Option<Instant>, now: Instant, good: bool) -> Option<Instant> {
    good.then(|| since.unwrap_or(now))
}

/// Whether the last second was within the objectives; one without an answer was not.
fn is_good(live: &Live, standard: Standard) -> bool {
    let percent = live.success_share.map_or(0.0, |share| share * 100.0);
    let slowest =
        live.p99.map_or(i64::MAX, |p99| i64::try_from(p99.as_micros()).unwrap_or(i64::MAX));
    percent >= standard.percent && slowest <= standard.latency
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(share: Option<f64>, p99_ms: Option<u64>) -> Live {
        Live {
            rate_per_s: 100,
            success_share: share,
            p50: None,
            p99: p99_ms.map(Duration::from_millis),
            in_flight: 0,
            dropped: 0,
        }
    }

    #[test]
    fn a_second_is_good_when_enough_succeeded_in_time() {
        let standard = Standard::new(250, 99.0);
        assert!(is_good(&live(Some(0.99), Some(250)), standard));
        assert!(!is_good(&live(Some(0.98), Some(20)), standard), "too few succeeded");
        assert!(!is_good(&live(Some(1.0), Some(251)), standard), "too slow");
        assert!(!is_good(&live(None, None), standard), "nothing was answered");
    }

    #[test]
    fn one_bad_look_begins_the_wait_anew() {
        let start = Instant::now();
        let later = start + Duration::from_millis(900);
        let good = still_good(None, start, true);
        assert_eq!(still_good(good, later, true), Some(start));
        assert_eq!(still_good(good, later, false), None);
        assert_eq!(still_good(None, later, true), Some(later));
    }
}
