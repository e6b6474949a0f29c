//! Messages that nobody can handle.

use std::time::Duration;

use super::{Before, ChaosError, Effect, Proof};
use crate::engine::{probe, sqs};
use crate::journal::bad_message;
use crate::plan::QueueAt;

/// Longest wait for one worker's counters.
const TIMEOUT: Duration = Duration::from_millis(500);
/// What counts the messages that a worker could not handle.
const REFUSED: &str = "shop_worker_refused_total ";

/// How many messages workers had refused so far.
pub(super) async fn before(queue: &QueueAt) -> Before {
    Before { refused: refused(queue).await.unwrap_or(0), ..Before::default() }
}

/// Puts the messages into the queue.
pub(super) async fn send(e: &Effect<'_>, at: &QueueAt, messages: u16) -> Result<(), ChaosError> {
    let failed = |error: std::io::Error| {
        ChaosError::Unable(format!("the queue {} at {} takes no message: {error}", at.name, at.at))
    };
    let queue = sqs::Queue::find(at.at, &at.region, &at.name).await.map_err(failed)?;
    for number in 1..=messages {
        queue.send(&bad_message(e.id, number)).await.map_err(failed)?;
    }
    Ok(())
}

/// Every one of them was given out, and refused.
pub(super) async fn confirm(queue: &QueueAt, messages: u16, before: &Before) -> Proof {
    let refused = refused(queue).await.unwrap_or(0).saturating_sub(before.refused);
    let name = &queue.name;
    if refused < u64::from(messages) {
        return Err(format!("{name}: {refused} of {messages} messages were refused so far"));
    }
    Ok(format!("{name}: {messages} messages sent that nobody can handle, {refused} refusals"))
}

/// How many messages the workers of a queue have refused since each was started; nothing when one of them
/// does not say so.
pub async fn refused(queue: &QueueAt) -> Option<u64> {
    let asked = queue.workers.iter().map(|at| probe::get(*at.ip(), at.port(), "/metrics", TIMEOUT));
    let pages = futures::future::join_all(asked).await;
    pages.into_iter().map(|page| counted(&page.ok()?.body)).sum()
}

fn counted(page: &str) -> Option<u64> {
    page.lines().find_map(|line| line.strip_prefix(REFUSED))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_off_a_workers_page() {
        let page = "# TYPE shop_worker_refused_total counter\nshop_worker_refused_total 4\n";
        assert_eq!(counted(page), Some(4));
        assert_eq!(counted("shop_worker_received_total 4"), None);
    }
}
