//! Reads on replicas: which one is fit, and what to do when it is behind.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lag::History;
use super::replica::{Read, Replica, Report, Span};
use super::{Position, Work};
use crate::config;

/// A report is believed this long.
const FRESH: Duration = Duration::from_secs(1);

/// Waits for a replica that has not replayed what the client must see. A replica in step has it
/// within the first; then the primary is asked.
const WAITS: [Duration; 3] =
    [Duration::from_millis(3), Duration::from_millis(8), Duration::from_millis(20)];

/// The replicas. Clones share them.
#[derive(Clone)]
pub struct Replicas {
    shared: Arc<Shared>,
}

struct Shared {
    members: Vec<Replica>,
    max_lag: Duration,
    history: Mutex<History>,
    turn: AtomicUsize,
    behind: AtomicU64,
    failed: AtomicU64,
}

/// What is known about one replica at this moment.
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Where it is.
    pub addr: Option<std::net::SocketAddr>,
    /// Whether reads go to it.
    pub fit: bool,
    /// How late it is, when it answers.
    pub lag: Option<Duration>,
    /// Connections in use.
    pub in_use: usize,
}

impl Replicas {
    /// Replicas that nothing is known about yet.
    pub fn new(database: &config::Database, settings: &config::Replicas) -> Self {
        let members = settings.hosts.iter().map(|addr| Replica::new(*addr, database)).collect();
        Self {
            shared: Arc::new(Shared {
                members,
                max_lag: settings.max_lag,
                history: Mutex::default(),
                turn: AtomicUsize::new(0),
                behind: AtomicU64::new(0),
                failed: AtomicU64::new(0),
            }),
        }
    }

    /// All servers that may be replicas.
    pub fn members(&self) -> &[Replica] {
        &self.shared.members
    }

    /// The primary was seen at `position`.
    pub fn primary_is_at(&self, position: Position) {
        self.history(|history| history.push(Instant::now(), position));
    }

    /// How often a replica had not replayed what a client had to see.
    pub fn behind(&self) -> u64 {
        self.shared.behind.load(Ordering::Relaxed)
    }

    /// How often a replica failed a read.
    pub fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// What is known about each replica.
    pub fn statuses(&self) -> Vec<Status> {
        let status = |member: &Replica| {
            let report = fresh(member.report());
            let lag = report.and_then(|r| self.lag(r.position));
            Status {
                addr: member.addr(),
                fit: lag.is_some_and(|lag| lag <= self.shared.max_lag),
                lag,
                in_use: member.in_use(),
            }
        };
        self.members().iter().map(status).collect()
    }

    /// Does `work` on a replica that has `wants`; `None` when none can do it, so that the primary has to. Without
    /// a primary, a replica that is late is better than none.
    pub async fn read<W: Work>(
        &self,
        work: &W,
        wants: Option<Position>,
        has_primary: bool,
    ) -> Option<(Result<W::Output, W::Rejection>, Span)> {
        let mut waits = WAITS.iter();
        // Each failure takes a replica out, so this ends.
        for _ in 0..self.members().len() + WAITS.len() {
            let member = self.choose(wants, has_primary)?;
            let mut call = super::call::<W>("replica");
            match member.read(work, wants).await {
                Read::Done(result, seen) => return Some((result, seen)),
                Read::Behind => {
                    call.note("shop.replica.behind", true);
                    drop(call);
                    self.shared.behind.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(*waits.next()?).await;
                }
                Read::Failed(failure) => {
                    call.failed(|| failure.to_string());
                    tracing::debug!(addr = ?member.addr(), "replica: {failure}");
                    self.shared.failed.fetch_add(1, Ordering::Relaxed);
                    if failure.cause.verdict() == super::failure::Verdict::Keep {
                        return None;
                    }
                    member.set_report(None);
                }
            }
        }
        None
    }

    /// The least busy of the replicas that are fit, one after the other among equals; those that
    /// are known to have what the client must see come first.
    fn choose(&self, wants: Option<Position>, has_primary: bool) -> Option<&Replica> {
        let members = self.members();
        let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
        let rotated = (0..members.len()).filter_map(|n| members.get((turn + n) % members.len()));
        rotated
            .filter_map(|member| fresh(member.report()).map(|report| (member, report)))
            .filter(|(_, report)| !has_primary || self.is_in_time(report.position))
            .min_by_key(|(member, report)| (Some(report.position) < wants, member.in_use()))
            .map(|(member, _)| member)
    }

    fn is_in_time(&self, position: Position) -> bool {
        self.lag(position).is_some_and(|lag| lag <= self.shared.max_lag)
    }

    fn lag(&self, position: Position) -> Option<Duration> {
        self.history(|history| history.lag(position))
    }

    fn history<T>(&self, f: impl FnOnce(&mut History) -> T) -> T {
        f(&mut self.shared.history.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn fresh(report: Option<Report>) -> Option<Report> {
    report.filter(|report| report.at.elapsed() < FRESH)
}
