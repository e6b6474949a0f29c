//! Reading promises back: which keys had how many effects.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Rejection, Stop};
use crate::db::{Conn, Function, Work};

/// Longest for one page. An audit follows a fault, when caches are cold and nobody waits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Most keys on one page.
pub const MAX_LIMIT: i64 = 10_000;

/// Keys are visible ASCII, so every key with a prefix sorts before the prefix and this.
const AFTER_ALL: char = '\u{10FFFF}';

/// What is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What clients wrote.
    Write(Write),
    /// What follows from it.
    Later(Later),
}

/// Which writes are read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// Orders, with their lines and ledger entries.
    Order,
    /// Forum posts.
    Post,
}

/// What follows from an order, after it was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Later {
    /// Mails that were sent. A mail that is only intended is a key without effect.
    Mail,
    /// How often the message of a mail came once more.
    MailRepeat,
    /// Orders that a worker heard of and wrote down.
    OrderRecorded,
    /// Mails that a worker heard of and wrote down.
    MailRecorded,
}

/// Reads a page of keys and their effects.
pub struct AuditKeys {
    /// Of what.
    pub kind: Kind,
    /// Only keys that begin with this.
    pub prefix: String,
    /// Only keys after this one; empty for the first page.
    pub after: String,
    /// Most keys, 1 to [`MAX_LIMIT`].
    pub limit: i64,
}

/// A page of keys, sorted by their bytes.
#[derive(Debug, Serialize)]
pub struct Effects {
    /// Key, and how many complete effects there are with it.
    pub keys: Vec<(String, i64)>,
    /// What to ask for `after` next; absent on the last page.
    pub next: Option<String>,
}

/// An order counts only with lines, debits and credits that each add up to its total.
const ORDERS: &str = "WITH page AS ( \
        SELECT key FROM orders WHERE key > $1 AND key >= $2 AND key < $3 \
        GROUP BY key ORDER BY key LIMIT $4) \
    SELECT o.key, count(*) FILTER (WHERE \
        l.total = o.total_cents AND e.debit = o.total_cents AND e.credit = o.total_cents) \
    FROM page JOIN orders o USING (key) \
    LEFT JOIN LATERAL (SELECT sum(quantity * price_cents) AS total \
        FROM order_lines WHERE order_id = o.id) l ON true \
    LEFT JOIN LATERAL (SELECT sum(debit_cents) AS debit, sum(credit_cents) AS credit \
        FROM ledger_entries WHERE order_id = o.id) e ON true \
    GROUP BY o.key ORDER BY o.key";

const POSTS: &str = "SELECT key, count(*) FROM posts \
    WHERE key > $1 AND key >= $2 AND key < $3 GROUP BY key ORDER BY key LIMIT $4";

const MAILS: &str = "SELECT order_key, count(*) FILTER (WHERE sent_at IS NOT NULL) FROM mails \
    WHERE order_key > $1 AND order_key >= $2 AND order_key < $3 \
    GROUP BY order_key ORDER BY order_key LIMIT $4";

const REPEATS: &str = "SELECT order_key, repeats::bigint FROM mail_claims \
    WHERE order_key > $1 AND order_key >= $2 AND order_key < $3 AND repeats > 0 \
    ORDER BY order_key LIMIT $4";

const ORDERS_HEARD_OF: &str = "SELECT order_key, 1::bigint FROM domain_events \
    WHERE kind = 'order-placed' AND order_key > $1 AND order_key >= $2 AND order_key < $3 \
    ORDER BY order_key LIMIT $4";

const MAILS_HEARD_OF: &str = "SELECT order_key, 1::bigint FROM domain_events \
    WHERE kind = 'mail-sent' AND order_key > $1 AND order_key >= $2 AND order_key < $3 \
    ORDER BY order_key LIMIT $4";

impl Work for AuditKeys {
    type Output = Effects;
    type Rejection = Rejection;
    const WRITES: bool = false;

    fn function(&self) -> Function {
        match self.kind {
            Kind::Write(Write::Post) => Function::Forum,
            Kind::Write(Write::Order) | Kind::Later(_) => Function::Catalogue,
        }
    }

    async fn run(&self, conn: &Conn) -> Result<Effects, Stop> {
        let sql = match self.kind {
            Kind::Write(Write::Order) => ORDERS,
            Kind::Write(Write::Post) => POSTS,
            Kind::Later(Later::Mail) => MAILS,
            Kind::Later(Later::MailRepeat) => REPEATS,
            Kind::Later(Later::OrderRecorded) => ORDERS_HEARD_OF,
            Kind::Later(Later::MailRecorded) => MAILS_HEARD_OF,
        };
        let end = format!("{}{AFTER_ALL}", self.prefix);
        let params: crate::db::Params<'_> = &[&self.after, &self.prefix, &end, &self.limit];
        let rows = conn.query_within(TIMEOUT, sql, params).await?;
        let keys: Vec<(String, i64)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
        let full = i64::try_from(keys.len()).is_ok_and(|n| n >= self.limit);
        let next = keys.last().filter(|_| full).map(|(key, _)| key.clone());
        Ok(Effects { keys, next })
    }
}
