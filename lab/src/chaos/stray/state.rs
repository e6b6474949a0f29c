//! What containers show by themselves: frozen and ended processes, other limits. Pure.

use std::collections::BTreeMap;

use super::{Lab, Stray, StrayEffect};
use crate::engine::deploys::deploy_among;
use crate::kinds;
use crate::plan::observed::{ObservedContainer, State};
use crate::plan::{CONTROL, holder_name, main_name};

pub(super) fn look(lab: Lab<'_>, containers: &BTreeMap<String, ObservedContainer>) -> Vec<Stray> {
    // Who deploys ends, and makes anew, the tasks of a tier himself.
    let deploying = deploy_among(containers.values()).ok().flatten().map(|d| d.tier);
    let tier = |node: &str| lab.places.iter().find(|p| p.name == node).map(|p| &p.tier);
    let wanted = |node: &str| {
        let place = lab.places.iter().find(|p| p.name == node)?;
        kinds::fixed_limits(lab.stage, place)
    };
    let mut found = Vec::new();
    for (node, _) in
        lab.nodes().filter(|(node, _)| deploying.is_none() || tier(node) != deploying.as_ref())
    {
        let name = lab.engine.lab();
        let (Some(holder), Some(main)) =
            (containers.get(&holder_name(name, node)), containers.get(&main_name(name, node)))
        else {
            continue;
        };
        // The others are started again by the control plane.
        let alone = node == CONTROL || !lab.stage.control_plane.replace;
        let effects = effects(holder, main, alone, wanted(node));
        found.extend(effects.into_iter().map(|effect| Stray { node: node.to_owned(), effect }));
    }
    found
}

fn effects(
    holder: &ObservedContainer,
    main: &ObservedContainer,
    alone: bool,
    wanted: Option<crate::plan::node::Limits>,
) -> Vec<StrayEffect> {
    let mut effects = Vec::new();
    if [holder, main].iter().any(|c| c.state == State::Paused) {
        effects.push(StrayEffect::Frozen);
    }
    let ended = holder.state.has_ended() || main.state.has_ended();
    if alone && ended && !main.rests_in_reserve() {
        effects.push(StrayEffect::Stopped);
    }
    if let Some((found, wanted)) = main.closely.limits.zip(wanted)
        && found != wanted
    {
        effects.push(StrayEffect::Limits { found, wanted });
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::node::Limits;
    use crate::plan::observed::{Closely, Part};

    fn container(part: Part, state: State, limits: Option<Limits>) -> ObservedContainer {
        ObservedContainer {
            id: String::new(),
            node: "web-a1".into(),
            part,
            spec: String::new(),
            state,
            ports: Vec::new(),
            image: String::new(),
            labels: BTreeMap::new(),
            closely: Closely { limits, ..Closely::default() },
        }
    }

    #[test]
    fn what_a_container_shows_is_read_off_it() {
        let limits = |memory_bytes| Limits { nano_cpus: 500_000_000, memory_bytes };
        let (wanted, other) = (limits(256 << 20), limits(64 << 20));
        let of = |main: State, found: Limits, alone: bool| {
            let holder = container(Part::Holder, State::Running, None);
            effects(&holder, &container(Part::Main, main, Some(found)), alone, Some(wanted))
        };
        assert_eq!(of(State::Running, wanted, true), []);
        assert_eq!(of(State::Paused, wanted, false), [StrayEffect::Frozen]);
        assert_eq!(of(State::Stopped, wanted, true), [StrayEffect::Stopped]);
        assert_eq!(of(State::Stopped, wanted, false), [], "the control plane starts it");
        let found = of(State::Running, other, false);
        assert_eq!(found[0].to_string(), "limits of 0.5 CPUs and 64 MiB instead of 0.5 and 256");
    }
}
