//! `service`: tasks of a container image.

use std::collections::BTreeMap;

use super::address::{self, Order, addresses};
use super::container::{files, hosts};
use super::database_proxy::PROXY_PORT;
use super::redis::cache_password;
use super::{
    Context, DATABASE, POSTGRES_PORT, WEB_PORT, aws, blank, database_names, messaging, password,
    port_of, tracing,
};
use crate::plan::layout::Place;
use crate::plan::node::{NodeSpec, Probe, Rights};
use crate::plan::ports::SENTINEL_PORT;
use crate::spec::model::{Carts, Habits, Kind, Mail, Service};
use crate::spec::releases::effective;
use crate::spec::slots::Duty;

/// A task.
pub(super) fn node(
    context: &Context<'_>,
    places: &[Place],
    place: &Place,
    kind: &Service,
) -> NodeSpec {
    let release = kind.current().map(|(name, _)| name.clone());
    let kind = &effective(kind);
    let mut node = blank(context, place, "service", &kind.image);
    node.env.insert("LISTEN".into(), format!("0.0.0.0:{}", kind.port));
    node.env.insert("NODE_NAME".into(), place.name.clone());
    if let Some(database) = &kind.database {
        node.env.extend(database_env(context, places, place, database));
        if !kind.is_ours() {
            let url = database_url(&node.env);
            node.env.insert("DATABASE_URL".into(), url);
        }
    }
    if let Some(cache) = &kind.cache {
        node.env.extend(cache_env(context, places, place, cache));
    }
    if let Some(aws) = &kind.aws {
        node.env.extend(aws::env(context, places, place, aws));
    }
    for (name, value) in messaging::endpoints(context, places, place, kind) {
        node.env.entry(name).or_insert(value);
    }
    if kind.carts == Carts::Dynamodb {
        node.env.insert("CARTS".into(), "dynamodb".into());
    }
    if let Some(bucket) = &kind.assets_bucket {
        node.env.insert("ASSETS_BUCKET".into(), bucket.clone());
    }
    if let Some(upstream) = &kind.upstream {
        node.env.extend(upstream_env(context, places, place, upstream));
    }
    node.env.extend(tracing::env(context, place, kind));
    if !kind.is_ours() {
        // Also when it is called like one of ours.
        node.image.clone_from(&kind.image);
        node.env.insert("PORT".into(), kind.port.to_string());
        node.hosts = hosts(context.stage, places);
        node.dns = vec![context.subnet.control()];
        node.command.clone_from(&kind.command);
        node.entrypoint.clone_from(&kind.entrypoint);
        node.files = files(&kind.files);
        node.volumes.clone_from(&kind.volumes);
    }
    node.init = !kind.is_ours();
    node.rights = rights(kind);
    if kind.is_ours() {
        if kind.upstream.is_some() {
            node.env.insert("ROLE".into(), "front".into());
        }
        node.env.extend(bulkhead_env(kind));
        node.env.extend(habits_env(&kind.habits));
        if let Some(per_s) = kind.capacity_per_s {
            node.env.insert("CAPACITY_PER_S".into(), per_s.to_string());
        }
    }
    // An image of the user's own is to know its queue, and how long to serve on, as well.
    node.env.extend(messaging::env(context, kind));
    if let Some(scaling) = &kind.scaling {
        node.env.insert("DRAIN_MS".into(), scaling.drain_ms.to_string());
    }
    node.env.extend(kind.env.iter().map(|(k, v)| (k.clone(), v.clone())));
    if let Some(release) = &release {
        node.env.insert("RELEASE".into(), release.clone());
    }
    node.release = release;
    node.probe = probe(kind);
    node.priority = 3;
    node
}

/// Nobody knows what an image of somebody else's needs: many begin as root, change the owners of their
/// files and then become somebody else.
fn rights(kind: &Service) -> Option<Rights> {
    (!kind.is_ours()).then(|| Rights {
        cap_add: kind.cap_add.iter().map(|c| c.as_str().to_owned()).collect(),
        cap_drop: kind.cap_drop.iter().map(|c| c.as_str().to_owned()).collect(),
        user: kind.user.clone(),
    })
}

/// The demo application says when it can serve; of another image only its health is known.
pub(super) fn probe(kind: &Service) -> Probe {
    let path = if kind.is_ours() { "/readyz".into() } else { kind.health.clone() };
    Probe::Http { port: kind.port, path }
}

