//! Messages that are delivered a second time: as a consumer of its own this takes messages out of the
//! queue, sends a copy of each, and gives the message itself back. So two of them are given out, with
//! two numbers, often at the same moment to two workers. A message that is given out too often becomes a
//! dead letter, so each is taken for a copy once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use super::{ChaosError, Proof};
use crate::engine::sqs::{Message, Queue};
use crate::journal::{DeadLetter, Event};
use crate::plan::QueueAt;

/// How long a question for messages waits for one, in seconds.
const WAIT_S: u32 = 1;
/// How long a message is kept from workers should this process end before it gives it back.
const KEEP_S: u32 = 5;
/// Pause between two questions, in which workers take what was given back.
const PAUSE: Duration = Duration::from_millis(300);

/// Messages that are being copied; no more when it is dropped.
#[derive(Debug)]
pub struct Copies {
    id: String,
    queue: String,
    copied: Arc<AtomicU64>,
    taker: JoinSet<()>,
}

/// Begins to copy.
pub(super) async fn start(id: &str, at: &QueueAt) -> Result<Copies, ChaosError> {
    let queue = Queue::find(at.at, &at.region, &at.name).await.map_err(|e| {
        ChaosError::Unable(format!("the queue {} at {} cannot be read: {e}", at.name, at.at))
    })?;
    let copied = Arc::new(AtomicU64::new(0));
    let mut taker = JoinSet::new();
    taker.spawn(take(queue, Arc::clone(&copied)));
    Ok(Copies { id: id.to_owned(), queue: at.name.clone(), copied, taker })
}

async fn take(queue: Queue, copied: Arc<AtomicU64>) {
    let mut known = HashSet::new();
    loop {
        // Each time that a message is given out counts: workers take what was given back first.
        let taken = || async { queue.depth().await.is_ok_and(|depth| depth.visible == 0) };
        if !known.is_empty() && !taken().await {
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        for message in queue.receive(WAIT_S, KEEP_S).await.unwrap_or_default() {
            let is_bad = DeadLetter::new(message.id.clone(), &message.body).fault.is_some();
            if is_bad || known.contains(&message.id) {
                // It comes again by itself if this fails.
                drop(queue.give_back(&message).await);
            } else if let Ok(copy) = twice(&queue, &message).await {
                known.extend([message.id, copy]);
                copied.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The number of the copy.
async fn twice(queue: &Queue, message: &Message) -> std::io::Result<String> {
    let copy = queue.send_again(message).await?;
    queue.give_back(message).await?;
    Ok(copy)
}

/// No copy is no effect, and confirms nothing.
fn ended(id: &str, proof: Proof) -> Vec<Event> {
    let confirmed = proof.map(|evidence| Event::FaultConfirmed { id: id.to_owned(), evidence });
    confirmed.into_iter().collect()
}

impl Copies {
    /// A message that comes twice is the effect.
    pub(super) fn proof(&self) -> Proof {
        match self.copied.load(Ordering::Relaxed) {
            0 => Err(format!("no message of {} was copied yet", self.queue)),
            n => Ok(self.words(n)),
        }
    }

    fn words(&self, copied: u64) -> String {
        format!("{}: {copied} messages sent a second time", self.queue)
    }

    /// Copies no more, and says how many there were.
    pub(super) async fn end(mut self) -> Vec<Event> {
        self.taker.shutdown().await;
        ended(&self.id, self.proof())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_without_a_copy_confirms_nothing() {
        assert_eq!(ended("f1", Err("no message was copied yet".into())), []);
        let [Event::FaultConfirmed { id, evidence }] = &ended("f1", Ok("3 copies".into()))[..]
        else {
            panic!("not confirmed")
        };
        assert_eq!((&**id, &**evidence), ("f1", "3 copies"));
    }
}
