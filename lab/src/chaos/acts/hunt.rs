//! Nodes that are killed one after the other at random moments, and started again by the control plane
//! meanwhile.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio::task::JoinSet;

use super::{Effect, Proof};
use crate::engine::{Engine, EngineError};
use crate::journal::Event;
use crate::plan::main_name;
use crate::plan::observed::State;

/// Shortest and longest time between two kills, in milliseconds. A worker is back after about a
/// second, so most of the time somebody works.
const BETWEEN_MS: std::ops::RangeInclusive<u64> = 700..=2300;
/// Pause when none of them runs.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Kills that go on; no more when it is dropped.
#[derive(Debug)]
pub struct Hunt {
    id: String,
    kills: Arc<Mutex<BTreeMap<String, u32>>>,
    hunter: JoinSet<()>,
}

/// Begins to kill.
pub(super) fn start(e: &Effect<'_>, nodes: &[String], seed: u64) -> Hunt {
    let kills: Arc<Mutex<BTreeMap<String, u32>>> = Arc::default();
    let mut hunter = JoinSet::new();
    hunter.spawn(hunt(e.injector.engine.clone(), nodes.to_vec(), seed, Arc::clone(&kills)));
    Hunt { id: e.id.to_owned(), kills, hunter }
}

async fn hunt(
    engine: Engine,
    nodes: Vec<String>,
    seed: u64,
    kills: Arc<Mutex<BTreeMap<String, u32>>>,
) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    loop {
        let Some(node) = nodes.choose(&mut rng) else { return };
        match kill(&engine, node).await {
            Ok(true) => {
                let mut kills = kills.lock().unwrap_or_else(PoisonError::into_inner);
                *kills.entry(node.clone()).or_default() += 1;
            }
            Ok(false) => {
                tokio::time::sleep(TRY_AGAIN).await;
                continue;
            }
            Err(e) => tracing::warn!(error = %e, node, "not killed"),
        }
        let rest = rand::Rng::random_range(&mut rng, BETWEEN_MS);
        tokio::time::sleep(Duration::from_millis(rest)).await;
    }
}

/// Whether a node that ran was killed: it no longer runs, or was started again since.
async fn kill(engine: &Engine, node: &str) -> Result<bool, EngineError> {
    let main = main_name(engine.lab(), node);
    let runs = engine.containers().await?.get(&main).is_some_and(|c| c.state == State::Running);
    if !runs {
        return Ok(false);
    }
    let before = engine.started_at(&main).await?;
    engine.kill(&main).await?;
    let stopped = engine.state_in_words(&main).await?.starts_with("exited");
    Ok(stopped || engine.started_at(&main).await? != before)
}

impl Hunt {
    /// A kill is the effect.
    pub(super) fn proof(&self) -> Proof {
        let words = self.words();
        if words.is_empty() { Err("nobody was killed yet".to_owned()) } else { Ok(words) }
    }

    fn words(&self) -> String {
        let kills = self.kills.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |(node, n): (&String, &u32)| format!("{node}: killed {n} times");
        kills.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Kills no more, and says how often it did.
    pub(super) async fn end(mut self) -> Vec<Event> {
        self.hunter.shutdown().await;
        let evidence = self.words();
        if evidence.is_empty() {
            return Vec::new();
        }
        vec![Event::FaultConfirmed { id: self.id, evidence }]
    }
}
