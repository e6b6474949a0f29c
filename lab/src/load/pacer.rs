//! Releases arrivals at their time. It has a thread of its own: the timers of the async runtime
//! are a millisecond coarse.

use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::mpsc;

use crate::spec::workload::{Planned, Schedule};

/// The pacing thread.
pub struct Pacer {
    thread: JoinHandle<()>,
}

impl Pacer {
    /// Releases the arrivals of `schedule`, counted from `start`, into `out`. None is released
    /// early. When the receiver is slow they become late, which their latency shows.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        schedule: Schedule,
        start: Instant,
        out: mpsc::Sender<Planned>,
    ) -> std::io::Result<Self> {
        let body = move || pace(schedule, start, &out);
        Ok(Self { thread: thread::Builder::new().name("load-pacer".into()).spawn(body)? })
    }

    /// Ends the thread; the receiver must be gone.
    pub fn end(self) {
        self.thread.thread().unpark();
        // A panic in there was reported by its thread, and the missing arrivals show in the rate.
        drop(self.thread.join());
    }
}

fn pace(schedule: Schedule, start: Instant, out: &mpsc::Sender<Planned>) {
    for arrival in schedule {
        let due = start + arrival.offset;
        loop {
            let wait = due.saturating_duration_since(Instant::now());
            if out.is_closed() {
                return;
            }
            if wait.is_zero() {
                break;
            }
            thread::park_timeout(wait);
        }
        if out.blocking_send(arrival).is_err() {
            return;
        }
    }
}
