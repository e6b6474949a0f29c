//! Where events go: to the queue, or through a topic that passes them on to it.

use std::sync::Arc;

use crate::aws::{Bus, Message, Outgoing, Queue, Topic, Trouble};
use crate::config;

/// The way of events.
pub struct Channel {
    queue: Arc<Queue>,
    topic: Option<Topic>,
    /// Has a rule that routes events to the queue.
    bus: Option<Bus>,
}

impl Channel {
    /// A way on which nothing may be there yet.
    pub fn new(settings: &config::Events) -> Self {
        Self {
            queue: Arc::new(Queue::new(settings.queue.clone())),
            topic: settings.topic.as_ref().map(Topic::new),
            bus: settings.bus.as_ref().map(Bus::new),
        }
    }

    /// Where events end.
    pub fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Hands messages over; the positions of those that were taken.
    ///
    /// # Errors
    /// A service does not answer, or refuses all.
    pub async fn send(&self, messages: &[Outgoing]) -> Result<Vec<usize>, Trouble> {
        match &self.topic {
            Some(topic) => topic.publish(messages, &self.queue).await,
            None => self.queue.send(messages).await,
        }
    }

    /// Takes up to `most` messages from the end of the way, and waits for the first. What is missing
    /// is made: a queue that is not subscribed misses what is published.
    ///
    /// # Errors
    /// A service does not answer, or refuses.
    pub async fn receive(&self, most: usize) -> Result<Vec<Message>, Trouble> {
        if let Some(topic) = &self.topic {
            topic.ready(&self.queue).await?;
        }
        if let Some(bus) = &self.bus {
            bus.route(&self.queue).await?;
        }
        let received = self.queue.receive(most).await;
        if let Err(Trouble::Missing(_)) = &received {
            // A queue that is made again is not subscribed any more.
            self.topic.iter().for_each(Topic::forget);
            self.bus.iter().for_each(Bus::forget);
        }
        received
    }
}
