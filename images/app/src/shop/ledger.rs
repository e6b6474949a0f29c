//! The final read of money and stock.

use std::time::Duration;

use serde::Serialize;

use super::{Rejection, Stop};
use crate::db::{Conn, Failure, Work};

/// Longest for one of its statements, each of which reads whole tables.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Money and stock, and the first 20 examples of each thing that is wrong with them.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ledger {
    /// Number of ledger entries.
    pub entries: i64,
    /// Sum of all debits.
    pub debit_cents: i64,
    /// Sum of all credits.
    pub credit_cents: i64,
    /// Orders whose own entries or lines do not add up to the order's total.
    pub unbalanced_orders: Vec<String>,
    /// Orders without lines, debit or credit, and entries or lines without an order.
    pub incomplete_orders: Vec<String>,
    /// Number of products.
    pub products: i64,
    /// Products whose stock is not the initial stock less what was sold, or is below zero.
    pub wrong_stock: Vec<String>,
}

/// Reads the ledger.
pub struct AuditLedger;

const TOTALS: &str = "SELECT count(*), coalesce(sum(debit_cents), 0)::bigint, \
    coalesce(sum(credit_cents), 0)::bigint, (SELECT count(*) FROM products) FROM ledger_entries";

const UNBALANCED: &str = "SELECT format('order %s (key %s): total %s, lines %s, debit %s, credit %s', \
        o.id, o.key, o.total_cents, l.total, e.debit, e.credit) \
    FROM orders o \
    JOIN (SELECT order_id, sum(quantity * price_cents) AS total \
        FROM order_lines GROUP BY order_id) l ON l.order_id = o.id \
    JOIN (SELECT order_id, sum(debit_cents) AS debit, sum(credit_cents) AS credit \
        FROM ledger_entries GROUP BY order_id) e ON e.order_id = o.id \
    WHERE (l.total, e.debit, e.credit) <> (o.total_cents, o.total_cents, o.total_cents) \
    ORDER BY o.id LIMIT 20";

const INCOMPLETE: &str = "SELECT format('order %s (key %s): %s', \
        coalesce(o.id, e.order_id, l.order_id), o.key, CASE \
            WHEN o.id IS NULL THEN 'lines or entries, but no order' \
            WHEN l.order_id IS NULL THEN 'no lines' ELSE 'no debit or no credit' END) \
    FROM orders o \
    FULL JOIN (SELECT order_id, sum(debit_cents) AS debit, sum(credit_cents) AS credit \
        FROM ledger_entries GROUP BY order_id) e ON e.order_id = o.id \
    FULL JOIN (SELECT DISTINCT order_id FROM order_lines) l \
        ON l.order_id = coalesce(o.id, e.order_id) \
    WHERE o.id IS NULL OR l.order_id IS NULL OR coalesce(e.debit, 0) = 0 \
        OR coalesce(e.credit, 0) = 0 \
    ORDER BY coalesce(o.id, e.order_id, l.order_id) LIMIT 20";

const WRONG_STOCK: &str = "SELECT format('product %s: stock %s, initially %s, sold %s', \
        p.id, p.stock, p.initial_stock, coalesce(s.sold, 0)) \
    FROM products p \
    LEFT JOIN (SELECT product_id, sum(quantity) AS sold \
        FROM order_lines GROUP BY product_id) s ON s.product_id = p.id \
    WHERE p.stock < 0 OR p.stock <> p.initial_stock - coalesce(s.sold, 0) \
    ORDER BY p.id LIMIT 20";

impl Work for AuditLedger {
    type Output = Ledger;
    type Rejection = Rejection;
    const WRITES: bool = false;

    async fn run(&self, conn: &Conn) -> Result<Ledger, Stop> {
        conn.begin().await?;
        // All statements must see the same moment, or orders in between would look like damage.
        let snapshot = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        conn.batch(TIMEOUT, snapshot).await?;
        let totals = conn.query_within(TIMEOUT, TOTALS, &[]).await?;
        let mut ledger = Ledger {
            unbalanced_orders: texts(conn, UNBALANCED).await?,
            incomplete_orders: texts(conn, INCOMPLETE).await?,
            wrong_stock: texts(conn, WRONG_STOCK).await?,
            ..Ledger::default()
        };
        if let Some(row) = totals.first() {
            ledger.entries = row.get(0);
            ledger.debit_cents = row.get(1);
            ledger.credit_cents = row.get(2);
            ledger.products = row.get(3);
        }
        conn.rollback().await?;
        Ok(ledger)
    }
}

async fn texts(conn: &Conn, sql: &'static str) -> Result<Vec<String>, Failure> {
    let rows = conn.query_within(TIMEOUT, sql, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
