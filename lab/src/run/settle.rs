//! What comes later than the answer: messages are taken and mails are sent after the traffic has
//! ended. They are waited for, with a limit, and then read back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::RunningLab;
use crate::chaos;
use crate::engine::{probe, sqs};
use crate::journal::{DeadLetter, Effect, Event, OpKind, QueueRead};
use crate::kinds;
use crate::load::EffectReader;
use crate::plan::QueueAt;

/// How long effects are waited for.
const LIMIT: Duration = Duration::from_secs(40);
/// When nothing has been left to do for so long and mails are missing all the same, none will come.
const AT_REST: Duration = Duration::from_secs(3);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long one read of effects may be tried.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest wait for a worker's own numbers.
const TIMEOUT: Duration = Duration::from_secs(1);
/// What a worker calls the events that no queue has taken yet.
const BACKLOG: &str = "shop_outbox_backlog ";

/// Looks at every queue of the lab as it is now.
pub async fn look_at_queues(lab: &RunningLab) -> Vec<Event> {
    let mut events = Vec::new();
    for queue in kinds::queues(&lab.stage, &lab.places) {
        events.push(seen(&queue, look(&queue, true).await));
    }
    events
}

/// Waits until the orders that were read back (`audit`) have their mails and nothing is left to do in
/// the queues, then reads both. Nothing in a stage without.
pub async fn settle(lab: &RunningLab, prefix: &str, audit: &[Event]) -> Vec<Event> {
    let queues = kinds::queues(&lab.stage, &lab.places);
    let mails = lab.stage.mails();
    if queues.is_empty() && !mails {
        return Vec::new();
    }
    let targets = lab.entry();
    let reader = EffectReader::new(&targets, prefix, Effect::Mail, PATIENCE);
    let orders = orders(audit);
    let begun = Instant::now();
    // The canary goes on: once nothing was left to do, what waits later is its own.
    let mut rested: Option<(Instant, Vec<_>)> = None;
    let (found, mut events) = loop {
        let (rest, looks) = at_rest(&queues).await;
        let mut looks = Some(looks);
        if rest && rested.is_none() {
            rested = looks.take().map(|looks| (Instant::now(), looks));
        }
        let found = if mails { reader.read().await } else { Ok(BTreeMap::new()) };
        let waits = mails && found.as_ref().is_ok_and(|found| is_missing(&orders, found));
        let done = rested.as_ref().is_some_and(|(at, _)| !waits || at.elapsed() >= AT_REST);
        if done || begun.elapsed() >= LIMIT {
            let looks = rested.map(|(_, looks)| looks).or(looks).unwrap_or_default();
            break (found, finish(&queues, looks, begun.elapsed()).await);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    events.extend(more_effects(lab, prefix, &orders, mails).await);
    match found {
        _ if !mails => {}
        Ok(found) => events.extend(reader.events(found, begun.elapsed())),
        Err(reason) => {
            let what = format!("{}s", Effect::Mail.as_str());
            events.push(Event::AuditFailed { what, reason });
        }
    }
    events
}

/// What else follows from orders in this stage: who heard of them, and what came twice. What cannot be
/// read, or is not there at the limit, is judged by its absence.
async fn more_effects(lab: &RunningLab, prefix: &str, orders: &[&str], mails: bool) -> Vec<Event> {
    let stage = &lab.stage;
    let awaited = [
        (Effect::OrderRecorded, stage.records_orders()),
        (Effect::MailRecorded, mails && stage.records_mails()),
    ];
    let counted = [(Effect::MailRepeat, stage.counts_repeats())];
    let mut events = Vec::new();
    for ((effect, read), awaited) in
        awaited.into_iter().map(|e| (e, true)).chain(counted.into_iter().map(|e| (e, false)))
    {
        if !read {
            continue;
        }
        let reader = EffectReader::new(&lab.entry(), prefix, effect, PATIENCE);
        let begun = Instant::now();
        loop {
            match reader.read().await {
                Ok(found)
                    if !awaited || !is_missing(orders, &found) || begun.elapsed() >= AT_REST =>
                {
                    events.extend(reader.events(found, begun.elapsed()));
                    break;
                }
                Ok(_) => tokio::time::sleep(LOOK_EVERY).await,
                Err(reason) => {
                    tracing::warn!(reason, "{} cannot be read back", effect.as_str());
                    break;
                }
            }
        }
    }
    events
}

/// Keys of the orders that are there.
fn orders(audit: &[Event]) -> Vec<&str> {
    let of_orders = audit.iter().filter_map(|event| match event {
        Event::AuditKeys { kind: OpKind::Order, keys } => Some(keys),
        _ => None,
    });
    of_orders.flatten().filter(|(_, n)| *n > 0).map(|(key, _)| key.as_str()).collect()
}

fn is_missing(orders: &[&str], found: &BTreeMap<String, u32>) -> bool {
    orders.iter().any(|key| found.get(*key).is_none_or(|sent| *sent == 0))
}

/// Whether nothing is left to do, and what was seen of each queue.
async fn at_rest(queues: &[QueueAt]) -> (bool, Vec<std::io::Result<QueueRead>>) {
    let looks = futures::future::join_all(queues.iter().map(|queue| look(queue, false))).await;
    (looks.iter().all(|look| look.as_ref().is_ok_and(QueueRead::is_drained)), looks)
}

/// The looks that ended the wait, with the dead letters.
async fn finish(
    queues: &[QueueAt],
    looks: Vec<std::io::Result<QueueRead>>,
    waited: Duration,
) -> Vec<Event> {
    let mut events = Vec::new();
    for (queue, look) in queues.iter().zip(looks) {
        let read = match look {
            Ok(read) => dead_letters(queue).await.map(|dead| QueueRead {
                dead,
                waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX),
                ..read
            }),
            failed => failed,
        };
        events.push(seen(queue, read));
    }
    events
}

fn seen(queue: &QueueAt, read: std::io::Result<QueueRead>) -> Event {
    match read {
        Ok(read) => Event::QueueRead(read),
        Err(e) => Event::QueueUnread { queue: queue.name.clone(), reason: e.to_string() },
    }
}

async fn look(at: &QueueAt, dead: bool) -> std::io::Result<QueueRead> {
    let queue = sqs::Queue::find(at.at, &at.region, &at.name).await?;
    // The outbox first: what is not in it any more is in the queue, or handled.
    let outbox = outbox(at).await;
    let sqs::Depth { visible, in_flight } = queue.depth().await?;
    let dead = if dead { dead_letters(at).await? } else { Vec::new() };
    let refused = chaos::refused(at).await;
    let queue = at.name.clone();
    Ok(QueueRead { queue, visible, in_flight, outbox, dead, refused, waited_ms: 0 })
}

async fn dead_letters(at: &QueueAt) -> std::io::Result<Vec<DeadLetter>> {
    let queue = sqs::Queue::find(at.at, &at.region, &at.dead_letters()).await?;
    let letters = queue.look().await?;
    Ok(letters.into_iter().map(|m| DeadLetter::new(m.id, &m.body)).collect())
}

/// Events that no queue has taken, as the first worker that answers says.
async fn outbox(at: &QueueAt) -> Option<u64> {
    for worker in at.workers.iter().chain(&at.others) {
        if let Ok(page) = probe::get(*worker.ip(), worker.port(), "/metrics", TIMEOUT).await
            && let Some(backlog) = page.body.lines().find_map(|l| l.strip_prefix(BACKLOG))
        {
            return backlog.trim().parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_that_are_there_wait_for_their_mails() {
        let keys = vec![("a".to_owned(), 1), ("b".to_owned(), 1), ("gone".to_owned(), 0)];
        let posts = Event::AuditKeys { kind: OpKind::Post, keys: vec![("p".to_owned(), 1)] };
        let audit = [Event::AuditKeys { kind: OpKind::Order, keys }, posts];
        let orders = orders(&audit);
        assert_eq!(orders, ["a", "b"]);
        let mails = |a, b| [("a".to_owned(), a), ("b".to_owned(), b)].into();
        assert!(is_missing(&orders, &BTreeMap::new()));
        assert!(is_missing(&orders, &mails(1, 0)));
        assert!(!is_missing(&orders, &mails(1, 2)));
    }
}
