//! What passes events on or takes them, as operators see it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::metrics::{head, line, single};
use crate::events::{Backlog, Gauge, Relay};
use crate::worker::Stats;

/// The queues' part of a task.
pub struct Queues {
    /// What waits.
    pub gauge: Gauge,
    /// What passes events on, in a web task.
    pub relay: Option<Arc<Relay>>,
    /// What a worker counts, in one.
    pub worker: Option<Arc<Stats>>,
}

impl Queues {
    /// Its metrics. What could not be found out is left out.
    pub fn render(&self, out: &mut String, backlog: Backlog) {
        render_backlog(out, backlog);
        if let Some(relay) = &self.relay {
            let counts = relay.counts();
            counters(
                out,
                &[
                    ("shop_outbox_sent_total", "Events passed on.", &counts.sent),
                    ("shop_outbox_failures_total", "Tries that failed.", &counts.failures),
                ],
            );
        }
        if let Some(stats) = &self.worker {
            render_worker(out, stats);
        }
    }
}

fn render_backlog(out: &mut String, backlog: Backlog) {
    if let Some((rows, oldest)) = backlog.outbox {
        single(out, "shop_outbox_backlog", "gauge", "Events that no queue has taken.", rows);
        head(out, "shop_outbox_oldest_seconds", "gauge", "Age of the oldest of them.");
        line(out, format_args!("shop_outbox_oldest_seconds {}", oldest.as_secs_f64()));
    }
    single(
        out,
        "shop_queue_up",
        "gauge",
        "1 when the queue answers.",
        backlog.queue.is_some().into(),
    );
    if let Some(depth) = backlog.queue {
        for (name, help, value) in [
            ("shop_queue_visible", "Messages waiting.", depth.visible),
            ("shop_queue_in_flight", "Messages given out, not acknowledged.", depth.in_flight),
            ("shop_queue_dead_lettered", "Messages that nobody can handle.", depth.dead),
        ] {
            single(out, name, "gauge", help, value);
        }
    }
}

fn render_worker(out: &mut String, stats: &Stats) {
    counters(
        out,
        &[
            ("shop_worker_received_total", "Messages received.", &stats.received),
            ("shop_worker_effects_total", "Messages that had an effect.", &stats.effects),
            ("shop_worker_repeats_total", "Messages without a second effect.", &stats.repeats),
            ("shop_worker_acknowledged_total", "Messages acknowledged.", &stats.acknowledged),
            ("shop_worker_refused_total", "Messages nobody can handle.", &stats.refused),
            ("shop_worker_given_back_total", "Messages given back.", &stats.given_back),
            ("shop_worker_tries_failed_total", "Tries that failed.", &stats.tries_failed),
            ("shop_worker_mails_total", "Mails the service has taken.", &stats.mails),
            ("shop_worker_receive_failures_total", "No answer.", &stats.receive_failures),
            ("shop_worker_ack_failures_total", "Not acknowledged.", &stats.ack_failures),
        ],
    );
}

fn counters(out: &mut String, counters: &[(&str, &str, &AtomicU64)]) {
    for (name, help, value) in counters {
        single(out, name, "counter", help, value.load(Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::aws::Depth;

    #[test]
    fn what_is_not_known_is_not_shown() {
        let mut page = String::new();
        render_backlog(&mut page, Backlog::default());
        assert!(page.contains("shop_queue_up 0"), "{page}");
        assert!(!page.contains("visible") && !page.contains("outbox"), "{page}");
        let queue = Some(Depth { visible: 1, in_flight: 2, dead: 3 });
        page.clear();
        render_backlog(
            &mut page,
            Backlog { outbox: Some((4, Duration::from_millis(5500))), queue },
        );
        for expected in [
            "shop_queue_up 1",
            "shop_queue_visible 1",
            "shop_queue_in_flight 2",
            "shop_queue_dead_lettered 3",
            "shop_outbox_backlog 4",
            "shop_outbox_oldest_seconds 5.5",
        ] {
            assert!(page.contains(expected), "no {expected} in\n{page}");
        }
    }
}
