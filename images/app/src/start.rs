//! Puts the parts of a task together. None of them is waited for.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::assets::{Assets, Publisher, publish};
use crate::aws::{Bucket, CartTable, Ses};
use crate::cache::Cache;
use crate::config::{self, Config};
use crate::db::{Databases, Db, Function};
use crate::events::{Channel, Gauge, Relay};
use crate::front;
use crate::mail::Inline;
use crate::shop::carts::Carts;
use crate::trace;
use crate::web::{Capacity, Parts, Queues, Slots};
use crate::worker::{Post, Worker};

/// The parts, and what works in the background until `ended`.
pub fn start(config: Config, ended: &watch::Receiver<bool>) -> (Parts, JoinSet<()>) {
    let positions = config.database.positions;
    let main = config::DataSource { database: config.database, replicas: config.replicas };
    let databases =
        Databases::start(main, config.federation, config.read_your_writes, config.habits);
    let db = databases.of(Function::Catalogue).clone();
    let mut background = JoinSet::new();
    if let Some(settings) = config.tracing {
        background.spawn(trace::start(settings, ended.clone()));
    }
    let queues = config.events.map(|events| {
        let ses = config.mail.as_ref().map(Ses::new);
        queues(&db, &events, config.worker.map(|worker| (worker, ses)), ended, &mut background)
    });
    let inline = config.mail.filter(|_| config.inline.is_some());
    let inline = inline.map(|mail| Inline::new(db, Ses::new(&mail), &mut background));
    let cache = Cache::start(databases.clone(), config.cache);
    let schemas = databases.keep_current();
    let assets = Arc::new(Assets::embedded());
    let (carts, publisher) = managed(config.aws.as_ref(), &assets);
    let parts = Parts {
        databases,
        schemas,
        cache,
        following: positions.then_some(config.read_your_writes),
        carts,
        assets,
        publisher,
        queues,
        inline,
        slots: config.inline.map(Slots::new),
        capacity: config.capacity_per_s.map(Capacity::new),
        page_ttl_s: config.page_ttl_s,
        node_name: config.node_name,
    };
    (parts, background)
}

/// The parts of a web tier's task, and what works in the background until `ended`.
pub fn front(
    settings: config::Front,
    ended: &watch::Receiver<bool>,
) -> (front::Parts, JoinSet<()>) {
    let mut background = JoinSet::new();
    let api = front::Api::new(&settings);
    let assets = Arc::new(Assets::embedded());
    let (_, publisher) = managed(settings.aws.as_ref(), &assets);
    if let Some(settings) = settings.tracing {
        background.spawn(trace::start(settings, ended.clone()));
    }
    let parts = front::Parts { api, assets, publisher, node_name: settings.node_name };
    (parts, background)
}

/// Events are passed on by web tasks and taken by workers.
fn queues(
    db: &Db,
    events: &config::Events,
    worker: Option<(config::Worker, Option<Ses>)>,
    ended: &watch::Receiver<bool>,
    background: &mut JoinSet<()>,
) -> Queues {
    let channel = Arc::new(Channel::new(events));
    let relay = events.published.then(|| Relay::new(db.clone(), Arc::clone(&channel)));
    if let Some(relay) = &relay {
        background.spawn(Arc::clone(relay).run(ended.clone()));
    }
    let worker = worker.map(|(habits, ses)| {
        let post = Post::new(db.clone(), ses, habits.dedupe);
        let worker = Worker::new(Arc::clone(&channel), post, habits);
        background.spawn(Arc::clone(&worker).run(ended.clone()));
        worker.stats()
    });
    Queues { gauge: Gauge::new(db.clone(), channel), relay, worker }
}

/// What the managed services are used for.
fn managed(
    settings: Option<&config::Aws>,
    assets: &Arc<Assets>,
) -> (Carts, Option<Arc<Publisher>>) {
    let Some(settings) = settings else { return (Carts::Database, None) };
    let carts = match &settings.carts_table {
        None => Carts::Database,
        Some(name) => {
            let table = Arc::new(CartTable::new(settings, name.clone()));
            let prepared = Arc::clone(&table);
            tokio::spawn(async move { prepared.prepare().await });
            Carts::Table(table)
        }
    };
    let publisher = settings.assets_bucket.as_ref().map(|name| {
        let bucket = Bucket::new(settings, name.clone());
        publish(Arc::clone(assets), bucket)
    });
    (carts, publisher)
}
