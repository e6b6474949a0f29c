//! Rules that need more than one field: references between parts of a stage, counts, ranges of
//! ports. Only facts are checked, never whether an experiment will turn out as declared.

mod crowds;
mod experiments;
mod kinds;
mod machine;
mod memory;
mod needs;
mod observability;
mod queue_faults;
mod references;
mod regions;
mod releases;
mod store_faults;
mod tiers;
mod tls;

use super::draft::Draft;
use super::error::{Pos, Problem, closest};
use super::machine::Machine;
use super::model::{Kind, Tier};
use super::path::{Path, Step, quote};
use super::tree::{Content, Node};

/// Everything that contradicts itself in the known parts of a stage.
pub(super) fn check(draft: &Draft, root: &Node) -> Vec<Problem> {
    let mut check = Check { draft, root, problems: Vec::new() };
    check.regions();
    check.tiers();
    check.edges();
    check.federation();
    check.entry();
    check.tls();
    check.observability();
    check.experiments();
    check.problems
}

/// What a valid stage asks of a machine that does not have it.
pub(super) fn check_machine(draft: &Draft, root: &Node, machine: &Machine) -> Vec<Problem> {
    let mut check = Check { draft, root, problems: Vec::new() };
    check.machine(machine);
    check.problems
}

/// The stage under test, and what was found.
struct Check<'a> {
    draft: &'a Draft,
    root: &'a Node,
    problems: Vec<Problem>,
}

/// Which end of a field a message points at.
#[derive(Clone, Copy)]
pub(super) enum Point {
    Key,
    Value,
}

impl<'a> Check<'a> {
    /// A problem with the value at `path`, or with the nearest thing around it that is written.
    fn at_value(&self, path: &Path, message: impl Into<String>) -> Problem {
        let (at, path) = locate(self.root, path, Point::Value);
        Problem::new(at, &path, message)
    }

    /// A problem with the field at `path` as such.
    fn at_key(&self, path: &Path, message: impl Into<String>) -> Problem {
        let (at, path) = locate(self.root, path, Point::Key);
        Problem::new(at, &path, message)
    }

    fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The zones of all regions; `None` when the regions are not known.
    fn zones(&self) -> Option<Vec<&'a str>> {
        let regions = self.draft.regions.as_ref()?;
        Some(regions.iter().flat_map(|r| &r.zones).map(String::as_str).collect())
    }

    /// The well-formed tiers.
    fn known_tiers(&self) -> impl Iterator<Item = (&'a str, &'a Tier)> + use<'a> {
        let tiers = self.draft.tiers.iter().flatten();
        tiers.filter_map(|(name, tier)| Some((name.as_str(), tier.as_ref()?)))
    }

    /// The names of the well-formed tiers of one of these kinds; of any where none is named.
    fn of_kinds(&self, kinds: &[&str]) -> Vec<&'a str> {
        let any = kinds.is_empty();
        let fits = |(_, tier): &(&str, &Tier)| any || kinds.contains(&kind_name(&tier.kind));
        self.known_tiers().filter(fits).map(|(name, _)| name).collect()
    }

    /// The tier that the field at `path` names, checked to exist and to be of one of these kinds.
    /// `None` after a problem, and when the tier is not well-formed.
    fn tier_named(&mut self, path: &Path, name: &str, kinds: &[&str]) -> Option<&'a Tier> {
        let tiers = self.draft.tiers.as_ref()?;
        let kind = match tiers.get(name) {
            Some(None) => return None,
            Some(Some(tier)) if kinds.is_empty() || kinds.contains(&kind_name(&tier.kind)) => {
                return Some(tier);
            }
            Some(Some(tier)) => Some(kind_name(&tier.kind)),
            None => None,
        };
        let (at, path) = locate(self.root, path, Point::Value);
        let message = match kind {
            Some(kind) => format!(
                "`{path}` names tier `{name}`, which is of kind {kind}, not {}",
                kinds.join(" or ")
            ),
            None => format!("unknown tier `{}` in `{path}`", quote(name)),
        };
        // A tier with a mistake in it may well be the one that is meant.
        let broken = tiers.iter().filter(|(_, tier)| tier.is_none()).map(|(name, _)| name.as_str());
        let words: Vec<&str> = self.of_kinds(kinds).into_iter().chain(broken).collect();
        let mut problem = Problem::new(at, &path, message).found(name).one_of(name, words);
        if kind.is_some() {
            // The name is spelt as it should be; what is wrong is the choice.
            problem.suggestion = None;
        } else if problem.suggestion.is_none() {
            let all = tiers.keys().map(String::as_str);
            problem.suggestion = closest(name, all).map(str::to_owned);
        }
        self.report(problem);
        None
    }

    /// Checks that the field at `path` names a zone that exists.
    fn zone_named(&mut self, path: &Path, zone: &str, point: Point) -> bool {
        let Some(zones) = self.zones() else { return false };
        if zones.contains(&zone) {
            return true;
        }
        let (at, path) = locate(self.root, path, point);
        let message = format!("unknown zone `{}` in `{path}`", quote(zone));
        let problem = Problem::new(at, &path, message).found(zone).one_of(zone, zones);
        self.report(problem);
        false
    }
}

