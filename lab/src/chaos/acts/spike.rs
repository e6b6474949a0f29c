//! A spike: a second generator beside the stage's own.

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::inject::Traffic;
use super::{ChaosError, Proof};
use crate::journal::Event;
use crate::load::{self, LoadConfig, LoadHandle};
use crate::spec::workload::Plan;

/// Traffic that is being sent until the heal.
#[derive(Debug)]
pub struct Spike {
    handle: LoadHandle,
    sent: Arc<Mutex<Vec<Event>>>,
}

/// Begins to send.
pub(super) fn start(
    traffic: &Traffic<'_>,
    id: &str,
    addresses: &[SocketAddrV4],
    extra_per_s: u32,
    ramp: Duration,
) -> Result<Spike, ChaosError> {
    let plan = Plan {
        seed: traffic.seed,
        rate_per_s: extra_per_s,
        workload: Arc::clone(&traffic.workload),
        duration: None,
        ramp,
        key_prefix: key_prefix(traffic.key_prefix, id),
    };
    let sent: Arc<Mutex<Vec<Event>>> = Arc::default();
    let config = LoadConfig {
        plan,
        site: traffic.site.at(addresses.iter().copied().map(Into::into).collect()),
        name: None,
        timeout: Duration::from_millis(traffic.stage.timeout_ms),
        max_in_flight: None,
    };
    let sink = Arc::clone(&sent);
    let keep = move |event| sink.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    let handle =
        load::start(config, Box::new(keep)).map_err(|e| ChaosError::Unable(e.to_string()))?;
    Ok(Spike { handle, sent })
}

impl Spike {
    /// Requests that were sent are its effect.
    pub(super) fn proof(&self) -> Proof {
        match self.sent.lock().unwrap_or_else(PoisonError::into_inner).len() {
            0 => Err("no request of the spike has ended yet".to_owned()),
            _ => Ok("more requests are being sent".to_owned()),
        }
    }

    /// Sends no more, waits for what is under way, and returns every operation and repetition.
    pub(super) async fn end(self) -> Vec<Event> {
        if let Err(e) = self.handle.stop().await {
            tracing::error!(error = %e, "the spike broke down");
        }
        std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What the keys of a spike begin with: such that they are read back together with those of the
/// stage's own traffic.
fn key_prefix(traffic: &str, id: &str) -> String {
    format!("{traffic}-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spike_was_promised_is_read_back_with_the_rest() {
        for traffic in ["spike-660d03a508d0d", "canary"] {
            let key = format!("{}-17", key_prefix(traffic, "3a508d420"));
            assert!(load::is_ours(&key, &format!("{traffic}-")), "{key}");
        }
    }
}
