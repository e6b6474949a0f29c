//! `lab diff`: what one stage adds to another, and what it newly survives.

use serde_json::{Map, Value, json};

use super::args::DiffArgs;
use super::{CliError, Format, show};
use crate::report::Ui;
use crate::report::listing::Column::{Prose, Value as Whole};
use crate::report::listing::{plain, wrapped};
use crate::spec;
use crate::spec::model::{Expectation, Experiment, Stage, Tier};
use crate::spec::slots::slots;

/// Compares two stages.
pub fn run(args: &DiffArgs, ui: &Ui) -> Result<u8, CliError> {
    let (before, _) = spec::load(&args.before)?;
    let (after, _) = spec::load(&args.after)?;
    if args.format == Format::Json {
        let (tiers, experiments) = (tiers(&before, &after), experiments(&before, &after));
        ui.json(&json!({
            "before": before.stage,
            "after": after.stage,
            "tiers": tiers.iter().map(Change::json).collect::<Vec<_>>(),
            "experiments": experiments.iter().map(Change::json).collect::<Vec<_>>(),
        }));
        return Ok(0);
    }
    ui.result(&compared(&before, &after, ui.width()));
    Ok(0)
}

/// A line of the comparison.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    name: String,
    how: &'static str,
    before: String,
    after: String,
    /// Fields of a tier that are not what they were.
    fields: Vec<String>,
}

impl Change {
    fn new(name: &str, how: &'static str, before: String, after: String) -> Self {
        Self { name: name.to_owned(), how, before, after, fields: Vec::new() }
    }

    fn json(&self) -> Value {
        let Self { name, how, before, after, fields } = self;
        json!({"name": name, "how": how, "before": before, "after": after, "fields": fields})
    }

    fn row(self) -> Vec<String> {
        let mut after = self.after;
        if !self.fields.is_empty() {
            after += &format!("; changed: {}", self.fields.join(", "));
        }
        vec![self.name, self.how.to_owned(), self.before, after]
    }
}

/// The comparison in lines of at most so many characters.
pub(super) fn compared(before: &Stage, after: &Stage, width: usize) -> String {
    let mut out = format!("{} -> {}\n", before.stage, after.stage);
    if let Some(lack) = after.before.as_ref().filter(|_| are_neighbours(before, after)) {
        out += &format!("\nWhat {} could not do: {}\n", before.stage, lack.trim());
    }
    out += &format!("\n{}\n", after.intent.trim());
    out = wrapped(&out, width, 0);
    let (b, a) = (before.stage.to_uppercase(), after.stage.to_uppercase());
    for (head, changes) in
        [("TIER", tiers(before, after)), ("EXPERIMENT", experiments(before, after))]
    {
        if !changes.is_empty() {
            let rows = changes.into_iter().map(Change::row);
            let columns = [Whole(head), Prose("CHANGE"), Prose(&b), Prose(&a)];
            out += &format!("\n{}\n", plain(&columns, rows, width));
        }
    }
    out
}

/// Whether one stage is the next one of the growth path: only then what it says of the stage before is
/// about the other.
fn are_neighbours(before: &Stage, after: &Stage) -> bool {
    let names: Vec<&str> = spec::builtin().iter().map(|b| b.name).collect();
    names.windows(2).any(|pair| pair == [before.stage.as_str(), after.stage.as_str()])
}

fn tiers(before: &Stage, after: &Stage) -> Vec<Change> {
    let added = after.tiers.iter().filter_map(|(name, tier)| {
        let now = words(name, tier);
        let Some(old) = before.tiers.get(name) else {
            return Some(Change::new(name, "added", String::new(), now));
        };
        let fields = changed_fields(old, tier);
        let is_same = fields.is_empty() && show::kind_name(old) == show::kind_name(tier);
        let change = Change::new(name, "changed", words(name, old), now);
        (!is_same).then_some(Change { fields, ..change })
    });
    let gone = before.tiers.iter().filter(|(name, _)| !after.tiers.contains_key(*name));
    let gone =
        gone.map(|(name, tier)| Change::new(name, "removed", words(name, tier), String::new()));
    added.chain(gone).collect()
}

/// What else of a tier is different, where it is of the same kind; prose is not.
fn changed_fields(before: &Tier, after: &Tier) -> Vec<String> {
    if show::kind_name(before) != show::kind_name(after) {
        return Vec::new();
    }
    let (before, after) = (fields(before), fields(after));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| before.get(*name) != after.get(*name));
    names.into_iter().cloned().collect()
}

fn fields(tier: &Tier) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(tier) else { return Map::new() };
    fields.retain(|name, value| name != "note" && !value.is_null());
    fields
}

