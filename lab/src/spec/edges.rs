//! Which edges can be made faulty: those whose caller is told an address that can be another one.

use super::model::{Edge, Kind, Stage, Tier};

/// Whether calls along an edge go through a network proxy: the edge says so, or the stage says it of
/// all edges and this one can.
pub fn is_faultable(stage: &Stage, edge: &Edge) -> bool {
    let (Some(from), Some(to)) = (stage.tiers.get(&edge.from), stage.tiers.get(&edge.to)) else {
        return false;
    };
    edge.faultable.unwrap_or(stage.faultable_edges) && obstacle(from, to).is_none()
}

/// Why calls from one tier to another cannot go through a network proxy; `None` when they can.
pub fn obstacle(from: &Tier, to: &Tier) -> Option<&'static str> {
    match (&from.kind, &to.kind) {
        (_, Kind::Redis(_)) => Some("the Sentinels tell clients the servers' own addresses"),
        (_, Kind::Etcd(_)) => Some("the members of a cluster know each other by their addresses"),
        (Kind::Container(_), _) => {
            Some("a container calls others by name, and the names stand for the nodes themselves")
        }
        (Kind::Service(service), _)
            if service.image != "app"
                && service.database.is_none()
                && service.upstream.is_none() =>
        {
            Some("the lab does not tell the image where that tier is")
        }
        _ => None,
    }
}
