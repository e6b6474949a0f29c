//! Does the system as a whole add up? (Jepsen's "bank".) The invariants of the workload must hold when all
//! traffic has ended: half of a transaction that survived, or survived twice, shows in them.
//!
//! The final read covers the whole store. What an earlier experiment of the same run has already left wrong
//! is no evidence against this one; when nothing else is wrong, the finding is inconclusive. So is an
//! invariant that could not be read, or that says nothing yet.

use crate::journal::{InvariantRead, Stands};

use super::super::findings::{Check, Finding, Part};
use super::super::history::InvariantAudit;
use super::super::judge::Case;
use super::{listed, plural};

/// Nothing where the workload has no invariants.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.history.kinds.any_invariant() {
        return None;
    }
    let finding = |part, summary: String| Finding::new(Check::Conserved, part, summary);
    let inconclusive = |summary: String| Some(finding(Part::Inconclusive, summary));
    let read = match &case.history.invariants {
        InvariantAudit::Read(read) => read,
        InvariantAudit::Failed(reason) => {
            return inconclusive(format!("the final read of the invariants failed: {reason}"));
        }
        InvariantAudit::Never if case.is_quiet() && case.accounts.is_empty() => {
            return Some(finding(Part::Pass, "nothing was written".to_owned()));
        }
        InvariantAudit::Never => return inconclusive("the invariants were never read".to_owned()),
    };
    let wrong = case.history.invariants.wrongs();
    let old = &case.history.earlier_wrongs;
    let new: Vec<&String> = wrong.iter().filter(|w| !old.contains(w)).collect();
    if let Some(first) = new.first() {
        let rest = new.iter().skip(1).map(|w| (*w).clone()).collect();
        return Some(finding(Part::Fail, (*first).clone()).with(listed(rest)));
    }
    if !wrong.is_empty() {
        let summary = "was already wrong before this experiment; nothing new can be told apart";
        return Some(finding(Part::Inconclusive, summary.to_owned()).with(listed(wrong)));
    }
    Some(without_a_wrong(case, read))
}

fn without_a_wrong(case: &Case<'_>, read: &[InvariantRead]) -> Finding {
    let finding = |part, summary: String| Finding::new(Check::Conserved, part, summary);
    let of = |stands| read.iter().filter(move |r: &&InvariantRead| r.stands == stands);
    if let Some(unread) = of(Stands::Unread).next() {
        let summary = format!("`{}` could not be read: {}", unread.name, unread.says);
        return finding(Part::Inconclusive, summary);
    }
    if let Some(unmet) = of(Stands::Unmet).next().filter(|_| !case.is_quiet()) {
        let summary = format!("`{}` says nothing yet: {}", unmet.name, unmet.says);
        return finding(Part::Inconclusive, summary);
    }
    let names: Vec<&str> = read.iter().map(|read| read.name.as_str()).collect();
    let summary = match names.len() {
        0 => return finding(Part::Inconclusive, "no invariant was read".to_owned()),
        n => format!("{} hold: {}", plural(n, "invariant"), names.join(", ")),
    };
    let says = read.iter().filter(|read| !read.says.is_empty());
    let lines = says.map(|read| format!("{}: {}", read.name, read.says)).collect();
    finding(Part::Pass, summary).with(listed(lines))
}
