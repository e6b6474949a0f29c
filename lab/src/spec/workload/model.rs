//! The types of a workload. They say what may stand where; `parse` checks what needs more than one field.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expression::Condition;
use super::json::JsonTemplate;
use super::line::Method;
use super::promise::{Promise, Register};
use super::selector::Place;
use super::template::Template;
use crate::spec::model::{NAME_PATTERN, Name};

/// What clients do, and what they are promised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Simulated users, each with an address, a cookie jar and variables of its own.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 10_000))]
    pub users: u16,
    /// What each user sends once before the first operation, one after the other; and again when a session
    /// is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub begin: Vec<Step>,
    /// Statuses by which a session is refused (401 unless it says otherwise).
    #[serde(default = "unauthorized")]
    #[schemars(inner(range(min = 100, max = 599)))]
    pub refused: Vec<u16>,
    /// Headers of every request. One whose variable has no value yet is left out.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Template>,
    /// Variables that keep the greatest of all values that answers said, and not the latest: answers come in any
    /// order. Values are compared part by part (`1-9F` < `1-100` < `2-1`): of two parts the longer one is
    /// greater, of two as long the one that is later in the alphabet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = NAME_PATTERN)))]
    pub greatest: Vec<Name>,
    /// The path that a flash crowd asks for, unless the fault names another or an operation (the read with the
    /// greatest weight when absent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crowd: Option<Template>,
    /// The path that the greedy clients of a flood ask for, in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flood: Option<Template>,
    /// What clients do, each with its share.
    #[schemars(extend("minProperties" = 1, "propertyNames" = { "pattern": NAME_PATTERN }))]
    pub operations: IndexMap<Name, Operation>,
    /// What must hold when all traffic has ended and every fault is healed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invariants: Vec<Invariant>,
}

/// A request: exactly one of `get`, `post`, `put`, `patch`, `delete` and `exec`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Path of a GET.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<Template>,
    /// Path of a POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<Template>,
    /// Path of a PUT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<Template>,
    /// Path of a PATCH.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Template>,
    /// Path of a DELETE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<Template>,
    /// A command in a node of a tier, instead of a request to the entry. It is started when one is needed and
    /// reads a line of JSON for each operation, which is `json`, or `{"key": ..., "user": ...}`; for each it
    /// writes one, the answer, whose `status` is 200 unless it says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Exec>,
    /// Further headers; they take the place of the workload's of the same name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Template>,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonTemplate>,
    /// A body of form fields.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub form: IndexMap<String, Template>,
    /// Any other body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Template>,
}

/// A command that does operations, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The tier in whose containers it runs, each time in the next one that can: of kind `container`, or a
    /// service with an image of one's own.
    pub tier: Name,
    /// The command and its arguments.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
}

/// A request of `begin`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Step {
    /// What is sent.
    #[serde(flatten)]
    pub request: Request,
    /// Variables of the user that get a value from the answer.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub take: IndexMap<Name, Place>,
}

/// What clients do: a request, a register, or a look at the list of another operation's promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct Operation {
    /// Its share, compared with the weights of the others.
    #[serde(default = "one")]
    #[schemars(range(max = 1_000_000))]
    pub weight: u32,
    /// What is sent.
    #[serde(flatten)]
    pub request: Request,
    /// A value of each user that is written with a growing version, and read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<Register>,
    /// The operation whose `listed` promise is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lists: Option<Name>,
    /// Values that are made once for each operation, so that request and promise can both name them.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub with: IndexMap<Name, Template>,
    /// Where the idempotency key goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Sent without a session: `begin` is not needed, and headers with what it takes are left out.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anonymous: bool,
    /// It changes nothing, although it is not a GET: without a good answer it failed, and is never unknown.
    #[serde(default, skip_serializing_if = "is_false")]
    pub safe: bool,
    /// Variables of the user that get a value from a good answer.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub take: IndexMap<Name, Place>,
    /// Statuses of a good answer (200 to 299 unless it says otherwise).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 100, max = 599)))]
    pub ok: Vec<u16>,
    /// What a good answer says. One that says something else is a failure; of a write it is unknown.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub expect: IndexMap<Place, JsonTemplate>,
    /// Statuses that prove that a write had no effect. Any other failure of a write is *unknown*.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 100, max = 599)))]
    pub no_effect: Vec<u16>,
    /// A header and its value that prove the same, such as `{x-effect: none}`.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub no_effect_header: IndexMap<String, String>,
    /// What an acknowledged write promises: one promise, or a list of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    #[schemars(schema_with = "one_or_more_schema")]
    pub promise: Vec<Promise>,
}

