//! Whether a new release is good enough, from what the load balancers counted. Pure.

use crate::balancer::numbers::Numbers;
use crate::spec::model::Deploy;

/// Fewer errors than this may be chance.
const MIN_ERRORS: u64 = 3;
/// Fewer late answers than this may be chance.
const MIN_SLOW: u64 = 5;
/// Share of answers that may be later than the 99th percentile.
const SLOW_SHARE: f64 = 0.01;
/// A machine that is slow makes both releases slow: the new one must be so much more often.
const SLOWER_THAN_BLUE: f64 = 2.0;

/// Answers without which a share of the traffic says nothing about a release.
const MIN_ANSWERS: u64 = 5;

/// Whether a release was asked often enough at its present share to go on to the next.
pub fn is_asked(green: &Numbers) -> bool {
    green.requests >= MIN_ANSWERS
}

/// Why the new release must go, or nothing while it is good enough.
pub fn verdict(green: &Numbers, blue: &Numbers, settings: &Deploy) -> Option<String> {
    let share = |part: u64, of: &Numbers| part as f64 / of.requests.max(1) as f64;
    let errors = share(green.errors, green);
    if green.errors >= MIN_ERRORS && errors * 100.0 > f64::from(settings.error_percent) {
        return Some(format!(
            "{} of its {} answers were errors, and {} % may be",
            green.errors, green.requests, settings.error_percent
        ));
    }
    let late = green.slower_than(settings.p99_ceiling_ms);
    let of_blue = share(blue.slower_than(settings.p99_ceiling_ms), blue);
    let allowed = SLOW_SHARE.max(of_blue * SLOWER_THAN_BLUE);
    (late >= MIN_SLOW && share(late, green) > allowed).then(|| {
        format!(
            "{late} of its {} answers took longer than {} ms, and 1 % may",
            green.requests, settings.p99_ceiling_ms
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(requests: u64, errors: u64, slow: u64) -> Numbers {
        Numbers { requests, errors, latency_ms: [(20, requests - slow), (1500, slow)].into() }
    }

    fn judged(green: Numbers, blue: Numbers) -> Option<String> {
        verdict(&green, &blue, &Deploy::default())
    }

    #[test]
    fn a_release_with_more_errors_than_allowed_goes() {
        let blue = || numbers(1000, 0, 0);
        let why = judged(numbers(40, 3, 0), blue()).unwrap();
        assert_eq!(why, "3 of its 40 answers were errors, and 5 % may be");
        assert_eq!(judged(numbers(60, 3, 0), blue()), None, "5 % are allowed");
        assert_eq!(judged(numbers(2, 2, 0), blue()), None, "two may be chance");
        assert_eq!(judged(numbers(0, 0, 0), blue()), None, "nothing was asked of it yet");
    }

    #[test]
    fn a_release_that_nobody_asked_is_not_good() {
        assert!(!is_asked(&numbers(0, 0, 0)));
        assert!(!is_asked(&numbers(4, 0, 0)));
        assert!(is_asked(&numbers(5, 0, 0)));
    }

    #[test]
    fn a_release_that_is_too_slow_goes() {
        let why = judged(numbers(40, 0, 5), numbers(400, 0, 2)).unwrap();
        assert_eq!(why, "5 of its 40 answers took longer than 1000 ms, and 1 % may");
        assert_eq!(judged(numbers(40, 0, 4), numbers(400, 0, 0)), None, "four may be chance");
        assert_eq!(judged(numbers(600, 0, 6), numbers(400, 0, 0)), None, "1 % is allowed");
    }

    #[test]
    fn a_machine_that_is_slow_is_not_the_releases_fault() {
        assert_eq!(judged(numbers(40, 0, 10), numbers(360, 0, 60)), None);
        assert!(judged(numbers(40, 0, 20), numbers(360, 0, 60)).is_some());
        assert!(judged(numbers(40, 0, 20), Numbers::default()).is_some(), "blue has nothing");
    }
}
