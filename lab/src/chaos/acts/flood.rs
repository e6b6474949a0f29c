//! A flood, as an act on the entry of a stage.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::super::inject::Traffic;
use super::Proof;
use crate::journal::{Event, FloodEnded, Micros};
use crate::load;
use crate::spec::workload::Asked;

/// Greedy clients that send until the heal.
#[derive(Debug)]
pub struct Flood {
    id: String,
    clients: u16,
    since: Instant,
    sending: load::Flood,
}

/// Begins to send.
pub(super) fn start(
    id: &str,
    addresses: &[SocketAddrV4],
    (clients, per_s): (u16, u16),
    asked: &Asked,
    traffic: &Traffic<'_>,
) -> Flood {
    let config = load::FloodConfig {
        site: traffic.site.at(addresses.iter().copied().map(Into::into).collect()),
        clients,
        per_s,
        asked: asked.clone(),
        workload: Arc::clone(&traffic.workload),
        id: id.to_owned(),
        timeout: Duration::from_millis(traffic.stage.timeout_ms),
    };
    let (id, since) = (id.to_owned(), Instant::now());
    Flood { id, clients, since, sending: load::Flood::start(&config) }
}

impl Flood {
    /// Requests that were answered or failed are its effect.
    pub(super) fn proof(&self) -> Proof {
        let counts = self.sending.counts();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        match load(&counts.passed) + load(&counts.throttled) + load(&counts.failed) {
            0 => Err("no request of the flood has ended yet".to_owned()),
            _ => Ok(format!("{} greedy clients send", self.clients)),
        }
    }

    /// Sends no more, and says what became of all.
    pub(super) async fn end(self) -> Vec<Event> {
        let lasted = self.since.elapsed();
        let counts = self.sending.end().await;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        vec![Event::FloodEnded(FloodEnded {
            id: self.id,
            clients: self.clients.into(),
            lasted_us: Micros::try_from(lasted.as_micros()).unwrap_or(Micros::MAX),
            sent: load(&counts.sent),
            passed: load(&counts.passed),
            throttled: load(&counts.throttled),
            failed: load(&counts.failed),
        })]
    }
}
