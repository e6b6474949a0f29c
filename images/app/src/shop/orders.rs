//! Orders: one transaction moves stock and money.

use std::collections::BTreeMap;

use futures::future::join;
use serde::{Deserialize, Serialize};

use super::promise::{Kept, Key, Promise, body_hash};
use super::users::Who;
use super::{MAX_QUANTITY, Rejection, Stop, check_quantity};
use crate::db::{Conn, Failure, Param, Work};
use crate::events::OrderPlaced;

/// Most different products in one order.
const MAX_LINES: usize = 50;

/// What is ordered: product numbers and quantities, in the order in which rows are locked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items {
    products: Vec<i32>,
    quantities: Vec<i64>,
}

/// One line of an order as it is sent.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Item {
    /// Number of the product.
    pub product: i32,
    /// How many.
    pub quantity: i64,
}

impl Items {
    /// Sorts the lines and adds up those of the same product.
    ///
    /// # Errors
    /// No line, too many lines, or a quantity that is not possible.
    pub fn new(lines: &[Item]) -> Result<Self, Rejection> {
        let mut sums: BTreeMap<i32, i64> = BTreeMap::new();
        for line in lines {
            check_quantity(line.quantity)?;
            let sum = sums.entry(line.product).or_default();
            *sum = sum.saturating_add(line.quantity).min(MAX_QUANTITY + 1);
        }
        sums.values().try_for_each(|sum| check_quantity(*sum))?;
        if sums.is_empty() || sums.len() > MAX_LINES {
            let error = format!("an order of {} products is not possible", sums.len());
            return Err(Rejection::new(400, error, "order 1 to 50 different products"));
        }
        Ok(Self {
            products: sums.keys().copied().collect(),
            quantities: sums.values().copied().collect(),
        })
    }

    /// The products, in the order of their numbers.
    pub fn products(&self) -> &[i32] {
        &self.products
    }

