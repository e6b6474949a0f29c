//! The lab's own name server for containers of somebody else's: a tier's name is the address of one of its
//! nodes that works, another one each time. Any other name is asked of whom the machine asks.
//!
//! One address in each answer: of several, glibc takes the one that is nearest by its number to the caller's
//! own, so that two callers in one network would always call the same.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::Shared;
use crate::dns::message;
use crate::engine::probe::Ready;
use crate::plan::node::Probe;
use crate::spec::model::Name;

/// The port of name servers.
const PORT: u16 = 53;
/// Docker's own, in every network that somebody made: it knows whom the machine asks.
const UPSTREAM: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 0, 0, 11), 53);
/// Longest wait for it.
const PATIENCE: Duration = Duration::from_secs(4);
/// Pause between two looks at the nodes.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Largest message that is taken.
const LONGEST: usize = 4096;

/// A tier whose name is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedTier {
    /// Its name.
    pub tier: Name,
    /// Its nodes.
    pub nodes: Vec<NamedNode>,
}

/// A node that may be answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedNode {
    /// Its name.
    pub name: Name,
    /// Its address.
    pub address: Ipv4Addr,
    /// What says that it works.
    pub probe: Probe,
}

/// Which nodes of each tier work, and how often it was asked for.
#[derive(Debug, Default)]
struct Known {
    living: Mutex<BTreeMap<Name, Vec<Ipv4Addr>>>,
    turn: AtomicUsize,
}

/// Answers until the process ends.
pub async fn run(shared: Shared) {
    if shared.config.names.is_empty() {
        return;
    }
    let socket = match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)).await {
        Ok(socket) => Arc::new(socket),
        Err(e) => return tracing::error!(error = %e, "no name server"),
    };
    let known = Arc::new(Known::default());
    tokio::spawn(look(shared.clone(), Arc::clone(&known)));
    let mut bytes = [0; LONGEST];
    loop {
        // An error is about a client that has gone.
        let Ok((length, from)) = socket.recv_from(&mut bytes).await else { continue };
        let question = bytes[..length].to_vec();
        tokio::spawn(serve(
            shared.clone(),
            Arc::clone(&known),
            Arc::clone(&socket),
            question,
            from,
        ));
    }
}

async fn serve(
    shared: Shared,
    known: Arc<Known>,
    socket: Arc<UdpSocket>,
    question: Vec<u8>,
    from: SocketAddr,
) {
    let Some(asked) = message::asked(&question) else { return };
    let tier = shared.config.names.iter().find(|t| t.tier == asked.name);
    let answer = match tier {
        Some(tier) if asked.for_addresses => {
            let turn = known.turn.fetch_add(1, Ordering::Relaxed);
            let living = known.living.lock().unwrap_or_else(PoisonError::into_inner);
            let living = living.get(&tier.tier).cloned().unwrap_or_default();
            message::reply(&question, &chosen(tier, &living, turn))
        }
        Some(_) => message::reply(&question, &[]),
        None => timeout(PATIENCE, passed_on(&question)).await.ok().and_then(Result::ok),
    };
    if let Some(answer) = answer {
        // Whoever gets none asks again.
        drop(socket.send_to(&answer, from).await);
    }
}

/// Whose turn it is. Where none works, all are as good. Turns are spread by the golden ratio (Knuth, The Art of
/// Computer Programming, 6.4): a caller that asks twice for each connection would always get the same one of two.
fn chosen(tier: &NamedTier, living: &[Ipv4Addr], turn: usize) -> Vec<Ipv4Addr> {
    let all: Vec<Ipv4Addr> = tier.nodes.iter().map(|node| node.address).collect();
    let among = if living.is_empty() { &all[..] } else { living };
    let spread = (turn as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let index = usize::try_from(spread).unwrap_or_default() % among.len().max(1);
    among.get(index).copied().into_iter().collect()
}

async fn passed_on(question: &[u8]) -> std::io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(UPSTREAM).await?;
    socket.send(question).await?;
    let mut bytes = vec![0; LONGEST];
    let length = socket.recv(&mut bytes).await?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Looks which nodes work.
async fn look(shared: Shared, known: Arc<Known>) {
    loop {
        for tier in &shared.config.names {
            let looks = tier.nodes.iter().map(|node| async {
                let ready = shared.engine.look(&node.name, node.address, &node.probe).await;
                (ready == Ready::Yes).then_some(node.address)
            });
            let living = futures::future::join_all(looks).await.into_iter().flatten().collect();
            let mut all = known.living.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(tier.tier.clone(), living);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_work_are_answered_as_often_as_each_other_and_all_where_none_does() {
        let at = |n| Ipv4Addr::new(10, 77, 1, n);
        let node = |n| NamedNode { name: format!("db-a{n}"), address: at(n), probe: Probe::Runs };
        let tier = NamedTier { tier: "db".into(), nodes: (1..4).map(node).collect() };
        let told = |living: &[Ipv4Addr], step: usize| -> BTreeMap<Ipv4Addr, usize> {
            let all = (0..3000).flat_map(|n| chosen(&tier, living, n * step));
            all.fold(BTreeMap::new(), |mut counted, address| {
                *counted.entry(address).or_default() += 1;
                counted
            })
        };
        for step in [1, 2, 3] {
            let two = told(&[at(1), at(3)], step);
            assert_eq!(two.keys().copied().collect::<Vec<_>>(), [at(1), at(3)]);
            assert!(two.values().all(|n| (1400..1600).contains(n)), "{step}: {two:?}");
            let all = told(&[], step);
            assert!(
                all.len() == 3 && all.values().all(|n| (900..1100).contains(n)),
                "{step}: {all:?}"
            );
        }
        let empty = NamedTier { tier: "x".into(), nodes: vec![] };
        assert!(chosen(&empty, &[], 1).is_empty());
    }
}
