//! Connections to the current primary, shared by all requests.
//!
//! A generation counts the primaries: a connection of an older generation is never used again.
//! Who the primary is, the scout finds out; here is only kept what it found.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

use super::conn::Conn;
use super::failure::{Cause, Failure, Verdict};
use super::primary::{Floor, Identity, raised};
use super::scout;
use crate::config::Database;

/// Longest that a commit without answer is watched. It bounds what an unreachable standby costs.
const LINGER: Duration = Duration::from_secs(30);

/// Whether the primary can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// As far as anyone knows.
    Good,
    /// It left someone without an answer: it is asked again before the next use.
    Doubted,
    /// It is gone, or none was ever found.
    #[default]
    Lost,
}

/// What is known about the primary.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Changes whenever connections made before must not be used any more.
    pub generation: u64,
    /// The server last known as primary.
    pub primary: Option<Identity>,
    /// Whether use may be made of it.
    pub standing: Standing,
    /// Nothing older than this is a primary.
    pub floor: Option<Floor>,
    /// How many times a primary was looked for.
    pub searches: u64,
}

/// The pool. Clones share it.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    config: Database,
    state: watch::Sender<State>,
    idle: Mutex<Vec<(u64, Conn)>>,
    /// One for each connection in use.
    uses: Arc<Semaphore>,
    /// One for each transaction whose commit is not settled. When the server stops answering
    /// commits (its standby is gone), writes stop here instead of piling up connections there.
    commits: Arc<Semaphore>,
}

/// What the pool holds at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// Connections ready for use.
    pub idle: usize,
    /// Connections in use.
    pub in_use: usize,
    /// Writes whose commit is not settled.
    pub unsettled: usize,
    /// How many times a primary was looked for.
    pub searches: u64,
    /// Whether a primary is known.
    pub has_primary: bool,
}

impl Pool {
    /// An empty pool, and a task that looks for the primary whenever none is known.
    pub fn start(config: Database) -> Self {
        let state = State { searches: 1, ..State::default() };
        let size = config.pool_size;
        let pool = Self {
            shared: Arc::new(Shared {
                config,
                state: watch::Sender::new(state),
                idle: Mutex::new(Vec::with_capacity(size)),
                uses: Arc::new(Semaphore::new(size)),
                commits: Arc::new(Semaphore::new(size)),
            }),
        };
        scout::start(pool.clone());
        pool
    }

    /// How the database is reached.
    pub fn config(&self) -> &Database {
        &self.shared.config
    }

    /// Follows what is known about the primary.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Which history of data the primary holds, once one was found.
    pub fn system(&self) -> Option<String> {
        self.shared.state.borrow().floor.as_ref().map(|floor| floor.system.clone())
    }

    /// What the pool holds.
    pub fn stats(&self) -> Stats {
        let state = self.shared.state.borrow();
        let size = self.shared.config.pool_size;
        Stats {
            idle: self.idle(|idle| idle.len()),
            in_use: size.saturating_sub(self.shared.uses.available_permits()),
            unsettled: size.saturating_sub(self.shared.commits.available_permits()),
            searches: state.searches,
            has_primary: state.standing == Standing::Good,
        }
    }

    /// A connection to the primary, waiting for one until `ends`.
    ///
    /// # Errors
    /// No primary or no free connection in time, or connecting failed. Never with an effect.
    pub async fn acquire(&self, writes: bool, ends: Instant) -> Result<Lease, Failure> {
        self.primary(ends).await?;
        let commit_slot = match writes {
            true => Some(permit(&self.shared.commits, ends, "commits are not answered").await?),
            false => None,
        };
        let use_slot = permit(&self.shared.uses, ends, "all connections are in use").await?;
        // Asked again, because the primary may have changed while this waited.
        let (generation, primary) = self.primary(ends).await?;
        let conn = match self.take_idle(generation) {
            Some(conn) => conn,
            None => self.open(generation, &primary).await?,
        };
        Ok(Lease {
            conn: Some(conn),
            generation,
            pool: self.clone(),
            _use_slot: use_slot,
            commit_slot,
        })
    }

    async fn primary(&self, ends: Instant) -> Result<(u64, Identity), Failure> {
        let mut state = self.watch();
        let found = state.wait_for(|s| s.standing == Standing::Good);
        let none = || Failure::clean(Cause::NoPrimary, "no server accepts writes at the moment");
        let found = tokio::time::timeout_at(ends, found).await.map_err(|_| none())?;
        let found = found.map_err(|_| none())?;
        found.primary.clone().map(|p| (found.generation, p)).ok_or_else(none)
    }

