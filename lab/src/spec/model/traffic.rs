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
    /// Users speak TLS to the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Users speak HTTP/2 to the entry: agreed on within TLS (ALPN), and with prior knowledge without.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub http2: bool,
    /// Longest a client waits for one answer.
    #[serde(default = "client_timeout")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub timeout_ms: u64,
}

/// How the entry proves who it is: exactly one of `ca` and `unchecked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["ca"] }, { "required": ["unchecked"] }]))]
pub struct Tls {
    /// Certificates of those who may have signed its certificate, in PEM: a file beside the stage file, or the
    /// text itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub ca: Option<String>,
    /// It need not prove anything. Whoever answers is believed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchecked: bool,
    /// The name that users ask for, and that its certificate must be for; the address when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
}

impl Traffic {
    /// Whether users speak HTTP/1.1 without TLS.
    pub fn is_plain(&self) -> bool {
        self.tls.is_none() && !self.http2
    }

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
