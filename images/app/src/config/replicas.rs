//! Read replicas.

use std::net::SocketAddr;
use std::time::Duration;

use super::POSTGRES_PORT;
use super::env::{ConfigError, Env};

/// How read replicas are used.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// All servers that may be replicas; any may be down, or the primary.
    pub hosts: Vec<SocketAddr>,
    /// Whether reads go to them at all.
    pub split: bool,
    /// A replica further behind than this is not used.
    pub max_lag: Duration,
}

impl Replicas {
    /// The settings, if there are replicas.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn from_env(env: &Env<'_>) -> Result<Option<Self>, ConfigError> {
        Self::named(env, "REPLICA_HOSTS")
    }

    /// The same, where the servers are in the setting `hosts`.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn named(env: &Env<'_>, hosts: &'static str) -> Result<Option<Self>, ConfigError> {
        let replicas = Self {
            hosts: match env.optional(hosts) {
                Some(_) => env.hosts(hosts, POSTGRES_PORT)?,
                None => Vec::new(),
            },
            split: env.switch("READ_SPLIT", true)?,
            max_lag: env.millis("REPLICA_MAX_LAG_MS", 1000)?,
        };
        Ok((!replicas.hosts.is_empty()).then_some(replicas))
    }
}
