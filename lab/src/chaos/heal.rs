//! Undoes faults from their markers alone: idempotent, safe at any moment, also for a fault whose
//! injection never happened or whose tool was killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::{ChaosError, NetProxy, acts, packet_filter};
use crate::deploy;
use crate::engine::{Engine, EngineError, Marker};
use crate::journal::Event;
use crate::plan::observed::{ObservedContainer, State};
use crate::plan::releases::deployed;
use crate::plan::{holder_name, main_name};
use crate::spec::model::Fault;

/// How long the undoing may take to show.
const CONFIRM_LIMIT: Duration = Duration::from_secs(10);
/// How long there must be no fault until there is none: as long as `down` waits for the same reason.
const QUIET: Duration = Duration::from_millis(600);
/// How many nodes are brought back at once. The nodes of a zone start on machines of their own; here
/// they share a few processors with those that serve meanwhile.
const AT_ONCE: usize = 2;
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Heals one fault, confirms it, and removes its marker last.
pub async fn heal(
    engine: &Engine,
    marker: &Marker,
    record: &(dyn Fn(Event) + Sync),
) -> Result<(), ChaosError> {
    let failed = match undo_release(engine, marker, record).await {
        Ok(()) => undo_all(engine, marker).await.map_err(ChaosError::Engine).err(),
        Err(e) => Some(e),
    };
    record(Event::FaultHealed { id: marker.id.clone() });
    let confirmed = match failed {
        Some(e) => Err(e),
        None => confirm(engine, marker).await,
    };
    match confirmed {
        Ok(evidence) => {
            record(Event::HealConfirmed { id: marker.id.clone(), evidence });
            Ok(engine.remove_marker(&marker.id).await?)
        }
        Err(e) => {
            record(Event::HealUnconfirmed { id: marker.id.clone(), reason: e.to_string() });
            Err(e)
        }
    }
}

/// Heals every active fault; returns what was healed. The first failure is reported after the
/// others were healed.
pub async fn heal_all(
    engine: &Engine,
    record: &(dyn Fn(Event) + Sync),
) -> Result<Vec<Marker>, ChaosError> {
    heal_where(engine, record, |_| true).await
}

