//! The cache.

use std::net::SocketAddr;
use std::time::Duration;

use super::env::{ConfigError, Env};

/// Redis' and Sentinel's usual ports.
const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// How the cache's primary is found.
#[derive(Clone, Debug)]
pub enum CacheServers {
    /// It is this one, always; of several, the one that says so.
    Fixed(Vec<SocketAddr>),
    /// Any of these Sentinels knows it under this name.
    Sentinels(Vec<SocketAddr>, String),
}

/// How the cache is used.
#[derive(Clone, Debug)]
pub struct Cache {
    /// How its primary is found.
    pub servers: CacheServers,
    /// Its password; empty when it asks for none.
    pub password: String,
    /// Whether anything is cached.
    pub on: bool,
    /// How long a value is fresh.
    pub ttl: Duration,
    /// Longest wait for one command.
    pub timeout: Duration,
    /// Few load what all miss.
    pub stampede_protection: bool,
    /// A value past its time is better than none.
    pub serve_stale: bool,
    /// What fails again and again is left alone for a while.
    pub circuit_breaker: bool,
}

impl Cache {
    /// The settings, if there is a cache.
    ///
    /// # Errors
    /// A setting that cannot be used.
    pub fn from_env(env: &Env<'_>) -> Result<Option<Self>, ConfigError> {
        let name = env.text("CACHE_NAME", Some("cache"))?;
        let servers = if env.optional("CACHE_SENTINELS").is_some() {
            let sentinels = env.hosts("CACHE_SENTINELS", SENTINEL_PORT)?;
            Some(CacheServers::Sentinels(sentinels, name))
        } else if env.optional("CACHE_HOSTS").is_some() {
            Some(CacheServers::Fixed(env.hosts("CACHE_HOSTS", REDIS_PORT)?))
        } else {
            None
        };
        let on = env.switch("CACHE", true)?;
        let ttl = env.millis("CACHE_TTL_MS", 2000)?;
        let timeout = env.millis("CACHE_TIMEOUT_MS", 100)?;
        let stampede_protection = env.switch("STAMPEDE_PROTECTION", true)?;
        let serve_stale = env.switch("SERVE_STALE", true)?;
        let circuit_breaker = env.switch("CIRCUIT_BREAKER", true)?;
        let password = env.optional("CACHE_PASSWORD").unwrap_or_default();
        Ok(servers.map(|servers| Self {
            servers,
            password,
            on,
            ttl,
            timeout,
            stampede_protection,
            serve_stale,
            circuit_breaker,
        }))
    }
}
