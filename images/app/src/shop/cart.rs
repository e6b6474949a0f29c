//! The cart of a session's user.

use serde::Serialize;

use super::users::Who;
use super::{Rejection, Stop};
use crate::db::{Conn, Work};

/// A line of a cart.
#[derive(Debug, Serialize)]
pub struct CartLine {
    /// Number of the product.
    pub product: i32,
    /// Its name.
    pub name: String,
    /// How many.
    pub quantity: i64,
    /// Price of one.
    pub price_cents: i64,
}

/// Reads the cart.
pub struct GetCart {
    /// Whose.
    pub who: Who,
}

/// A session without lines yields one row of nulls; no session yields none.
const GET: &str = "WITH who AS ( \
        SELECT user_id FROM sessions WHERE token_hash = $1 AND expires_at > now() \
        UNION ALL SELECT $2::bigint WHERE $2 IS NOT NULL) \
    SELECT p.id, p.name, l.quantity, p.price_cents FROM who \
    LEFT JOIN cart_lines l ON l.user_id = who.user_id \
    LEFT JOIN products p ON p.id = l.product_id ORDER BY p.id";

impl Work for GetCart {
    type Output = Vec<CartLine>;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Vec<CartLine>, Stop> {
        let rows = conn.query(GET, &[&self.who.token_hash(), &self.who.user_id()]).await?;
        if rows.is_empty() {
            return Err(Stop::Rejected(Rejection::no_session()));
        }
        let line = |row: &tokio_postgres::Row| {
            let product: Option<i32> = row.get(0);
            product.map(|product| CartLine {
                product,
                name: row.get(1),
                quantity: row.get(2),
                price_cents: row.get(3),
            })
        };
        Ok(rows.iter().filter_map(line).collect())
    }
}

/// Sets how many of a product are in the cart. Setting, not adding: so it may be repeated freely.
pub struct PutInCart {
    /// Whose cart.
    pub who: Who,
    /// Number of the product.
    pub product: i32,
    /// How many.
    pub quantity: i64,
}

const PUT: &str = "WITH who AS ( \
        SELECT user_id FROM sessions WHERE token_hash = $1 AND expires_at > now() \
        UNION ALL SELECT $4::bigint WHERE $4 IS NOT NULL), \
    what AS (SELECT id FROM products WHERE id = $2), \
    put AS ( \
        INSERT INTO cart_lines (user_id, product_id, quantity) \
        SELECT user_id, id, $3 FROM who, what \
        ON CONFLICT (user_id, product_id) DO UPDATE SET quantity = excluded.quantity) \
    SELECT EXISTS (SELECT FROM who), EXISTS (SELECT FROM what)";

impl Work for PutInCart {
    type Output = ();
    type Rejection = Rejection;
    const WRITES: bool = true;

    async fn run(&self, conn: &Conn) -> Result<(), Stop> {
        let (hash, user_id) = (self.who.token_hash(), self.who.user_id());
        let params: crate::db::Params<'_> = &[&hash, &self.product, &self.quantity, &user_id];
        let rows = conn.write(PUT, params).await?;
        match rows.first().map(|row| (row.get(0), row.get(1))) {
            Some((true, true)) => Ok(()),
            Some((true, false)) => Err(Stop::Rejected(Rejection::no_product(self.product))),
            _ => Err(Stop::Rejected(Rejection::no_session())),
        }
    }
}
