//! A caller's connection and the one to the upstream that belongs to it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::direction::Direction;
use crate::metrics::Counters;
use crate::toxic::{Stream, Toxics};

/// What the connections of a proxy have in common.
#[derive(Clone)]
pub struct Common {
    /// Name of the proxy.
    pub name: Arc<str>,
    /// Where connections go to.
    pub upstream: Arc<str>,
    /// Longest wait for a connection to it.
    pub connect_timeout: Duration,
    /// The toxics, now and after each change.
    pub toxics: watch::Receiver<Toxics>,
    /// Count the bytes.
    pub counters: Arc<Counters>,
}

/// Carries one connection to its end.
pub async fn carry(mut client: TcpStream, common: Common) {
    let Common { name, upstream, toxics, counters, connect_timeout } = common;
    let mut server = match connect(&upstream, connect_timeout).await {
        Ok(server) => server,
        // The caller sees its connection end without a byte.
        Err(error) => return tracing::info!(proxy = %name, %upstream, %error, "no connection"),
    };
    for stream in [&client, &server] {
        // Small messages must not wait for company.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(proxy = %name, %error, "no TCP_NODELAY");
        }
    }
    let ended = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let (there, back) = (&counters.upstream, &counters.downstream);
        let there = Direction {
            input: from_client,
            output: to_server,
            stream: Stream::Upstream,
            toxics: toxics.clone(),
            counter: there,
        };
        let back = Direction {
            input: from_server,
            output: to_client,
            stream: Stream::Downstream,
            toxics,
            counter: back,
        };
        tokio::try_join!(there.run(), back.run())
    };
    if ended.is_err() {
        for stream in [&client, &server] {
            // Closing then sends a reset instead of an orderly end.
            if let Err(error) = stream.set_zero_linger() {
                tracing::warn!(proxy = %name, %error, "the connection is closed, not reset");
            }
        }
    }
}

async fn connect(upstream: &str, limit: Duration) -> io::Result<TcpStream> {
    tokio::time::timeout(limit, TcpStream::connect(upstream)).await.unwrap_or_else(|_| {
        let text = format!("no answer within {} ms", limit.as_millis());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}
