//! A spike: a second generator beside the stage's own.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::inject::Traffic;
use super::{ChaosError, Proof};
use crate::journal::{Event, Op};
use crate::load::{self, LoadConfig, LoadHandle, Plan};

/// Traffic that is being sent until the heal.
#[derive(Debug)]
pub struct Spike {
    handle: LoadHandle,
    ops: Arc<Mutex<Vec<Op>>>,
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
        read_percent: traffic.stage.read_percent,
        profile_percent: traffic.stage.profile_percent,
        duration: None,
        ramp,
        // Read back together with what the stage's own traffic was promised.
        key_prefix: format!("{}-spike-{id}", traffic.key_prefix),
    };
    let ops: Arc<Mutex<Vec<Op>>> = Arc::default();
    let config = LoadConfig {
        plan,
        targets: addresses.iter().copied().map(SocketAddr::from).collect(),
        timeout: Duration::from_millis(traffic.stage.timeout_ms),
        users: traffic.users,
        max_in_flight: None,
    };
    let sink = Arc::clone(&ops);
    let keep = move |op| sink.lock().unwrap_or_else(PoisonError::into_inner).push(op);
    let handle =
        load::start(config, Box::new(keep)).map_err(|e| ChaosError::Unable(e.to_string()))?;
    Ok(Spike { handle, ops })
}

impl Spike {
    /// Requests that were sent are its effect.
    pub(super) fn proof(&self) -> Proof {
        match self.ops.lock().unwrap_or_else(PoisonError::into_inner).len() {
            0 => Err("no request of the spike has ended yet".to_owned()),
            _ => Ok("more requests are being sent".to_owned()),
        }
    }

    /// Sends no more, waits for what is under way, and returns every operation.
    pub(super) async fn end(self) -> Vec<Event> {
        if let Err(e) = self.handle.stop().await {
            tracing::error!(error = %e, "the spike broke down");
        }
        let ops = std::mem::take(&mut *self.ops.lock().unwrap_or_else(PoisonError::into_inner));
        ops.into_iter().map(Event::Op).collect()
    }
}
