//! What users send.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LONGEST_MS, MOST_PER_S, Name};

/// The stage's traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The tier that users talk to.
    pub entry: Name,
    /// Requests per second that this machine sends during experiments.
    #[schemars(range(min = 1, max = MOST_PER_S))]
    pub rate_per_s: u32,
    /// Requests of one user in a day (20 unless the stage knows better).
    #[serde(default = "twenty")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub requests_per_user_day: f64,
    /// Peak over mean (4 unless the stage knows better).
    #[serde(default = "four")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub peak_factor: f64,
    /// Share of requests that only read, in percent (70 unless the stage knows better).
    #[serde(default = "seventy")]
    #[schemars(range(max = 100))]
    pub read_percent: u8,
    /// Share of requests with which users write and read their own profile, in percent: by them
    /// it is judged whether anybody is shown less than they wrote or saw.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub profile_percent: u8,
    /// Longest a client waits for one answer.
    #[serde(default = "client_timeout")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub timeout_ms: u64,
}

impl Traffic {
    /// Peak requests per second that so many users cause: users x requests per day / 86 400 x
    /// peak factor.
    pub fn derived_peak_per_s(&self, users: u64) -> f64 {
        users as f64 * self.requests_per_user_day / 86_400.0 * self.peak_factor
    }
}

fn twenty() -> f64 {
    20.0
}

fn four() -> f64 {
    4.0
}

fn seventy() -> u8 {
    70
}

fn client_timeout() -> u64 {
    6000
}
