//! Did caches show what had been true, and for no longer than they may?
//!
//! Two things no cache may do, and both are told without asking it:
//!
//! - show a *phantom*: an item whose write certainly failed, or that nobody wrote;
//! - show a state that is older than all lifetimes on the way together (see
//!   [`crate::verify::lifetimes`]), although the answer is not marked as past its time. What the
//!   application's cache says of a value's age is held against its own lifetime as well.
//!
//! What is served past its time on purpose is counted, and its age told.

use std::collections::BTreeMap;

use crate::journal::{Caches, KeptBy, Micros, Op, Outcome, ShopUse};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::lifetimes::{self, Lifetimes};
use super::super::lists::{self, Read};
use super::super::writes::{Account, Fate};
use super::{age, listed, plural};

/// An answer that a cache had.
#[derive(Clone, Copy)]
struct Kept<'a> {
    op: &'a Op,
    caches: Caches,
    by: KeptBy,
}

/// Something that no cache may do.
struct Violation<'a> {
    op: &'a Op,
    line: String,
}

/// `None` where nothing keeps answers, and when the canary happened to get none that was kept.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    if !lifetimes::has_cache(case.stage) {
        return None;
    }
    let reads = case.history.ops.iter().copied().filter(|op| may_be_kept(case, op));
    let answers = reads.clone().count();
    let kept: Vec<Kept<'_>> = reads.filter_map(kept).collect();
    if kept.is_empty() {
        let summary = format!("no answer came from a cache, of {}", plural(answers, "read"));
        let finding = Finding::new(Check::CacheCoherence, Part::Inconclusive, summary);
        return (!case.since_up).then_some(finding);
    }
    Some(judged(case, &kept, answers))
}

fn judged(case: &Case<'_>, kept: &[Kept<'_>], answers: usize) -> Finding {
    let reads = lists::reads(&case.history.ops).into_iter();
    let lists: Vec<Read<'_>> = reads.filter(|read| kept_by(read).is_some()).collect();
    let lifetimes = Lifetimes::of(case.stage, &case.history.kinds.lists());
    let phantoms = phantoms(case, &lists);
    let mut old = too_old(case, &lists, lifetimes.total());
    old.extend(lifetimes.shop.iter().flat_map(|ttl| overdue(case, kept, *ttl, lifetimes.slack)));
    let share = kept.len() as f64 * 100.0 / answers.max(1) as f64;
    let from = format!("{} of {answers} answers from a cache ({share:.0} %)", kept.len());
    let ages = ages(&lists, kept, lifetimes.total());
    let (part, summary) = if phantoms.is_empty() && old.is_empty() {
        (Part::Pass, format!("{from}, no phantom{ages}"))
    } else {
        let (phantoms, old) = (plural(phantoms.len(), "phantom"), plural(old.len(), "answer"));
        (Part::Fail, format!("{phantoms} and {old} past their time; {from}{ages}"))
    };
    let violations: Vec<Violation<'_>> = phantoms.into_iter().chain(old).collect();
    let mut finding = Finding::new(Check::CacheCoherence, part, summary);
    let fault = case.history.first_fault();
    finding.predates_fault = !violations.is_empty()
        && fault.is_some_and(|fault| violations.iter().all(|v| v.op.done < fault));
    let lines = violations.into_iter().map(|v| v.line).collect();
    finding.with(kinds(kept, answers)).with(listed(lines))
}

/// Reads that everybody may be shown alike.
fn may_be_kept(case: &Case<'_>, op: &Op) -> bool {
    case.history.kinds.class(op.kind).is_shared && op.outcome == Outcome::Ok
}

fn kept(op: &Op) -> Option<Kept<'_>> {
    let caches = op.caches?;
    Some(Kept { op, caches, by: caches.kept_by()? })
}

fn kept_by(read: &Read<'_>) -> Option<KeptBy> {
    read.op.caches.and_then(|caches| caches.kept_by())
}

