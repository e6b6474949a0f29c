//! Loading a value from the database into the cache: few at a time, and one task for each value.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::breaker::Breaker;
use super::entry::{Entry, now_ms};
use super::link::{Link, Out};
use super::{Cacheable, KEEP_STALE};
use crate::config;
use crate::db::{
    Cause, Databases, Failure, Function, GaveUp, Position, Positions, ServedBy, Visit,
};
use crate::shop::Rejection;

/// The lock on a value is let go after this, should its holder die.
const LOCK_FOR: Duration = Duration::from_millis(500);

/// How often, and how long in between, a task looks whether another one has loaded the value.
const LOOKS: u32 = 6;
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// Prefix of all keys, with the version of what is stored.
const PREFIX: &str = "shop:1:";

/// A value that was loaded.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The value.
    pub entry: Arc<Entry>,
    /// Who served the read.
    pub served_by: Option<ServedBy>,
    /// Another task did it.
    pub by_another: bool,
    /// Another request of this task had begun to.
    pub joined: bool,
}

/// How a value is to be loaded.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    /// Whose database it is loaded from.
    pub function: Function,
    /// What its reader must see at least.
    pub wants: Option<Position>,
    /// How long it is fresh.
    pub ttl: Duration,
    /// The lock on it is held already.
    pub locked: bool,
    /// The cache is out: asking it again would only take time.
    pub out: bool,
}

/// Loads values.
pub struct Loader {
    databases: Databases,
    link: Arc<Link>,
    /// A cold cache must not exhaust the database: some of its connections are for others. Absent
    /// where nothing keeps a stampede from it.
    turns: Option<Semaphore>,
    /// Opens when the database fails load after load.
    pub breaker: Breaker,
    serve_stale: bool,
    loads: AtomicU64,
    lock_losses: AtomicU64,
}

impl Loader {
    /// A loader with nothing loaded yet.
    pub fn new(databases: Databases, link: Arc<Link>, settings: &config::Cache) -> Self {
        let db = databases.of(Function::Catalogue);
        let servers = 1 + db.replicas().map_or(0, |replicas| replicas.members().len());
        let turns = (db.pool().config().pool_size * servers / 2).max(1);
        Self {
            databases,
            link,
            turns: settings.stampede_protection.then(|| Semaphore::new(turns)),
            breaker: Breaker::new(settings.circuit_breaker),
            serve_stale: settings.serve_stale,
            loads: AtomicU64::new(0),
            lock_losses: AtomicU64::new(0),
        }
    }

    /// Values loaded, and values that another task was found loading.
    pub fn counts(&self) -> (u64, u64) {
        (self.loads.load(Ordering::Relaxed), self.lock_losses.load(Ordering::Relaxed))
    }

    /// What is stored. Something that cannot be read (of another version, say) is nothing.
    pub async fn fetch<W: Cacheable>(&self, key: &str) -> Result<Option<Entry>, Out> {
        let stored: Option<String> =
            self.link.run(redis::cmd("GET").arg(format!("{PREFIX}{key}"))).await?;
        let entry: Option<Entry> = stored.and_then(|text| serde_json::from_str(&text).ok());
        Ok(entry.filter(|entry| serde_json::from_str::<W::Output>(&entry.body).is_ok()))
    }

    /// Stores a value.
    pub async fn store(&self, key: &str, entry: &Entry, ttl: Duration) {
        let keep = if self.serve_stale { ttl + KEEP_STALE } else { ttl };
        let keep_ms = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let Ok(text) = serde_json::to_string(entry) else { return };
        let mut command = redis::cmd("SET");
        command.arg(format!("{PREFIX}{key}")).arg(text).arg("PX").arg(keep_ms);
        // Not stored is only slower.
        let _ = self.link.run::<()>(&command).await;
    }

    /// Forgets a value.
    pub async fn forget(&self, key: &str) {
        let _ = self.link.run::<()>(redis::cmd("DEL").arg(format!("{PREFIX}{key}"))).await;
    }

    /// Whether this task is the one to load the value. Without a cache every task is.
    pub async fn lock(&self, key: &str) -> bool {
        let lock_ms = u64::try_from(LOCK_FOR.as_millis()).unwrap_or(u64::MAX);
        let mut command = redis::cmd("SET");
        command.arg(format!("{PREFIX}lock:{key}")).arg(1).arg("NX").arg("PX").arg(lock_ms);
        match self.link.run::<Option<String>>(&command).await {
            Ok(locked) => locked.is_some(),
            Err(Out) => true,
        }
    }

    /// Loads the value unless another task is doing it; waits a moment for that one.
    pub async fn load_alone<W: Cacheable>(
        &self,
        work: W,
        errand: Errand,
    ) -> Result<Loaded, GaveUp<Rejection>> {
        let key = work.key();
        if errand.out {
            return self.load(&work, errand).await;
        }
        if !errand.locked && !self.lock(&key).await {
            self.lock_losses.fetch_add(1, Ordering::Relaxed);
            for _ in 0..LOOKS {
                tokio::time::sleep(LOOK_PAUSE).await;
                let Ok(found) = self.fetch::<W>(&key).await else { break };
                let fresh = |e: &Entry| e.age(now_ms()) < errand.ttl && e.suits(errand.wants);
                if let Some(entry) = found.filter(fresh) {
                    let entry = Arc::new(entry);
                    return Ok(Loaded { entry, served_by: None, by_another: true, joined: false });
                }
            }
        }
        let loaded = self.load(&work, errand).await;
        self.forget(&format!("lock:{key}")).await;
        loaded
    }

    /// Loads the value and stores it.
    pub async fn load<W: Cacheable>(
        &self,
        work: &W,
        errand: Errand,
    ) -> Result<Loaded, GaveUp<Rejection>> {
        let _turn = self.turn().await?;
        if !self.breaker.allows(Instant::now()) {
            return Err(busy("the database failed again and again; it is left alone for a moment"));
        }
        self.loads.fetch_add(1, Ordering::Relaxed);
        // The value may have been read at any moment from now on.
        let at_ms = now_ms();
        let visit = Visit::with_floor(Positions::only(errand.function, errand.wants));
        let done = self.databases.run(&visit, work).await;
        self.breaker.record(Instant::now(), !matches!(done, Err(GaveUp::Failed(_))));
        let seen = visit.seen();
        let body = serde_json::to_string(&done?).map_err(|e| {
            GaveUp::Failed(Failure::clean(Cause::Refused, format!("it cannot be stored: {e}")))
        })?;
        let entry = Entry { at_ms, position: seen.floor.unwrap_or_default(), body };
        if !errand.out {
            self.store(&work.key(), &entry, errand.ttl).await;
        }
        let entry = Arc::new(entry);
        Ok(Loaded { entry, served_by: seen.served_by, by_another: false, joined: false })
    }

    /// Waits for one of the few turns, as long as for a statement.
    async fn turn(&self) -> Result<Option<SemaphorePermit<'_>>, GaveUp<Rejection>> {
        let Some(turns) = &self.turns else { return Ok(None) };
        let patience = self.databases.of(Function::Catalogue).pool().config().statement_timeout;
        match tokio::time::timeout(patience, turns.acquire()).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
            _ => Err(busy("too many values are being loaded")),
        }
    }
}

fn busy(why: &str) -> GaveUp<Rejection> {
    GaveUp::Failed(Failure::clean(Cause::Busy, why))
}
