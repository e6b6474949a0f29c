//! Releases of a service, and how one takes the place of another.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Habits, LONGEST_MS, Name, Service};

/// What a release has of its own; the rest is the tier's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Release {
    /// Another image than the tier's. Releases of the demo application differ in the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub image: Option<String>,
    /// Further environment variables, beside the tier's and before them.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub env: IndexMap<String, String>,
    /// Habits of the demo application, instead of the tier's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub habits: Option<Habits>,
    /// What is wrong with the demo application in this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
}

/// What can be wrong with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// It fails its health check.
    Unhealthy,
    /// It passes its health check, and answers every other request with an error.
    Errors,
    /// It passes its health check, and answers late.
    Slow,
}

impl Defect {
    /// The spelling, also in the application's environment.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unhealthy => "unhealthy",
            Self::Errors => "errors",
            Self::Slow => "slow",
        }
    }
}

/// How a release takes the place of another. The times in seconds are the provider's and are divided
/// by the stage's `time_scale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deploy {
    /// In which way.
    pub strategy: Strategy,
    /// Shares of the traffic that the new release is given, one after the other; the last is 100.
    #[schemars(length(min = 1))]
    pub steps: Vec<ShiftStep>,
    /// How long the new tasks may take to pass the load balancers' health check, in milliseconds. Not
    /// scaled: it covers their start.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub healthy_within_ms: u64,
    /// More failing answers of the new release than this share, in percent, roll it back.
    #[schemars(range(max = 100))]
    pub error_percent: u8,
    /// Answers of the new release slower than this, at the 99th percentile, roll it back.
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub p99_ceiling_ms: u64,
}

/// A way to deploy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// New tasks beside the old ones, traffic in steps, and back at once when something is wrong.
    #[default]
    BlueGreen,
    /// Every task is ended and started anew at the same time, and nobody looks at it.
    AllAtOnce,
}

/// One step of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShiftStep {
    /// Share of the traffic that the new release has.
    #[schemars(range(min = 1, max = 100))]
    pub percent: u8,
    /// How long it is watched with that share before the next step, in seconds.
    #[serde(default = "minute")]
    #[schemars(range(max = 86_400))]
    pub bake_s: u32,
}

fn minute() -> u32 {
    60
}

impl Default for Deploy {
    fn default() -> Self {
        let step = |percent| ShiftStep { percent, bake_s: minute() };
        Self {
            strategy: Strategy::BlueGreen,
            steps: [10, 50, 100].map(step).into(),
            healthy_within_ms: 30_000,
            error_percent: 5,
            p99_ceiling_ms: 1000,
        }
    }
}

impl Service {
    /// The release that runs, where the tier has releases.
    pub fn current(&self) -> Option<(&Name, &Release)> {
        self.releases.get_key_value(self.release.as_ref()?)
    }

    /// How it is deployed.
    pub fn deploying(&self) -> Deploy {
        self.deploy.as_deref().cloned().unwrap_or_default()
    }
}
