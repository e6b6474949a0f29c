//! Why a load balancer does not work.

use std::path::PathBuf;
use std::process::ExitStatus;

/// What ended the balancer.
#[derive(Debug, thiserror::Error)]
pub enum BalancerError {
    /// The configuration cannot be used.
    #[error("{path}: {reason}; `lab up` writes this file anew")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The port for the view of the targets is not free.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is no port for nginx's log.
    #[error("cannot listen for nginx's log: {0}")]
    Log(std::io::Error),
    /// nginx could not be started or signalled.
    #[error("nginx: {0}")]
    Nginx(std::io::Error),
    /// nginx does not answer.
    #[error("nginx did not answer within {0:?} of its start; its own messages are above")]
    NotReady(std::time::Duration),
    /// nginx ended although nobody asked it to.
    #[error("nginx died ({0}); its own messages are above")]
    NginxDied(ExitStatus),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
}
