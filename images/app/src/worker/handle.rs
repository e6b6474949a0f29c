//! One message in hand.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::Worker;
use super::deliver::{Done, Undone};
use super::errand::Errand;
use crate::aws::Message;
use crate::events::pause;
use crate::trace;

/// Longest that a message is held while its effect fails. Then it is given back, and counts as
/// received once more.
const HOLD: Duration = Duration::from_secs(600);

/// Part of the time for which a message is kept from others that a wait may take, and after which
/// that time is extended.
const SHARE: u32 = 3;

impl Worker {
    /// Has the effect of a message, and acknowledges it.
    pub async fn handle(&self, message: &Message, ended: watch::Receiver<bool>) {
        if self.habits.ack_first && !self.acknowledge(message).await {
            return;
        }
        let stats = &self.stats;
        let errand = match Errand::from_message(self.habits.job, &message.body) {
            Ok(errand) => errand,
            Err(why) => return self.refuse(message, &why.to_string()),
        };
        match self.see_through(&errand, message, ended).await {
            Ok(done) => {
                let counter = if done == Done::New { &stats.effects } else { &stats.repeats };
                counter.fetch_add(1, Ordering::Relaxed);
                if self.habits.crash_between && done == Done::New {
                    tracing::error!("dying between effect and acknowledgement, as told");
                    std::process::exit(1);
                }
                if !self.habits.ack_first {
                    self.acknowledge(message).await;
                }
            }
            Err(Undone::Never(why)) => self.refuse(message, &why),
            Err(Undone::Passing(why)) => self.give_back(message, &why).await,
        }
    }

    /// Tries until it is done or cannot be. What fails and may work later is tried here, and
    /// the message kept from others meanwhile: were it left to the queue, an outage would soon make
    /// dead letters of good messages.
    async fn see_through(
        &self,
        errand: &Errand,
        message: &Message,
        mut ended: watch::Receiver<bool>,
    ) -> Result<Done, Undone> {
        let visibility = self.channel.queue().visibility();
        let began = Instant::now();
        let mut kept_at = began;
        let mut progress = errand.begin();
        let mut failures = 0;
        loop {
            let tried = self.while_kept(message, &mut kept_at, self.go_on(&mut progress)).await;
            let why = match tried {
                Err(Undone::Passing(why)) => why,
                settled => return settled,
            };
            failures += 1;
            self.stats.tries_failed.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(failures, key = errand.key(), "a message waits: {why}");
            if *ended.borrow() || began.elapsed() > HOLD {
                return Err(Undone::Passing(why));
            }
            let rest = pause(failures, rand::random()).min(visibility / SHARE);
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = ended.wait_for(|ended| *ended) => return Err(Undone::Passing(why)),
            }
            if kept_at.elapsed() > visibility / SHARE && !self.habits.ack_first {
                kept_at = Instant::now();
                let kept = self.channel.queue().keep(message, visibility).await;
                kept.map_err(|trouble| Undone::Passing(trouble.to_string()))?;
            }
        }
    }

    /// Keeps the message from others for as long as a try takes: a database that does not answer makes
    /// one longer than the queue waits.
    async fn while_kept<T>(
        &self,
        message: &Message,
        kept_at: &mut Instant,
        work: impl Future<Output = T>,
    ) -> T {
        let visibility = self.channel.queue().visibility();
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep_until(*kept_at + visibility / SHARE), if !self.habits.ack_first => {
                    *kept_at = Instant::now();
                    if let Err(trouble) = self.channel.queue().keep(message, visibility).await {
                        tracing::debug!("a message in hand may be given out again: {trouble}");
                    }
                }
            }
        }
    }

    /// Leaves a message that cannot be handled: it comes again, until the queue gives it up.
    fn refuse(&self, message: &Message, why: &str) {
        self.stats.refused.fetch_add(1, Ordering::Relaxed);
        let Message { receives, traceparent, .. } = message;
        tracing::warn!(receives, traceparent, "a message cannot be handled: {why}");
        trace::failed(why);
    }

    /// Lets others have a message at once.
    async fn give_back(&self, message: &Message, why: &str) {
        self.stats.given_back.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(receives = message.receives, "a message is given back: {why}");
        trace::failed(why);
        if !self.habits.ack_first
            && let Err(trouble) = self.channel.queue().keep(message, Duration::ZERO).await
        {
            tracing::debug!("it is given out again when its time is over: {trouble}");
        }
    }

    async fn acknowledge(&self, message: &Message) -> bool {
        let acknowledged = self.channel.queue().delete(message).await;
        let counter = match &acknowledged {
            Ok(()) => &self.stats.acknowledged,
            Err(trouble) => {
                tracing::warn!("a message is not acknowledged and comes again: {trouble}");
                &self.stats.ack_failures
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
        acknowledged.is_ok()
    }
}
