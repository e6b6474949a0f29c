//! The life of the process: start, serve, and end in an orderly way.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::assets::{Assets, Publisher, publish};
use crate::aws::{Bucket, CartTable};
use crate::cache::Cache;
use crate::config::{self, Config};
use crate::db::{Db, keep_current};
use crate::shop::carts::Carts;
use crate::web;

/// How long requests may take to finish after the signal to end.
const GRACE: Duration = Duration::from_secs(5);

/// What the managed services are used for. None of them is waited for.
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

/// Serves until SIGTERM or SIGINT, then finishes the requests in progress.
///
/// # Errors
/// The address cannot be listened on.
pub async fn run(config: Config) -> io::Result<()> {
    // Before anything else: as process 1, signals without a handler are ignored.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(config.listen).await.map_err(|e| {
        let address = config.listen;
        io::Error::new(e.kind(), format!("cannot listen on {address}: {e}; set LISTEN to another"))
    })?;
    tracing::info!(node = config.node_name, address = %listener.local_addr()?, "listening");
    let positions = config.database.positions;
    let db = Db::start(
        config.database,
        config.replicas.as_ref(),
        config.read_your_writes,
        config.habits,
    );
    let cache = Cache::start(db.clone(), config.cache);
    let schema = keep_current(db.clone());
    let assets = Arc::new(Assets::embedded());
    let (carts, publisher) = managed(config.aws.as_ref(), &assets);
    let following = positions.then_some(config.read_your_writes);
    let router = web::router(web::Parts {
        db,
        schema,
        cache,
        following,
        carts,
        assets,
        publisher,
        page_ttl_s: config.page_ttl_s,
        node_name: config.node_name,
    });

    let (end, mut ended) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("ending: no new requests");
        end.send_replace(true);
    });
    let mut cut_off = ended.clone();
    let serving = axum::serve(
        listener.tap_io(|stream| {
            // Answers are small: waiting to fill a packet only adds latency.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "no TCP_NODELAY");
            }
        }),
        router,
    )
    .with_graceful_shutdown(async move {
        let _ = ended.wait_for(|ended| *ended).await;
    });
    tokio::select! {
        served = serving => served,
        () = async move {
            let _ = cut_off.wait_for(|ended| *ended).await;
            tokio::time::sleep(GRACE).await;
        } => {
            tracing::warn!("requests were cut off after {} s", GRACE.as_secs());
            Ok(())
        }
    }
}
