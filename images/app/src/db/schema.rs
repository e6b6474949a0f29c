//! The tables: made by the program itself, whoever starts first, and again when they vanish.

use std::time::Duration;

use tokio::sync::watch;

use super::{Budget, Conn, Db, Failure, Stop, Work};

/// Every version of the schema, in order. A version is never edited after a release.
const VERSIONS: &[&str] = &[
    include_str!("../../schema/1-shop.sql"),
    include_str!("../../schema/2-replicas.sql"),
    include_str!("../../schema/3-queues.sql"),
    include_str!("../../schema/4-events.sql"),
    include_str!("../../schema/5-functions.sql"),
];

/// Any constant will do, as long as every task uses the same.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7205759403792793600)";

/// Longest for one version's statements; seeding included.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long one try waits for a primary.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits between tries.
const PAUSE: Duration = Duration::from_millis(250);

/// Whether the tables are there; clones share it.
#[derive(Clone)]
pub struct Schema {
    current: watch::Sender<bool>,
}

impl Schema {
    /// Whether the tables were there when last looked at.
    pub fn is_current(&self) -> bool {
        *self.current.borrow()
    }

    /// The tables were found missing: they are made again.
    pub fn is_missing(&self) {
        self.current.send_replace(false);
    }
}

/// Makes the tables in the background, and again each time they are reported missing (the
/// database was replaced by an empty one).
pub fn keep_current(db: Db) -> Schema {
    let schema = Schema { current: watch::Sender::new(false) };
    let kept = schema.clone();
    tokio::spawn(async move {
        let mut current = kept.current.subscribe();
        while current.wait_for(|is_current| !is_current).await.is_ok() {
            match db.attempt(&Migrate, Budget::starting_now(PATIENCE)).await {
                Ok(applied) => {
                    tracing::info!(applied, version = VERSIONS.len(), "schema is current");
                    kept.current.send_replace(true);
                }
                Err(Stop::Rejected(never)) => match never {},
                Err(Stop::Failed(failure)) => {
                    tracing::warn!("schema not made yet: {failure}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    });
    schema
}

/// Brings the schema to the newest version; yields how many versions were applied.
struct Migrate;

impl Work for Migrate {
    type Output = usize;
    type Rejection = std::convert::Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<usize, Stop<Self::Rejection>> {
        // Looked up without a lock first: the usual case must not wait for anyone.
        let found = version(conn).await?;
        if found >= VERSIONS.len() {
            return Ok(0);
        }
        conn.begin().await?;
        // Waits as long as the session's lock time-out, then this try fails and the next begins.
        conn.batch(MIGRATION_TIMEOUT, LOCK).await?;
        let found = version(conn).await?;
        for (index, sql) in VERSIONS.iter().enumerate().skip(found) {
            conn.batch(MIGRATION_TIMEOUT, sql).await?;
            let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
            conn.query("INSERT INTO schema_version (version) VALUES ($1)", &[&number]).await?;
        }
        conn.commit().await?;
        Ok(VERSIONS.len().saturating_sub(found))
    }
}

async fn version(conn: &Conn) -> Result<usize, Failure> {
    let rows = conn.query("SELECT to_regclass('schema_version') IS NOT NULL", &[]).await?;
    if !rows.first().is_some_and(|row| row.get(0)) {
        return Ok(0);
    }
    let rows = conn.query("SELECT coalesce(max(version), 0) FROM schema_version", &[]).await?;
    Ok(rows.first().map_or(0, |row| usize::try_from(row.get::<_, i32>(0)).unwrap_or(0)))
}
