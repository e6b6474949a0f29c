//! Watches the primary and every replica, so that requests know who is fit without asking.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::replica::{Replica, Report};
use super::replicas::Replicas;
use super::{Budget, Conn, Db, Failure, Position, Stop, Work};

/// Time between two looks at a server. Every task looks at every server: ten looks a second by six
/// tasks cost a replica as much as fifty users do.
const PACE: Duration = Duration::from_millis(250);

/// Starts the tasks; they end with the runtime.
pub fn start(db: Db, replicas: Replicas) {
    for index in 0..replicas.members().len() {
        tokio::spawn(watch_replica(replicas.clone(), index, db.clone()));
    }
    tokio::spawn(watch_primary(db, replicas));
}

async fn watch_primary(db: Db, replicas: Replicas) {
    let mut tick = ticks();
    loop {
        tick.tick().await;
        let Ok(seen) = db.attempt(&Look, Budget::starting_now(PACE * 2)).await else { continue };
        replicas.primary_is_at(seen.position);
        if seen.recorded < seen.position.timeline {
            let budget = Budget::starting_now(PACE * 2);
            if let Err(Stop::Failed(failure)) = db.attempt(&Record, budget).await {
                tracing::warn!("the new timeline is not recorded yet: {failure}");
            }
        }
    }
}

async fn watch_replica(replicas: Replicas, index: usize, db: Db) {
    let Some(replica) = replicas.members().get(index) else { return };
    let mut kept: Option<Conn> = None;
    let mut tick = ticks();
    loop {
        tick.tick().await;
        let report = look(replica, &mut kept, &db).await;
        if report.is_some() != replica.report().is_some() {
            tracing::info!(addr = ?replica.addr(), serves = report.is_some(), "replica");
        }
        replica.set_report(report);
    }
}

async fn look(replica: &Replica, kept: &mut Option<Conn>, db: &Db) -> Option<Report> {
    let conn = match kept.take() {
        Some(conn) => conn,
        None => {
            let (conn, identity) = Conn::open(replica.addr()?, replica.config()).await.ok()?;
            let system = db.pool().system();
            // A server with other data is no replica.
            if system.is_some_and(|system| system != identity.system) {
                return None;
            }
            conn
        }
    };
    // One that was promoted, or has no tables yet, is asked again on a new connection.
    let position = conn.replayed().await.ok()??;
    *kept = Some(conn);
    Some(Report { at: Instant::now(), position })
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Where the primary is, and the newest timeline that its table names.
struct Look;

struct Looked {
    position: Position,
    recorded: u32,
}

impl Work for Look {
    type Output = Looked;
    type Rejection = Infallible;
    const WRITES: bool = false;

    async fn run(&self, conn: &Conn) -> Result<Looked, Stop<Infallible>> {
        let rows = conn.query("SELECT max(timeline) FROM timelines", &[]).await?;
        let recorded = rows.first().and_then(|row| row.get(0));
        let recorded = Position::from_columns(recorded, None).timeline;
        Ok(Looked { position: conn.position().await?, recorded })
    }
}

/// Writes the timeline down, so that replicas show when they are on it.
struct Record;

impl Work for Record {
    type Output = ();
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<(), Stop<Infallible>> {
        // The server itself says which timeline it writes to: it may have changed since.
        let sql = "INSERT INTO timelines (timeline) SELECT \
            ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int \
            ON CONFLICT DO NOTHING";
        conn.write(sql, &[]).await.map(|_| ()).map_err(Failure::into)
    }
}
