//! Why a name server does not work.

use std::path::PathBuf;
use std::process::ExitStatus;

/// What ended it.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// The configuration cannot be used.
    #[error("{path}: {reason}; `lab up` writes this file anew")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or socket could not be made, read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A port is not free.
    #[error("cannot listen on port {port}: {source}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// PowerDNS could not be started, told or waited for.
    #[error("PowerDNS: {0}")]
    Server(std::io::Error),
    /// PowerDNS ended although nobody asked it to.
    #[error("PowerDNS died ({0}); its own messages are above")]
    Died(ExitStatus),
}
