//! A mail sent inside the request, as it was before there were queues: the user waits for it, and
//! when it fails, nobody sends it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Recorded, letter};
use crate::aws::Ses;
use crate::db::{Db, GaveUp, Visit};
use crate::events::OrderPlaced;

/// How long a task that starts waits for a mail service that does not know it yet. A service that is out
/// for longer makes no task useless.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pause between two tries to be known.
const AGAIN: Duration = Duration::from_millis(250);

/// Sends mails at once.
pub struct Inline {
    db: Db,
    ses: Arc<Ses>,
    counts: Counts,
    started: Instant,
    known: watch::Receiver<bool>,
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
    /// Sends through `ses`, to which the address to send from is shown in the background.
    pub fn new(db: Db, ses: Ses, background: &mut JoinSet<()>) -> Self {
        let (ses, (tell, known)) = (Arc::new(ses), watch::channel(false));
        background.spawn(introduce(Arc::clone(&ses), tell));
        Self { db, ses, counts: Counts::default(), started: Instant::now(), known }
    }

    /// Whether orders can have their mails, as far as that is a matter of this task's start.
    ///
    /// # Errors
    /// The mail service does not know the task's address yet.
    pub fn ready(&self) -> Result<(), String> {
        if *self.known.borrow() || self.started.elapsed() > PATIENCE {
            return Ok(());
        }
        Err("the mail service does not know the sender yet".into())
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

async fn introduce(ses: Arc<Ses>, tell: watch::Sender<bool>) {
    while let Err(trouble) = ses.introduce().await {
        tracing::debug!("the mail service does not know the sender yet: {trouble}");
        tokio::time::sleep(AGAIN).await;
    }
    tell.send_replace(true);
}