/// Where the database is, for an application: all nodes that can be the primary, because it moves,
/// or the proxies that follow it; and the read replicas, those of the application's own zone first.
pub(super) fn database_env(
    context: &Context<'_>,
    places: &[Place],
    from: &Place,
    tier: &str,
) -> BTreeMap<String, String> {
    let hosts = |tier: &str, duty, port, order| {
        address::list(&addresses((context.stage, places), from, tier, duty, port, order))
    };
    let (user, name) = database_names(context.stage, tier);
    let mut env: BTreeMap<String, String> = [
        ("DATABASE_USER", user.to_owned()),
        ("DATABASE_PASSWORD", password(context.secret, DATABASE)),
        ("DATABASE_NAME", name.to_owned()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into();
    let mut database = tier;
    if let Some(Kind::DatabaseProxy(proxy)) = context.stage.tiers.get(tier).map(|t| &t.kind) {
        let proxies = hosts(tier, Duty::Member, PROXY_PORT, Order::Near);
        env.insert("DATABASE_HOSTS".into(), proxies);
        env.insert("DATABASE_PROXY".into(), "on".into());
        database = &proxy.database;
    } else {
        let members = hosts(tier, Duty::Member, POSTGRES_PORT, Order::AsDeclared);
        env.insert("DATABASE_HOSTS".into(), members);
    }
    let replicas = hosts(database, Duty::Replica, POSTGRES_PORT, Order::Near);
    if !replicas.is_empty() {
        env.insert("REPLICA_HOSTS".into(), replicas);
    }
    env
}

/// The same in one address, as libpq and drivers like it take it: whichever of the hosts takes writes.
fn database_url(env: &BTreeMap<String, String>) -> String {
    let of = |name: &str| env.get(name).map(String::as_str).unwrap_or_default();
    format!(
        "postgresql://{}:{}@{}/{}?target_session_attrs=read-write",
        of("DATABASE_USER"),
        of("DATABASE_PASSWORD"),
        of("DATABASE_HOSTS"),
        of("DATABASE_NAME")
    )
}

/// Whom an application asks where the primary of a cache is: the Sentinels, those of its own zone
/// first.
fn cache_env(
    context: &Context<'_>,
    places: &[Place],
    from: &Place,
    tier: &str,
) -> BTreeMap<String, String> {
    let near = Order::Near;
    let sentinels =
        addresses((context.stage, places), from, tier, Duty::Sentinel, SENTINEL_PORT, near);
    [
        ("CACHE_SENTINELS", address::list(&sentinels)),
        ("CACHE_NAME", tier.to_owned()),
        ("CACHE_PASSWORD", cache_password(context.secret, tier)),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}

/// Where the application tier's load balancers are: all of them, because any may be gone.
fn upstream_env(
    context: &Context<'_>,
    places: &[Place],
    from: &Place,
    tier: &str,
) -> BTreeMap<String, String> {
    let port = context.stage.tiers.get(tier).map_or(WEB_PORT, |t| port_of(&t.kind));
    let scope = (context.stage, places);
    let all = addresses(scope, from, tier, Duty::Member, port, Order::Near);
    let first = all.first().map(|at| format!("http://{at}"));
    [("API_HOSTS", address::list(&all)), ("API_URL", first.unwrap_or_default())]
        .map(|(k, v)| (k.to_owned(), v))
        .into()
}

/// How many requests that send mail may be served at the same time.
fn bulkhead_env(kind: &Service) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    if kind.mail != Mail::Inline {
        return env;
    }
    env.insert("BULKHEAD".into(), if kind.bulkhead { "on" } else { "off" }.into());
    if let Some(slots) = kind.request_slots {
        env.insert("REQUEST_SLOTS".into(), slots.to_string());
    }
    env
}

/// The application's switches.
pub(super) fn habits_env(habits: &Habits) -> BTreeMap<String, String> {
    let on_off = |on: bool| if on { "on" } else { "off" }.to_owned();
    [
        ("RETRIES", on_off(habits.retries)),
        ("IDEMPOTENCY", on_off(habits.idempotency)),
        ("READ_SPLIT", on_off(habits.read_split)),
        ("READ_YOUR_WRITES", on_off(habits.read_your_writes)),
        ("CACHE", on_off(habits.cache)),
        ("STAMPEDE_PROTECTION", on_off(habits.stampede_protection)),
        ("SERVE_STALE", on_off(habits.serve_stale)),
        ("CIRCUIT_BREAKER", on_off(habits.circuit_breaker)),
        ("RETRY_BUDGET_MS", habits.retry_budget_ms.to_string()),
        ("CONNECT_TIMEOUT_MS", habits.connect_timeout_ms.to_string()),
        ("STATEMENT_TIMEOUT_MS", habits.statement_timeout_ms.to_string()),
        ("POOL_SIZE", habits.pool_size.to_string()),
    ]
    .map(|(k, v)| (k.to_owned(), v))
    .into()
}