/// Kind and nodes.
fn words(name: &str, tier: &Tier) -> String {
    let nodes = slots(name, tier).len();
    format!("{}, {nodes} {}", show::kind_name(tier), if nodes == 1 { "node" } else { "nodes" })
}

/// What is newly survived comes first: it is why the stage exists.
fn experiments(before: &Stage, after: &Stage) -> Vec<Change> {
    let mut changes: Vec<Change> = after
        .experiments
        .iter()
        .filter_map(|(name, now)| {
            let was = before.experiments.get(name);
            let how = match (was.map(|e| e.expect), now.expect) {
                (Some(Expectation::Breaks), Expectation::Survives) => "newly survived",
                (Some(Expectation::Survives), Expectation::Breaks) => "no longer survived",
                (Some(_), _) => return None,
                (None, _) => "new",
            };
            let before = was.map(expected).unwrap_or_default();
            Some(Change::new(name, how, before, expected(now)))
        })
        .collect();
    let gone = before.experiments.iter().filter(|(n, _)| !after.experiments.contains_key(*n));
    changes.extend(
        gone.map(|(name, was)| Change::new(name, "not asked", expected(was), String::new())),
    );
    changes.sort_by_key(|c| c.how != "newly survived");
    changes
}

fn expected(e: &Experiment) -> String {
    match e.expect {
        Expectation::Survives => "survives".into(),
        Expectation::Breaks => "breaks".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::model::Kind;

    fn stage(name: &str) -> Stage {
        spec::load(name).unwrap().0
    }

    #[test]
    fn a_stage_is_no_different_from_itself() {
        let s = stage("stage-1k");
        assert_eq!((tiers(&s, &s), experiments(&s, &s)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn each_pair_of_neighbours_has_something_that_only_the_upper_survives() {
        let names: Vec<&str> = spec::builtin().iter().map(|b| b.name).collect();
        assert!(names.len() >= 7, "{names:?}");
        for pair in names.windows(2) {
            let changes = experiments(&stage(pair[0]), &stage(pair[1]));
            let first = changes.first().map(|c| c.how);
            assert_eq!(first, Some("newly survived"), "{pair:?}: {changes:?}");
        }
    }

    #[test]
    fn only_the_next_stage_says_what_the_one_before_could_not_do() {
        let [low, mid, high] = ["stage-100", "stage-1k", "stage-10k"].map(stage);
        assert!(are_neighbours(&low, &mid) && are_neighbours(&mid, &high));
        assert!(!are_neighbours(&low, &high) && !are_neighbours(&mid, &low));
        assert!(!are_neighbours(&mid, &mid));
    }

    #[test]
    fn what_is_added_changed_and_removed_is_named() {
        let (lower, upper) = (stage("stage-100"), stage("stage-1k"));
        let hows = |changes: Vec<Change>, name: &str| {
            changes.into_iter().find(|c| c.name == name).map(|c| (c.how, c.before, c.after))
        };
        let some = |how, before: &str, after: &str| Some((how, before.into(), after.into()));
        let up = || tiers(&lower, &upper);
        assert_eq!(hows(up(), "lb"), some("added", "", "load-balancer, 2 nodes"));
        assert_eq!(hows(up(), "db"), some("changed", "postgres, 1 node", "postgres, 2 nodes"));
        assert_eq!(hows(up(), "box"), some("removed", "box, 1 node", ""));
    }

    #[test]
    fn a_tier_with_as_many_nodes_as_before_may_be_another_one() {
        let before = stage("stage-100k");
        let mut after = before.clone();
        let edge = after.tiers.get_mut("cdn").unwrap();
        edge.note = Some("Another text.".into());
        assert_eq!(tiers(&before, &after), []);
        let Kind::Cdn(kind) = &mut after.tiers.get_mut("cdn").unwrap().kind else { panic!() };
        (kind.collapse, kind.error_ttl_s) = (!kind.collapse, kind.error_ttl_s + 1);
        let changes = tiers(&before, &after);
        let [change] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!((&*change.name, change.how), ("cdn", "changed"));
        assert_eq!(change.fields, ["collapse", "error_ttl_s"]);
        let row = changes.into_iter().next().unwrap().row();
        assert_eq!(row[3], "cdn, 1 node; changed: collapse, error_ttl_s");
        // Of what is of another kind, nothing can be compared.
        after.tiers.insert("cdn".into(), before.tiers["lb"].clone());
        let changes = tiers(&before, &after);
        assert!(changes[0].fields.is_empty() && changes[0].after.starts_with("load-balancer"));
    }
}