    async fn open(&self, generation: u64, primary: &Identity) -> Result<Conn, Failure> {
        let opened = Conn::open(primary.addr, &self.shared.config).await;
        let error = match opened {
            Ok((conn, identity)) if identity == *primary => return Ok(conn),
            Ok(_) => Failure::clean(Cause::NotPrimary, "the server is no longer the primary"),
            Err(error) => error,
        };
        self.learn(generation, &error);
        Err(error)
    }

    fn take_idle(&self, generation: u64) -> Option<Conn> {
        self.idle(|idle| {
            idle.retain(|(g, conn)| *g == generation && !conn.is_closed());
            // The one used last has its statements prepared and its memory warm.
            idle.pop().map(|(_, conn)| conn)
        })
    }

    fn put_idle(&self, generation: u64, conn: Conn) {
        if self.shared.state.borrow().generation == generation && !conn.is_closed() {
            self.idle(|idle| idle.push((generation, conn)));
        }
    }

    fn idle<T>(&self, f: impl FnOnce(&mut Vec<(u64, Conn)>) -> T) -> T {
        f(&mut self.shared.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Draws the conclusions from a failure on a connection of `generation`.
    fn learn(&self, generation: u64, failure: &Failure) {
        let standing = match failure.cause.verdict() {
            Verdict::Keep | Verdict::Discard => return,
            Verdict::AskWhoIsPrimary => Standing::Doubted,
            Verdict::AllAreDead => Standing::Lost,
        };
        let lost = standing == Standing::Lost;
        let changed = self.shared.state.send_if_modified(|state| {
            let good = state.standing == Standing::Good;
            let news = state.generation == generation && (lost || good);
            if news {
                state.searches += u64::from(good);
                state.standing = standing;
                state.generation += u64::from(lost);
            }
            news
        });
        if changed {
            tracing::warn!(generation, ?standing, "primary: {failure}");
            if lost {
                self.idle(Vec::clear);
            }
        }
    }

    /// Takes `identity` as the primary from now on.
    pub fn publish(&self, identity: Identity) {
        let mut changed = false;
        self.shared.state.send_modify(|state| {
            changed = state.primary.as_ref() != Some(&identity);
            state.generation += u64::from(changed);
            state.floor = raised(&identity);
            state.standing = Standing::Good;
            state.primary = Some(identity.clone());
        });
        if changed {
            self.idle(Vec::clear);
        }
        let timeline = identity.writes_timeline;
        tracing::info!(addr = %identity.addr, timeline, changed, "primary found");
    }
}

async fn permit(
    semaphore: &Arc<Semaphore>,
    ends: Instant,
    why: &str,
) -> Result<OwnedSemaphorePermit, Failure> {
    match tokio::time::timeout_at(ends, Arc::clone(semaphore).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => Err(Failure::clean(Cause::Busy, why)),
    }
}

/// A connection in use. Dropped without a word (the client went away in the middle of its
/// request), it is closed, because nobody knows what is going on on it; when it may be in a
/// commit, its slot stays taken until that is over.
pub struct Lease {
    conn: Option<Conn>,
    generation: u64,
    pool: Pool,
    _use_slot: OwnedSemaphorePermit,
    commit_slot: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// The connection.
    ///
    /// # Errors
    /// None in practice: the connection is there until the lease ends.
    pub fn conn(&self) -> Result<&Conn, Failure> {
        self.conn.as_ref().ok_or_else(|| Failure::clean(Cause::Lost, "the connection was given up"))
    }

    /// Gives a connection back after its work was done or was refused by the application.
    pub async fn give_back(mut self) {
        let Some(conn) = self.conn.take() else { return };
        if conn.in_transaction()
            && let Err(failure) = conn.rollback().await
        {
            self.pool.learn(self.generation, &failure);
            return;
        }
        self.pool.put_idle(self.generation, conn);
    }

    /// Gives a connection back, or up, after its work failed.
    pub async fn fail(mut self, failure: &Failure) {
        match failure.cause.verdict() {
            Verdict::Keep => return self.give_back().await,
            Verdict::AskWhoIsPrimary => self.linger(),
            Verdict::Discard | Verdict::AllAreDead => {}
        }
        self.pool.learn(self.generation, failure);
    }

    /// Keeps the slot of a commit that has no answer until it has one: closing the connection
    /// would not end the commit on the server, only hide it.
    fn linger(&mut self) {
        let (Some(conn), Some(slot)) = (self.conn.take(), self.commit_slot.take()) else { return };
        // Without a runtime the program is ending, and so does everything it keeps.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut state = self.pool.watch();
        let generation = self.generation;
        runtime.spawn(async move {
            tokio::select! {
                () = conn.settled() => {}
                _ = state.wait_for(|s| s.generation != generation) => {}
                () = tokio::time::sleep(LINGER) => {}
            }
            drop((conn, slot));
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.linger();
    }
}
