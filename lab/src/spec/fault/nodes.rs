//! Parameters of faults that hit nodes of any tier.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::{LONGEST_MS, Name};

/// Parameters of `kill-process`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KillProcess {
    /// A tier of kind `box`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Which process.
    pub process: BoxProcess,
}

/// A process in a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BoxProcess {
    /// The web server.
    Nginx,
    /// The application.
    App,
    /// The database.
    Postgres,
}

/// How a node dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The process dies on a living host: connections are reset and refused.
    #[default]
    Crash,
    /// The host is gone: nothing answers any more.
    Silent,
    /// The host is gone for good, and its disk with it: another one, with an empty disk, starts in its
    /// place at the heal.
    Terminated,
}

/// Parameters of `kill-task`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillTask {
    /// A tier of kind `service`, `box`, `cdn`, `dns` or `etcd`; the stage's only `service` or `box` when
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Kill one in this zone; any when absent (chosen by the seed).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// How it dies.
    pub mode: Mode,
    /// How long its host stays lost. Absent: the control plane may replace it at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `lose-zone`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoseZone {
    /// The zone; the zone of the current primary, or the first one, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Name>,
    /// How long the zone stays dark.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `kill-share`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillShare {
    /// A tier of kind `service`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Which share of its tasks is killed, in percent, rounded up (33 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub percent: Option<u8>,
    /// How they die.
    pub mode: Mode,
    /// How long their hosts stay lost. Absent: the control plane may replace them at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `stop-control-plane`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopControlPlane {
    /// How long it stays stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}
