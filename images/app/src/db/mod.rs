//! The database, as requests see it: work that is tried until it succeeds, is refused, or its
//! time is over, and that never has its effect twice.

mod conn;
mod databases;
mod failure;
mod lag;
mod param;
mod pool;
mod position;
mod primary;
mod replica;
mod replicas;
mod retry;
mod schema;
mod scout;
mod visit;
mod watcher;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

pub use conn::{Conn, Params};
pub use databases::{Databases, Function};
pub use failure::{Cause, Effect, Failure};
pub use param::Param;
pub use pool::Pool;
pub use position::{Position, Positions};
pub use replicas::{Replicas, Status as ReplicaStatus};
pub use retry::{Budget, backoff};
pub use schema::{Schema, keep_current};
pub use visit::{CacheUse, Seen, ServedBy, Visit};

use crate::config::{self, Habits};
use crate::trace::{self, Call};

/// How long a read waits for a primary before it looks at the replicas again.
const BRIEFLY: Duration = Duration::from_millis(100);

/// Why work ended without its result.
#[derive(Clone, Debug)]
pub enum Stop<R> {
    /// The application refuses the request; nothing was changed.
    Rejected(R),
    /// The database could not do it.
    Failed(Failure),
}

impl<R> From<Failure> for Stop<R> {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Work on one connection that may be repeated as a whole.
pub trait Work: Sync {
    /// What it yields.
    type Output: Send + Sync;
    /// How the application refuses it.
    type Rejection: Send + Sync;
    /// Whether it commits anything.
    const WRITES: bool;
    /// Whether a replica may do it.
    const ON_REPLICA: bool = false;

    /// Whose data it works on.
    fn function(&self) -> Function {
        Function::Catalogue
    }

    /// One try. An open transaction is rolled back when this returns an error.
    fn run(
        &self,
        conn: &Conn,
    ) -> impl Future<Output = Result<Self::Output, Stop<Self::Rejection>>> + Send;
}

/// Why a request ends without its result, all tries considered.
#[derive(Clone, Debug)]
pub enum GaveUp<R> {
    /// The application refuses the request; nothing was changed.
    Rejected(R),
    /// The database could not do it. The failure's effect covers all tries.
    Failed(Failure),
}

/// A database. Clones share it.
#[derive(Clone)]
pub struct Db {
    function: Function,
    pool: Pool,
    replicas: Option<Replicas>,
    read_your_writes: bool,
    habits: Habits,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    retries: AtomicU64,
    doubts: AtomicU64,
    on_primary: AtomicU64,
    on_replica: AtomicU64,
}

impl Db {
    /// A database with nothing done yet, and the tasks that watch its servers.
    pub fn start(
        function: Function,
        database: config::Database,
        replicas: Option<&config::Replicas>,
        read_your_writes: bool,
        habits: Habits,
    ) -> Self {
        let split = replicas.filter(|settings| settings.split);
        let split = split.map(|settings| Replicas::new(&database, settings));
        let db = Self {
            function,
            pool: Pool::start(database),
            replicas: split.clone(),
            read_your_writes,
            habits,
            counters: Arc::default(),
        };
        if let Some(replicas) = split {
            watcher::start(db.clone(), replicas);
        }
        db
    }

    /// The function that it is of; with one database for everything, the catalogue.
    pub fn function(&self) -> Function {
        self.function
    }

    /// The connections.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Whether a repeated write has one effect.
    pub fn idempotency(&self) -> bool {
        self.habits.idempotency
    }

    /// How many times work was tried again.
    pub fn retries(&self) -> u64 {
        self.counters.retries.load(Ordering::Relaxed)
    }

    /// How many commits had no clear answer.
    pub fn doubts(&self) -> u64 {
        self.counters.doubts.load(Ordering::Relaxed)
    }

    /// The replicas that reads go to, if any do.
    pub fn replicas(&self) -> Option<&Replicas> {
        self.replicas.as_ref()
    }

    /// Reads that the primary and the replicas served, of those that either may.
    pub fn reads(&self) -> (u64, u64) {
        let Counters { on_primary, on_replica, .. } = &*self.counters;
        (on_primary.load(Ordering::Relaxed), on_replica.load(Ordering::Relaxed))
    }

    /// Does `work`, as often as it takes and the budget of one request allows. The visit says what
    /// it must see at least, and learns what it saw.
    ///
    /// # Errors
    /// The application's refusal, or the last failure with the effect that all tries may have had.
    pub async fn run<W: Work>(
        &self,
        visit: &Visit,
        work: &W,
    ) -> Result<W::Output, GaveUp<W::Rejection>> {
        let budget = Budget::starting_now(self.habits.retry_budget);
        let mut in_doubt = false;
        let mut failures = 0;
        loop {
            let failure = match self.attempt_anywhere(visit, work, budget).await {
                Ok(output) => return Ok(output),
                Err(Stop::Rejected(rejection)) if !in_doubt => {
                    return Err(GaveUp::Rejected(rejection));
                }
                // An earlier try may have had its effect: "no" would promise too much.
                Err(Stop::Rejected(_)) => {
                    let why = "an earlier try may have succeeded; the last one was refused";
                    return Err(GaveUp::Failed(Failure::clean(Cause::Refused, why).doubtful()));
                }
                Err(Stop::Failed(failure)) => failure,
            };
            if failure.effect == Effect::Unknown {
                in_doubt = true;
                self.counters.doubts.fetch_add(1, Ordering::Relaxed);
            }
            let pause = retry::backoff(failures, rand::random());
            if !self.habits.retries || !failure.cause.is_passing() || !budget.allows(pause) {
                return Err(GaveUp::Failed(if in_doubt { failure.doubtful() } else { failure }));
            }
            failures += 1;
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
        }
    }

