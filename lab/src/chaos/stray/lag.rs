//! Replicas that replay late on purpose.

use std::collections::BTreeMap;

use super::super::acts;
use super::{Lab, Stray, StrayEffect};
use crate::plan::layout::Place;
use crate::plan::main_name;
use crate::plan::observed::{ObservedContainer, State};
use crate::spec::slots::Duty;

/// Asks every replica: there are few, and nothing from outside hints at it.
pub(super) async fn look(
    lab: Lab<'_>,
    containers: &BTreeMap<String, ObservedContainer>,
) -> Vec<Stray> {
    let runs = |p: &&Place| {
        let main = containers.get(&main_name(lab.engine.lab(), &p.name));
        p.duty == Duty::Replica && main.is_some_and(|m| m.state == State::Running)
    };
    let looks = lab.places.iter().filter(runs).map(|place| async move {
        // One that does not answer yet replays nothing.
        let by_ms = acts::late(lab.engine, &place.name).await.unwrap_or(0);
        let effect = StrayEffect::Lag { by_ms };
        (by_ms > 0).then(|| Stray { node: place.name.clone(), effect })
    });
    futures::future::join_all(looks).await.into_iter().flatten().collect()
}
