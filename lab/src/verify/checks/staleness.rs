//! Were users shown in time what had been written? How old a shown state is stands in
//! [`crate::verify::lists`].
//!
//! An answer that says of itself that it is past its time was served on purpose, because there was
//! nothing better or a better one was on its way: it is counted, and held to nothing.

use crate::journal::Micros;

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::lists::{self, Read};
use super::{age, listed, plural};

/// Fewer reads than this that had something to show prove nothing.
pub const MIN_READS: usize = 10;

/// What the reads of an experiment showed.
struct Seen<'a> {
    /// Held to the bound.
    held: Vec<Read<'a>>,
    /// Served past their time on purpose.
    on_purpose: Vec<Read<'a>>,
}

/// `None` where the stage promises nothing about it. The canary reads what it happens to read: too
/// little of that is no lack of evidence.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let bound_ms = case.objectives.staleness_ms?;
    let bound = i64::try_from(bound_ms).unwrap_or(i64::MAX / 1000).saturating_mul(1000);
    let (on_purpose, others): (Vec<_>, Vec<_>) =
        lists::reads(&case.history.ops).into_iter().partition(Read::is_marked_stale);
    let held = others.into_iter().filter(|read| read.is_held_to(bound)).collect();
    let seen = Seen { held, on_purpose };
    let late: Vec<&Read<'_>> = seen.held.iter().filter(|read| read.age() >= bound).collect();
    let (reads, allowed) = (seen.held.len(), age(bound));
    if late.is_empty() && reads < MIN_READS {
        let summary = format!(
            "{} of a list to which a write had been acknowledged {allowed} before; {MIN_READS} are \
             needed{}",
            plural(reads, "read"),
            seen.exempt()
        );
        let finding = Finding::new(Check::Staleness, Part::Inconclusive, summary);
        return (!case.since_up).then_some(finding);
    }
    let (part, whose) = match late.len() {
        0 => (Part::Pass, format!("{reads} reads; states")),
        n => (Part::Fail, format!("{n} of {reads} reads showed states that were too old;")),
    };
    let summary = format!("{whose} {}, {allowed} allowed{}", seen.ages(), seen.exempt());
    let mut finding = Finding::new(Check::Staleness, part, summary);
    let fault = case.history.first_fault();
    finding.predates_fault =
        !late.is_empty() && fault.is_some_and(|fault| late.iter().all(|read| read.op.done < fault));
    Some(finding.with(listed(late.iter().filter_map(|read| line(case, read)).collect())))
}

impl Seen<'_> {
    /// The worst age, and the one that 1 % of the reads exceeded.
    fn ages(&self) -> String {
        let mut ages: Vec<Micros> = self.held.iter().map(Read::age).collect();
        ages.sort_unstable();
        let worst = ages.last().copied().unwrap_or(0);
        let p99 = ages.get((ages.len() * 99).div_ceil(100).max(1) - 1).copied().unwrap_or(0);
        format!("up to {} old (p99 {})", age(worst), age(p99))
    }

    fn exempt(&self) -> String {
        let worst = self.on_purpose.iter().map(Read::age).max();
        worst.map_or(String::new(), |worst| {
            let count = self.on_purpose.len();
            format!("; {count} served stale on purpose, up to {} old", age(worst))
        })
    }
}

fn line(case: &Case<'_>, read: &Read<'_>) -> Option<String> {
    let item = read.missing?;
    Some(format!(
        "list {} {}: {} (number {}) was not shown, acknowledged {} earlier",
        read.list.list,
        case.moment(read.op.intended),
        item.key.unwrap_or("a write without a key"),
        item.id,
        age(read.age())
    ))
}
