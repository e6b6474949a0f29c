//! `service`: tasks of a container image.

use std::collections::BTreeMap;

use super::{Context, DATABASE, POSTGRES_PORT, blank, password};
use crate::plan::layout::{Place, of_tier};
use crate::plan::node::{NodeSpec, Probe};
use crate::spec::model::{Habits, Service};

/// A task.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &Service,
) -> NodeSpec {
    let mut node = blank(context, place, "service", &kind.image);
    node.env.insert("LISTEN".into(), format!("0.0.0.0:{}", kind.port));
    node.env.insert("NODE_NAME".into(), place.name.clone());
    if let Some(database) = &kind.database {
        node.env.extend(database_env(context, places, database));
    }
    // The demo application says when it can serve; of another image only its health is known.
    let own = kind.image == "app";
    if own {
        node.env.extend(habits_env(&kind.habits));
    }
    node.env.extend(kind.env.iter().map(|(k, v)| (k.clone(), v.clone())));
    let path = if own { "/readyz".into() } else { kind.health.clone() };
    node.probe = Probe::Http { port: kind.port, path };
    node.priority = 3;
    node
}

/// Where the database is, for an application: all its nodes, because the primary moves.
pub(super) fn database_env(
    context: &Context<'_>,
    places: &[Place],
    tier: &str,
) -> BTreeMap<String, String> {
    let hosts: Vec<String> =
        of_tier(places, tier).map(|p| format!("{}:{POSTGRES_PORT}", p.address)).collect();
    [
        ("DATABASE_HOSTS", hosts.join(",")),
        ("DATABASE_USER", DATABASE.to_owned()),
        ("DATABASE_PASSWORD", password(context.secret, DATABASE)),
        ("DATABASE_NAME", DATABASE.to_owned()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}

/// The application's switches.
pub(super) fn habits_env(habits: &Habits) -> BTreeMap<String, String> {
    let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
    [
        ("RETRIES", on_off(habits.retries)),
        ("IDEMPOTENCY", on_off(habits.idempotency)),
        ("RETRY_BUDGET_MS", habits.retry_budget_ms.to_string()),
        ("CONNECT_TIMEOUT_MS", habits.connect_timeout_ms.to_string()),
        ("STATEMENT_TIMEOUT_MS", habits.statement_timeout_ms.to_string()),
        ("POOL_SIZE", habits.pool_size.to_string()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}
