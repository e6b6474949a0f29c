//! How much waits: in the outbox, in the queue, and in the dead-letter queue. Looked up when somebody
//! asks, and at most once a second.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::channel::Channel;
use super::outbox::CountUntold;
use crate::aws::Depth;
use crate::db::{Budget, Db};

/// A finding is not used longer than this.
const FRESH: Duration = Duration::from_secs(1);

/// Longest wait for a finding: whoever asks for metrics must get the others.
const PATIENCE: Duration = Duration::from_millis(500);

/// What waits; absent is what could not be found out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backlog {
    /// Events that no queue has taken: how many, and the age of the oldest.
    pub outbox: Option<(u64, Duration)>,
    /// Messages.
    pub queue: Option<Depth>,
}

/// Finds out what waits.
pub struct Gauge {
    db: Db,
    channel: Arc<Channel>,
    /// Held during a look, so that a crowd that asks causes one.
    last: Mutex<Option<(Instant, Backlog)>>,
}

impl Gauge {
    /// Nothing is known yet.
    pub fn new(db: Db, channel: Arc<Channel>) -> Self {
        Self { db, channel, last: Mutex::default() }
    }

    /// What waits now, or did a moment ago.
    pub async fn read(&self) -> Backlog {
        let mut last = self.last.lock().await;
        if let Some((at, backlog)) = *last
            && at.elapsed() < FRESH
        {
            return backlog;
        }
        let backlog = self.look().await;
        *last = Some((Instant::now(), backlog));
        backlog
    }

    async fn look(&self) -> Backlog {
        let untold = self.db.attempt(&CountUntold, Budget::starting_now(PATIENCE));
        let depth = self.channel.queue().depth();
        let (untold, depth) = tokio::join!(timeout(PATIENCE, untold), timeout(PATIENCE, depth));
        Backlog { outbox: untold.ok().and_then(Result::ok), queue: depth.ok().and_then(Result::ok) }
    }
}
