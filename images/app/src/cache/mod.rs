//! Results of reads, kept in Redis for a short time. Nothing lives only there: it may be lost at
//! any moment, and the databases then serve.

mod breaker;
mod entry;
mod flight;
mod link;
mod load;
mod sentinel;
mod stats;

use std::sync::Arc;
use std::time::Duration;

use rand::random;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

pub use breaker::Breaker;
pub use stats::{Counters, Stats};

use crate::config;
use crate::db::{CacheUse, Cause, Databases, Failure, Function, GaveUp, Position, Visit, Work};
use crate::shop::Rejection;
use entry::{Entry, Freshness, now_ms};
use flight::Flights;
use link::{Link, Out};
use load::{Errand, Loaded, Loader};

/// How long a value past its time is kept, to be served when there is nothing better.
const KEEP_STALE: Duration = Duration::from_secs(60);

/// How long a reader with a stale value in hand waits for a new one.
const STALE_PATIENCE: Duration = Duration::from_millis(250);

/// How often a reader joins a load that turns out to be too old for it.
const JOINS: usize = 3;

/// A read whose result may be kept.
pub trait Cacheable:
    Work<Output: Serialize + DeserializeOwned, Rejection = Rejection> + Clone + Send + Sync + 'static
{
    /// How long its result is fresh, if not as long as most.
    const TTL: Option<Duration> = None;

    /// What distinguishes it from all other reads.
    fn key(&self) -> String;
}

/// The cache in front of the databases. Clones share it.
#[derive(Clone)]
pub struct Cache {
    databases: Databases,
    /// Absent when none is configured, or when it is switched off.
    active: Option<Arc<Active>>,
    configured: bool,
}

struct Active {
    settings: config::Cache,
    link: Arc<Link>,
    loader: Arc<Loader>,
    flights: Flights,
    stats: Counters,
}

impl Cache {
    /// The cache, if one is configured, in front of the databases.
    pub fn start(databases: Databases, settings: Option<config::Cache>) -> Self {
        let configured = settings.is_some();
        let active = settings.filter(|s| s.on).map(|settings| {
            let link = Link::start(settings.clone());
            Arc::new(Active {
                loader: Arc::new(Loader::new(databases.clone(), Arc::clone(&link), &settings)),
                link,
                settings,
                flights: Flights::default(),
                stats: Counters::default(),
            })
        });
        Self { databases, active, configured }
    }

    /// What was counted, when there is a cache.
    pub fn stats(&self) -> Option<Stats> {
        let active = self.active.as_ref()?;
        Some(active.stats.with(&active.link, &active.loader))
    }

    /// Does `work`, or takes what was read before, if that is recent enough for this visit.
    ///
    /// # Errors
    /// As [`crate::db::Db::run`].
    pub async fn read<W: Cacheable>(
        &self,
        visit: &Visit,
        work: W,
    ) -> Result<W::Output, GaveUp<Rejection>> {
        let Some(active) = &self.active else {
            if self.configured {
                visit.used_cache(CacheUse::Off, Duration::ZERO);
            }
            return self.databases.run(visit, &work).await;
        };
        let function = self.databases.of(work.function()).function();
        let (entry, how) = active.find(visit, function, &work).await?;
        active.stats.count(how);
        visit.used_cache(how, entry.age(now_ms()));
        visit.saw(function, Some(entry.position), None);
        serde_json::from_str(&entry.body).map_err(|e| {
            let why = format!("the cached value cannot be read: {e}");
            GaveUp::Failed(Failure::clean(Cause::Refused, why))
        })
    }

    /// Stores what was just written, so that the next read finds it.
    pub async fn put<W: Cacheable>(&self, work: &W, output: &W::Output, position: Position) {
        let Some(active) = &self.active else { return };
        let Ok(body) = serde_json::to_string(output) else { return };
        let entry = Entry { at_ms: now_ms(), position, body };
        active.loader.store(&work.key(), &entry, W::TTL.unwrap_or(active.settings.ttl)).await;
    }

    /// Forgets what a write made old. When that fails, its time is over soon.
    pub async fn forget<W: Cacheable>(&self, work: &W) {
        if let Some(active) = &self.active {
            active.loader.forget(&work.key()).await;
        }
    }
}

type Found = Result<(Arc<Entry>, CacheUse), GaveUp<Rejection>>;

impl Active {
    async fn find<W: Cacheable>(&self, visit: &Visit, function: Function, work: &W) -> Found {
        let wants = visit.wants(function);
        let key = work.key();
        let ttl = W::TTL.unwrap_or(self.settings.ttl);
        let fetched = self.loader.fetch::<W>(&key).await;
        let missed = if fetched == Err(Out) { CacheUse::Off } else { CacheUse::Miss };
        let kept = fetched.ok().flatten().filter(|e| e.suits(wants)).map(Arc::new);
        let early = if self.settings.stampede_protection { random() } else { 1.0 };
        let freshness = kept.as_ref().map(|entry| entry.freshness(now_ms(), ttl, early));
        // The others are served a value that is due while one renews it.
        let locked = freshness == Some(Freshness::Due) && self.loader.lock(&key).await;
        match (kept, freshness) {
            (Some(entry), Some(Freshness::Fresh)) => Ok((entry, CacheUse::Hit)),
            (Some(entry), Some(Freshness::Due)) if !locked => Ok((entry, CacheUse::Hit)),
            (kept, _) => {
                let out = missed == CacheUse::Off;
                let errand = Errand { function, wants, ttl, locked, out };
                self.load_or(visit, work, errand, kept).await
            }
        }
    }

    /// Loads; with something stale in hand, only for a moment.
    async fn load_or<W: Cacheable>(
        &self,
        visit: &Visit,
        work: &W,
        errand: Errand,
        stale: Option<Arc<Entry>>,
    ) -> Found {
        let stale = stale.filter(|_| self.settings.serve_stale);
        let loading = self.load(work, errand);
        let loaded = match &stale {
            None => loading.await,
            Some(_) => timeout(STALE_PATIENCE, loading).await.unwrap_or_else(|_| Err(too_late())),
        };
        match (loaded, stale) {
            (Ok(loaded), _) => {
                visit.saw(errand.function, None, loaded.served_by);
                let how = match (loaded.by_another, loaded.joined, errand.out) {
                    // Who joins a load did not cause it, whatever became of it.
                    (_, true, _) => CacheUse::Joined,
                    (true, ..) => CacheUse::Hit,
                    (.., true) => CacheUse::Off,
                    _ => CacheUse::Miss,
                };
                Ok((loaded.entry, how))
            }
            (Err(GaveUp::Failed(_)), Some(stale)) => {
                let fresh = stale.age(now_ms()) < errand.ttl;
                Ok((stale, if fresh { CacheUse::Hit } else { CacheUse::Stale }))
            }
            (Err(gave_up), _) => Err(gave_up),
        }
    }

    async fn load<W: Cacheable>(
        &self,
        work: &W,
        errand: Errand,
    ) -> Result<Loaded, GaveUp<Rejection>> {
        if self.settings.stampede_protection {
            for _ in 0..JOINS {
                let load = || {
                    let (loader, work) = (Arc::clone(&self.loader), work.clone());
                    async move { loader.load_alone(work, errand).await }
                };
                let loaded = self.flights.join(&work.key(), load).await?;
                // It may have begun before this client wrote.
                if loaded.entry.suits(errand.wants) {
                    return Ok(loaded);
                }
            }
        }
        self.loader.load(work, errand).await
    }
}

fn too_late() -> GaveUp<Rejection> {
    GaveUp::Failed(Failure::clean(Cause::TimedOut, "the value was not renewed in time"))
}
