//! Takes messages from the queue and has their effects. A message is acknowledged when its effect is
//! safe; one that cannot be handled is left, and the queue moves it to the dead-letter queue.

mod deliver;
mod errand;
mod handle;
mod record;
mod stats;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

pub use deliver::Post;
pub use stats::Stats;

use crate::aws::{BATCH, Bus, Message, Trouble};
use crate::config;
use crate::events::{Channel, pause};
use crate::trace;

/// A worker.
pub struct Worker {
    channel: Arc<Channel>,
    post: Post,
    /// The bus that is told of every mail.
    bus: Option<Bus>,
    habits: config::Worker,
    stats: Arc<Stats>,
}

impl Worker {
    /// A worker that does nothing yet.
    pub fn new(channel: Arc<Channel>, post: Post, habits: config::Worker) -> Arc<Self> {
        let bus = habits.announce.as_ref().map(Bus::new);
        Arc::new(Self { channel, post, bus, habits, stats: Arc::default() })
    }

    /// What it counts.
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// Works until `ended`; what is in hand is finished.
    pub async fn run(self: Arc<Self>, mut ended: watch::Receiver<bool>) {
        let hands = Arc::new(Semaphore::new(self.habits.concurrency));
        let mut in_hand = JoinSet::new();
        let mut failures = 0;
        while !*ended.borrow() {
            // What has ended is forgotten.
            while in_hand.try_join_next().is_some() {}
            let received = tokio::select! {
                received = self.receive(&hands) => received,
                _ = ended.wait_for(|ended| *ended) => break,
            };
            let rest = match received {
                Ok(messages) => {
                    failures = 0;
                    for (message, hand) in messages {
                        let (worker, ended) = (Arc::clone(&self), ended.clone());
                        in_hand.spawn(async move {
                            let queue = worker.channel.queue().name();
                            let span = trace::consumer(message.traceparent.as_deref(), queue);
                            trace::within(span.as_ref(), worker.handle(&message, ended)).await;
                            drop(hand);
                        });
                    }
                    continue;
                }
                Err(trouble) => {
                    failures += 1;
                    self.stats.receive_failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(failures, "no messages: {trouble}");
                    pause(failures, rand::random())
                }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = ended.wait_for(|ended| *ended) => {}
            }
        }
        tracing::info!(in_hand = in_hand.len(), "ending: no new messages");
        while in_hand.join_next().await.is_some() {}
    }

    /// Messages, no more than there are free hands. Waits for a hand, then for a message.
    async fn receive(
        &self,
        hands: &Arc<Semaphore>,
    ) -> Result<Vec<(Message, OwnedSemaphorePermit)>, Trouble> {
        let ends = |_| Trouble::Never("the worker has no hands".into());
        let mut free = vec![Arc::clone(hands).acquire_owned().await.map_err(ends)?];
        while free.len() < BATCH
            && let Ok(hand) = Arc::clone(hands).try_acquire_owned()
        {
            free.push(hand);
        }
        let messages = self.channel.receive(free.len()).await?;
        let count = u64::try_from(messages.len()).unwrap_or(0);
        self.stats.received.fetch_add(count, Ordering::Relaxed);
        Ok(messages.into_iter().zip(free).collect())
    }
}
