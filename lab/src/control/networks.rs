//! Networks that were started again under their components. A component that is older than its network
//! sits in one that is gone, and never leaves it: it is killed, and started again as whoever has failed.

use std::collections::{BTreeMap, BTreeSet};

use super::Shared;
use super::replace::Containers;
use crate::engine::{EngineError, Marker};
use crate::journal::ControlEvent;
use crate::plan::ailment::{clock, outlived};
use crate::plan::observed::State;
use crate::plan::{CONTROL, holder_name, main_name};

/// Looks at the nodes whose networks were started, as Docker said before these containers were listed.
///
/// # Errors
/// Docker does not answer, or refuses.
pub async fn look(
    shared: &Shared,
    suspects: &BTreeSet<String>,
    containers: &Containers,
    markers: &[Marker],
) -> Result<(), EngineError> {
    for node in suspects {
        let lab = &shared.config.lab;
        let names = [holder_name(lab, node), main_name(lab, node)];
        let both = names.iter().map(|name| Some((name.clone(), containers.get(name)?.clone())));
        let Some(mut both) = both.collect::<Option<BTreeMap<_, _>>>() else {
            // One that is being made is not there yet; one that was removed has no network to miss.
            shared.watch.suspect([node].into_iter());
            continue;
        };
        let runs = both.values().all(|c| matches!(c.state, State::Running | State::Paused));
        let held = markers.iter().any(|m| m.hold && m.nodes.contains(node));
        if !runs || held {
            // Its start or its heal brings it into the network of then.
            continue;
        }
        shared.engine.look_closely(&mut both).await?;
        let since = outlived(&both[&names[0]], &both[&names[1]]);
        if let Some(since) = since.filter(|_| shared.config.control_plane.replace) {
            let how = format!("its network was restarted at {}", clock(since));
            shared.note(ControlEvent::Detected { node: node.clone(), how });
            if *node == CONTROL {
                // This process ends with it.
                shared.engine.restart(&names[1]).await?;
            } else {
                shared.engine.kill(&names[1]).await?;
            }
        }
    }
    Ok(())
}
