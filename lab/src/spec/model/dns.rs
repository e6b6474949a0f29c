//! The name server.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LONGEST_MS, NAME_PATTERN, Name};
use crate::spec::short;

/// PowerDNS, which answers with what is healthy of a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// The tier whose nodes the name stands for.
    pub targets: Name,
    /// The name, such as `shop.lab`; what follows its first dot is the zone.
    #[serde(default = "site_name")]
    pub name: String,
    /// Which of the healthy nodes are answered.
    #[serde(default)]
    pub policy: DnsPolicy,
    /// The zone whose nodes are answered first under the policy `failover`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub primary: Option<Name>,
    /// The weight of each node in a zone, under the policy `weighted`; 1 where none is given.
    #[serde(
        default,
        deserialize_with = "short::zones",
        skip_serializing_if = "IndexMap::is_empty"
    )]
    #[schemars(transform = short::zones_schema)]
    pub weights: IndexMap<Name, u16>,
    /// How long an answer may be kept, in seconds; divided by the stage's `time_scale`, and at least
    /// one.
    #[serde(default = "ttl")]
    #[schemars(range(min = 1, max = 86_400))]
    pub ttl_s: u32,
    /// How nodes are checked.
    #[serde(default)]
    pub health_check: DnsHealthCheck,
}

/// Which nodes are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DnsPolicy {
    /// All of them, healthy or not.
    Simple,
    /// Up to eight healthy ones.
    #[default]
    Multivalue,
    /// One of the healthy ones, drawn by weight.
    Weighted,
    /// Those of the primary zone while one of them is healthy, else the others.
    Failover,
}

/// A health check of DNS. Times are the provider's and are divided by the stage's `time_scale`, time-outs
/// to 300 ms at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DnsHealthCheck {
    /// Time between two checks of one checker: 10 or 30 s.
    #[schemars(range(min = 10, max = 30))]
    pub interval_s: u16,
    /// Results in a row that change a checker's mind.
    #[schemars(range(min = 1, max = 10))]
    pub threshold: u16,
    /// Checkers of each node in each name server; a node is healthy while more than 18 % of them think
    /// so.
    #[schemars(range(min = 1, max = 20))]
    pub checkers: u16,
    /// Longest wait for a connection.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub connect_timeout_ms: u64,
    /// Longest wait for an answer on it.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub answer_timeout_ms: u64,
}

impl Default for DnsHealthCheck {
    fn default() -> Self {
        Self {
            interval_s: 30,
            threshold: 3,
            checkers: 5,
            connect_timeout_ms: 4000,
            answer_timeout_ms: 2000,
        }
    }
}

fn site_name() -> String {
    "shop.lab".into()
}

fn ttl() -> u32 {
    60
}
