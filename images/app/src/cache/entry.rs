//! A cached value, with what a reader must know about it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::db::Position;

/// Part of its time after which a value may be renewed early: each reader draws its own moment, so
/// that values stored together are not renewed together.
const EARLY: f64 = 0.8;

/// A value as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When its load began, in milliseconds since 1970.
    pub at_ms: u64,
    /// The state that it was read from was not before this.
    pub position: Position,
    /// The value, as JSON.
    pub body: String,
}

/// What may be done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Served as it is.
    Fresh,
    /// Served, but one reader should renew it.
    Due,
    /// Past its time.
    Stale,
}

impl Entry {
    /// Its age at `now_ms`. Clocks of tasks differ a little: it is never negative.
    pub fn age(&self, now_ms: u64) -> Duration {
        Duration::from_millis(now_ms.saturating_sub(self.at_ms))
    }

    /// Whether a client that saw `wants` may be shown it.
    pub fn suits(&self, wants: Option<Position>) -> bool {
        wants.is_none_or(|wanted| self.position >= wanted)
    }

    /// What may be done with it at `now_ms`; `random` is in `0.0..1.0`.
    pub fn freshness(&self, now_ms: u64, ttl: Duration, random: f64) -> Freshness {
        let age = self.age(now_ms);
        if age >= ttl {
            Freshness::Stale
        } else if age >= ttl.mul_f64(EARLY + (1.0 - EARLY) * random.clamp(0.0, 1.0)) {
            Freshness::Due
        } else {
            Freshness::Fresh
        }
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_ms: u64, lsn: u64) -> Entry {
        Entry { at_ms, position: Position { timeline: 1, lsn }, body: "1".into() }
    }

    #[test]
    fn freshness_ends_with_the_ttl_and_renewal_begins_at_a_random_moment_before() {
        let ttl = Duration::from_millis(1000);
        let at = |age: u64, random| entry(5000, 1).freshness(5000 + age, ttl, random);
        assert_eq!((at(0, 0.0), at(799, 0.0)), (Freshness::Fresh, Freshness::Fresh));
        assert_eq!((at(800, 0.0), at(899, 0.5)), (Freshness::Due, Freshness::Fresh));
        assert_eq!((at(900, 0.5), at(999, 1.0)), (Freshness::Due, Freshness::Fresh));
        assert_eq!((at(1000, 0.0), at(9000, 1.0)), (Freshness::Stale, Freshness::Stale));
        // A clock that is a little behind.
        assert_eq!(entry(5000, 1).freshness(4990, ttl, 0.0), Freshness::Fresh);
    }

    #[test]
    fn who_saw_more_is_not_shown_it() {
        let position = |lsn| Some(Position { timeline: 1, lsn });
        assert!(entry(0, 7).suits(None) && entry(0, 7).suits(position(7)));
        assert!(!entry(0, 7).suits(position(8)));
    }

    #[test]
    fn an_entry_survives_being_stored() {
        let stored = serde_json::to_string(&entry(1, 255)).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&stored).unwrap(), entry(1, 255));
    }
}