/// How a kind is spelt in YAML.
fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Box(_) => "box",
        Kind::Service(_) => "service",
        Kind::LoadBalancer(_) => "load-balancer",
        Kind::ApiGateway(_) => "api-gateway",
        Kind::Postgres(_) => "postgres",
        Kind::Etcd(_) => "etcd",
        Kind::Redis(_) => "redis",
        Kind::Aws(_) => "aws",
        Kind::DatabaseProxy(_) => "database-proxy",
        Kind::Cdn(_) => "cdn",
        Kind::Dns(_) => "dns",
        Kind::Container(_) => "container",
    }
}

/// The kinds a load balancer sends requests to.
const HTTP_KINDS: [&str; 3] = ["service", "box", "container"];
/// The kinds that do a site's work: what `kill-task` means when nobody names a tier.
const TASK_KINDS: [&str; 2] = ["service", "box"];
/// The kinds that may have a primary.
const PRIMARY_KINDS: [&str; 2] = ["postgres", "container"];
/// The kinds of which any node can be killed without asking who it is at the moment.
const KILLABLE_KINDS: [&str; 6] = ["service", "box", "container", "cdn", "dns", "etcd"];
/// The kinds that a service takes for its database.
const DATABASE_KINDS: [&str; 2] = ["postgres", "database-proxy"];
/// Kinds that speak HTTP to users.
const ENTRY_KINDS: [&str; 6] =
    ["load-balancer", "api-gateway", "service", "box", "cdn", "container"];
/// The kinds that make pages for an edge cache.
const PAGE_KINDS: [&str; 5] = ["load-balancer", "api-gateway", "service", "box", "container"];
/// The kinds that a web tier calls instead of a database.
const UPSTREAM_KINDS: [&str; 2] = ["load-balancer", "api-gateway"];

/// Number of nodes of a tier.
fn nodes(tier: &Tier) -> u32 {
    tier.zones.values().map(|n| u32::from(*n)).sum()
}

/// Follows `path` as far as it is written in the file. `faults` finds `fault` too, an element of a
/// list that is not a list finds its only value, and a key finds the element of that name in a list.
pub(super) fn locate(root: &Node, path: &Path, point: Point) -> (Pos, Path) {
    let mut node = root;
    let mut at = root.at;
    let mut written = Path::root();
    for step in path.steps() {
        let (next_at, next, next_path) = match (step, &node.content) {
            (Step::Key(key), Content::Map(_)) => {
                let short = if key == "faults" { node.entry("fault") } else { None };
                let Some(entry) = node.entry(key).or(short) else { break };
                let at = match point {
                    Point::Key => entry.at,
                    Point::Value => entry.value.at,
                };
                (at, &entry.value, written.key(&entry.key))
            }
            (Step::Key(key), Content::List(items)) => {
                let found = items.iter().position(|item| item.scalar() == Some(key));
                let Some(index) = found else { break };
                (items[index].at, &items[index], written.index(index))
            }
            (Step::Index(index), Content::List(items)) => {
                let Some(item) = items.get(*index) else { break };
                (item.at, item, written.index(*index))
            }
            (Step::Index(0), _) => (at, node, written.clone()),
            _ => break,
        };
        (at, node, written) = (next_at, next, next_path);
    }
    (at, written)
}
