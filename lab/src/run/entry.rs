//! Whether users are served where they arrive: a load balancer that answers may not have found those behind it.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::RunningLab;
use crate::engine::probe;
use crate::kinds;

/// How long an entry may refuse everybody, once all of its nodes work.
const LIMIT: Duration = Duration::from_secs(10);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until each node of the entry knows somebody who answers; the nodes that do not in the end, with what
/// they say instead. Which answer it is, is the system's own business.
pub async fn serves(lab: &RunningLab) -> Vec<(String, String)> {
    let begun = Instant::now();
    let entry = kinds::entry(&lab.stage, &lab.places);
    loop {
        let looks = entry.iter().map(|(address, port)| refusal(*address, *port));
        let refusals = futures::future::join_all(looks).await;
        let named = |((address, _), said): (&(Ipv4Addr, u16), Option<String>)| {
            let place = lab.places.iter().find(|place| place.address == *address)?;
            Some((place.name.clone(), said?))
        };
        let refusing: Vec<_> = entry.iter().zip(refusals).filter_map(named).collect();
        if refusing.is_empty() || begun.elapsed() >= LIMIT {
            return refusing;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What a node of the entry says when it has nobody to send users to. Silence is not that.
async fn refusal(address: Ipv4Addr, port: u16) -> Option<String> {
    let answer = probe::get(address, port, "/", PATIENCE).await.ok()?;
    matches!(answer.status, 502..=504).then(|| format!("it answers {} to everybody", answer.status))
}
