//! Sends a schedule: arrivals on time, a bounded number in flight, every outcome reported.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

use super::client::Client;
use super::outcome::classify;
use super::schedule::{Arrival, Schedule};
use super::LoadConfig;
use crate::journal::{Micros, Op, Outcome};
use crate::verify::DROPPED;

/// Longest latency that the histogram tells apart, in microseconds.
const LONGEST: u64 = 120_000_000;
/// Operations in flight that are always allowed.
const MIN_IN_FLIGHT: f64 = 256.0;

/// What was sent and what became of it.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Arrivals.
    pub sent: u64,
    /// Acknowledged.
    pub ok: u64,
    /// Certainly without effect.
    pub fail: u64,
    /// May have happened.
    pub unknown: u64,
    /// Dropped by the generator, because too many were in flight; they count as failed too.
    pub dropped: u64,
    /// Latency of acknowledged operations from the intended start, in microseconds.
    pub latency: Histogram<u64>,
}

impl Summary {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3)
            .unwrap_or_else(|_| unreachable!("the bounds are constants that fit"));
        Self { sent: 0, ok: 0, fail: 0, unknown: 0, dropped: 0, latency }
    }

    fn add(&mut self, op: &Op) {
        self.sent += 1;
        match op.outcome {
            Outcome::Ok => self.ok += 1,
            Outcome::Fail => self.fail += 1,
            Outcome::Unknown => self.unknown += 1,
        }
        self.dropped += u64::from(op.detail == DROPPED);
        if op.outcome == Outcome::Ok {
            let micros = u64::try_from(op.done - op.intended).unwrap_or(1);
            self.latency.saturating_record(micros.max(1));
        }
    }
}

/// Wall-clock time from one monotonic clock: a step of the wall clock must not bend latencies.
#[derive(Clone, Copy, Debug)]
struct Clock {
    start: Instant,
    epoch: Micros,
}

impl Clock {
    fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), epoch: i64::try_from(since.as_micros()).unwrap_or(0) }
    }

    fn at(&self, offset: Duration) -> Micros {
        self.epoch + i64::try_from(offset.as_micros()).unwrap_or(i64::MAX / 2)
    }

    fn now(&self) -> Micros {
        self.at(self.start.elapsed())
    }
}

/// Traffic under way. Dropping it ends the traffic at once.
#[derive(Debug)]
pub struct LoadHandle {
    stop: Arc<Stop>,
    task: Option<JoinHandle<()>>,
    summary: Arc<Mutex<Summary>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: AtomicBool,
    wake: Notify,
}

impl LoadHandle {
    /// No new arrivals; waits for what is in flight (at most the client time-out) and returns what
    /// became of everything.
    pub async fn stop(mut self) -> Summary {
        self.stop.asked.store(true, Ordering::Release);
        self.stop.wake.notify_one();
        if let Some(task) = self.task.take() {
            // A task that panicked has lost its operations; they are missing in the journal.
            if let Err(e) = task.await {
                tracing::error!(error = %e, "the generator failed");
            }
        }
        self.snapshot()
    }

    /// What became of everything so far.
    pub fn snapshot(&self) -> Summary {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for LoadHandle {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// Starts traffic; `sink` receives every operation when its outcome is known.
pub fn start(config: LoadConfig, sink: impl Fn(Op) + Send + Sync + 'static) -> LoadHandle {
    let stop = Arc::new(Stop::default());
    let summary = Arc::new(Mutex::new(Summary::new()));
    let report = {
        let summary = Arc::clone(&summary);
        move |op: Op| {
            summary.lock().unwrap_or_else(PoisonError::into_inner).add(&op);
            sink(op);
        }
    };
    let task = tokio::spawn(pump(config, Arc::new(report), Arc::clone(&stop)));
    LoadHandle { stop, task: Some(task), summary }
}

type Sink = Arc<dyn Fn(Op) + Send + Sync>;

async fn pump(config: LoadConfig, sink: Sink, stop: Arc<Stop>) {
    let limit = (config.rate_per_s * config.timeout.as_secs_f64()).max(MIN_IN_FLIGHT) as usize;
    let client = Client::new(config.targets.clone(), config.timeout);
    let clock = Clock::new();
    let in_flight = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for arrival in Schedule::new(config.seed, config.rate_per_s, config.read_percent) {
        if config.duration.is_some_and(|d| arrival.at > d) {
            break;
        }
        let due = clock.start + arrival.at;
        // `sleep_until` rounds up to the next millisecond; what is due is sent at once.
        if due > Instant::now() {
            tokio::select! {
                () = tokio::time::sleep_until(due.into()) => {}
                () = stop.wake.notified() => {}
            }
        }
        if stop.asked.load(Ordering::Acquire) {
            break;
        }
        while tasks.try_join_next().is_some() {}
        let key = arrival
            .request
            .kind()
            .is_promise()
            .then(|| format!("{}{}", config.key_prefix, arrival.number));
        let intended = clock.at(arrival.at);
        if in_flight.fetch_add(1, Ordering::AcqRel) >= limit {
            in_flight.fetch_sub(1, Ordering::AcqRel);
            sink(dropped(&arrival, key, intended, clock.now()));
            continue;
        }
        let (client, sink, in_flight) = (client.clone(), Arc::clone(&sink), Arc::clone(&in_flight));
        tasks.spawn(async move {
            let ending = client.perform(arrival.user, &arrival.request, key.as_deref()).await;
            let kind = arrival.request.kind();
            let (outcome, detail) = classify(&ending, kind.is_write());
            in_flight.fetch_sub(1, Ordering::AcqRel);
            sink(Op { kind, key, intended, done: clock.now(), outcome, detail });
        });
    }
    while tasks.join_next().await.is_some() {}
}

fn dropped(arrival: &Arrival, key: Option<String>, intended: Micros, now: Micros) -> Op {
    Op {
        kind: arrival.request.kind(),
        key,
        intended,
        done: now,
        outcome: Outcome::Fail,
        detail: DROPPED.into(),
    }
}
