//! Whether users are served where they arrive: a load balancer that answers may not have found those behind it.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::RunningLab;
use crate::kinds;
use crate::load::{self, Site};

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
    let (entry, site) = (kinds::entry(&lab.stage, &lab.places), lab.site());
    let nodes: Vec<Site> = entry.iter().map(|node| site.at(vec![(*node).into()])).collect();
    loop {
        let looks = nodes.iter().map(refusal);
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
async fn refusal(node: &Site) -> Option<String> {
    let status = load::status(node, "/", PATIENCE).await?;
    matches!(status, 502..=504).then(|| format!("it answers {status} to everybody"))
}
