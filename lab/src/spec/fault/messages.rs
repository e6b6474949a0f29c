//! Parameters of faults of queues, of their messages, and of the workers that take them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::spec::model::{LONGEST_MS, Name};

/// How many messages that nobody can handle are sent when nobody says otherwise.
pub const BAD_MESSAGES: u16 = 3;

/// Parameters of `queue-outage`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueueOutage {
    /// A tier of kind `aws` with `sqs`; the stage's only one when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// Only calls from this tier are lost; those of all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Name>,
    /// How long it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `duplicate-delivery`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DuplicateDelivery {
    /// A tier of workers; the one that sends mails, or the stage's only one, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long messages come twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `poison-message`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PoisonMessage {
    /// A tier of workers; the one that sends mails, or the stage's only one, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How many such messages are sent (3 when absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub messages: Option<u16>,
    /// How long the experiment goes on with them (as long as they take to become dead letters when
    /// absent).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}

/// Parameters of `kill-worker`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KillWorker {
    /// A tier of workers; the one that sends mails, or the stage's only one, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Name>,
    /// How long one worker after the other is killed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub for_ms: Option<u64>,
}
