//! The configuration file, JSON, written by `lab up`.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::DnsError;
use crate::spec::model::DnsPolicy;

/// Everything the program beside PowerDNS needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsConfig {
    /// The name, such as `shop.lab`.
    pub name: String,
    /// The zone that it is in, such as `lab`.
    pub domain: String,
    /// The name servers of the zone.
    pub servers: Vec<NameServer>,
    /// Which of the healthy targets are answered.
    pub policy: DnsPolicy,
    /// How long an answer may be kept, in seconds.
    pub ttl_s: u32,
    /// What the name stands for.
    pub targets: Vec<DnsTarget>,
    /// How they are checked.
    pub check: CheckConfig,
    /// Port on which PowerDNS answers.
    pub port: u16,
    /// Port on which the program says what it thinks.
    pub status_port: u16,
    /// Folder for what runs; created if need be.
    pub folder: PathBuf,
    /// PowerDNS and its arguments.
    pub command: Vec<String>,
}

/// A name server of the zone: itself, or another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameServer {
    /// Its name, such as `dns-a1.lab`.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// What a name may stand for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsTarget {
    /// The node's name.
    pub name: String,
    /// Where it is, and answers health checks.
    pub address: SocketAddrV4,
    /// Its share under the policy `weighted`.
    pub weight: u16,
    /// Under the policy `failover` it is answered as long as it is healthy.
    pub primary: bool,
}

/// How the entry of a stage is found by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryName {
    /// The name, such as `shop.lab`.
    pub name: String,
    /// Its name servers.
    pub servers: Vec<SocketAddrV4>,
    /// The port of what it stands for.
    pub port: u16,
}

/// How targets are checked; times are those that pass here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckConfig {
    /// The path that is asked for.
    pub path: String,
    /// Independent checkers of each target.
    pub checkers: u16,
    /// Time between two checks of one checker.
    pub interval_ms: u64,
    /// So many results in a row change a checker's mind.
    pub threshold: u16,
    /// Longest wait for a connection.
    pub connect_timeout_ms: u64,
    /// Longest wait for an answer on it.
    pub answer_timeout_ms: u64,
}

impl DnsConfig {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or is not a configuration.
    pub fn load(path: &Path) -> Result<Self, DnsError> {
        let text =
            std::fs::read(path).map_err(|source| DnsError::File { path: path.into(), source })?;
        let wrong = |reason: String| DnsError::Config { path: path.into(), reason };
        let config: Self = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
        if config.command.is_empty() || config.targets.is_empty() {
            return Err(wrong("there is no target, or no name server to start".into()));
        }
        Ok(config)
    }
}
