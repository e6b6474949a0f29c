//! Orders or posts in the background, each with its outcome, to be compared with what is found later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;
use tokio::task::JoinSet;

use super::app::{Answer, Http};
use super::until;

/// What the clients write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Orders of few products, which meet on the same rows.
    Orders,
    /// Posts, which never wait for each other.
    Posts,
}

/// What became of a write, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Acknowledged,
    Nothing,
    Unknown,
}

/// Writes that go on.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    workers: JoinSet<Vec<(String, Outcome)>>,
}

impl Load {
    /// Starts so many clients, each of which places one order after the other.
    pub async fn start(http: &Http, clients: usize, prefix: &str) -> Self {
        Self::of(Writes::Orders, http, clients, prefix).await
    }

    /// Starts so many clients, each of which does one write after the other.
    pub async fn of(writes: Writes, http: &Http, clients: usize, prefix: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for client in 0..clients {
            let http = http.clone();
            let token = http.guest().await;
            let client = Client {
                http,
                token,
                writes,
                prefix: format!("{prefix}{client}-"),
                stop: Arc::clone(&stop),
                acknowledged: Arc::clone(&acknowledged),
            };
            workers.spawn(client.run());
        }
        Self { stop, acknowledged, workers }
    }

    /// Waits until so many more writes were acknowledged.
    pub async fn acknowledges(&self, more: usize) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + more;
        until("more writes are acknowledged", || async {
            (self.acknowledged.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    /// Stops, and returns what became of every write.
    pub async fn finish(mut self) -> Vec<(String, Outcome)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(done) = self.workers.join_next().await {
            all.extend(done.expect("a client"));
        }
        all
    }
}

struct Client {
    http: Http,
    token: String,
    writes: Writes,
    prefix: String,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Client {
    async fn run(self) -> Vec<(String, Outcome)> {
        let mut outcomes = Vec::new();
        for number in 0_i64.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let key = format!("{}{number}", self.prefix);
            let answer = self.write(number, &key).await;
            let outcome = match (answer.status, answer.effect.as_deref()) {
                (200 | 201, _) => Outcome::Acknowledged,
                (503, Some("none")) => Outcome::Nothing,
                (504, Some("unknown")) => Outcome::Unknown,
                _ => panic!("{answer:?}"),
            };
            let acknowledged = usize::from(outcome == Outcome::Acknowledged);
            self.acknowledged.fetch_add(acknowledged, Ordering::Relaxed);
            outcomes.push((key, outcome));
        }
        outcomes
    }

    async fn write(&self, number: i64, key: &str) -> Answer {
        if self.writes == Writes::Posts {
            let post = json!({ "topic": "load", "body": key });
            return self.http.post("/posts", &self.token, key, &post).await;
        }
        // Two products, named in either order.
        let (a, b) = (1 + number % 5, 1 + (number + 1) % 5);
        let items = json!([{ "product": a, "quantity": 1 }, { "product": b, "quantity": 2 }]);
        self.http.post("/orders", &self.token, key, &json!({ "items": items })).await
    }
}

/// Fails unless every write had the effect that its client was told of, and none had two.
pub fn assert_kept(outcomes: &[(String, Outcome)], effects: &[(String, u64)]) {
    let effects: BTreeMap<&str, u64> = effects.iter().map(|(k, n)| (k.as_str(), *n)).collect();
    for (key, outcome) in outcomes {
        let found = effects.get(key.as_str()).copied().unwrap_or(0);
        let right = match outcome {
            Outcome::Acknowledged => found == 1,
            Outcome::Nothing => found == 0,
            Outcome::Unknown => found <= 1,
        };
        assert!(right, "write {key} was {outcome:?} and has {found} effects");
    }
    assert!(effects.len() <= outcomes.len(), "writes that nobody did");
}
