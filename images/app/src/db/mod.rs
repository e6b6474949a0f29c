//! The database, as requests see it: work that is tried until it succeeds, is refused, or its
//! time is over, and that never has its effect twice.

mod conn;
mod failure;
mod pool;
mod primary;
mod retry;
mod schema;
mod scout;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

pub use conn::{Conn, Params};
pub use failure::{Cause, Effect, Failure};
pub use pool::Pool;
pub use retry::Budget;
pub use schema::{Schema, keep_current};

use crate::config::Habits;

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
    type Output: Send;
    /// How the application refuses it.
    type Rejection: Send;
    /// Whether it commits anything.
    const WRITES: bool;

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

/// The database. Clones share it.
#[derive(Clone)]
pub struct Db {
    pool: Pool,
    habits: Habits,
    retries: Arc<AtomicU64>,
    doubts: Arc<AtomicU64>,
}

impl Db {
    /// A database with nothing done yet.
    pub fn new(pool: Pool, habits: Habits) -> Self {
        Self { pool, habits, retries: Arc::default(), doubts: Arc::default() }
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
        self.retries.load(Ordering::Relaxed)
    }

    /// How many commits had no clear answer.
    pub fn doubts(&self) -> u64 {
        self.doubts.load(Ordering::Relaxed)
    }

    /// Does `work`, as often as it takes and the budget of one request allows.
    ///
    /// # Errors
    /// The application's refusal, or the last failure with the effect that all tries may have had.
    pub async fn run<W: Work>(&self, work: &W) -> Result<W::Output, GaveUp<W::Rejection>> {
        let budget = Budget::starting_now(self.habits.retry_budget);
        let mut in_doubt = false;
        let mut failures = 0;
        loop {
            let failure = match self.attempt(work, budget).await {
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
                self.doubts.fetch_add(1, Ordering::Relaxed);
            }
            let pause = retry::backoff(failures, rand::random());
            if !self.habits.retries || !failure.cause.is_passing() || !budget.allows(pause) {
                return Err(GaveUp::Failed(if in_doubt { failure.doubtful() } else { failure }));
            }
            failures += 1;
            self.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
        }
    }

    /// Does `work` once.
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
        match &done {
            Ok(_) | Err(Stop::Rejected(_)) => lease.give_back().await,
            Err(Stop::Failed(failure)) => lease.fail(failure).await,
        }
        done
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
