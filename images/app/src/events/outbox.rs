//! The table of events that are to be passed on. No transaction is open while a queue is asked: a
//! row is claimed for a time instead.

use std::convert::Infallible;
use std::time::Duration;

use super::event::OrderPlaced;
use crate::db::{Conn, Stop, Work};

/// How long a claim holds: longer than a queue may take to answer.
const CLAIM: Duration = Duration::from_secs(10);

/// An event to be passed on.
#[derive(Clone, Debug)]
pub struct Untold {
    /// What happened.
    pub event: OrderPlaced,
    /// The trace that it belongs to.
    pub traceparent: Option<String>,
}

/// Claims events that nobody else is passing on, oldest first.
pub struct Claim {
    /// Most rows.
    pub limit: i64,
}

const TAKE: &str = "WITH due AS ( \
        SELECT id FROM outbox \
        WHERE sent_at IS NULL AND (claimed_until IS NULL OR claimed_until < now()) \
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) \
    UPDATE outbox o SET claimed_until = now() + $2::bigint * interval '1 millisecond' \
    FROM due WHERE o.id = due.id \
    RETURNING o.id, o.order_key, o.order_id, o.user_id, o.total_cents, o.traceparent";

impl Work for Claim {
    type Output = Vec<Untold>;
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Vec<Untold>, Stop<Infallible>> {
        let claim_ms = i64::try_from(CLAIM.as_millis()).unwrap_or(i64::MAX);
        let rows = conn.write(TAKE, &[&self.limit, &claim_ms]).await?;
        let untold = |row: &tokio_postgres::Row| Untold {
            event: OrderPlaced {
                id: row.get(0),
                order_key: row.get(1),
                order_id: row.get(2),
                user_id: row.get(3),
                total_cents: row.get(4),
            },
            traceparent: row.get(5),
        };
        Ok(rows.iter().map(untold).collect())
    }
}

/// Marks events that the queue has taken.
pub struct MarkSent {
    /// Which.
    pub ids: Vec<i64>,
}

impl Work for MarkSent {
    type Output = ();
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<(), Stop<Infallible>> {
        let sql = "UPDATE outbox SET sent_at = now() WHERE id = ANY ($1) AND sent_at IS NULL";
        conn.write(sql, &[&self.ids]).await?;
        Ok(())
    }
}

/// Gives up claims, so that the next try need not wait until they lapse.
pub struct Release {
    /// Of which events.
    pub ids: Vec<i64>,
}

impl Work for Release {
    type Output = ();
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<(), Stop<Infallible>> {
        let sql = "UPDATE outbox SET claimed_until = NULL WHERE id = ANY ($1) AND sent_at IS NULL";
        conn.write(sql, &[&self.ids]).await?;
        Ok(())
    }
}

/// Counts the events that no queue has taken yet.
pub struct CountUntold;

const COUNT: &str = "SELECT count(*), \
        coalesce((extract(epoch FROM now() - min(created_at)) * 1000)::bigint, 0) \
    FROM outbox WHERE sent_at IS NULL";

impl Work for CountUntold {
    /// How many there are, and the age of the oldest.
    type Output = (u64, Duration);
    type Rejection = Infallible;
    const WRITES: bool = false;

    async fn run(&self, conn: &Conn) -> Result<(u64, Duration), Stop<Infallible>> {
        let rows = conn.query(COUNT, &[]).await?;
        let number = |column| {
            rows.first().map_or(0, |row| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0))
        };
        Ok((number(0), Duration::from_millis(number(1))))
    }
}
