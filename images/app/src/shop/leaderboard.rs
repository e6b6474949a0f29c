//! What sells best: a read that costs much more than its answer is long.

use serde::{Deserialize, Serialize};

use super::{Rejection, Stop};
use crate::cache::Cacheable;
use crate::db::{Conn, Work};

/// A product and how much of it was sold of late.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sold {
    /// Number of the product.
    pub product: i32,
    /// How many.
    pub quantity: i64,
}

/// Reads the ten products that sold best.
#[derive(Clone)]
pub struct Leaderboard;

/// Of the latest lines only, so that it takes no longer as the shop grows.
const BEST: &str = "SELECT product_id, sum(quantity)::bigint FROM ( \
        SELECT product_id, quantity FROM order_lines ORDER BY order_id DESC LIMIT 10000) AS latest \
    GROUP BY product_id ORDER BY 2 DESC, 1 LIMIT 10";

impl Work for Leaderboard {
    type Output = Vec<Sold>;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Vec<Sold>, Stop> {
        let rows = conn.query(BEST, &[]).await?;
        Ok(rows.iter().map(|row| Sold { product: row.get(0), quantity: row.get(1) }).collect())
    }
}

impl Cacheable for Leaderboard {
    fn key(&self) -> String {
        "leaderboard".into()
    }
}
