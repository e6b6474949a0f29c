//! Notes who was killed for want of memory. That is nothing that anybody repairs: what is started again
//! has no more of it than before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::{LISTEN_AGAIN, Shared, now};
use crate::engine::Starvation;
use crate::journal::{ControlEvent, Micros};

/// A component that is started again and again dies as often: it is told of once within this time.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// What happened so long before the control plane began is told, too.
const LOOK_BACK: Micros = 60_000_000;

/// Listens until the process ends.
pub async fn run(shared: Shared) {
    let mut told: BTreeMap<String, Instant> = BTreeMap::new();
    // Tasks may have begun, and died, before this program did.
    let mut since_ns = (now() - LOOK_BACK) * 1000;
    loop {
        let mut kills = std::pin::pin!(shared.engine.starvations(since_ns));
        while let Some(Starvation { node, container, at_ns }) = kills.next().await {
            since_ns = at_ns + 1;
            if told.get(&node).is_some_and(|at| at.elapsed() < TELL_AGAIN) {
                continue;
            }
            told.insert(node.clone(), Instant::now());
            // Gone already, perhaps: that it was killed is known all the same.
            let limit_mib = shared.engine.memory_limit_mib(&container).await.unwrap_or_default();
            shared.note(ControlEvent::OutOfMemory { node, limit_mib });
        }
        // What happens until then is told afterwards.
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}