/// Each phantom with the first answer that showed it. In the canary's history an item that nobody
/// wrote may be one whose write is still under way.
fn phantoms<'a>(case: &Case<'_>, lists: &[Read<'a>]) -> Vec<Violation<'a>> {
    let is_listed = |account: &&Account<'_>| case.history.kinds.class(account.kind).is_listed;
    let accounts = case.accounts.iter().filter(is_listed);
    let fates: BTreeMap<&str, Fate> =
        accounts.flat_map(|account| &account.writes).map(|w| (w.key, w.fate)).collect();
    let mut found: BTreeMap<String, (&Read<'a>, &str, usize)> = BTreeMap::new();
    for read in lists {
        for key in read.list.items.iter().filter_map(|item| read.list.key(*item)) {
            let why = match fates.get(key.as_str()) {
                Some(Fate::Failed) => "which certainly failed",
                None if !case.since_up && key.starts_with(case.history.key_prefix) => {
                    "which nobody wrote"
                }
                _ => continue,
            };
            found.entry(key).or_insert((read, why, 0)).2 += 1;
        }
    }
    let violation = |(key, (read, why, times)): (String, (&Read<'a>, &str, usize))| {
        let line = format!(
            "phantom {key}, {why}: {} {}; {} in all",
            source(read),
            case.moment(read.op.intended),
            plural(times, "answer")
        );
        Violation { op: read.op, line }
    };
    found.into_iter().map(violation).collect()
}

fn source(read: &Read<'_>) -> String {
    let by = kept_by(read).map_or("", KeptBy::as_str);
    format!("list {} from the {by} cache", read.list.list)
}

/// Answers that are not marked and show a state older than all lifetimes together.
fn too_old<'a>(case: &Case<'_>, lists: &[Read<'a>], allowed: Micros) -> Vec<Violation<'a>> {
    let old = lists.iter().filter(|read| !read.is_marked_stale() && read.age() > allowed);
    let violation = |read: &Read<'a>| {
        let line = format!(
            "{} {} showed a state {} old, {} allowed",
            source(read),
            case.moment(read.op.intended),
            age(read.age()),
            age(allowed)
        );
        Violation { op: read.op, line }
    };
    old.map(violation).collect()
}

/// Values of the application's cache that are past their time by what the application itself says.
fn overdue<'a>(
    case: &Case<'_>,
    kept: &[Kept<'a>],
    ttl: Micros,
    slack: Micros,
) -> Vec<Violation<'a>> {
    let violation = |kept: &Kept<'a>| {
        let said = said(kept).filter(|_| kept.caches.shop == Some(ShopUse::Hit))?;
        let line = format!(
            "{} {}: the application's cache called a value of {} a hit, and keeps values for {}",
            kept.op.kind.as_str(),
            case.moment(kept.op.intended),
            age(said),
            age(ttl)
        );
        (said > ttl.saturating_add(slack)).then_some(Violation { op: kept.op, line })
    };
    kept.iter().filter_map(violation).collect()
}

/// The age of a value as the application said it.
fn said(kept: &Kept<'_>) -> Option<Micros> {
    kept.caches.age_ms.and_then(|ms| i64::try_from(ms).ok()).map(|ms| ms.saturating_mul(1000))
}

/// The oldest that was shown: as it should be, and past its time on purpose.
fn ages(lists: &[Read<'_>], kept: &[Kept<'_>], allowed: Micros) -> String {
    let (stale, new): (Vec<&Read<'_>>, Vec<&Read<'_>>) =
        lists.iter().partition(|read| read.is_marked_stale());
    let mut words = String::new();
    if let Some(worst) = new.iter().map(|read| read.age()).max() {
        words += &format!("; states up to {} old, {} allowed", age(worst), age(allowed));
    }
    let marked: Vec<_> = kept.iter().filter(|kept| kept.caches.is_marked_stale()).collect();
    if !marked.is_empty() {
        let said =
            marked.iter().filter(|k| k.caches.shop == Some(ShopUse::Stale)).filter_map(|k| said(k));
        let worst = stale.iter().map(|read| read.age()).chain(said).max().unwrap_or(0);
        let count = marked.len();
        words += &format!("; {count} served stale on purpose, up to {} old", age(worst));
    }
    words
}

/// How many answers each cache had, in its own words.
fn kinds(kept: &[Kept<'_>], answers: usize) -> Vec<String> {
    let mut counts: BTreeMap<KeptBy, BTreeMap<&str, usize>> = BTreeMap::new();
    for kept in kept {
        let word = match kept.by {
            KeptBy::Edge => kept.caches.edge.map_or("", |edge| edge.as_str()),
            KeptBy::Shop => kept.caches.shop.map_or("", |shop| shop.as_str()),
        };
        *counts.entry(kept.by).or_default().entry(word).or_default() += 1;
    }
    let line = |(by, words): (KeptBy, BTreeMap<&str, usize>)| {
        let words: Vec<String> = words.iter().map(|(word, n)| format!("{n} {word}")).collect();
        format!("{} cache: {}", by.as_str(), words.join(", "))
    };
    let made = answers.saturating_sub(kept.len());
    counts.into_iter().map(line).chain([format!("made for the request: {made}")]).collect()
}
