//! What is wrong with the containers of a lab, told by the nodes' names.

use std::collections::BTreeMap;

use super::{RunError, RunningLab};
use crate::engine::Marker;
use crate::engine::markers::markers_among;
use crate::plan::ailment::{Ailment, ailment};
use crate::plan::layout::Place;
use crate::plan::observed::{ObservedContainer, State};
use crate::plan::{CONTROL, holder_name, main_name};
use crate::spec::slots::Duty;

impl RunningLab {
    /// What is wrong with its nodes, the control plane included, but for those that a fault on record hits;
    /// only of what is well, or unwell for another reason than its containers, nothing is in here.
    ///
    /// # Errors
    /// Docker does not answer.
    pub async fn ailments(&self) -> Result<BTreeMap<String, Ailment>, RunError> {
        let mut containers = self.engine.containers().await?;
        self.engine.look_closely(&mut containers).await?;
        let markers = markers_among(containers.values())?;
        let state =
            |p: &Place| containers.get(&main_name(self.engine.lab(), &p.name)).map(|c| c.state);
        let done = |p: &&Place| p.duty == Duty::Job && state(p) == Some(State::Ended);
        let nodes =
            self.places.iter().filter(|p| !done(p)).map(|p| p.name.as_str()).chain([CONTROL]);
        Ok(among(self.engine.lab(), nodes, &containers, &markers))
    }
}

/// The same, of what was looked at closely.
fn among<'a>(
    lab: &str,
    nodes: impl Iterator<Item = &'a str>,
    containers: &BTreeMap<String, ObservedContainer>,
    markers: &[Marker],
) -> BTreeMap<String, Ailment> {
    let of = |node: &str| {
        if markers.iter().any(|m| m.nodes.iter().any(|n| n == node)) {
            return None;
        }
        let main = containers.get(&main_name(lab, node));
        if main.is_some_and(ObservedContainer::rests_in_reserve) {
            return None;
        }
        let found = ailment(containers.get(&holder_name(lab, node)), main)?;
        Some((node.to_owned(), found))
    };
    nodes.filter_map(of).collect()
}

/// What a node lacks, and what is wrong with its containers, in one.
pub(super) fn explain(missing: &mut [(String, String)], ailments: &BTreeMap<String, Ailment>) {
    for (node, what) in missing {
        if let Some(ailment) = ailments.get(node) {
            *what = format!("{ailment}; run `lab up` ({what})");
        }
    }
}
