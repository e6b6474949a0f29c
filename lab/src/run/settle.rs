//! What comes later than the answer: messages are taken and mails are sent after the traffic has
//! ended. They are waited for, with a limit, and then read back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RunningLab;
use crate::chaos;
use crate::engine::{probe, sqs};
use crate::journal::{DeadLetter, Effect, Event, OpKind, QueueRead};
use crate::kinds;
use crate::load::{EffectReader, ReadBack};
use crate::plan::QueueAt;
use crate::spec::workload::Workload;

/// How long effects are waited for.
const LIMIT: Duration = Duration::from_secs(40);
/// When nothing has been left to do for so long and effects are missing all the same, none will come.
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

/// Waits until what was read back (`audit`) has had its effects and nothing is left to do in the queues,
/// then reads both. Nothing in a stage without.
pub async fn settle(
    lab: &RunningLab,
    prefix: &str,
    workload: &Arc<Workload>,
    writes: &[ReadBack],
    audit: &[Event],
) -> Vec<Event> {
    let queues = kinds::queues(&lab.stage, &lab.places);
    let all = EffectReader::all(&lab.site(), workload, prefix, PATIENCE);
    if queues.is_empty() && all.is_empty() {
        return Vec::new();
    }
    // What is counted is what the queues lead to; who else hears of it does so at once.
    let (counted, heard): (Vec<_>, Vec<_>) = all.into_iter().partition(|r| r.promise.is_counted());
    let begun = Instant::now();
    let limit = counted.iter().filter_map(|reader| reader.promise.within_ms).max();
    let limit = limit.map_or(LIMIT, |ms| LIMIT.max(Duration::from_millis(ms)));
    // The canary goes on: once nothing was left to do, what waits later is its own.
    let mut rested: Option<(Instant, Vec<_>)> = None;
    let (found, mut events) = loop {
        let (rest, looks) = at_rest(&queues).await;
        let mut looks = Some(looks);
        if rest && rested.is_none() {
            rested = looks.take().map(|looks| (Instant::now(), looks));
        }
        let mut found = Vec::new();
        for reader in &counted {
            found.push(reader.read(writes).await);
        }
        let waits = counted.iter().zip(&found).any(|(reader, found)| {
            found.as_ref().is_ok_and(|found| is_missing(&there(audit, reader.kind), found))
        });
        let done = rested.as_ref().is_some_and(|(at, _)| {
            // Without queues nothing else says that no more comes.
            !waits || !queues.is_empty() && at.elapsed() >= AT_REST
        });
        if done || begun.elapsed() >= limit {
            let looks = rested.map(|(_, looks)| looks).or(looks).unwrap_or_default();
            break (found, finish(&queues, looks, begun.elapsed()).await);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    for reader in &heard {
        events.extend(heard_of(reader, writes, &there(audit, reader.kind)).await);
    }
    for (reader, found) in counted.iter().zip(found) {
        events.extend(again(reader).await);
        events.extend(match found {
            Ok(found) => EffectReader::events(reader.effect, found, begun.elapsed()),
            Err(reason) => failed(reader.effect, reason),
        });
    }
    events
}

/// Who heard of writes that are there. What cannot be read, or is not there at the limit, is judged by its
/// absence.
async fn heard_of(reader: &EffectReader, writes: &[ReadBack], there: &[&str]) -> Vec<Event> {
    let limit = reader.promise.within_ms.map_or(AT_REST, Duration::from_millis);
    let begun = Instant::now();
    loop {
        match reader.read(writes).await {
            Ok(found) if !is_missing(there, &found) || begun.elapsed() >= limit => {
                return EffectReader::events(reader.effect, found, begun.elapsed());
            }
            Ok(_) => tokio::time::sleep(LOOK_EVERY).await,
            Err(reason) => return failed(reader.effect, reason),
        }
    }
}

/// How often messages came again, where that is counted.
async fn again(reader: &EffectReader) -> Vec<Event> {
    let effect = Effect::again(reader.effect);
    match reader.again().await {
        Ok(None) => Vec::new(),
        Ok(Some(found)) => EffectReader::events(effect, found, Duration::ZERO),
        Err(reason) => {
            tracing::warn!(reason, "{} cannot be read back", effect.as_str());
            Vec::new()
        }
    }
}

fn failed(effect: Effect, reason: String) -> Vec<Event> {
    vec![Event::AuditFailed { what: effect.as_str().to_owned(), reason }]
}

/// Keys of the writes of a kind that are there.
fn there(audit: &[Event], wanted: OpKind) -> Vec<&str> {
    let of_kind = audit.iter().filter_map(|event| match event {
        Event::AuditKeys { kind, keys } if *kind == wanted => Some(keys),
        _ => None,
    });
    of_kind.flatten().filter(|(_, n)| *n > 0).map(|(key, _)| key.as_str()).collect()
}

fn is_missing(there: &[&str], found: &BTreeMap<String, u32>) -> bool {
    there.iter().any(|key| found.get(*key).is_none_or(|effects| *effects == 0))
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
        let posts = Event::AuditKeys { kind: OpKind::POST, keys: vec![("p".to_owned(), 1)] };
        let audit = [Event::AuditKeys { kind: OpKind::ORDER, keys }, posts];
        let orders = there(&audit, OpKind::ORDER);
        assert_eq!(orders, ["a", "b"]);
        let mails = |a, b| [("a".to_owned(), a), ("b".to_owned(), b)].into();
        assert!(is_missing(&orders, &BTreeMap::new()));
        assert!(is_missing(&orders, &mails(1, 0)));
        assert!(!is_missing(&orders, &mails(1, 2)));
    }
}
