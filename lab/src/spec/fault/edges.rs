//! Parameters of faults of edges, and what a network proxy is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::{LONGEST_MS, Name};

/// Parameters of `slow-edge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowEdge {
    /// The calling tier.
    pub from: Name,
    /// The called tier.
    pub to: Name,
    /// What every answer takes longer (200 ms when absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub latency_ms: Option<u64>,
    /// How much that varies to either side.
    #[serde(default)]
    #[schemars(range(max = LONGEST_MS))]
    pub jitter_ms: u64,
    /// How long it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `cut-edge` and `reset-edge`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CutEdge {
    /// The calling tier.
    pub from: Name,
    /// The called tier.
    pub to: Name,
    /// How long it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `slow-dependency`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SlowDependency {
    /// The managed service, as in the `services` of an `aws` tier (`ses`, the mail service, when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    /// The calling tier; all that call the service when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// What every answer takes longer (5 s when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub latency_ms: Option<u64>,
    /// How much that varies to either side.
    #[schemars(range(max = LONGEST_MS))]
    pub jitter_ms: u64,
    /// How long it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

impl SlowDependency {
    /// The service, as it is spelt in stage files.
    pub fn service(&self) -> &str {
        self.service.as_deref().unwrap_or("ses")
    }
}

/// What a network proxy can do to the connections of an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Toxic {
    /// Every answer comes later, by the latency plus or minus the jitter.
    Latency {
        /// Milliseconds.
        latency_ms: u32,
        /// Milliseconds.
        jitter_ms: u32,
    },
    /// Open connections end, new ones are refused.
    Cut,
    /// Connections are reset as soon as an answer is due.
    Reset,
}

/// A route of a network proxy that a fault makes suffer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoisonedRoute {
    /// The proxy's node.
    pub node: Name,
    /// Where its interface answers.
    pub api: std::net::SocketAddrV4,
    /// The route's name there.
    pub route: String,
    /// What it suffers.
    pub toxic: Toxic,
}
