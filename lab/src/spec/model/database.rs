//! PostgreSQL, what coordinates it, and the proxy before it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Capacity, LONGEST_MS, Name};
use crate::spec::short;

/// PostgreSQL 17. With one node it is a single server; with more it is a cluster under Patroni.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// The `etcd` tier that holds the leader lease; needed with more than one node, replicas included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordination: Option<Name>,
    /// How a standby follows.
    #[serde(default)]
    pub replication: Replication,
    /// Zone of the first primary; the first zone of the tier when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-one" = "a postgres tier has one primary"))]
    pub primary: Option<Name>,
    /// Zones of asynchronous read replicas, which are never promoted, beside the nodes in `zones`,
    /// which can be: zone name to number of replicas, or a list of zones. Needs `coordination`.
    #[serde(
        default,
        deserialize_with = "short::zones",
        skip_serializing_if = "IndexMap::is_empty"
    )]
    #[schemars(transform = short::zones_schema)]
    pub replicas: IndexMap<Name, u16>,
    /// The application's database: what it is called, who owns it, and what is in it at first.
    #[serde(default, skip_serializing_if = "Database::is_default")]
    pub database: Box<Database>,
    /// How far each node grows and shrinks while it runs; instead of `size`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// Key ranges or hashes the data is split by (`stage-10m`); 1 means not sharded.
    #[serde(default = "one_shard")]
    pub shards: u16,
}

/// The application's database. All of it is done once, when the tier's first server makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// Its name.
    #[schemars(regex(pattern = IDENTIFIER_PATTERN))]
    pub name: String,
    /// The role that owns it, and that applications sign in as.
    #[schemars(regex(pattern = IDENTIFIER_PATTERN))]
    pub user: String,
    /// Extensions that are created in it, such as `pg_trgm`: those that PostgreSQL's own package has.
    #[schemars(inner(regex(pattern = EXTENSION_PATTERN)))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// Statements that are run in it as its owner, in one transaction.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first_sql: String,
}

impl Default for Database {
    fn default() -> Self {
        let shop = || "shop".to_owned();
        Self { name: shop(), user: shop(), extensions: Vec::new(), first_sql: String::new() }
    }
}

impl Database {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A name that needs no quotes, and is none of PostgreSQL's own.
pub const IDENTIFIER_PATTERN: &str = "^[a-z_][a-z0-9_]{0,62}$";

/// The name of an extension.
pub const EXTENSION_PATTERN: &str = "^[a-z][a-z0-9_-]{0,62}$";

/// How a commit reaches the standby.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// A commit is acknowledged only when the standby has it too.
    #[default]
    Synchronous,
    /// A commit is acknowledged when the primary has it.
    Asynchronous,
}

/// An etcd cluster; an odd number of members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Etcd {}

/// pgbouncer in front of HAProxy, which asks Patroni who the primary is. Each connection to the
/// database serves many clients, one transaction at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseProxy {
    /// The `postgres` tier; one with `coordination`.
    pub database: Name,
    /// Connections that each proxy keeps to the primary.
    #[serde(default = "proxy_pool")]
    #[schemars(range(min = 1, max = 1000))]
    pub pool_size: u16,
    /// Connections that each proxy accepts.
    #[serde(default = "proxy_clients")]
    #[schemars(range(min = 1, max = 10_000))]
    pub max_clients: u16,
    /// How long a client waits for a connection of the pool before it is refused, in milliseconds.
    /// 120 s is the documented default of a managed database proxy: it waits rather than fails.
    #[serde(default = "borrow_timeout")]
    #[schemars(range(min = 1, max = LONGEST_MS))]
    pub borrow_timeout_ms: u64,
    /// Prepared statements that each connection keeps for all its clients.
    #[serde(default = "prepared_statements")]
    #[schemars(range(max = 10_000))]
    pub max_prepared_statements: u16,
    /// Start-up parameters that clients may send and that change nothing. One that is neither kept for
    /// each client nor named here is refused, with its name.
    #[serde(default = "ignored_parameters")]
    #[schemars(inner(regex(pattern = PARAMETER_PATTERN)))]
    pub ignored_parameters: Vec<String>,
    /// Statements that are run once on each connection to the database, for all clients alike, such as
    /// `SET statement_timeout = '5s'`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = QUERY_PATTERN))]
    pub init_query: Option<String>,
}

/// The name of a setting of PostgreSQL.
const PARAMETER_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_.]{0,62}$";

/// One line, without what pgbouncer's file would take for something else.
const QUERY_PATTERN: &str = r"^[^\r\n\\]{1,1000}$";

/// Drivers for Java send it without being asked, and every value above 0 prints the same numbers.
fn ignored_parameters() -> Vec<String> {
    vec!["extra_float_digits".into()]
}

fn proxy_pool() -> u16 {
    20
}

fn proxy_clients() -> u16 {
    1000
}

fn borrow_timeout() -> u64 {
    120_000
}

fn prepared_statements() -> u16 {
    200
}

fn one_shard() -> u16 {
    1
}
