//! Parameters of faults of `postgres` tiers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::{LONGEST_MS, Mode, Name};

/// Parameters of `kill-primary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillPrimary {
    /// A tier of kind `postgres`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost before it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `pause-primary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PausePrimary {
    /// A tier of kind `postgres`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long it stays frozen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `cut-replication`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CutReplication {
    /// A tier of kind `postgres` with at least two nodes; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long the link stays cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `kill-replica`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillReplica {
    /// A tier of kind `postgres` with replicas; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Kill one in this zone; any when absent (chosen by the seed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost before it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `replica-lag`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicaLag {
    /// A tier of kind `postgres` with replicas; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How far behind the primary its replicas then are (10 s when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub lag_ms: Option<u64>,
    /// How long that lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `connection-storm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionStorm {
    /// A tier of kind `postgres` or `database-proxy`: the one that applications connect to when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How many connections are opened (200 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000))]
    pub connections: Option<u16>,
    /// How long they are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}