/// Where the idempotency key of a write goes, unless `{key}` stands in the request itself. A write that is
/// repeated keeps its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The name of a header, such as `Idempotency-Key`.
    #[schemars(length(min = 1))]
    pub header: String,
}

/// A condition on the system as a whole: exactly one of `get` and `exec` asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["get"] }, { "required": ["exec"] }]))]
pub struct Invariant {
    /// Its name in reports.
    #[schemars(regex(pattern = NAME_PATTERN))]
    pub name: Name,
    /// Path of the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<Template>,
    /// The command that is asked instead, as operations have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<Exec>,
    /// The line that the command reads (`{}` unless it says otherwise).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<JsonTemplate>,
    /// Further headers of the question.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub headers: IndexMap<String, Template>,
    /// It is asked without a session.
    #[serde(default, skip_serializing_if = "is_false")]
    pub anonymous: bool,
    /// What must be there before the answer says anything: without it the invariant is inconclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<Condition>,
    /// What must hold.
    pub holds: Condition,
    /// What is wrong, by name: what an earlier experiment left wrong is not held against a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Place>,
}

/// What is sent, whatever the request looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sent<'a> {
    /// A request over HTTP.
    Http(Method, &'a Template),
    /// A line for a command.
    Command(&'a Exec),
}

impl Request {
    /// All that it says is sent; a request of a workload that was parsed has exactly one.
    pub fn sent(&self) -> Vec<Sent<'_>> {
        let paths = [&self.get, &self.post, &self.put, &self.patch, &self.delete];
        let http = Method::ALL.into_iter().zip(paths);
        let http = http.filter_map(|(method, path)| Some(Sent::Http(method, path.as_ref()?)));
        http.chain(self.exec.as_ref().map(Sent::Command)).collect()
    }
}

impl Operation {
    /// Whether it changes something. Of a register every other operation may be a write.
    pub fn is_write(&self) -> bool {
        if self.safe || self.lists.is_some() {
            return false;
        }
        self.register.is_some()
            || self.request.sent().iter().any(|sent| match sent {
                Sent::Http(method, _) => !method.is_safe(),
                Sent::Command(_) => true,
            })
    }

    /// How many promises it makes, a register among them.
    pub fn promises(&self) -> usize {
        self.promise.len() + usize::from(self.register.is_some())
    }

    /// The promise of this operation that is kept by a list.
    pub fn listed(&self) -> Option<&Promise> {
        self.promise.iter().find(|promise| promise.listed.is_some())
    }
}

impl Workload {
    /// All commands that do something, some of them more than once.
    pub fn commands(&self) -> impl Iterator<Item = &Exec> {
        let begin = self.begin.iter().filter_map(|step| step.request.exec.as_ref());
        let operations = self.operations.values();
        let done = operations.clone().filter_map(|operation| operation.request.exec.as_ref());
        let read = operations.flat_map(|o| &o.promise).filter_map(|p| p.exec.as_ref());
        let held = self.invariants.iter().filter_map(|invariant| invariant.exec.as_ref());
        begin.chain(done).chain(read).chain(held)
    }

    /// Whether any operation is a request over HTTP.
    pub fn is_over_http(&self) -> bool {
        self.operations.values().any(|operation| operation.request.exec.is_none())
    }

    /// Sum of all weights.
    pub fn weights(&self) -> u64 {
        self.operations.values().map(|operation| u64::from(operation.weight)).sum()
    }
}

fn one_or_more<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<Promise>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        One(Box<Promise>),
        More(Vec<Promise>),
    }
    Ok(match Form::deserialize(d)? {
        Form::One(promise) => vec![*promise],
        Form::More(promises) => promises,
    })
}

fn one_or_more_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let one = generator.subschema_for::<Promise>();
    schemars::json_schema!({
        "description": "What an acknowledged write promises: one promise, or a list of them.",
        "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }]
    })
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn one() -> u32 {
    1
}

fn twenty() -> u16 {
    20
}

fn unauthorized() -> Vec<u16> {
    vec![401]
}