    /// Does `work` once, on a replica if it may and one is fit.
    async fn attempt_anywhere<W: Work>(
        &self,
        visit: &Visit,
        work: &W,
        budget: Budget,
    ) -> Result<W::Output, Stop<W::Rejection>> {
        let mut budget = budget;
        if let Some(replicas) = self.replicas.as_ref().filter(|_| W::ON_REPLICA) {
            let has_primary = self.pool.stats().has_primary;
            match replicas.read(work, visit.wants(self.function), has_primary).await {
                Some((Ok(output), seen)) => {
                    visit.had(seen.floor);
                    self.counters.on_replica.fetch_add(1, Ordering::Relaxed);
                    visit.saw(self.function, Some(seen.end), Some(ServedBy::Replica));
                    return Ok(output);
                }
                // "There is none" may only mean "not here yet": the primary knows.
                Some((Err(rejection), seen)) if !self.read_your_writes => {
                    visit.saw(self.function, Some(seen.end), Some(ServedBy::Replica));
                    return Err(Stop::Rejected(rejection));
                }
                _ => {}
            }
            if !has_primary && self.habits.retries {
                budget = budget.at_most(BRIEFLY);
            }
        }
        self.attempt_on_primary(visit, work, budget).await
    }

    /// Does `work` once, for nobody in particular.
    ///
    /// # Errors
    /// The application's refusal, or what failed.
    pub async fn attempt<W: Work>(
        &self,
        work: &W,
        budget: Budget,
    ) -> Result<W::Output, Stop<W::Rejection>> {
        let lease = self.pool.acquire(W::WRITES, self.patience(budget)).await?;
        let done = work.run(lease.conn()?).await;
        self.end(lease, &done).await;
        done
    }

    async fn attempt_on_primary<W: Work>(
        &self,
        visit: &Visit,
        work: &W,
        budget: Budget,
    ) -> Result<W::Output, Stop<W::Rejection>> {
        let mut call = call::<W>("database");
        let lease = match self.pool.acquire(W::WRITES, self.patience(budget)).await {
            Ok(lease) => lease,
            Err(failure) => {
                call.failed(|| failure.to_string());
                return Err(failure.into());
            }
        };
        let conn = lease.conn()?;
        if visit.wants_floor() && self.pool.config().positions {
            match conn.position().await {
                Ok(position) => visit.had(position),
                Err(failure) => {
                    lease.fail(&failure).await;
                    return Err(failure.into());
                }
            }
        }
        let mut done = work.run(conn).await;
        if done.is_ok() {
            match self.position_after::<W>(conn, visit).await {
                Ok(position) if W::WRITES => visit.saw(self.function, position, None),
                Ok(position) => {
                    self.counters.on_primary.fetch_add(u64::from(W::ON_REPLICA), Ordering::Relaxed);
                    visit.saw(self.function, position, Some(ServedBy::Primary));
                }
                Err(failure) => done = Err(Stop::Failed(failure)),
            }
        }
        if let Err(Stop::Failed(failure)) = &done {
            call.failed(|| failure.to_string());
        }
        drop(call);
        self.end(lease, &done).await;
        done
    }

    /// The position that what was just done is not behind of; `None` when nobody wants to know.
    async fn position_after<W: Work>(
        &self,
        conn: &Conn,
        visit: &Visit,
    ) -> Result<Option<Position>, Failure> {
        if W::WRITES || !self.pool.config().positions {
            return Ok(conn.take_committed());
        }
        let position = conn.position().await?;
        if visit.wants(self.function).is_some_and(|wanted| position.timeline < wanted.timeline) {
            let why = "the server was replaced by another primary and does not know it";
            return Err(Failure::clean(Cause::NotPrimary, why));
        }
        Ok(Some(position))
    }

    async fn end<T: Send + Sync, R: Send + Sync>(
        &self,
        lease: pool::Lease,
        done: &Result<T, Stop<R>>,
    ) {
        match done {
            Ok(_) | Err(Stop::Rejected(_)) => lease.give_back().await,
            Err(Stop::Failed(failure)) => lease.fail(failure).await,
        }
    }

    /// Waiting for a primary is a retry too: without that habit, one handshake is all it gets.
    fn patience(&self, budget: Budget) -> Instant {
        if self.habits.retries {
            budget.ends()
        } else {
            budget.ends().min(Instant::now() + self.pool.config().connect_timeout * 3)
        }
    }
}

/// A try of `work` on a server, if it is to be recorded.
fn call<W: Work>(peer: &str) -> Call {
    let mut call = trace::call(peer, || trace::name_of::<W>().to_owned());
    call.note("db.system.name", "postgresql");
    call
}
