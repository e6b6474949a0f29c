//! Was a node killed for want of memory? No fault of ours does that, so whatever else was seen may come
//! from it.

use std::collections::BTreeMap;

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use crate::journal::ControlEvent;
use crate::spec::machine::starved;
use crate::spec::model::Expectation;

/// A finding only when one was. It counts as much as what else was found: users may not have noticed.
/// A negative control has to break because of its fault, and nobody knows any more whether it did.
pub fn check(case: &Case<'_>, others: &[Finding]) -> Option<Finding> {
    let mut killed: BTreeMap<&str, (i64, Option<u64>)> = BTreeMap::new();
    for (at, event) in &case.history.controls {
        if let ControlEvent::OutOfMemory { node, limit_mib } = event {
            killed.entry(node).or_insert((*at, *limit_mib));
        }
    }
    if killed.is_empty() {
        return None;
    }
    let worst = others.iter().map(|f| f.part).max().unwrap_or(Part::Pass);
    let part = match (worst, case.expectation) {
        (Part::Fail, Expectation::Breaks) => Part::Inconclusive,
        (worst, _) => worst,
    };
    let words =
        |(node, (_, limit)): (&&str, &(i64, Option<u64>))| format!("{node} {}", starved(*limit));
    let summary = killed.iter().map(words).collect::<Vec<_>>().join(", ");
    let moments = killed.iter().map(|(node, (at, _))| format!("{node}: {}", case.moment(*at)));
    Some(Finding::new(Check::Memory, part, summary).with(moments))
}
