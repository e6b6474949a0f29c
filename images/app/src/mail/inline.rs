//! A mail sent inside the request, as it was before there were queues: the user waits for it, and
//! when it fails, nobody sends it again.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Recorded, letter};
use crate::aws::Ses;
use crate::db::{Db, GaveUp, Visit};
use crate::events::OrderPlaced;

/// Sends mails at once.
pub struct Inline {
    db: Db,
    ses: Ses,
    counts: Counts,
}

/// What is counted.
#[derive(Default)]
pub struct Counts {
    /// Mails sent.
    pub sent: AtomicU64,
    /// Mails that are lost.
    pub lost: AtomicU64,
}

impl Inline {
    /// Sends through `ses`.
    pub fn new(db: Db, ses: Ses) -> Self {
        Self { db, ses, counts: Counts::default() }
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Sends the mail of an order. The order stands, whatever becomes of it.
    pub async fn send(&self, order: &OrderPlaced) {
        let counter = match self.try_send(order).await {
            Ok(()) => &self.counts.sent,
            Err(why) => {
                tracing::warn!(key = order.order_key, "the mail of an order is lost: {why}");
                &self.counts.lost
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    async fn try_send(&self, order: &OrderPlaced) -> Result<(), String> {
        self.ses.send(&letter(order)).await.map_err(|trouble| trouble.to_string())?;
        match self.db.run(&Visit::default(), &Recorded { order }).await {
            Ok(_) => Ok(()),
            Err(GaveUp::Rejected(never)) => match never {},
            Err(GaveUp::Failed(failure)) => Err(failure.detail),
        }
    }
}
