//! Redis with its Sentinels.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LONGEST_MS, Name};
use crate::spec::short;

/// Redis: data servers in `zones`, the first of which begins as the primary, and Sentinels.
/// Replication is asynchronous: a fail-over may lose the last writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Zones of the Sentinels, each a node of its own: zone name to number of them, or a list of
    /// zones. An odd number, at least 3.
    #[serde(deserialize_with = "short::zones")]
    #[schemars(transform = short::zones_schema)]
    pub sentinels: IndexMap<Name, u16>,
    /// How long a server must be silent before a Sentinel takes it for dead, in milliseconds.
    #[serde(default = "down_after")]
    #[schemars(range(min = 100, max = LONGEST_MS))]
    pub down_after_ms: u64,
    /// Memory for data of each server in MiB; keys with an expiry are evicted when it is full.
    #[serde(default = "cache_memory")]
    #[schemars(range(min = 1, max = 65_536))]
    pub maxmemory_mib: u32,
}

fn down_after() -> u64 {
    500
}

fn cache_memory() -> u32 {
    64
}
