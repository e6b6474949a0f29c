//! The life of the process: start, serve, and end in an orderly way.

use std::io;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{Config, Role};
use crate::drain::Draining;
use crate::{start, web};

/// How long requests and messages in hand may take to finish after the signal to end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT, then finishes the requests in progress and the messages in hand.
///
/// # Errors
/// The address cannot be listened on.
pub async fn run(config: Config) -> io::Result<()> {
    // Before anything else: as process 1, signals without a handler are ignored.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (role, drain) = (config.role, config.drain);
    let listener = TcpListener::bind(config.listen).await.map_err(|e| {
        let address = config.listen;
        io::Error::new(e.kind(), format!("cannot listen on {address}: {e}; set LISTEN to another"))
    })?;
    tracing::info!(node = config.node_name, address = %listener.local_addr()?, "listening");
    let (end, mut ended) = watch::channel(false);
    let (parts, mut background) = start::start(config, &ended);
    let router = match role {
        Role::Web => web::router(parts),
        Role::Worker => web::probes(parts),
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
