//! Is every acknowledged promise still there after healing? (Jepsen's "set".)
//!
//! *Lost*: acknowledged and not found. *Recovered*: never acknowledged and found, which is legal.
//! *Phantom*: found although the client was told that it failed, or never attempted at all. The
//! canary goes on while its writes are read back, so in `since-up` a key that nobody is known to
//! have attempted is only counted. What could not be read back is inconclusive, never kept.

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::writes::{Account, AuditState, Write};
use super::{listed, plural};

pub(super) fn check(case: &Case<'_>) -> Finding {
    if case.accounts.is_empty() && !case.history.kinds.any_promise() {
        return Finding::new(
            Check::NoLostWrite,
            Part::Pass,
            "nothing was promised that could be lost",
        );
    }
    if case.accounts.is_empty() {
        let part = if case.is_quiet() { Part::Pass } else { Part::Inconclusive };
        return Finding::new(Check::NoLostWrite, part, "no promised write was attempted");
    }
    let lost: Vec<(&Account<'_>, &Write<'_>)> = complete(case)
        .flat_map(|account| account.lost().map(move |write| (account, write)))
        .collect();
    let phantoms = phantoms(case);
    let gaps: Vec<String> = case.accounts.iter().flat_map(gaps).collect();
    let allowed = usize::try_from(case.objectives.rpo_writes).unwrap_or(usize::MAX);
    let acknowledged: usize = case.accounts.iter().map(Account::acknowledged).sum();

    let (part, summary) = if lost.len() > allowed {
        let budget = if allowed > 0 { format!(" ({allowed} allowed)") } else { String::new() };
        let many = plural(acknowledged, "acknowledged write");
        (Part::Fail, format!("{} of {many} lost{budget}", lost.len()))
    } else if !phantoms.is_empty() {
        let many = plural(phantoms.len(), "phantom write");
        (Part::Fail, format!("{many}: found although reported as failed or never attempted"))
    } else if let Some(first) = gaps.first() {
        (Part::Inconclusive, first.clone())
    } else if lost.is_empty() {
        let many = plural(acknowledged, "acknowledged write");
        (Part::Pass, format!("{many} read back, none lost"))
    } else {
        (Part::Pass, format!("{} lost, {allowed} allowed", lost.len()))
    };
    let mut finding = Finding::new(Check::NoLostWrite, part, summary);
    finding.predates_fault = part == Part::Fail && lost.len() <= allowed && early(case);
    finding
        .with(case.accounts.iter().map(|account| totals(case, account)))
        .with(gaps.into_iter().skip(usize::from(part == Part::Inconclusive)))
        .with(listed(lost.iter().map(|(account, write)| lost_line(case, account, write)).collect()))
        .with(listed(phantoms))
}

/// The accounts that were read back completely: a missing key proves nothing in the others.
fn complete<'c, 'a>(case: &'c Case<'a>) -> impl Iterator<Item = &'c Account<'a>> {
    case.accounts.iter().filter(|a| a.audit == AuditState::Complete)
}

fn phantoms(case: &Case<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for account in &case.accounts {
        let kind = account.kind.as_str();
        lines.extend(account.undead().map(|w| {
            format!("phantom {kind} {}: reported as failed {}", w.key, case.moment(w.done))
        }));
        if !case.since_up {
            let unknown = account.strangers.iter();
            lines.extend(unknown.map(|(key, _)| format!("phantom {kind} {key}: never attempted")));
        }
    }
    lines
}

/// Whether every phantom is of a write that was over before the first fault.
fn early(case: &Case<'_>) -> bool {
    let Some(fault) = case.history.first_fault() else { return false };
    case.accounts
        .iter()
        .all(|a| (case.since_up || a.strangers.is_empty()) && a.undead().all(|w| w.done < fault))
}

/// What keeps an account from being judged. A kind of which nothing was acknowledged needs no
/// read-back to have lost nothing, but then there is no evidence for it either.
fn gaps(account: &Account<'_>) -> Vec<String> {
    let kind = account.kind.as_str();
    let mut gaps = Vec::new();
    match account.audit {
        AuditState::Never => gaps.push(format!("{kind} writes were never read back")),
        AuditState::Incomplete => {
            gaps.push(format!("the final read of {kind} writes did not come to its end"));
        }
        AuditState::Failed(reason) => {
            gaps.push(format!("the final read of {kind} writes failed: {reason}"));
        }
        AuditState::Complete => {}
    }
    if account.keyless > 0 {
        let many = plural(account.keyless, "acknowledged write");
        gaps.push(format!("{many} of kind {kind} had no key and cannot be read back"));
    }
    let late = account.too_late().count();
    if account.audit == AuditState::Complete && late > 0 {
        let many = plural(late, "write");
        gaps.push(format!("{many} of kind {kind} acknowledged after the final read had begun"));
    }
    gaps
}

fn totals(case: &Case<'_>, account: &Account<'_>) -> String {
    let head = format!(
        "{}: {} attempted, {} acknowledged",
        account.kind.as_str(),
        account.writes.len(),
        account.acknowledged(),
    );
    if account.audit != AuditState::Complete {
        return format!("{head}, not read back");
    }
    let strangers = account.strangers.len();
    let phantom = account.undead().count() + if case.since_up { 0 } else { strangers };
    let beyond = if case.since_up && strangers > 0 {
        format!(", {strangers} of the canary's later writes")
    } else {
        String::new()
    };
    let (lost, recovered) = (account.lost().count(), account.recovered());
    format!("{head}, {lost} lost, {recovered} recovered, {phantom} phantom{beyond}")
}

fn lost_line(case: &Case<'_>, account: &Account<'_>, write: &Write<'_>) -> String {
    let at = write.acknowledged_at.unwrap_or(write.done);
    format!("lost {} {}: acknowledged {}", account.kind.as_str(), write.key, case.moment(at))
}