    fn hash(&self) -> Vec<u8> {
        let lines = self.products.iter().zip(&self.quantities);
        let text: Vec<String> = lines.map(|(p, q)| format!("{p}:{q}")).collect();
        body_hash(&text.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// An order that was placed, now or by an earlier request with the same key.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Placed {
    /// Its number.
    pub order_id: i64,
    /// What it costs.
    pub total_cents: i64,
    /// Who ordered.
    #[serde(skip)]
    pub user_id: i64,
    /// Whether it was there before.
    #[serde(skip)]
    pub replayed: bool,
}

/// Places an order.
pub struct PlaceOrder {
    /// Who orders.
    pub who: Who,
    /// Key of the promise; only absent with idempotency switched off.
    pub key: Option<Key>,
    /// Whether the key guards against a second effect.
    pub idempotent: bool,
    /// What is ordered.
    pub items: Items,
    /// Whether the order has an event, and the trace that it belongs to.
    pub event: Option<Traced>,
}

/// The trace that an event belongs to, if any, as the header `traceparent` writes it.
#[derive(Clone, Debug, Default)]
pub struct Traced(pub Option<String>);

const WHO: &str = "SELECT user_id FROM sessions WHERE token_hash = $1 AND expires_at > now()";

const CLAIM: &str = "INSERT INTO idempotency (kind, key, user_id, body_hash, effect_id) \
    VALUES ('order', $1, $2, $3, nextval(pg_get_serial_sequence('orders', 'id'))) \
    ON CONFLICT (kind, key) DO NOTHING RETURNING effect_id";

const NEXT_ID: &str = "SELECT nextval(pg_get_serial_sequence('orders', 'id'))";

/// Rows are locked in the order of their numbers, so that two orders never wait for each other.
const TAKE_STOCK: &str = "WITH wanted AS ( \
        SELECT * FROM unnest($1::int[], $2::bigint[]) AS w (id, quantity)), \
    locked AS MATERIALIZED ( \
        SELECT p.id, p.price_cents FROM products p JOIN wanted USING (id) \
        ORDER BY p.id FOR NO KEY UPDATE OF p), \
    taken AS ( \
        UPDATE products p SET stock = p.stock - w.quantity \
        FROM wanted w JOIN locked USING (id) \
        WHERE p.id = w.id AND p.stock >= w.quantity RETURNING p.id) \
    SELECT w.id, l.price_cents, t.id IS NOT NULL FROM wanted w \
    LEFT JOIN locked l USING (id) LEFT JOIN taken t USING (id) ORDER BY w.id";

const RECORD: &str = "WITH placed AS ( \
        INSERT INTO orders (id, key, user_id, total_cents) VALUES ($1, $2, $3, $4)), \
    lines AS ( \
        INSERT INTO order_lines (order_id, product_id, quantity, price_cents) \
        SELECT $1, * FROM unnest($5::int[], $6::bigint[], $7::bigint[])), \
    entries AS ( \
        INSERT INTO ledger_entries (order_id, account, debit_cents, credit_cents) \
        VALUES ($1, 'customer receivable', $4, 0), ($1, 'sales', 0, $4)) \
    DELETE FROM cart_lines WHERE user_id = $3 AND product_id = ANY ($5)";

/// The same with its event, in the same trip and the same transaction.
const RECORD_AND_TELL: &str = "WITH placed AS ( \
        INSERT INTO orders (id, key, user_id, total_cents) VALUES ($1, $2, $3, $4)), \
    lines AS ( \
        INSERT INTO order_lines (order_id, product_id, quantity, price_cents) \
        SELECT $1, * FROM unnest($5::int[], $6::bigint[], $7::bigint[])), \
    entries AS ( \
        INSERT INTO ledger_entries (order_id, account, debit_cents, credit_cents) \
        VALUES ($1, 'customer receivable', $4, 0), ($1, 'sales', 0, $4)), \
    told AS ( \
        INSERT INTO outbox (order_id, order_key, user_id, total_cents, traceparent) \
        VALUES ($1, coalesce($2, '#' || $1::bigint), $3, $4, $8)) \
    DELETE FROM cart_lines WHERE user_id = $3 AND product_id = ANY ($5)";

impl Work for PlaceOrder {
    type Output = Placed;
    type Rejection = Rejection;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Placed, Stop> {
        // Sent together. Only a read may share the trip with BEGIN: should BEGIN fail alone, the
        // other statement would commit by itself.
        let user_id: i64 = match &self.who {
            Who::Known(user_id) => {
                conn.begin().await?;
                *user_id
            }
            Who::Session(token) => {
                let (begun, who) = join(conn.begin(), conn.query(WHO, &[token.hash()])).await;
                begun?;
                let who = who?;
                who.first().map(|row| row.get(0)).ok_or(Stop::Rejected(Rejection::no_session()))?
            }
        };

        let hash = self.items.hash();
        let taking = [&self.items.products as _, &self.items.quantities as _];
        let (claimed, taken) =
            join(self.claim(conn, user_id, &hash), conn.query(TAKE_STOCK, &taking)).await;
        let Some(order_id) = claimed? else {
            return self.replay(conn, user_id, &hash).await;
        };
        let prices = prices(&taken?)?;
        let total_cents = self.record(conn, order_id, user_id, &prices).await?;
        conn.commit().await?;
        Ok(Placed { order_id, total_cents, user_id, replayed: false })
    }
}

impl PlaceOrder {
    /// The number of the new order, or `None` when the key was used before. Waits while another
    /// transaction holds the key.
    async fn claim(&self, conn: &Conn, user_id: i64, hash: &[u8]) -> Result<Option<i64>, Failure> {
        let rows = match &self.key {
            Some(key) if self.idempotent => {
                conn.query(CLAIM, &[&key.as_str(), &user_id, &hash]).await?
            }
            _ => conn.query(NEXT_ID, &[]).await?,
        };
        Ok(rows.first().map(|row| row.get(0)))
    }

    /// What is told of the order.
    pub fn told(&self, placed: &Placed) -> OrderPlaced {
        let Placed { order_id, total_cents, user_id, .. } = *placed;
        let key = self.key.as_ref().map(|key| key.as_str().to_owned());
        let order_key = key.unwrap_or_else(|| format!("#{order_id}"));
        OrderPlaced { id: order_id, order_key, order_id, user_id, total_cents }
    }

    async fn replay(&self, conn: &Conn, user_id: i64, hash: &[u8]) -> Result<Placed, Stop> {
        // Undoes the stock movement that was sent along. The order itself is there already.
        conn.rollback().await.map_err(Failure::doubtful)?;
        let Some(key) = &self.key else { return Err(Stop::Rejected(missing_key())) };
        let promise = Promise { kind: "order", key, user_id: Some(user_id), body_hash: hash };
        let kept = promise.confirm(conn).await?;
        let Kept { effect_id: order_id, total_cents } = kept;
        Ok(Placed { order_id, total_cents, user_id, replayed: true })
    }

    async fn record(
        &self,
        conn: &Conn,
        order_id: i64,
        user_id: i64,
        prices: &[i64],
    ) -> Result<i64, Failure> {
        let Items { products, quantities } = &self.items;
        let total_cents: i64 = prices.iter().zip(quantities).map(|(p, q)| p * q).sum();
        let key = self.key.as_ref().map(Key::as_str);
        let prices = prices.to_vec();
        let order: [&(dyn Param + Sync); 7] =
            [&order_id, &key, &user_id, &total_cents, products, quantities, &prices];
        match &self.event {
            None => conn.query(RECORD, &order).await?,
            Some(Traced(trace)) => {
                let trace = trace.as_deref();
                let [a, b, c, d, e, f, g] = order;
                conn.query(RECORD_AND_TELL, &[a, b, c, d, e, f, g, &trace]).await?
            }
        };
        Ok(total_cents)
    }
}

/// The refusal of a promise without a key.
pub fn missing_key() -> Rejection {
    let hint = "send a new Idempotency-Key header with each write, and the same one when repeating";
    Rejection::new(400, "the Idempotency-Key header is missing", hint)
}

/// The prices of the products taken.
///
/// # Errors
/// A product does not exist, or there are not enough of it.
fn prices(taken: &[tokio_postgres::Row]) -> Result<Vec<i64>, Stop> {
    let price = |row: &tokio_postgres::Row| {
        let product: i32 = row.get(0);
        let price: Option<i64> = row.get(1);
        match (price, row.get(2)) {
            (Some(price), true) => Ok(price),
            (Some(_), false) => Err(Stop::Rejected(Rejection::new(
                409,
                format!("product {product} is out of stock"),
                "order fewer, or another product",
            ))),
            (None, _) => Err(Stop::Rejected(Rejection::no_product(product))),
        }
    };
    taken.iter().map(price).collect()
}

/// An order as it is read back.
#[derive(Debug, Serialize)]
pub struct Order {
    /// Its number.
    pub order_id: i64,
    /// What it costs.
    pub total_cents: i64,
    /// Its lines.
    pub items: Vec<OrderLine>,
}

/// A line of an order that was placed.
#[derive(Debug, Serialize)]
pub struct OrderLine {
    /// Number of the product.
    pub product: i32,
    /// How many.
    pub quantity: i64,
    /// Price of one when it was ordered.
    pub price_cents: i64,
}

/// Reads the (first) order with a key.
pub struct GetOrder {
    /// The key it was placed with.
    pub key: Key,
}

const GET: &str = "SELECT o.id, o.total_cents, l.product_id, l.quantity, l.price_cents \
    FROM (SELECT id, total_cents FROM orders WHERE key = $1 ORDER BY id LIMIT 1) o \
    JOIN order_lines l ON l.order_id = o.id ORDER BY l.product_id";

impl Work for GetOrder {
    type Output = Order;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Order, Stop> {
        let rows = conn.query(GET, &[&self.key.as_str()]).await?;
        let Some(first) = rows.first() else {
            let error = "there is no order with this key";
            let hint = "use the Idempotency-Key that the order was placed with";
            return Err(Stop::Rejected(Rejection::new(404, error, hint)));
        };
        let line = |row: &tokio_postgres::Row| OrderLine {
            product: row.get(2),
            quantity: row.get(3),
            price_cents: row.get(4),
        };
        Ok(Order {
            order_id: first.get(0),
            total_cents: first.get(1),
            items: rows.iter().map(line).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(lines: &[(i32, i64)]) -> Result<Items, Rejection> {
        let line = |&(product, quantity): &(i32, i64)| Item { product, quantity };
        Items::new(&lines.iter().map(line).collect::<Vec<_>>())
    }

    #[test]
    fn lines_are_sorted_for_locking_and_added_up() {
        let items = items(&[(7, 1), (3, 2), (7, 4)]).unwrap();
        assert_eq!(items, Items { products: vec![3, 7], quantities: vec![2, 5] });
    }

    #[test]
    fn the_same_order_has_the_same_hash_however_it_is_written() {
        assert_eq!(
            items(&[(7, 5), (3, 2)]).unwrap().hash(),
            items(&[(3, 2), (7, 1), (7, 4)]).unwrap().hash()
        );
        assert_ne!(items(&[(3, 2)]).unwrap().hash(), items(&[(3, 3)]).unwrap().hash());
        assert_ne!(items(&[(1, 21)]).unwrap().hash(), items(&[(12, 1)]).unwrap().hash());
    }

    #[test]
    fn impossible_orders_are_refused() {
        let many: Vec<(i32, i64)> = (1..=51).map(|product| (product, 1)).collect();
        let bad: [&[(i32, i64)]; 6] =
            [&[], &[(1, 0)], &[(1, -1)], &[(1, 1001)], &[(1, 600), (1, 600)], &many];
        for lines in bad {
            assert_eq!(items(lines).map_err(|r| r.status), Err(400), "{lines:?}");
        }
    }
}
