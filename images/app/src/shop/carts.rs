//! Carts, wherever they live.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use super::Rejection;
use super::cart::{CartLine, GetCart, PutInCart};
use super::products::GetProduct;
use super::users::{Who, WhoIs};
use crate::aws::CartTable;
use crate::cache::Cache;
use crate::db::{Databases, GaveUp, Visit};

/// How long an order waits until what was ordered is out of the cart.
const TAKING: Duration = Duration::from_millis(200);

/// Where carts live.
pub enum Carts {
    /// In the database, with everything else.
    Database,
    /// In a table of their own. Sessions and products are still the database's, but mostly come
    /// from the cache.
    Table(Arc<CartTable>),
}

/// Why a cart cannot be used.
type Result<T> = std::result::Result<T, GaveUp<Rejection>>;

impl Carts {
    /// The cart of a session.
    ///
    /// # Errors
    /// There is no such session, or something that is needed does not answer.
    pub async fn read(
        &self,
        db: &Databases,
        cache: &Cache,
        visit: &Visit,
        who: Who,
    ) -> Result<Vec<CartLine>> {
        let Self::Table(table) = self else { return db.run(visit, &GetCart { who }).await };
        let user_id = user(cache, who).await?;
        let lines = table.read(user_id).await.map_err(GaveUp::Failed)?;
        let line = |(product, quantity): (i32, i64)| async move {
            let known = cache.read(&Visit::default(), GetProduct { id: product }).await?;
            Ok(CartLine { product, name: known.name, quantity, price_cents: known.price_cents })
        };
        try_join_all(lines.into_iter().map(line)).await
    }

    /// Sets how many of a product are in the cart of a session.
    ///
    /// # Errors
    /// There is no such session or product, or something that is needed does not answer.
    pub async fn put(
        &self,
        db: &Databases,
        cache: &Cache,
        visit: &Visit,
        put: PutInCart,
    ) -> Result<()> {
        let Self::Table(table) = self else { return db.run(visit, &put).await };
        let PutInCart { who, product, quantity } = put;
        let user_id = user(cache, who).await?;
        cache.read(&Visit::default(), GetProduct { id: product }).await?;
        let set = |lines: &mut crate::aws::Lines| {
            lines.insert(product, quantity);
        };
        table.update(user_id, set).await.map_err(GaveUp::Failed)
    }

    /// Takes what was ordered out of the cart. In the database the order itself did that; here the
    /// order stands even if it fails, and is not kept waiting for long.
    pub async fn ordered(&self, cache: &Cache, who: Who, products: Vec<i32>) {
        let Self::Table(table) = self else { return };
        let taken = tokio::spawn(take(Arc::clone(table), cache.clone(), who, products));
        // It goes on when the time is over.
        let _ = tokio::time::timeout(TAKING, taken).await;
    }
}

async fn user(cache: &Cache, who: Who) -> Result<i64> {
    match who {
        Who::Known(user_id) => Ok(user_id),
        Who::Session(token) => cache.read(&Visit::default(), WhoIs { token }).await,
    }
}

async fn take(table: Arc<CartTable>, cache: Cache, who: Who, products: Vec<i32>) {
    let Ok(user_id) = user(&cache, who).await else { return };
    let take = |lines: &mut crate::aws::Lines| lines.retain(|p, _| !products.contains(p));
    if let Err(failure) = table.update(user_id, take).await {
        tracing::warn!("what was ordered stays in the cart: {failure}");
    }
}
