//! The same complaint again and again hides everything else: it is written once in a while, with how often
//! it was left out meanwhile.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the same complaint is left out after it was written.
const QUIET: Duration = Duration::from_secs(5);
/// How many different complaints are remembered; more than that at once are not the same.
const MOST: usize = 256;

/// What was written lately.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    written: Mutex<HashMap<String, (Instant, u64)>>,
}

impl Throttle {
    /// How often a complaint was left out since it was written last; nothing when it is left out now.
    pub(crate) fn pass(&self, complaint: &str, now: Instant) -> Option<u64> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, left_out)) = written.get_mut(complaint) {
            if now.duration_since(*at) < QUIET {
                *left_out += 1;
                return None;
            }
            *at = now;
            return Some(std::mem::take(left_out));
        }
        if written.len() >= MOST {
            written.retain(|_, (at, _)| now.duration_since(*at) < QUIET);
        }
        if written.len() < MOST {
            written.insert(complaint.to_owned(), (now, 0));
        }
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        let (throttle, begun) = (Throttle::default(), Instant::now());
        let at = |ms: u64| begun + Duration::from_millis(ms);
        assert_eq!(throttle.pass("a", at(0)), Some(0));
        assert_eq!(throttle.pass("a", at(100)), None);
        assert_eq!(throttle.pass("b", at(100)), Some(0), "another one");
        assert_eq!(throttle.pass("a", at(4999)), None);
        assert_eq!(throttle.pass("a", at(5000)), Some(2));
        assert_eq!(throttle.pass("a", at(10_000)), Some(0));
    }

    #[test]
    fn it_remembers_only_so_many() {
        let (throttle, begun) = (Throttle::default(), Instant::now());
        for n in 0..MOST * 2 {
            assert_eq!(throttle.pass(&n.to_string(), begun), Some(0));
        }
        assert_eq!(throttle.written.lock().unwrap().len(), MOST);
        let later = begun + QUIET;
        throttle.pass("new", later);
        assert_eq!(throttle.written.lock().unwrap().len(), 1);
    }
}
