//! The other effect that a message can have: what it tells of is written down.

use std::convert::Infallible;

use crate::db::{Conn, Stop, Work};
use crate::events::Heard;

/// Writes an event down.
pub struct Record<'a> {
    /// Which.
    pub heard: &'a Heard,
}

/// Counting a repetition is a write, so that its commit confirms the row before it, too.
const RECORD: &str = "INSERT INTO domain_events (kind, order_key) VALUES ($1, $2) \
    ON CONFLICT (kind, order_key) DO UPDATE SET repeats = domain_events.repeats + 1 \
    RETURNING repeats";

impl Work for Record<'_> {
    /// Whether it was not there before.
    type Output = bool;
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<bool, Stop<Infallible>> {
        let Heard { kind, order_key } = self.heard;
        let rows = conn.write(RECORD, &[kind, order_key]).await?;
        Ok(rows.first().is_some_and(|row| row.get::<_, i32>(0) == 0))
    }
}
