//! Parameters of faults of caches, of the edge cache and of managed services.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::{LONGEST_MS, Mode, Name};

/// Parameters of `kill-cache`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillCache {
    /// A tier of kind `redis`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost before it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `kill-sentinel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillSentinel {
    /// A tier of kind `redis`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Kill the one in this zone; any when absent (chosen by the seed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost before it comes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `flush-cache`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlushCache {
    /// A tier of kind `redis`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
}

/// Parameters of `origin-down`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OriginDown {
    /// A tier of kind `cdn`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long it stays cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `outage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// A tier of kind `aws`; the stage's only one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// The service, such as `s3`. Services of one emulator fail together.
    pub service: Name,
    /// How long it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}
