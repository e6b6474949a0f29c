//! What the shop does, as work on the database.

pub mod audit;
pub mod cart;
pub mod carts;
pub mod leaderboard;
pub mod ledger;
pub mod orders;
pub mod posts;
pub mod products;
pub mod profiles;
pub mod promise;
pub mod users;

/// A request that the shop refuses. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// HTTP status, 400 to 499.
    pub status: u16,
    /// What is wrong.
    pub error: String,
    /// What would be right.
    pub hint: &'static str,
}

impl Rejection {
    /// A refusal with an HTTP status from 400 to 499.
    pub fn new(status: u16, error: impl Into<String>, hint: &'static str) -> Self {
        Self { status, error: error.into(), hint }
    }

    /// The session is missing, unknown or expired.
    pub fn no_session() -> Self {
        let hint = "POST /sessions, and send its token as Authorization: Bearer TOKEN";
        Self::new(401, "this needs a valid session", hint)
    }

    /// There is no such product.
    pub fn no_product(id: i32) -> Self {
        Self::new(404, format!("there is no product {id}"), "GET /products lists them")
    }
}

/// Why work of the shop ended without its result.
pub type Stop = crate::db::Stop<Rejection>;

/// The most of one product in a cart or an order.
pub const MAX_QUANTITY: i64 = 1000;

/// Refuses quantities that no order may have.
///
/// # Errors
/// The quantity is below 1 or above [`MAX_QUANTITY`].
pub fn check_quantity(quantity: i64) -> Result<(), Rejection> {
    if (1..=MAX_QUANTITY).contains(&quantity) {
        return Ok(());
    }
    let error = format!("the quantity {quantity} is not possible");
    Err(Rejection::new(400, error, "give a quantity from 1 to 1000"))
}
