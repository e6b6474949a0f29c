//! What users were promised.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::LONGEST_MS;

/// What users were promised, for the stage or for one experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Objectives {
    /// Least share of requests that succeed, in percent, over the whole experiment.
    #[schemars(range(min = 0, max = 100))]
    pub availability_percent: f64,
    /// 99th percentile of latency from the intended start, outside of the recovery time.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub p99_ms: u64,
    /// Longest time from the fault until service is back for good.
    #[schemars(range(max = LONGEST_MS))]
    pub rto_ms: u64,
    /// How many acknowledged writes may be lost.
    #[serde(default)]
    pub rpo_writes: u64,
    /// How long after its acknowledgement a post may be missing where it belongs, in milliseconds.
    /// Nobody is promised anything about it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub staleness_ms: Option<u64>,
}

/// Objectives of one experiment; what is absent is taken from the stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectivesOverride {
    /// Least share of requests that succeed, in percent; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub availability_percent: Option<f64>,
    /// 99th percentile of latency; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub p99_ms: Option<u64>,
    /// Longest time from the fault until service is back; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = LONGEST_MS))]
    pub rto_ms: Option<u64>,
    /// How many acknowledged writes may be lost; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpo_writes: Option<u64>,
    /// How long a post may be missing after its acknowledgement; the stage's when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub staleness_ms: Option<u64>,
}

impl Objectives {
    /// These objectives with what one experiment says differently.
    pub fn with(&self, o: &ObjectivesOverride) -> Self {
        Self {
            availability_percent: o.availability_percent.unwrap_or(self.availability_percent),
            p99_ms: o.p99_ms.unwrap_or(self.p99_ms),
            rto_ms: o.rto_ms.unwrap_or(self.rto_ms),
            rpo_writes: o.rpo_writes.unwrap_or(self.rpo_writes),
            staleness_ms: o.staleness_ms.or(self.staleness_ms),
        }
    }
}
