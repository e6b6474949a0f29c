//! The generator against servers that misbehave.

mod auditing;
mod cost;
mod failover;
mod forum;
mod outcomes;
mod repeats;
mod running;
mod secure;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::mpsc;

use super::handle::{LoadConfig, start, to_channel};
use super::stats::Summary;
use super::testing::shop_with;
use crate::journal::{Event, Op};
use crate::spec::workload::Plan;

/// So short that a test which waits for it stays quick.
const TIMEOUT: Duration = Duration::from_millis(1200);

fn config(targets: &[SocketAddr], rate_per_s: u32, read_percent: u8, ms: u64) -> LoadConfig {
    let duration = Some(Duration::from_millis(ms));
    let key_prefix = "run".to_owned();
    let plan = Plan {
        seed: 42,
        rate_per_s,
        workload: shop_with(read_percent, 4),
        duration,
        ramp: Duration::ZERO,
        key_prefix,
    };
    let site = targets.into();
    LoadConfig { plan, site, name: None, timeout: TIMEOUT, max_in_flight: None }
}

/// Runs the plan to its end: its operations, and what was sent again.
async fn run_all(config: LoadConfig) -> (Vec<Op>, Vec<Op>, Summary) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let summary = start(config, to_channel(sender)).unwrap().finished().await.unwrap();
    let (mut ops, mut repeats) = (Vec::new(), Vec::new());
    while let Some(event) = receiver.recv().await {
        match event {
            Event::Op(op) => ops.push(op),
            Event::Repeated(op) => repeats.push(op),
            other => panic!("{other:?}"),
        }
    }
    (ops, repeats, summary)
}

/// Runs the plan to its end: its operations.
async fn run(config: LoadConfig) -> (Vec<Op>, Summary) {
    let (ops, _, summary) = run_all(config).await;
    (ops, summary)
}
