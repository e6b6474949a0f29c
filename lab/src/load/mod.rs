//! Open-model traffic: arrivals follow a schedule and never wait for answers, latency counts from
//! the *intended* start, and every operation ends as ok, fail or unknown.

mod audit;
mod client;
mod outcome;
mod runner;
mod schedule;
mod targets;

use std::net::SocketAddr;
use std::time::Duration;

pub use audit::audit;
pub use runner::{LoadHandle, Summary, start};
pub use schedule::{Arrival, Request, Schedule};

/// What traffic to send, where to, and how fast.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// The addresses that a name would resolve to: one per load balancer node.
    pub targets: Vec<SocketAddr>,
    /// Mean arrivals per second.
    pub rate_per_s: f64,
    /// Share of requests that only read, in percent.
    pub read_percent: u8,
    /// The whole schedule follows from it.
    pub seed: u64,
    /// What the idempotency keys begin with.
    pub key_prefix: String,
    /// Longest a client waits for one answer.
    pub timeout: Duration,
    /// How long arrivals go on; until [`LoadHandle::stop`] when absent.
    pub duration: Option<Duration>,
}
