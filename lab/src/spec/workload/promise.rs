//! The classes of promise. Whatever a system is for, what it promised is one of these:
//!
//! | class | what must not happen |
//! |---|---|
//! | `read`, `exec`, `pages` | an acknowledged write is not there; with a count, it is there twice |
//! | `listed` | an acknowledged write is not in a list in time |
//! | [`Register`] | a user sees less than they wrote or saw before |

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::json::JsonTemplate;
use super::line::RequestLine;
use super::model::Exec;
use super::selector::Place;
use super::template::Template;
use crate::spec::model::{LONGEST_MS, NAME_PATTERN, Name};

/// What an acknowledged write promises: exactly one of `read`, `exec`, `pages` and `listed`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["read"] }, { "required": ["exec"] }, { "required": ["pages"] }, { "required": ["listed"] }
]))]
pub struct Promise {
    /// Its name in reports, such as `mail`; needed where an operation promises the same class twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: Option<Name>,
    /// The request that reads the write back, at the end and once for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<RequestLine>,
    /// The command that reads the write back instead, as operations have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Exec>,
    /// The line that the command reads (`{"key": ..., "user": ...}` unless it says otherwise).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonTemplate>,
    /// What the answer says of a write that is there (`status: 200` unless it says otherwise).
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub is: IndexMap<Place, JsonTemplate>,
    /// How often the write took effect: more than once is a violation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<Place>,
    /// It is asked without a session, although the operation has one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anonymous: bool,
    /// The same for all writes together, page by page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// The request that lists writes, the latest first; clients look at it with `lists`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<RequestLine>,
    /// The elements of the list. One shows a write if it contains its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Place>,
    /// How many elements the list has at most: a full one may lack what is older than its last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub latest: Option<u32>,
    /// Numbers that grow with time, in the answer to a write and in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// For a list, how old what it lacks may be. For the others the effect may come later, and is waited for
    /// so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub within_ms: Option<u64>,
}

/// How all writes are read back together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pages {
    /// Path of a page; `{prefix}` is what the keys begin with, `{after}` what `next` said on the page before
    /// (empty for the first).
    pub get: Template,
    /// The keys of writes.
    pub keys: Place,
    /// How often each took effect, in the same order (once unless it says otherwise).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Place>,
    /// Where the next page begins; not there, or null, on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Place>,
    /// Path of a page of the same form that says how often what leads to the effect came once more, as messages
    /// may. It is counted, and held against nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Template>,
}

/// Numbers that grow with time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// In the answer to a write.
    pub written: Place,
    /// In the list, one for each element.
    pub listed: Place,
}

/// A value of each user that is written with a growing version, and read: nobody may see less than they wrote
/// or saw before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// The request that writes; `{version}` must be in it or in its body.
    pub write: RequestLine,
    /// Its JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonTemplate>,
    /// Its body of form fields.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub form: IndexMap<String, Template>,
    /// The request that reads.
    pub read: RequestLine,
    /// The version in the answer to a read.
    pub version: Place,
    /// Statuses that say that there is no version yet (404 unless it says otherwise).
    #[serde(default = "not_found")]
    #[schemars(inner(range(min = 100, max = 599)))]
    pub absent: Vec<u16>,
    /// Share of the operations that read, in percent (50 unless it says otherwise).
    #[serde(default = "fifty")]
    #[schemars(range(max = 100))]
    pub read_percent: u8,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn not_found() -> Vec<u16> {
    vec![404]
}

fn fifty() -> u8 {
    50
}
