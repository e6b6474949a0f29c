//! Whether this task can serve.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::db::{Budget, Cause, Conn, Db, Failure, Schema, Stop, Work};

/// A finding is not used longer than this.
const FRESH: Duration = Duration::from_secs(1);

/// How long a check waits for a primary and a connection.
const PATIENCE: Duration = Duration::from_millis(500);

/// Finds out, and remembers for a moment, whether the task can serve.
pub struct Readiness {
    databases: Vec<(Db, Schema)>,
    /// Held during a check, so that a crowd of probes causes one.
    last_good: Mutex<Option<Instant>>,
}

impl Readiness {
    /// Nothing is known yet.
    pub fn new(databases: Vec<(Db, Schema)>) -> Self {
        Self { databases, last_good: Mutex::new(None) }
    }

    /// Whether the tables are there and a primary answers. Of several databases one is enough: who
    /// needs none of those that are out must be served.
    ///
    /// # Errors
    /// What is missing.
    pub async fn check(&self) -> Result<(), String> {
        let mut last_good = self.last_good.lock().await;
        if last_good.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let found = self.look().await;
        *last_good = found.is_ok().then(Instant::now);
        found
    }

    async fn look(&self) -> Result<(), String> {
        if !self.databases.iter().all(|(_, schema)| schema.is_current()) {
            return Err("the tables are not there yet".into());
        }
        let looks = self.databases.iter().map(|(db, schema)| probe(db, schema));
        let found = join_all(looks).await;
        if found.iter().any(Result::is_ok) { Ok(()) } else { found.into_iter().collect() }
    }
}

async fn probe(db: &Db, schema: &Schema) -> Result<(), String> {
    match db.attempt(&Probe, Budget::starting_now(PATIENCE)).await {
        Ok(()) => Ok(()),
        Err(Stop::Rejected(never)) => match never {},
        Err(Stop::Failed(failure)) => {
            if failure.cause == Cause::NoSchema {
                schema.is_missing();
            }
            Err(failure.detail)
        }
    }
}

/// Asks whether the server is still the primary and has the tables.
struct Probe;

impl Work for Probe {
    type Output = ();
    type Rejection = std::convert::Infallible;
    const WRITES: bool = false;

    async fn run(&self, conn: &Conn) -> Result<(), Stop<Self::Rejection>> {
        let sql = "SELECT pg_is_in_recovery(), (SELECT max(version) FROM schema_version)";
        let rows = conn.query(sql, &[]).await?;
        if rows.first().is_some_and(|row| row.get(0)) {
            let why = "the server became a standby";
            return Err(Failure::clean(Cause::NotPrimary, why).into());
        }
        Ok(())
    }
}
