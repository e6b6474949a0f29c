//! The life of the process: start, serve, and end in an orderly way.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Config, Role, Settings};
use crate::drain::Draining;
use crate::{front, start, web};

/// How long requests and messages in hand may take to finish after the signal to end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT, then finishes the requests in progress and the messages in hand.
///
/// # Errors
/// The address cannot be listened on.
pub async fn run(settings: Settings) -> io::Result<()> {
    // Before anything else: as process 1, signals without a handler are ignored.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (address, name, drain) = match &settings {
        Settings::Shop(config) => (config.listen, &config.node_name, config.drain),
        Settings::Front(front) => (front.listen, &front.node_name, front.drain),
    };
    let defect = match &settings {
        Settings::Shop(config) => config.defect,
        Settings::Front(_) => None,
    };
    let listener = TcpListener::bind(address).await.map_err(|e| {
        io::Error::new(e.kind(), format!("cannot listen on {address}: {e}; set LISTEN to another"))
    })?;
    tracing::info!(node = name, address = %listener.local_addr()?, "listening");
    let (end, mut ended) = watch::channel(false);
    let (router, mut background) = match settings {
        Settings::Shop(config) => shop(*config, &ended),
        Settings::Front(front) => {
            let (parts, background) = start::front(*front, &ended);
            (front::router(parts), background)
        }
    };
    let router = match defect {
        Some(defect) => defect.guard(router),
        None => router,
    };
    let draining = Draining::default();
    let router = draining.guard(router);

    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        draining.begin();
        tokio::time::sleep(drain).await;
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
    let finished = async {
        serving.await?;
        while background.join_next().await.is_some() {}
        Ok(())
    };
    tokio::select! {
        finished = finished => finished,
        () = async move {
            let _ = cut_off.wait_for(|ended| *ended).await;
            tokio::time::sleep(GRACE).await;
        } => {
            tracing::warn!("what was in hand was cut off after {} s", GRACE.as_secs());
            Ok(())
        }
    }
}

/// A task that has the shop's data, or works on them.
fn shop(config: Config, ended: &watch::Receiver<bool>) -> (Router, JoinSet<()>) {
    let role = config.role;
    let (parts, background) = start::start(config, ended);
    let router = match role {
        Role::Worker => web::probes(parts),
        Role::Web | Role::Front => web::router(parts),
    };
    (router, background)
}
