//! The canary: a little of the stage's traffic all the time, whose history feeds `lab verify`.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::api::CanaryFigures;
use super::{Shared, now};
use crate::engine::resources;
use crate::journal::{Event, Micros, Op, Outcome};
use crate::load::{self, LoadConfig, Site, Transport};
use crate::run::{CANARY_PREFIX, NodePrograms};
use crate::spec::workload::Plan;

/// The figures cover this long.
const WINDOW: Micros = 10_000_000;
/// Pause between two looks whether the site is up for the first time.
const FIRST_LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest wait for one of these looks.
const FIRST_LOOK_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for the other nodes of the entry once one serves: a balancer finds its tasks a little later
/// than its neighbour does.
const OTHERS_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for what tasks make at managed services when they start.
const WANTED_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two looks whether that is there.
const WANTED_LOOK_EVERY: Duration = Duration::from_millis(250);

/// Outcomes of the last seconds.
#[derive(Debug, Default)]
pub struct Recent {
    ops: Mutex<VecDeque<(Micros, Micros, bool)>>,
}

impl Recent {
    fn add(&self, op: &Op) {
        let mut ops = self.ops.lock().unwrap_or_else(PoisonError::into_inner);
        ops.push_back((op.done, op.done - op.intended, op.outcome == Outcome::Ok));
        while ops.front().is_some_and(|(done, ..)| *done < op.done - WINDOW) {
            ops.pop_front();
        }
    }

    /// The figures of the last ten seconds.
    pub fn figures(&self) -> CanaryFigures {
        let since = now() - WINDOW;
        let ops = self.ops.lock().unwrap_or_else(PoisonError::into_inner);
        let recent: Vec<_> = ops.iter().filter(|(done, ..)| *done >= since).collect();
        let mut latencies: Vec<Micros> =
            recent.iter().filter(|(.., ok)| *ok).map(|(_, latency, _)| *latency).collect();
        latencies.sort_unstable();
        let quantile = |q: f64| {
            let index = ((latencies.len() as f64 * q) as usize).min(latencies.len().max(1) - 1);
            latencies.get(index).map_or(0.0, |us| *us as f64 / 1000.0)
        };
        CanaryFigures {
            requests: recent.len() as u64,
            success_percent: latencies.len() as f64 * 100.0 / recent.len().max(1) as f64,
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
        }
    }
}

/// Sends canary traffic until the process ends, from the moment the whole site is up for the first time:
/// what users cannot reach yet was not promised to them.
pub async fn run(shared: Shared, recent: Arc<Recent>) {
    let rate = shared.config.control_plane.canary_per_s;
    let targets: Vec<SocketAddr> = shared.config.entry.iter().map(|e| (*e).into()).collect();
    if rate == 0 || targets.is_empty() {
        return;
    }
    let site = site(&shared, targets);
    await_site(&shared, &site).await;
    await_wanted(&shared).await;
    let plan = Plan {
        seed: now() as u64,
        rate_per_s: rate,
        workload: Arc::new(shared.config.workload.clone()),
        duration: None,
        ramp: Duration::ZERO,
        // A control plane that was restarted must not use a key twice.
        key_prefix: format!("{CANARY_PREFIX}-{:x}", now()),
    };
    let timeout = Duration::from_millis(shared.config.timeout_ms);
    let name = shared.config.entry_name.clone();
    let config = LoadConfig { plan, site, name, timeout, max_in_flight: None };
    let sink = Box::new(move |event: Event| {
        if let Event::Op(op) = &event {
            recent.add(op);
        }
        shared.store.record(event);
    });
    match load::start(config, sink) {
        Ok(handle) => drop(handle.finished().await),
        Err(e) => tracing::error!(error = %e, "no canary"),
    }
}

/// An event that is published before its queue is subscribed goes nowhere, and no user is let in before.
async fn await_wanted(shared: &Shared) {
    let begun = Instant::now();
    loop {
        let missing = resources::missing(&shared.config.wanted).await;
        let Some((node, what)) = missing.first() else { return };
        if begun.elapsed() >= WANTED_LIMIT {
            tracing::warn!(node, what, "the canary begins all the same");
            return;
        }
        tokio::time::sleep(WANTED_LOOK_EVERY).await;
    }
}

/// Where the canary's operations go.
fn site(shared: &Shared, addresses: Vec<SocketAddr>) -> Site {
    let config = &shared.config;
    Site {
        addresses,
        transport: Transport::of(config.tls.as_ref(), config.http2),
        programs: NodePrograms::of(&shared.engine, &config.workload, |tier| {
            let nodes = config.nodes.iter().filter(|node| node.tier == tier && !node.reserve);
            nodes.map(|node| node.name.clone()).collect()
        }),
    }
}

/// Waits until every node of the entry serves, or one does and the others had their time.
async fn await_site(shared: &Shared, site: &Site) {
    // What speaks no HTTP serves when it takes connections.
    let over_http = shared.config.workload.is_over_http();
    let mut first = None::<Instant>;
    loop {
        let looks = site.addresses.iter().map(|address| async move {
            match over_http {
                false => load::takes_connections(*address, FIRST_LOOK_TIMEOUT).await,
                true => {
                    let node = site.at(vec![*address]);
                    let path = &shared.config.entry_path;
                    let status = load::status(&node, path, FIRST_LOOK_TIMEOUT).await;
                    status.is_some_and(|status| (200..300).contains(&status))
                }
            }
        });
        let serve = futures::future::join_all(looks).await;
        if serve.contains(&true) {
            let since = *first.get_or_insert_with(Instant::now);
            if !serve.contains(&false) || since.elapsed() >= OTHERS_LIMIT {
                return;
            }
        }
        tokio::time::sleep(FIRST_LOOK_EVERY).await;
    }
}
