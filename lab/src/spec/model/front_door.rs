//! The front door: a web application firewall before an edge cache.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is let in. Rules look at a request before the cache does, and its first match that blocks
/// refuses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FrontDoor {
    /// The status of what is refused: 403 or 429.
    #[schemars(range(min = 400, max = 499))]
    pub status: u16,
    /// How often one client may ask, by its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_rate: Option<ClientRate>,
    /// Groups of rules that look for known attacks.
    pub rules: RuleGroups,
    /// The methods that are let in; any other is refused.
    #[schemars(inner(length(min = 1)))]
    pub methods: Vec<String>,
    /// Paths that nobody outside may ask for; `*` at the end stands for everything that begins so.
    pub blocked_paths: Vec<String>,
    /// Largest body of a request in KiB; a larger one is answered with 413.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_body_kib: u32,
}

/// How often one client may ask: `limit` times within the window, counted by each edge node for
/// itself. It may do so at once; after that, requests are let in as the window gives them back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientRate {
    /// Requests within the window, at least 10.
    #[schemars(range(min = 10, max = 2_000_000))]
    pub limit: u32,
    /// The window in seconds; divided by the stage's `time_scale`.
    #[serde(default = "window")]
    #[schemars(range(min = 1, max = 600))]
    pub window_s: u32,
    /// What happens to what is more.
    #[serde(default)]
    pub action: RuleAction,
}

/// What is done about a request that a rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleAction {
    /// It is refused.
    #[default]
    Block,
    /// It is counted, and goes on.
    Count,
}

/// Groups of rules; one that is absent is not looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RuleGroups {
    /// A path or query that climbs out of its folder, plain or encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_traversal: Option<RuleAction>,
    /// A query that looks like SQL: `UNION SELECT`, `' OR 1=1`, `; DROP` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql_injection: Option<RuleAction>,
    /// A query that carries a script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_site_scripting: Option<RuleAction>,
    /// A client that says that it is a scanner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bad_user_agents: Option<RuleAction>,
}

impl Default for FrontDoor {
    fn default() -> Self {
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        Self {
            status: 403,
            client_rate: None,
            rules: RuleGroups::default(),
            methods: methods.map(str::to_owned).into(),
            blocked_paths: Vec::new(),
            max_body_kib: 64,
        }
    }
}

fn window() -> u32 {
    300
}
