//! What the cache counts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::link::Link;
use super::load::Loader;
use crate::db::CacheUse;

/// Counters of reads.
#[derive(Default)]
pub struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    joined: AtomicU64,
    stale: AtomicU64,
    off: AtomicU64,
}

/// What was counted up to now.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// Reads by how the cache served them: hit, miss, joined, stale, off.
    pub reads: [(CacheUse, u64); 5],
    /// Values loaded from the database.
    pub loads: u64,
    /// Values that another task was found loading.
    pub lock_losses: u64,
    /// Commands that failed.
    pub errors: u64,
    /// Connections made.
    pub connects: u64,
    /// Whether there is a connection.
    pub up: bool,
    /// Whether the breaker of the cache is open, and how often it opened.
    pub cache_breaker: (bool, u64),
    /// The same of the breaker of loads.
    pub load_breaker: (bool, u64),
}

impl Counters {
    /// A read was served.
    pub fn count(&self, how: CacheUse) {
        self.of(how).fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, how: CacheUse) -> &AtomicU64 {
        match how {
            CacheUse::Hit => &self.hits,
            CacheUse::Miss => &self.misses,
            CacheUse::Joined => &self.joined,
            CacheUse::Stale => &self.stale,
            CacheUse::Off => &self.off,
        }
    }

    /// All counters.
    pub fn with(&self, link: &Link, loader: &Loader) -> Stats {
        let all = [CacheUse::Hit, CacheUse::Miss, CacheUse::Joined, CacheUse::Stale, CacheUse::Off];
        let ((loads, lock_losses), (errors, connects)) = (loader.counts(), link.counts());
        Stats {
            reads: all.map(|how| (how, self.of(how).load(Ordering::Relaxed))),
            loads,
            lock_losses,
            errors,
            connects,
            up: link.is_up(),
            cache_breaker: (link.breaker.is_open(), link.breaker.opened()),
            load_breaker: (loader.breaker.is_open(), loader.breaker.opened()),
        }
    }
}
