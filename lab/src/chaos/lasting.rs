//! Whether a fault is still in effect: looked at just before the heal, because components have
//! minds of their own and may undo what was done to them.

use super::{NetProxy, acts, packet_filter};
use crate::engine::{Engine, EngineError, Marker};
use crate::plan::main_name;
use crate::plan::observed::State;
use crate::spec::model::Fault;

/// Nothing when the effect has lasted as far as that can be seen, or what was seen instead. What
/// cannot be looked at has not been shown to last.
pub async fn lasting(engine: &Engine, marker: &Marker) -> Result<(), String> {
    for node in &marker.nodes {
        look(engine, marker, node).await.unwrap_or_else(|e| Err(e.to_string()))?;
    }
    for poisoned in &marker.routes {
        match NetProxy::new(poisoned.api).suffers(&poisoned.route, poisoned.toxic).await {
            Ok(true) => {}
            Ok(false) => return Err(format!("{} is well again", poisoned.route)),
            Err(e) => return Err(e.to_string()),
        }
    }
    Ok(())
}

async fn look(
    engine: &Engine,
    marker: &Marker,
    node: &str,
) -> Result<Result<(), String>, EngineError> {
    if let Fault::ReplicaLag(fault) = &marker.fault {
        let late_ms = acts::late(engine, node).await?;
        let lasts = fault.lag_ms.map_or(late_ms > 0, |wanted| late_ms == wanted);
        return Ok(lasts.then_some(()).ok_or(format!("{node} replays {late_ms} ms late")));
    }
    if !marker.hold {
        return Ok(Ok(()));
    }
    let containers = engine.containers().await?;
    let runs = containers
        .get(&main_name(engine.lab(), node))
        .is_some_and(|main| main.state == State::Running);
    // It runs, but nobody reaches it.
    let cut_off = runs && packet_filter::dropped(engine, node, &marker.id).await?.is_some();
    Ok(if runs && !cut_off { Err(format!("{node} runs again")) } else { Ok(()) })
}
