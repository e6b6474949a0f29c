//! Parameters of the faults that are releases.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::Name;

/// Parameters of `deploy` and `bad-deploy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeployRelease {
    /// A tier of kind `service` with `releases`; the stage's only one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// The release that is deployed. (Journals of before call it `version`.)
    #[serde(alias = "version")]
    pub release: Name,
}
