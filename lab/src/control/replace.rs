//! Starts failed tasks and nodes again, and notes who was lost and who is back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Shared, WatchedNode, backoff, etcd, networks, now, takeover};
use crate::engine::deploys::deploy_among;
use crate::engine::markers::markers_among;
use crate::engine::probe::{self, Ready};
use crate::engine::{EngineError, Marker};
use crate::journal::ControlEvent;
use crate::plan::node::Probe;
use crate::plan::observed::ObservedContainer;
use crate::plan::ports::{REDIS_PORT, SENTINEL_PORT};
use crate::plan::{holder_name, main_name};

/// Longest pause between two looks at all containers, of which Docker has not said that one changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Pause between two looks while a node is not well: whether it may be started, or works again, is
/// nothing that Docker says.
const TROUBLED_EVERY: Duration = Duration::from_millis(250);
/// The containers of a lab, by name.
pub type Containers = BTreeMap<String, ObservedContainer>;

/// Longest wait for a node that is asked whether it works again.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// What is known of a node that is not well.
#[derive(Clone, Copy, Debug)]
struct Case {
    trouble: Trouble,
    /// How often it was started without ever working.
    starts: u32,
    /// When it was started last.
    started: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// It was seen to be gone.
    Lost,
    /// It was started again and does not answer yet.
    Starting,
}

impl Case {
    fn lost() -> Self {
        Self { trouble: Trouble::Lost, starts: 0, started: Instant::now() }
    }

    /// Whether it was left alone for long enough: one that ends again and again is started ever later.
    fn is_due(&self) -> bool {
        self.started.elapsed() >= backoff::pause(self.starts)
    }
}

/// The nodes that are not well.
type Cases = BTreeMap<String, Case>;

/// Looks after all nodes until the process ends.
pub async fn run(shared: Shared) {
    let mut troubled = Cases::new();
    loop {
        // Registered before the look: what changes during it is looked at again.
        let changed = shared.changed.notified();
        if let Err(e) = look(&shared, &mut troubled).await {
            tracing::warn!(error = %e, "cannot look after the nodes");
        }
        let pause = if troubled.is_empty() { LOOK_EVERY } else { TROUBLED_EVERY };
        // One that has passed is as good as one that comes.
        drop(tokio::time::timeout(pause, changed).await);
    }
}

async fn look(shared: &Shared, troubled: &mut Cases) -> Result<(), EngineError> {
    let suspects = shared.watch.suspects();
    let containers = shared.engine.containers().await;
    if containers.is_err() {
        shared.watch.suspect(suspects.iter());
    }
    let containers = containers?;
    let markers = markers_among(containers.values())?;
    // Who deploys ends and starts a tier's tasks himself.
    let deploying = deploy_among(containers.values())?.map(|d| d.tier);
    networks::look(shared, &suspects, &containers, &markers).await?;
    tell_removed(shared, &containers, deploying.as_ref());
    for node in shared.config.nodes.iter().filter(|n| Some(&n.tier) != deploying.as_ref()) {
        let find = |name: String| containers.get(&name);
        let lab = &shared.config.lab;
        let (Some(holder), Some(main)) =
            (find(holder_name(lab, &node.name)), find(main_name(lab, &node.name)))
        else {
            continue;
        };
        let at_rest = node.reserve && main.state.is_at_rest();
        if at_rest {
            troubled.remove(&node.name);
            continue;
        }
        let stopped = main.state.has_ended() || holder.state.has_ended();
        let known = troubled.get(&node.name).copied();
        match (stopped, known) {
            (true, known) => {
                let mut case = known.unwrap_or_else(Case::lost);
                if known.is_none_or(|k| k.trouble == Trouble::Starting) {
                    case.trouble = Trouble::Lost;
                    let how = "its container has ended".to_owned();
                    shared.note(ControlEvent::Detected { node: node.name.clone(), how });
                }
                if case.is_due() && may_start(shared, node, &markers).await {
                    restart(shared, node, holder).await?;
                    let (trouble, starts) = (Trouble::Starting, case.starts.saturating_add(1));
                    case = Case { trouble, starts, started: Instant::now() };
                }
                troubled.insert(node.name.clone(), case);
            }
            (false, Some(_)) if works(shared, node).await => {
                troubled.remove(&node.name);
                shared.note(ControlEvent::Recovered { node: node.name.clone() });
            }
            (false, _) => {}
        }
    }
    Ok(())
}

/// Says who was removed, and when, unless somebody has made it anew or deploys.
fn tell_removed(shared: &Shared, containers: &Containers, deploying: Option<&String>) {
    let lab = &shared.config.lab;
    let is_whole = |node: &str| {
        let of_deploy =
            shared.config.nodes.iter().any(|n| n.name == node && Some(&n.tier) == deploying);
        let there = |name: String| containers.contains_key(&name);
        of_deploy || there(main_name(lab, node)) && there(holder_name(lab, node))
    };
    for (node, at) in shared.watch.removed(now(), is_whole) {
        shared.note_at(at, ControlEvent::Removed { node });
    }
}

/// A node may be started when the stage wants that, no active fault holds it, and, for a database
/// node, it does not own the leader lease any more: otherwise it would come back as the primary
/// while its standby could take over.
async fn may_start(shared: &Shared, node: &WatchedNode, markers: &[Marker]) -> bool {
    let switches = &shared.config.control_plane;
    if !switches.replace || markers.iter().any(|m| m.hold && m.nodes.contains(&node.name)) {
        return false;
    }
    if node.coordination.is_empty() || !switches.fence {
        return true;
    }
    let leader = etcd::value(&node.coordination, &takeover::leader_key(&node.tier)).await;
    matches!(leader, Ok(leader) if leader.as_deref() != Some(&node.name))
}

async fn restart(
    shared: &Shared,
    node: &WatchedNode,
    holder: &ObservedContainer,
) -> Result<(), EngineError> {
    let (holder_name, main_name) =
        (holder_name(&shared.config.lab, &node.name), main_name(&shared.config.lab, &node.name));
    if holder.state.has_ended() {
        shared.engine.start(&holder_name).await?;
        // It may still run in the namespace that is gone, unless `lab up` has started it meanwhile.
        let (network, component) = (
            shared.engine.closely(&holder_name).await?.and_then(|c| c.started_us),
            shared.engine.closely(&main_name).await?.and_then(|c| c.started_us),
        );
        if network.zip(component).is_some_and(|(network, component)| network > component) {
            shared.engine.kill(&main_name).await?;
        }
    }
    shared.engine.start(&main_name).await?;
    shared.note(ControlEvent::Replaced { node: node.name.clone() });
    Ok(())
}

async fn works(shared: &Shared, node: &WatchedNode) -> bool {
    match &node.probe {
        Probe::Http { port, path } => probe::get(node.address, *port, path, PROBE_TIMEOUT)
            .await
            .is_ok_and(|a| (200..300).contains(&a.status)),
        Probe::Tcp { port } => probe::tcp(node.address, *port).await == Ready::Yes,
        Probe::Done | Probe::Runs | Probe::OfImage { .. } | Probe::Command { .. } => {
            shared.engine.look(&node.name, node.address, &node.probe).await == Ready::Yes
        }
        Probe::Redis { .. } => probe::tcp(node.address, REDIS_PORT).await == Ready::Yes,
        Probe::Sentinels { .. } => probe::tcp(node.address, SENTINEL_PORT).await == Ready::Yes,
        Probe::PatroniCluster { .. } => {
            probe::get(node.address, probe::PATRONI_PORT, "/health", PROBE_TIMEOUT)
                .await
                .is_ok_and(|a| a.status == 200)
        }
    }
}
