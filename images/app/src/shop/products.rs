//! The catalogue.

use serde::{Deserialize, Serialize};

use super::{Rejection, Stop};
use crate::cache::Cacheable;
use crate::db::{Conn, Work};

/// Products on one page.
pub const PAGE_SIZE: i64 = 20;

/// Highest page number, so that the offset stays a number.
pub const MAX_PAGE: i64 = 1_000_000;

/// A product as users see it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Product {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// Price of one.
    pub price_cents: i64,
    /// How many are left.
    pub stock: i64,
}

impl Product {
    fn from_row(row: &tokio_postgres::Row) -> Self {
        Self { id: row.get(0), name: row.get(1), price_cents: row.get(2), stock: row.get(3) }
    }
}

/// A page of products.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    /// Its number, from 1.
    pub page: i64,
    /// In the order of their numbers.
    pub products: Vec<Product>,
    /// Number of the next page, if there is one.
    pub next: Option<i64>,
}

/// Reads a page of products.
#[derive(Clone)]
pub struct ListProducts {
    /// Number of the page, 1 to [`MAX_PAGE`].
    pub page: i64,
}

impl Work for ListProducts {
    type Output = Page;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Page, Stop> {
        let sql =
            "SELECT id, name, price_cents, stock FROM products ORDER BY id LIMIT $1 OFFSET $2";
        // One more than is shown tells whether there is a next page.
        let rows = conn.query(sql, &[&(PAGE_SIZE + 1), &((self.page - 1) * PAGE_SIZE)]).await?;
        let mut products: Vec<Product> = rows.iter().map(Product::from_row).collect();
        let shown = usize::try_from(PAGE_SIZE).unwrap_or(usize::MAX);
        let next = (products.len() > shown).then_some(self.page + 1);
        products.truncate(shown);
        Ok(Page { page: self.page, products, next })
    }
}

/// Reads one product.
#[derive(Clone)]
pub struct GetProduct {
    /// Its number.
    pub id: i32,
}

impl Work for GetProduct {
    type Output = Product;
    type Rejection = Rejection;
    const WRITES: bool = false;
    const ON_REPLICA: bool = true;

    async fn run(&self, conn: &Conn) -> Result<Product, Stop> {
        let sql = "SELECT id, name, price_cents, stock FROM products WHERE id = $1";
        let rows = conn.query(sql, &[&self.id]).await?;
        let found = rows.first().map(Product::from_row);
        found.ok_or_else(|| Stop::Rejected(Rejection::no_product(self.id)))
    }
}

impl Cacheable for ListProducts {
    fn key(&self) -> String {
        format!("products:{}", self.page)
    }
}

impl Cacheable for GetProduct {
    fn key(&self) -> String {
        format!("product:{}", self.id)
    }
}
