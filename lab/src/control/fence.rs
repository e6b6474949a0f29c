//! Fences a database node whose death is confirmed, so that its standby need not wait for the
//! lease of the dead primary to run out (20 s at least).
//!
//! Two witnesses are asked before that: the node's own Patroni (over the network, as a customer
//! would see it) and Docker (as the provider sees its own hosts). A node that is merely frozen or
//! cut off is *not* dead: it keeps its lease, because it may still believe that it is the primary.

use std::time::{Duration, Instant};

use super::config::Cluster;
use super::starting::Starting;
use super::{Shared, etcd, takeover};
use crate::engine::EngineError;
use crate::engine::probe::{self, PATRONI_PORT};
use crate::journal::ControlEvent;
use crate::plan::main_name;

/// Pause between two looks at the primary.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A primary that does not answer within this time is suspected.
const ANSWER_WITHIN: Duration = Duration::from_millis(300);
/// Looks in a row without an answer that make a detection.
const MISSES: u32 = 2;

/// While the leader answers, etcd is asked this often whether it still is the leader. Each question
/// goes to all members, and ten a second cost them more than all of Patroni's.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What the loop remembers between two looks; all of it can be lost without harm.
#[derive(Debug, Default)]
struct Memory {
    leader: Option<String>,
    asked: Option<Instant>,
    misses: u32,
    suspected: Option<Instant>,
    detected: bool,
}

/// Watches one cluster until the process ends.
pub async fn run(shared: Shared, cluster: Cluster) {
    let mut memory = Memory::default();
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut starting = Starting::new(Instant::now());
    loop {
        tick.tick().await;
        match look(&shared, &cluster, &mut memory).await {
            Ok(()) => starting.answered(),
            Err(_) if starting.excuses_silence(Instant::now()) => {}
            Err(e) => {
                tracing::warn!(cluster = cluster.tier, error = %e, "cannot watch the cluster");
            }
        }
    }
}

async fn look(
    shared: &Shared,
    cluster: &Cluster,
    memory: &mut Memory,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Some(leader) = leader(cluster, memory).await? else { return Ok(()) };
    let Some(node) = cluster.members.iter().find(|m| m.name == leader) else { return Ok(()) };
    if memory.leader.as_ref() != Some(&leader) {
        // Promotion is over when the new leader says that it takes writes.
        if probe::get(node.address, PATRONI_PORT, "/primary", ANSWER_WITHIN)
            .await
            .is_ok_and(|a| a.status == 200)
        {
            if memory.leader.is_some() {
                shared.note(ControlEvent::Promoted { node: leader.clone() });
            }
            let asked = memory.asked;
            *memory = Memory { leader: Some(leader), asked, ..Default::default() };
            return Ok(());
        }
    }
    match probe::get(node.address, PATRONI_PORT, "/liveness", ANSWER_WITHIN).await {
        Ok(_) => {
            memory.misses = 0;
            memory.suspected = None;
            memory.detected = false;
            Ok(())
        }
        Err(e) => Ok(suspect(shared, cluster, memory, &leader, &e.to_string()).await?),
    }
}

impl Memory {
    /// The leader, when there is no reason to ask etcd for it.
    fn known_leader(&self, now: Instant) -> Option<&String> {
        let recent = self.asked.is_some_and(|asked| now.duration_since(asked) < ASK_EVERY);
        self.leader.as_ref().filter(|_| recent && self.misses == 0)
    }
}

/// Who holds the leader lease, if anybody does.
async fn leader(cluster: &Cluster, memory: &mut Memory) -> std::io::Result<Option<String>> {
    let now = Instant::now();
    if let Some(known) = memory.known_leader(now) {
        return Ok(Some(known.clone()));
    }
    let leader = etcd::value(&cluster.etcd, &takeover::leader_key(&cluster.tier)).await?;
    memory.asked = Some(now);
    Ok(leader)
}

/// The primary did not answer: notes it after the second time, and fences it when Docker confirms
/// that it is dead and has been suspected for long enough.
async fn suspect(
    shared: &Shared,
    cluster: &Cluster,
    memory: &mut Memory,
    leader: &str,
    how: &str,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    memory.misses += 1;
    let since = *memory.suspected.get_or_insert_with(Instant::now);
    if memory.misses >= MISSES && !memory.detected {
        memory.detected = true;
        shared.note(ControlEvent::Detected { node: leader.into(), how: how.into() });
    }
    let switches = &shared.config.control_plane;
    let long_enough = since.elapsed() >= Duration::from_millis(switches.fence_after_ms);
    if !switches.fence || !memory.detected || !long_enough || !is_dead(shared, leader).await? {
        return Ok(());
    }
    if takeover::order(&cluster.etcd, &cluster.tier, leader).await? {
        shared.note(ControlEvent::Fenced { node: leader.into() });
    }
    Ok(())
}

/// Whether Docker says that the node's processes have ended (or its container is gone).
async fn is_dead(shared: &Shared, node: &str) -> Result<bool, EngineError> {
    match shared.engine.state_in_words(&main_name(&shared.config.lab, node)).await {
        Ok(state) => Ok(state.starts_with("exited") || state == "dead"),
        Err(EngineError::Refused { status: Some(404), .. }) => Ok(true),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_that_answers_is_believed_for_a_second_and_a_silent_one_never() {
        let now = Instant::now();
        let leader = Some("db-a1".to_owned());
        let memory = Memory { leader: leader.clone(), asked: Some(now), ..Memory::default() };
        let soon = now + ASK_EVERY - Duration::from_millis(1);
        assert_eq!(memory.known_leader(soon), leader.as_ref());
        assert_eq!(memory.known_leader(now + ASK_EVERY), None, "it may be another one by now");
        let silent = Memory { misses: 1, ..memory };
        assert_eq!(silent.known_leader(soon), None);
        assert_eq!(Memory { asked: Some(now), ..Memory::default() }.known_leader(soon), None);
    }
}
