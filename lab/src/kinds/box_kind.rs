//! `box`: web server, application and perhaps the database in one container.

use super::service::{database_env, habits_env};
use super::{Context, WEB_PORT, blank};
use crate::plan::layout::Place;
use crate::plan::node::{NodeSpec, Probe};
use crate::spec::model::BoxKind;

/// The box. Without a database tier its own PostgreSQL keeps data in the node's volume.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &BoxKind,
) -> NodeSpec {
    let mut node = blank(context, place, "box", "box");
    node.env.insert("NODE_NAME".into(), place.name.clone());
    node.env.extend(habits_env(&kind.habits));
    match &kind.database {
        Some(tier) => node.env.extend(database_env(context, places, place, tier)),
        None => node.data = Some("/data".into()),
    }
    node.probe = Probe::Http { port: WEB_PORT, path: "/readyz".into() };
    node.priority = 3;
    node
}
