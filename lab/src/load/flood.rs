//! Greedy clients: each sends at a fixed rate, whatever it is answered. What they did is counted and not
//! written down one by one, because nobody promised them anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::askers::Askers;
use super::client::Failure;
use super::site::Site;
use crate::spec::workload::{Asked, Workload};

/// Requests of one client that may be under way: who floods does not wait, but has a limit, too.
const MOST_UNDER_WAY: u64 = 500;

/// Pause before a client that could not sign in tries again.
const SIGN_IN_AGAIN: Duration = Duration::from_millis(500);

/// What a flood is made of.
#[derive(Clone, Debug)]
pub struct FloodConfig {
    /// Who is asked, in turn.
    pub site: Site,
    /// Sets its clients' addresses apart from those of others.
    pub id: String,
    /// Greedy clients.
    pub clients: u16,
    /// Requests per second of each.
    pub per_s: u16,
    /// What they ask for.
    pub asked: Asked,
    /// How they begin their sessions, and which headers they send.
    pub workload: Arc<Workload>,
    /// How long each waits for an answer.
    pub timeout: Duration,
}

/// What was counted.
#[derive(Debug, Default)]
pub struct FloodCounts {
    /// Requests that were due.
    pub sent: AtomicU64,
    /// Answers but 403, 429 and 5xx.
    pub passed: AtomicU64,
    /// Answers 429 of a gateway, or 403 of a front door.
    pub throttled: AtomicU64,
    /// The rest.
    pub failed: AtomicU64,
}

/// A flood; it ends when this is dropped.
#[derive(Debug)]
pub struct Flood {
    counts: Arc<FloodCounts>,
    clients: JoinSet<()>,
}

impl Flood {
    /// Begins to send.
    pub fn start(config: &FloodConfig) -> Self {
        let counts = Arc::new(FloodCounts::default());
        let FloodConfig { site, workload, asked, .. } = config;
        let askers = Askers::new(site, workload, asked.clone(), config.clients, &config.id);
        let askers = Arc::new(askers);
        let mut clients = JoinSet::new();
        for number in 0..u64::from(config.clients) {
            let greedy = Greedy {
                number,
                config: config.clone(),
                askers: Arc::clone(&askers),
                counts: Arc::clone(&counts),
                under_way: AtomicU64::new(0),
            };
            clients.spawn(Arc::new(greedy).run());
        }
        Self { counts, clients }
    }

    /// What was counted so far.
    pub fn counts(&self) -> &FloodCounts {
        &self.counts
    }

    /// Sends no more.
    pub async fn end(mut self) -> Arc<FloodCounts> {
        self.clients.shutdown().await;
        self.counts
    }
}

struct Greedy {
    number: u64,
    config: FloodConfig,
    askers: Arc<Askers>,
    counts: Arc<FloodCounts>,
    under_way: AtomicU64,
}

impl Greedy {
    async fn run(self: Arc<Self>) {
        self.session().await;
        let every = Duration::from_secs(1) / u32::from(self.config.per_s.max(1));
        let mut turn = interval(every);
        turn.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut asking = JoinSet::new();
        // Each request has a number of its own, which leads to its client.
        let numbers = (self.number..).step_by(usize::from(self.config.clients.max(1)));
        for number in numbers {
            turn.tick().await;
            while asking.try_join_next().is_some() {}
            self.counts.sent.fetch_add(1, Ordering::Relaxed);
            if self.under_way.load(Ordering::Relaxed) >= MOST_UNDER_WAY {
                self.counts.failed.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            self.under_way.fetch_add(1, Ordering::Relaxed);
            asking.spawn(Arc::clone(&self).ask(number));
        }
    }

    /// Begins the client's session: it tries until it has one.
    async fn session(&self) {
        loop {
            let deadline = Instant::now() + self.config.timeout;
            match self.askers.session(self.number, deadline).await {
                Ok(()) => return,
                Err(_) => tokio::time::sleep(SIGN_IN_AGAIN).await,
            }
        }
    }

    async fn ask(self: Arc<Self>, number: u64) {
        let answered = self.askers.ask(number, Instant::now() + self.config.timeout).await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        let counter = match answered {
            Ok(reply) if [403, 429].contains(&reply.status) => &self.counts.throttled,
            Ok(reply) if reply.status < 500 => &self.counts.passed,
            Ok(_) | Err(Failure::NotSent(_) | Failure::Lost(_)) => &self.counts.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::super::testing::{Behaviour, Server};
    use super::*;

    #[tokio::test]
    async fn what_greedy_clients_are_answered_is_counted() {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |request| match request.line.as_str() {
            line if line.contains("/sessions") => {
                Behaviour::Answer(201, "", r#"{"token":"t","user_id":"1"}"#.into())
            }
            _ => match asked.fetch_add(1, Ordering::SeqCst) % 4 {
                0 => Behaviour::Answer(200, "", "{}".into()),
                3 => Behaviour::Answer(503, "", "{}".into()),
                _ => Behaviour::Answer(429, "", "{}".into()),
            },
        })
        .await;
        let flood = Flood::start(&FloodConfig {
            site: Site::from(&[server.address][..]),
            id: "f1".into(),
            clients: 2,
            per_s: 500,
            asked: Asked::Operation("add-to-cart".into()),
            workload: super::super::testing::shop(),
            timeout: Duration::from_secs(5),
        });
        let limit = Instant::now() + Duration::from_secs(10);
        while flood.counts().throttled.load(Ordering::Relaxed) < 100 {
            assert!(Instant::now() < limit, "{:?}", flood.counts());
            tokio::task::yield_now().await;
        }
        let counts = flood.end().await;
        let [sent, passed, throttled, failed] =
            [&counts.sent, &counts.passed, &counts.throttled, &counts.failed]
                .map(|counter| counter.load(Ordering::Relaxed));
        assert!(passed >= 40 && failed >= 40, "{counts:?}");
        assert!(sent >= passed + throttled + failed, "{counts:?}");
        let sessions = server.seen().iter().filter(|r| r.line.contains("/sessions")).count();
        assert_eq!(sessions, 2, "each client has its own");
        let others = server.seen();
        let mut others = others.iter().filter(|r| !r.line.contains("/sessions"));
        assert!(others.all(|r| r.line == "POST /cart" && r.head.contains("bearer t")));
    }
}
