//! Passes events on. Every web task does: a row that one has claimed the others skip.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::channel::Channel;
use super::outbox::{Claim, MarkSent, Release, Untold};
use super::pause;
use crate::aws::{BATCH, Outgoing};
use crate::db::{Budget, Db, GaveUp, Stop, Visit};
use crate::trace;

/// How often the table is looked into for what other tasks left behind. The own orders wake the
/// relay up.
const LOOK: Duration = Duration::from_millis(1000);

/// How long one try waits for the database.
const PATIENCE: Duration = Duration::from_millis(1000);

/// What the relay counts.
#[derive(Default)]
pub struct Counts {
    /// Events that the queue has taken.
    pub sent: AtomicU64,
    /// Rounds that failed, whatever failed.
    pub failures: AtomicU64,
}

/// Passes events on.
pub struct Relay {
    db: Db,
    channel: Arc<Channel>,
    wake: Notify,
    counts: Counts,
}

impl Relay {
    /// A relay that does nothing yet.
    pub fn new(db: Db, channel: Arc<Channel>) -> Arc<Self> {
        Arc::new(Self { db, channel, wake: Notify::new(), counts: Counts::default() })
    }

    /// There is a new event.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Works until `ended`; the round in hand is finished.
    pub async fn run(self: Arc<Self>, mut ended: watch::Receiver<bool>) {
        let mut failures = 0;
        while !*ended.borrow() {
            let rest = match self.round().await {
                // More may be waiting.
                Ok(BATCH) => {
                    failures = 0;
                    continue;
                }
                Ok(_) => {
                    failures = 0;
                    LOOK.mul_f64(rand::random::<f64>() / 2.0 + 0.75)
                }
                Err(why) => {
                    failures += 1;
                    self.counts.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(failures, "events wait in the outbox: {why}");
                    pause(failures, rand::random())
                }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                // A new event does not shorten the wait after a failure.
                () = self.wake.notified(), if failures == 0 => {}
                _ = ended.wait_for(|ended| *ended) => {}
            }
        }
    }

    /// Passes on one batch; yields how many events were found.
    async fn round(&self) -> Result<usize, String> {
        let limit = i64::try_from(BATCH).unwrap_or(1);
        let claimed = self.db.attempt(&Claim { limit }, Budget::starting_now(PATIENCE)).await;
        let untold = claimed.map_err(|stop| match stop {
            Stop::Rejected(never) => match never {},
            Stop::Failed(failure) => failure.detail,
        })?;
        if untold.is_empty() {
            return Ok(0);
        }
        let messages: Vec<Outgoing> = untold.iter().map(outgoing).collect();
        let began = std::time::Instant::now();
        let taken = match self.channel.send(&messages).await {
            Ok(taken) => taken,
            Err(trouble) => {
                let ids = untold.iter().map(|row| row.event.id).collect();
                // Should this fail as well, the claims lapse.
                let _ = self.db.attempt(&Release { ids }, Budget::starting_now(PATIENCE)).await;
                return Err(trouble.to_string());
            }
        };
        for message in taken.iter().filter_map(|position| messages.get(*position)) {
            trace::produced(message.traceparent.as_deref(), self.channel.queue().name(), began);
        }
        let ids = taken.iter().filter_map(|position| Some(untold.get(*position)?.event.id));
        self.mark(ids.collect()).await?;
        // What was refused alone keeps its claim, so that it does not keep the others waiting.
        match untold.len().saturating_sub(taken.len()) {
            0 => Ok(untold.len()),
            left => Err(format!("the queue did not take {left} of {}", untold.len())),
        }
    }

    /// An event that is not marked is sent again, which whoever takes it must bear.
    async fn mark(&self, ids: Vec<i64>) -> Result<(), String> {
        if ids.is_empty() {
            return Ok(());
        }
        let sent = u64::try_from(ids.len()).unwrap_or(0);
        self.counts.sent.fetch_add(sent, Ordering::Relaxed);
        let marked = self.db.run(&Visit::default(), &MarkSent { ids }).await;
        marked.map_err(|gave_up| match gave_up {
            GaveUp::Rejected(never) => match never {},
            GaveUp::Failed(failure) => failure.detail,
        })
    }
}

fn outgoing(untold: &Untold) -> Outgoing {
    Outgoing { body: untold.event.to_message(), traceparent: untold.traceparent.clone() }
}
