//! Which edges can be made faulty: those whose caller is told an address that can be another one.

use super::model::{Edge, Kind, Stage, Tier};

/// Whether calls along an edge go through a network proxy: the edge says so, or the stage says it of
/// all edges and this one can. A cache and a coordination store keep the way they have unless the edge itself
/// says so: who finds its server by asking expects it a hop away.
pub fn is_faultable(stage: &Stage, edge: &Edge) -> bool {
    let (Some(from), Some(to)) = (stage.tiers.get(&edge.from), stage.tiers.get(&edge.to)) else {
        return false;
    };
    by_default(stage.faultable_edges, edge, to) && obstacle(from, to).is_none()
}

/// What an edge says of itself, or the stage of all.
pub fn by_default(faultable_edges: bool, edge: &Edge, to: &Tier) -> bool {
    let keeps_its_way = matches!(to.kind, Kind::Redis(_) | Kind::Etcd(_));
    edge.faultable.unwrap_or(faultable_edges && !keeps_its_way)
}

/// Whether the caller's own network leads its calls to the network proxy: it is not told addresses by the lab,
/// or hears of them elsewhere.
pub fn is_redirected(from: &Tier, to: &Tier) -> bool {
    let finds_out_itself = match &from.kind {
        Kind::Container(_) => true,
        Kind::Service(service) => !service.is_ours(),
        _ => false,
    };
    finds_out_itself || matches!(to.kind, Kind::Redis(_) | Kind::Etcd(_))
}

/// Why calls from one tier to another cannot go through a network proxy; `None` when they can.
pub fn obstacle(_from: &Tier, to: &Tier) -> Option<&'static str> {
    match &to.kind {
        Kind::Container(kind) if kind.ports.is_empty() => Some("it has no `ports`"),
        Kind::Dns(_) => Some("questions for names go over UDP"),
        _ => None,
    }
}
