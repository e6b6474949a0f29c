//! What is known of a stage while it may still have mistakes: the parts that are well-formed, typed.
//!
//! A file with a misspelt field in one tier still gets its other tiers and experiments validated.

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde_yaml::Value;

use super::error::Problem;
use super::model::{Edge, Experiment, Name, Observability, Region, Stage, Tier, Traffic};
use super::path::Path;
use super::scalar::{Scalar, resolve};
use super::tree::{Content, Node};

/// The parts of a stage; `None` stands for a part that is missing or not well-formed, about which
/// nothing can be said.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) regions: Option<Vec<Region>>,
    pub(super) tiers: Option<IndexMap<Name, Option<Tier>>>,
    pub(super) edges: Vec<Option<Edge>>,
    pub(super) faultable_edges: bool,
    pub(super) federation: IndexMap<Name, Option<Name>>,
    pub(super) observability: Option<Observability>,
    pub(super) traffic: Option<Traffic>,
    pub(super) experiments: IndexMap<Name, Option<Experiment>>,
}

impl From<&Stage> for Draft {
    fn from(stage: &Stage) -> Self {
        let some = |(name, tier): (&Name, &Tier)| (name.clone(), Some(tier.clone()));
        Self {
            regions: Some(stage.regions.clone()),
            tiers: Some(stage.tiers.iter().map(some).collect()),
            edges: stage.edges.iter().cloned().map(Some).collect(),
            faultable_edges: stage.faultable_edges,
            federation: stage
                .federation
                .iter()
                .map(|(k, v)| (k.clone(), Some(v.clone())))
                .collect(),
            observability: Some(stage.observability.clone()),
            traffic: Some(stage.traffic.clone()),
            experiments: stage
                .experiments
                .iter()
                .map(|(name, e)| (name.clone(), Some(e.clone())))
                .collect(),
        }
    }
}

impl Draft {
    /// The parts of `root` in which none of the problems lies.
    pub(super) fn of_parts(root: &Node, problems: &[Problem]) -> Self {
        let parts = Parts { problems };
        let entry = |name: &str| root.entry(name).map(|e| (&e.value, Path::of([name])));
        let map = |name: &str| entry(name).filter(|(n, _)| matches!(n.content, Content::Map(_)));
        Self {
            regions: entry("regions").and_then(|(node, path)| parts.typed(node, &path)),
            tiers: map("tiers").map(|(node, path)| parts.map(node, &path)),
            edges: entry("edges").map_or_else(Vec::new, |(node, path)| {
                let typed = |(i, item)| parts.typed(item, &path.index(i));
                node.items().iter().enumerate().map(typed).collect()
            }),
            faultable_edges: entry("faultable_edges")
                .and_then(|(node, path)| parts.typed(node, &path))
                .unwrap_or_default(),
            federation: map("federation").map(|(n, path)| parts.map(n, &path)).unwrap_or_default(),
            observability: entry("observability").and_then(|(node, path)| parts.typed(node, &path)),
            traffic: entry("traffic").and_then(|(node, path)| parts.typed(node, &path)),
            experiments: map("experiments").map(|(n, p)| parts.map(n, &p)).unwrap_or_default(),
        }
    }
}

struct Parts<'a> {
    problems: &'a [Problem],
}

impl Parts<'_> {
    fn map<T: DeserializeOwned>(&self, node: &Node, path: &Path) -> IndexMap<Name, Option<T>> {
        let mut typed = IndexMap::new();
        for entry in node.entries() {
            // A repeated key is reported; what its owner meant is the first until they say.
            typed
                .entry(entry.key.clone())
                .or_insert_with(|| self.typed(&entry.value, &path.key(&entry.key)));
        }
        typed
    }

    fn typed<T: DeserializeOwned>(&self, node: &Node, path: &Path) -> Option<T> {
        let prefix = path.to_string();
        let touches = |p: &Problem| {
            p.path.strip_prefix(&prefix).is_some_and(|r| r.is_empty() || r.starts_with(['.', '[']))
        };
        if self.problems.iter().any(touches) {
            return None;
        }
        typed(node).ok()
    }
}

/// A part of the tree as a type.
///
/// # Errors
/// What the type says against it.
pub(super) fn typed<T: DeserializeOwned>(node: &Node) -> Result<T, serde_yaml::Error> {
    serde_yaml::from_value(value(node))
}

/// The tree as the typed parser's own value.
fn value(node: &Node) -> Value {
    match &node.content {
        Content::Map(entries) => {
            let field = |e: &super::tree::Entry| (Value::from(e.key.as_str()), value(&e.value));
            Value::Mapping(entries.iter().map(field).collect())
        }
        Content::List(items) => Value::Sequence(items.iter().map(value).collect()),
        Content::Quoted(text) => Value::from(text.as_str()),
        Content::Plain(word) => match resolve(word) {
            Scalar::Null => Value::Null,
            Scalar::Flag(flag) => Value::from(flag),
            Scalar::Whole(n) => match u64::try_from(n) {
                Ok(n) => Value::from(n),
                Err(_) => i64::try_from(n).map_or(Value::Null, Value::from),
            },
            Scalar::Number(n) => Value::from(n),
            Scalar::Text => Value::from(word.as_str()),
        },
    }
}