/// Heals every active fault, also one that Docker was still writing down when it was asked: until
/// there has been none for a while.
pub async fn heal_until_quiet(engine: &Engine) -> Result<(), ChaosError> {
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < QUIET {
        if !heal_all(engine, &|_| {}).await?.is_empty() {
            quiet_since = Instant::now();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// Heals the faults whose command is no longer alive.
pub async fn heal_abandoned(
    engine: &Engine,
    record: &(dyn Fn(Event) + Sync),
) -> Result<Vec<Marker>, ChaosError> {
    heal_where(engine, record, |m| !m.owner.is_alive()).await
}

async fn heal_where(
    engine: &Engine,
    record: &(dyn Fn(Event) + Sync),
    wanted: impl Fn(&Marker) -> bool,
) -> Result<Vec<Marker>, ChaosError> {
    let mut healed = Vec::new();
    let mut first_error = None;
    for marker in engine.markers().await?.into_iter().filter(|m| wanted(m)) {
        match heal(engine, &marker, record).await {
            Ok(()) => healed.push(marker),
            Err(e) => first_error = first_error.or(Some(e)),
        }
    }
    first_error.map_or(Ok(healed), Err)
}

/// A release makes way for the one from before, unless that has happened already.
async fn undo_release(
    engine: &Engine,
    marker: &Marker,
    record: &(dyn Fn(Event) + Sync),
) -> Result<(), ChaosError> {
    match &marker.released {
        Some((tier, release)) => Ok(deploy::undo(engine, tier, release, record).await?),
        None => Ok(()),
    }
}

async fn undo_all(engine: &Engine, marker: &Marker) -> Result<(), EngineError> {
    let markers = engine.markers().await?;
    let undone =
        marker.nodes.iter().map(|n| undo(engine, marker, n, held_by_another(&markers, marker, n)));
    // All are undone, also when one of them cannot be.
    let results: Vec<_> = futures::stream::iter(undone).buffer_unordered(AT_ONCE).collect().await;
    results.into_iter().collect()
}

/// Whether another fault keeps a node lost: its own heal brings it back.
fn held_by_another(markers: &[Marker], marker: &Marker, node: &str) -> bool {
    markers.iter().any(|m| m.id != marker.id && m.hold && m.nodes.iter().any(|n| n == node))
}

/// Brings one node back: holder, then packet filter, then processes. A node that was removed
/// meanwhile has nothing to undo, one that another fault holds stays lost, and a task that its group has
/// ended stays at rest.
async fn undo(engine: &Engine, marker: &Marker, node: &str, held: bool) -> Result<(), EngineError> {
    let containers = engine.containers().await?;
    let (holder, main) = (holder_name(engine.lab(), node), main_name(engine.lab(), node));
    let state = |name: &str| containers.get(name).map(|c: &ObservedContainer| c.state);
    match state(&holder) {
        // Rules vanish with the namespace; the main container must join the new one.
        Some(state) if state.has_ended() && held => return Ok(()),
        Some(ended) if ended.has_ended() => {
            engine.start(&holder).await?;
            if !state(&main).is_some_and(State::has_ended) {
                engine.kill(&main).await?;
            }
        }
        Some(State::Running) => packet_filter::remove(engine, node, &marker.id).await?,
        _ => return Ok(()),
    }
    match state(&main) {
        Some(_) if held || rests(&containers, &main) => {}
        Some(State::Paused) => engine.unpause(&main).await?,
        Some(_) => engine.start(&main).await?,
        None => return Ok(()),
    }
    match marker.fault {
        Fault::ReplicaLag(_) => acts::catch_up(engine, node).await,
        _ => Ok(()),
    }
}

/// Whether a main container is a task that is not wanted now: the control plane may end one at any
/// moment, before and after its heal.
fn rests(containers: &BTreeMap<String, ObservedContainer>, main: &str) -> bool {
    containers.get(main).is_some_and(ObservedContainer::rests_in_reserve)
}

async fn confirm(engine: &Engine, marker: &Marker) -> Result<String, ChaosError> {
    let begun = Instant::now();
    let mut evidence = Vec::new();
    if let Some((tier, release)) = &marker.released {
        let current = deployed(&engine.containers().await?).remove(tier).unwrap_or_default();
        if current != *release {
            return Err(ChaosError::NotHealed(format!("{tier} runs {current}, not {release}")));
        }
        evidence.push(format!("{tier} runs {release}"));
    }
    for node in &marker.nodes {
        if held_by_another(&engine.markers().await?, marker, node) {
            evidence.push(format!("{node}: held by another fault"));
            continue;
        }
        loop {
            match look(engine, marker, node).await? {
                Ok(proof) => {
                    evidence.push(proof);
                    break;
                }
                Err(missing) if begun.elapsed() >= CONFIRM_LIMIT => {
                    return Err(ChaosError::NotHealed(missing));
                }
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
    Ok(evidence.join("; "))
}

async fn look(
    engine: &Engine,
    marker: &Marker,
    node: &str,
) -> Result<Result<String, String>, EngineError> {
    let containers = engine.containers().await?;
    let Some(main) = containers.get(&main_name(engine.lab(), node)) else {
        return Ok(Ok(format!("{node}: removed")));
    };
    if main.state != State::Running && !main.rests_in_reserve() {
        return Ok(Err(format!("{node} does not run")));
    }
    if packet_filter::dropped(engine, node, &marker.id).await?.is_some() {
        return Ok(Err(format!("{node} still has a packet filter")));
    }
    for poisoned in marker.routes.iter().filter(|r| r.node == node) {
        // Asked again until it works: the proxy may only just have been started.
        if let Err(e) = NetProxy::new(poisoned.api).heal(&poisoned.route, poisoned.toxic).await {
            return Ok(Err(e.to_string()));
        }
    }
    if matches!(marker.fault, Fault::ReplicaLag(_)) {
        let late_ms = acts::late(engine, node).await?;
        if late_ms > 0 {
            return Ok(Err(format!("{node} still replays {late_ms} ms late")));
        }
    }
    let now =
        if main.state == State::Running { "running" } else { "at rest in its group's reserve" };
    Ok(Ok(format!("{node}: {now}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Owner;
    use crate::plan::observed::{LABEL_RESERVE, Part};

    fn marker(id: &str, hold: bool, nodes: &[&str]) -> Marker {
        let fault = serde_json::from_value(serde_json::json!({"fault": "kill-primary"})).unwrap();
        let nodes = nodes.iter().map(|n| (*n).to_owned()).collect();
        Marker {
            id: id.into(),
            fault,
            nodes,
            hold,
            routes: Vec::new(),
            released: None,
            owner: Owner::current(),
        }
    }

    fn task(reserve: bool, state: State) -> BTreeMap<String, ObservedContainer> {
        let labels = reserve.then(|| (LABEL_RESERVE.to_owned(), "true".to_owned()));
        let container = ObservedContainer {
            id: String::new(),
            node: "web-a4".into(),
            part: Part::Main,
            spec: String::new(),
            state,
            ports: Vec::new(),
            image: String::new(),
            labels: labels.into_iter().collect(),
            closely: Default::default(),
        };
        [("lab.web-a4".to_owned(), container)].into()
    }

    #[test]
    fn a_task_that_its_group_ended_is_not_brought_back() {
        let rests = |reserve, state| rests(&task(reserve, state), "lab.web-a4");
        assert!(rests(true, State::Ended), "ended as it was told to");
        assert!(rests(true, State::Created), "made anew by a deploy, and not started");
        assert!(!rests(true, State::Stopped), "killed, so its group wants it");
        assert!(!rests(true, State::Paused), "frozen, so its group wants it");
        assert!(!rests(false, State::Ended), "no group decides about it");
    }

    #[test]
    fn a_node_stays_lost_while_another_fault_holds_it() {
        let storm = marker("1", false, &["db-a1", "db-b1"]);
        let kill = marker("2", true, &["db-a1"]);
        let markers = [storm.clone(), kill.clone()];
        assert!(held_by_another(&markers, &storm, "db-a1"));
        assert!(!held_by_another(&markers, &storm, "db-b1"), "nobody holds it");
        assert!(!held_by_another(&markers, &kill, "db-a1"), "its own fault does not");
    }
}
