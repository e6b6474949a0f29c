//! The program beside nginx in an edge cache with a front door: counts what nginx's rules matched, and
//! says so.
//!
//! nginx decides, and sends one datagram for each request that a rule matched: the client's address and
//! the rules' names. `GET /front-door` returns a [`View`].

mod count;
mod serve;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;

use super::error::BalancerError;
use super::nginx::Nginx;
use super::signals::end_requested;
use crate::spec::model::RuleAction;

use count::Counts;
pub use count::{RuleView, TAG, View};

/// Everything the program needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrontDoorConfig {
    /// nginx's configuration.
    pub nginx_conf: PathBuf,
    /// The folder that nginx writes to; created if need be.
    pub folder: PathBuf,
    /// The nginx program.
    pub nginx: PathBuf,
    /// Port on which the counts are served.
    pub status_port: u16,
    /// Port of 127.0.0.1 to which nginx sends what its rules matched.
    pub counter_port: u16,
    /// Port of 127.0.0.1 on which nginx says that it works.
    pub nginx_status_port: u16,
    /// The rules.
    pub rules: Vec<RuleConfig>,
}

/// A rule, as far as it is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name.
    pub name: String,
    /// What is done about what it matches.
    pub action: RuleAction,
}

/// Runs an edge cache with a front door until SIGTERM or SIGQUIT, then ends it gracefully.
///
/// # Errors
/// The configuration cannot be used, nginx does not start or died, or a port is taken.
pub async fn run(config: &Path) -> Result<(), BalancerError> {
    let text = std::fs::read(config)
        .map_err(|source| BalancerError::File { path: config.into(), source })?;
    let config: FrontDoorConfig = serde_json::from_slice(&text)
        .map_err(|e| BalancerError::Config { path: config.into(), reason: e.to_string() })?;
    run_until(&config, end_requested()?).await
}

/// The same until `end` is ready.
///
/// # Errors
/// As for [`run`].
pub async fn run_until(
    config: &FrontDoorConfig,
    end: impl Future<Output = ()>,
) -> Result<(), BalancerError> {
    let listen = |port| move |source| BalancerError::Listen { port, source };
    let status = TcpListener::bind(("0.0.0.0", config.status_port))
        .await
        .map_err(listen(config.status_port))?;
    // Bound before nginx starts, so that it is heard from its first request on.
    let matches = UdpSocket::bind(("127.0.0.1", config.counter_port))
        .await
        .map_err(listen(config.counter_port))?;
    std::fs::create_dir_all(&config.folder)
        .map_err(|source| BalancerError::File { path: config.folder.clone(), source })?;
    let mut nginx = Nginx::spawn(&config.nginx, &config.nginx_conf)?;
    tokio::pin!(end);
    tokio::select! {
        ready = nginx.ready(config.nginx_status_port) => ready?,
        () = &mut end => return nginx.end().await,
    }
    let counts = Arc::new(Mutex::new(Counts::new(&config.rules)));
    let mut beside = JoinSet::new();
    beside.spawn(listen_to(matches, Arc::clone(&counts)));
    beside.spawn(serve::serve(status, counts, config.nginx_status_port));
    tokio::select! {
        status = nginx.ended() => Err(BalancerError::NginxDied(status?)),
        () = &mut end => nginx.end().await,
    }
}

/// Counts what nginx sends, for as long as it is polled.
async fn listen_to(matches: UdpSocket, counts: Arc<Mutex<Counts>>) {
    let mut datagram = [0; 2048];
    // A datagram that cannot be received is one that is not counted.
    while let Ok(length) = matches.recv(&mut datagram).await {
        let text = String::from_utf8_lossy(&datagram[..length]);
        counts.lock().unwrap_or_else(PoisonError::into_inner).note(&text);
    }
}
