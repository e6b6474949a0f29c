//! Orders in the background, each with its outcome, to be compared with what is found later.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::task::JoinSet;

use super::app::Http;
use super::until;

/// What became of an order, as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Acknowledged,
    Nothing,
    Unknown,
}

/// Orders that are being placed.
pub struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    workers: JoinSet<Vec<(String, Outcome)>>,
}

impl Load {
    /// Starts so many clients, each of which places one order after the other.
    pub async fn start(http: &Http, clients: usize, prefix: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut workers = JoinSet::new();
        for client in 0..clients {
            let http = http.clone();
            let token = http.guest().await;
            let prefix = format!("{prefix}{client}-");
            workers.spawn(client_loop(http, token, prefix, stop.clone(), acknowledged.clone()));
        }
        Self { stop, acknowledged, workers }
    }

    /// Waits until so many more orders were acknowledged.
    pub async fn acknowledges(&self, more: usize) {
        let goal = self.acknowledged.load(Ordering::Relaxed) + more;
        until("more orders are acknowledged", || async {
            (self.acknowledged.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    /// Stops, and returns what became of every order.
    pub async fn finish(mut self) -> Vec<(String, Outcome)> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(done) = self.workers.join_next().await {
            all.extend(done.expect("a client"));
        }
        all
    }
}

async fn client_loop(
    http: Http,
    token: String,
    prefix: String,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
) -> Vec<(String, Outcome)> {
    let mut outcomes = Vec::new();
    for number in 0_i64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{prefix}{number}");
        // Two products, named in either order, from few: so that orders meet on the same rows.
        let (a, b) = (1 + number % 5, 1 + (number + 1) % 5);
        let items = serde_json::json!({ "items": [
            { "product": a, "quantity": 1 }, { "product": b, "quantity": 2 }] });
        let answer = http.post("/orders", &token, &key, &items).await;
        let outcome = match (answer.status, answer.effect.as_deref()) {
            (200 | 201, _) => Outcome::Acknowledged,
            (503, Some("none")) => Outcome::Nothing,
            (504, Some("unknown")) => Outcome::Unknown,
            _ => panic!("{answer:?}"),
        };
        acknowledged.fetch_add(usize::from(outcome == Outcome::Acknowledged), Ordering::Relaxed);
        outcomes.push((key, outcome));
    }
    outcomes
}

/// Fails unless every order had the effect that its client was told of, and none had two.
pub fn assert_kept(outcomes: &[(String, Outcome)], effects: &[(String, u64)]) {
    let effects: BTreeMap<&str, u64> = effects.iter().map(|(k, n)| (k.as_str(), *n)).collect();
    for (key, outcome) in outcomes {
        let found = effects.get(key.as_str()).copied().unwrap_or(0);
        let right = match outcome {
            Outcome::Acknowledged => found == 1,
            Outcome::Nothing => found == 0,
            Outcome::Unknown => found <= 1,
        };
        assert!(right, "order {key} was {outcome:?} and has {found} effects");
    }
    assert!(effects.len() <= outcomes.len(), "orders that nobody placed");
}
