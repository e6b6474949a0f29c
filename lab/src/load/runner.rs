//! The open loop: begins operations when they are due, whatever became of earlier ones.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use super::classify::{Answer, classify};
use super::client::Client;
use super::clock::Clock;
use super::handle::{LoadConfig, OpSink};
use super::limits;
use super::name::Follower;
use super::pacer::Pacer;
use super::repeat::{self, Repeats};
use super::stats::{Live, Stats, Summary};
use super::users::Users;
use super::visit::{self, Noted, Visit};
use crate::journal::{Event, Op, Outcome};
use crate::spec::workload::{Plan, Planned};

/// Operations under way that are always allowed, also at a low rate.
const MIN_IN_FLIGHT: usize = 256;

/// Arrivals between pacer and loop; beyond that the pacer waits.
const QUEUE: usize = 1024;

/// What the owner wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send.
    Go,
    /// No new arrivals.
    Stop,
    /// End now.
    Abort,
}

/// What the loop, the operations and the owner share.
pub struct Shared {
    clock: Clock,
    in_flight: AtomicUsize,
    all_ended: Notify,
    repeats: Repeats,
    books: Mutex<Books>,
}

struct Books {
    stats: Stats,
    sink: OpSink,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("in_flight", &self.in_flight).finish_non_exhaustive()
    }
}

impl Shared {
    /// Nothing under way.
    ///
    /// # Errors
    /// The histogram cannot be made.
    pub fn new(clock: Clock, sink: OpSink) -> Result<Self, hdrhistogram::CreationError> {
        let books = Mutex::new(Books { stats: Stats::new()?, sink });
        let (in_flight, all_ended) = (AtomicUsize::new(0), Notify::new());
        Ok(Self { clock, in_flight, all_ended, repeats: Repeats::new(), books })
    }

    /// The second before `now`.
    pub fn live(&self, now: Instant) -> Live {
        self.books().stats.live(now, self.in_flight.load(Ordering::Relaxed))
    }

    /// What happened so far.
    pub fn summary(&self) -> Summary {
        self.books().stats.summary()
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // A sink that panicked once must not silence the operations after it.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dropped(&self, wanted: &Wanted, now: Instant, intended: Instant, why: &str) {
        let op = self.op(wanted, intended, now, Outcome::Fail, why.to_owned());
        let mut books = self.books();
        books.stats.dropped(now);
        (books.sink)(Event::Op(op));
    }

    fn repeated(&self, op: Op) {
        let mut books = self.books();
        books.stats.repeated();
        (books.sink)(Event::Repeated(op));
    }

    fn op(
        &self,
        wanted: &Wanted,
        intended: Instant,
        done: Instant,
        outcome: Outcome,
        detail: String,
    ) -> Op {
        Op {
            kind: visit::kind(&wanted.plan, &wanted.planned),
            key: wanted.key(),
            intended: self.clock.micros_at(intended),
            done: self.clock.micros_at(done),
            outcome,
            detail,
            session: None,
            listed: None,
            values: BTreeMap::new(),
            caches: None,
        }
    }
}

/// A planned operation, with the plan that it is of.
#[derive(Clone)]
struct Wanted {
    plan: Arc<Plan>,
    planned: Planned,
}

impl Wanted {
    /// The key of a write that promises something.
    fn key(&self) -> Option<String> {
        let (_, operation) = self.plan.operation(&self.planned)?;
        let promises = operation.is_write() && !operation.promise.is_empty();
        promises.then(|| self.plan.key(self.planned.number))
    }

    fn is_write(&self) -> bool {
        visit::is_write(&self.plan, &self.planned)
    }
}

/// One run of traffic.
pub struct Run {
    config: LoadConfig,
    shared: Arc<Shared>,
    client: Client,
    users: Arc<Users>,
    plan: Arc<Plan>,
    max_in_flight: usize,
}

impl Run {
    /// Ready to go.
    pub fn new(config: LoadConfig, shared: Arc<Shared>) -> Self {
        let open_files = limits::raise_open_files();
        Self {
            client: match config.name {
                Some(_) => Client::new(&config.site.at(Vec::new())),
                None => Client::new(&config.site),
            },
            users: Arc::new(Users::new(
                Arc::clone(&config.plan.workload),
                config.plan.workload.users,
                &config.plan.key_prefix,
            )),
            plan: Arc::new(config.plan.clone()),
            max_in_flight: config.max_in_flight.unwrap_or_else(|| {
                max_in_flight(config.plan.rate_per_s, config.timeout, open_files)
            }),
            shared,
            config,
        }
    }

    /// Sends until the plan ends or the owner stops it, then waits for what is under way.
    ///
    /// # Errors
    /// The system has no thread for the pacer.
    pub async fn until_done(self, mut commands: watch::Receiver<Command>) -> std::io::Result<()> {
        // Ends with this function.
        let mut following = JoinSet::new();
        if let Some(name) = &self.config.name {
            let mut follower = Follower::new(name, self.client.clone());
            let pause = follower.ask().await;
            following.spawn(follower.follow(pause));
        }
        let (out, mut arrivals) = mpsc::channel(QUEUE);
        let start = self.shared.clock.anchor();
        let pacer = Pacer::start(self.config.plan.schedule(), start, out)?;
        loop {
            tokio::select! {
                biased;
                () = commanded(&mut commands, |command| command != Command::Go) => break,
                arrival = arrivals.recv() => match arrival {
                    Some(arrival) => self.begin(arrival, start),
                    None => break,
                },
            }
        }
        drop(arrivals);
        pacer.end();
        self.shared.repeats.hurry();
        tokio::select! {
            () = commanded(&mut commands, |command| command == Command::Abort) => {}
            () = self.all_ended() => {}
        }
        Ok(())
    }

