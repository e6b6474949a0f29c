//! Parameters of `flash-crowd`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `flash-crowd`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlashCrowd {
    /// How many clients ask (1000 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub requests: Option<u16>,
    /// The path they ask for (`/products/1` when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// They have a session, so that an edge cache passes each of them on, and what stands behind it
    /// takes the crowd.
    pub signed_in: bool,
}
