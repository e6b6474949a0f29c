//! How much waits in queues, and what nobody could handle: looked up every few seconds.

use std::time::Duration;

use super::Shared;
use super::metrics::Metric;
use crate::engine::{probe, sqs};
use crate::plan::QueueAt;

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest wait for a worker's own numbers.
const TIMEOUT: Duration = Duration::from_secs(1);
/// What a worker calls the events that no queue has taken yet.
const BACKLOG: &str = "shop_outbox_backlog ";

const WAITING: Metric =
    Metric { name: "lab_queue_waiting_messages", help: "Messages that wait in a tier's queue" };
const IN_HAND: Metric = Metric {
    name: "lab_queue_in_hand_messages",
    help: "Messages that workers of a tier have in hand",
};
const DEAD: Metric = Metric {
    name: "lab_queue_dead_letters",
    help: "Messages of a tier's queue that nobody could handle",
};
const OUTBOX: Metric =
    Metric { name: "lab_outbox_events", help: "Events that no queue has taken yet" };

/// Looks after one queue until the process ends. What cannot be found out is not shown.
pub async fn run(shared: Shared, at: QueueAt) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let numbers = match look(&at).await {
            Ok([waiting, in_hand, dead]) => [Some(waiting), Some(in_hand), Some(dead)],
            Err(e) => {
                tracing::debug!(queue = at.name, error = %e, "the queue does not answer");
                [None; 3]
            }
        };
        let numbers = numbers.into_iter().chain([outbox(&at).await]);
        for (metric, number) in [WAITING, IN_HAND, DEAD, OUTBOX].into_iter().zip(numbers) {
            shared.gauges.put(metric, &at.tier, number);
        }
    }
}

async fn look(at: &QueueAt) -> std::io::Result<[f64; 3]> {
    let queue = sqs::Queue::find(at.at, &at.region, &at.name).await?;
    let dead = sqs::Queue::find(at.at, &at.region, &at.dead_letters()).await?;
    let (depth, dead) = (queue.depth().await?, dead.depth().await?);
    Ok([depth.visible, depth.in_flight, dead.visible].map(|n| n as f64))
}

/// As the first worker that answers says.
async fn outbox(at: &QueueAt) -> Option<f64> {
    for worker in at.workers.iter().chain(&at.others) {
        let page = probe::get(*worker.ip(), worker.port(), "/metrics", TIMEOUT).await;
        let found = page.ok().and_then(|page| backlog(&page.body));
        if found.is_some() {
            return found;
        }
    }
    None
}

fn backlog(page: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(BACKLOG))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backlog_is_read_off_a_workers_page() {
        let page = "# TYPE shop_outbox_backlog gauge\nshop_outbox_backlog 7\n";
        assert_eq!(backlog(page), Some(7.0));
        assert_eq!(backlog("shop_queue_up 1\n"), None);
    }
}
