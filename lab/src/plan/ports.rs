//! On which ports components answer: their registered or default ones.

/// A data server of Redis.
pub const REDIS_PORT: u16 = 6379;
/// A Sentinel of Redis.
pub const SENTINEL_PORT: u16 = 26379;
/// Patroni's REST interface.
pub const PATRONI_PORT: u16 = 8008;