    async fn all_ended(&self) {
        while self.shared.in_flight.load(Ordering::Relaxed) > 0 {
            self.shared.all_ended.notified().await;
        }
        self.shared.repeats.all_ended().await;
    }

    fn begin(&self, planned: Planned, start: Instant) {
        let intended = start + planned.offset;
        let deadline = intended + self.config.timeout;
        let now = Instant::now();
        let mut wanted = Wanted { plan: Arc::clone(&self.plan), planned };
        if now >= deadline {
            // The generator itself stood still. The user has gone by now.
            return self.shared.dropped(&wanted, now, intended, Op::TOO_LATE);
        }
        if self.shared.in_flight.load(Ordering::Relaxed) >= self.max_in_flight {
            return self.shared.dropped(&wanted, now, intended, Op::TOO_MANY);
        }
        // Who still waits for an answer to the version before looks whether it is there.
        wanted.planned.reads |= self.users.is_writing(planned.number, planned.operation);
        let under_way = UnderWay::begin(Arc::clone(&self.shared), wanted, intended);
        let client = self.client.clone();
        let users = Arc::clone(&self.users);
        let timeout = self.config.timeout;
        tokio::spawn(async move {
            let (client, users, wanted) = (&client, &*users, under_way.wanted.clone());
            let (plan, planned) = (&*wanted.plan, &wanted.planned);
            let visit = Visit { client, users, plan, planned, deadline, anew: false };
            let Some(keyed) = planned.keyed else {
                let (answer, noted) = visit.perform().await;
                under_way.end(&answer, noted);
                return;
            };
            let shared = Arc::clone(&under_way.shared);
            let open = shared.repeats.begin();
            let (answer, noted) = visit.perform().await;
            match under_way.end(&answer, noted) {
                Outcome::Unknown => shared.repeat(&visit, &wanted, timeout, repeat::TRIES).await,
                Outcome::Ok if repeat::loses_answer(keyed) => {
                    shared.repeat(&visit, &wanted, timeout, 1).await;
                }
                Outcome::Ok | Outcome::Fail => {}
            }
            drop(open);
        });
    }
}

impl Shared {
    /// Sends a keyed write again, until it is known to be done or was tried often enough.
    async fn repeat(&self, visit: &Visit<'_>, wanted: &Wanted, timeout: Duration, tries: u32) {
        for repetition in 1..=tries {
            let last = self.repeats.wait(repeat::pause(repetition, wanted.planned.number)).await;
            let due = Instant::now();
            let visit = Visit { deadline: due + timeout, anew: true, ..*visit };
            let (answer, noted) = visit.perform().await;
            let (outcome, detail) = classify(wanted.is_write(), &answer);
            let op = self.op(wanted, due, Instant::now(), outcome, detail);
            self.repeated(noted.into_op(op));
            if last || outcome == Outcome::Ok {
                return;
            }
        }
    }
}

/// Returns when the owner's command is one of `which`, or the owner is gone.
async fn commanded(commands: &mut watch::Receiver<Command>, which: impl Fn(Command) -> bool) {
    // An error means that the owner is gone, which is a command too.
    drop(commands.wait_for(|command| which(*command)).await);
}

/// How many operations may be under way at once.
///
/// A silent service holds what arrives in one time-out; half as much again leaves room for the
/// randomness of arrivals, so that what such a service does to writes is recorded as unknown and
/// not as dropped. Every operation needs a connection of its own, so the limit of open files
/// bounds it too.
fn max_in_flight(rate_per_s: u32, timeout: Duration, open_files: Option<u64>) -> usize {
    let wanted = (f64::from(rate_per_s) * timeout.as_secs_f64() * 1.5) as usize;
    let spare = open_files.map(|n| usize::try_from(n / 4 * 3).unwrap_or(usize::MAX));
    wanted.max(MIN_IN_FLIGHT).min(spare.unwrap_or(usize::MAX))
}

/// An operation that was begun. It is reported exactly once, also when its task is cut off.
struct UnderWay {
    shared: Arc<Shared>,
    wanted: Wanted,
    intended: Instant,
    reported: bool,
}

impl UnderWay {
    fn begin(shared: Arc<Shared>, wanted: Wanted, intended: Instant) -> Self {
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        Self { shared, wanted, intended, reported: false }
    }

    fn end(mut self, answer: &Answer, noted: Noted) -> Outcome {
        self.report(answer, noted)
    }

    fn report(&mut self, answer: &Answer, noted: Noted) -> Outcome {
        self.reported = true;
        let done = Instant::now();
        let (outcome, detail) = classify(self.wanted.is_write(), answer);
        let op = noted.into_op(self.shared.op(&self.wanted, self.intended, done, outcome, detail));
        let latency = done.saturating_duration_since(self.intended);
        let mut books = self.shared.books();
        books.stats.ended(done, outcome, latency);
        (books.sink)(Event::Op(op));
        outcome
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.reported {
            self.report(&Answer::Lost("cut off by the generator".into()), Noted::default());
        }
        if self.shared.in_flight.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.shared.all_ended.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_under_way_is_bounded() {
        let timeout = Duration::from_secs(6);
        assert_eq!(max_in_flight(20, timeout, None), MIN_IN_FLIGHT);
        assert_eq!(max_in_flight(1000, timeout, None), 9000);
        assert_eq!(max_in_flight(1000, timeout, Some(1024)), 768);
    }
}
