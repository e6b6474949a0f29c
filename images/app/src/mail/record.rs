//! The table of mails: what counts as a mail's effect, and the claim that keeps it to one.

use std::convert::Infallible;
use std::time::Duration;

use crate::db::{Cause, Conn, Failure, Stop, Work};
use crate::events::OrderPlaced;

/// Takes on the mail of an order, unless somebody did.
pub struct Intend<'a> {
    /// The order.
    pub order: &'a OrderPlaced,
    /// Who asks: the same in every try, so that a try knows the claim of an earlier one.
    pub sender: i64,
    /// How long nobody else may send it.
    pub lease: Duration,
}

/// Who sends the mail of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Who asks; the number of the mail.
    Own(i64),
    /// Nobody: it is sent.
    Sent,
    /// Somebody else, or somebody who died a moment ago.
    Elsewhere,
}

const CLAIM: &str = "WITH claimed AS ( \
        INSERT INTO mail_claims (order_key) VALUES ($1) \
        ON CONFLICT (order_key) DO NOTHING RETURNING order_key) \
    INSERT INTO mails (order_key, user_id, total_cents, sender, sending_until) \
    SELECT order_key, $2, $3, $4, now() + $5::bigint * interval '1 millisecond' FROM claimed \
    RETURNING id";

/// Counting the repetition is a write on purpose: its commit is only acknowledged when the standby
/// has everything before it too, the mail included. A mere look would not confirm that. A further try of
/// the same message is no repetition, and writes all the same.
const AGAIN: &str = "WITH again AS ( \
        UPDATE mail_claims SET repeats = repeats + (SELECT count(*)::integer FROM mails m \
            WHERE m.order_key = $1 AND m.sender IS DISTINCT FROM $2) \
        WHERE order_key = $1 RETURNING order_key), \
    taken AS ( \
        UPDATE mails m SET sender = $2, \
            sending_until = now() + $3::bigint * interval '1 millisecond' \
        FROM again WHERE m.order_key = again.order_key AND m.sent_at IS NULL \
            AND (m.sender = $2 OR m.sending_until < now()) \
        RETURNING m.id) \
    SELECT EXISTS (SELECT FROM again), (SELECT min(id) FROM taken), \
        EXISTS (SELECT FROM mails WHERE order_key = $1 AND sent_at IS NOT NULL)";

impl Work for Intend<'_> {
    type Output = Intent;
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Intent, Stop<Infallible>> {
        let OrderPlaced { order_key, user_id, total_cents, .. } = self.order;
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let claim: crate::db::Params<'_> =
            &[order_key, user_id, total_cents, &self.sender, &lease_ms];
        if let Some(row) = conn.write(CLAIM, claim).await?.first() {
            return Ok(Intent::Own(row.get(0)));
        }
        let rows = conn.write(AGAIN, &[order_key, &self.sender, &lease_ms]).await?;
        match rows.first().map(|row| (row.get(0), row.get(1), row.get(2))) {
            Some((true, Some(id), false)) => Ok(Intent::Own(id)),
            Some((true, _, true)) => Ok(Intent::Sent),
            Some((true, None, false)) => Ok(Intent::Elsewhere),
            _ => Err(Failure::clean(Cause::Conflict, "the claim of the mail vanished").into()),
        }
    }
}

/// Records a mail that is sent by being recorded.
pub struct Recorded<'a> {
    /// The order.
    pub order: &'a OrderPlaced,
}

const RECORD: &str = "WITH claimed AS ( \
        INSERT INTO mail_claims (order_key) VALUES ($1) \
        ON CONFLICT (order_key) DO NOTHING RETURNING order_key) \
    INSERT INTO mails (order_key, user_id, total_cents, sent_at) \
    SELECT order_key, $2, $3, now() FROM claimed RETURNING id";

const REPEAT: &str = "UPDATE mail_claims SET repeats = repeats + 1 WHERE order_key = $1";

impl Work for Recorded<'_> {
    /// Whether there was none before.
    type Output = bool;
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<bool, Stop<Infallible>> {
        let OrderPlaced { order_key, user_id, total_cents, .. } = self.order;
        let rows = conn.write(RECORD, &[order_key, user_id, total_cents]).await?;
        if rows.is_empty() {
            conn.write(REPEAT, &[order_key]).await?;
        }
        Ok(!rows.is_empty())
    }
}

/// Writes a mail down without looking whether there is one.
pub struct Note<'a> {
    /// The order.
    pub order: &'a OrderPlaced,
}

const NOTE: &str = "INSERT INTO mails (order_key, user_id, total_cents) \
    VALUES ($1, $2, $3) RETURNING id";

impl Work for Note<'_> {
    /// The number of the mail.
    type Output = i64;
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<i64, Stop<Infallible>> {
        let OrderPlaced { order_key, user_id, total_cents, .. } = self.order;
        let rows = conn.write(NOTE, &[order_key, user_id, total_cents]).await?;
        let none = || Failure::clean(Cause::Refused, "the mail has no number").doubtful();
        Ok(rows.first().ok_or_else(none)?.get(0))
    }
}

/// Marks a mail that is sent.
pub struct MarkSent<'a> {
    /// Its number.
    pub id: i64,
    /// The mail service's number, if it went there.
    pub message_id: Option<&'a str>,
}

const MARK: &str = "UPDATE mails SET sent_at = coalesce(sent_at, now()), \
    message_id = coalesce(message_id, $2) WHERE id = $1";

impl Work for MarkSent<'_> {
    type Output = ();
    type Rejection = Infallible;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<(), Stop<Infallible>> {
        conn.write(MARK, &[&self.id, &self.message_id]).await?;
        Ok(())
    }
}
