//! Accepts the callers of a proxy until it is told to stop.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::connection::{Common, carry};

/// Pause after an error that trying again at once would only repeat (no file descriptors left).
const PAUSE: Duration = Duration::from_millis(10);

/// Returns after `stop` when nobody is listening any more and every connection is closed.
pub async fn accept(listener: TcpListener, common: Common, mut stop: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    connections.spawn(carry(client, common.clone()));
                }
                Err(error) => {
                    tracing::warn!(proxy = %common.name, %error, "cannot accept a connection");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
    drop(listener);
    connections.shutdown().await;
}
