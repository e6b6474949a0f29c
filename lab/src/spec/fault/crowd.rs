//! Parameters of the faults that are traffic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::{LONGEST_MS, NAME_PATTERN, Name};

/// Parameters of `flash-crowd`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlashCrowd {
    /// How many clients ask (1000 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub requests: Option<u16>,
    /// The operation of the workload that they ask for: a GET, the same for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub operation: Option<Name>,
    /// The path they ask for, instead of an operation (what the workload says when both are absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// They have a session, by the workload's `begin`, so that an edge cache passes each of them on, and what stands behind it
    /// takes the crowd.
    pub signed_in: bool,
}

/// Parameters of `spike`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Spike {
    /// By how much the stage's traffic is multiplied (4 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 20))]
    pub factor: Option<u16>,
    /// How long it takes to get there (60 s when absent); it grows evenly.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LONGEST_MS))]
    pub ramp_ms: Option<u64>,
    /// How long it lasts, the ramp included (the ramp and 30 s more when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `flood`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Flood {
    /// How many greedy clients there are, each with a session of its own where the workload has any (1 when
    /// absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub clients: Option<u16>,
    /// Requests per second of each (300 when absent), whatever it is answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub per_s: Option<u16>,
    /// The operation of the workload that they send, with values of its own each time; nothing is promised of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub operation: Option<Name>,
    /// The path they ask for, instead of an operation (what the workload says when both are absent): one that
    /// no edge cache keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How long it lasts (20 s when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}
