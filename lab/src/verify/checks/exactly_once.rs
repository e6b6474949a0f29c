//! Did every promise take effect at most once? A write that the client repeats under one key, or
//! that the application repeats inside, must not be paid for twice. Clients repeat every write whose outcome
//! they do not know, and some whose good answer they lost; the check says how many.
//!
//! More than one effect is a violation whatever the client knows. No effect of an acknowledged
//! write is a loss, judged by `no-lost-write` against the RPO objective and only counted here. A
//! write of unknown outcome may have one effect or none.

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::writes::{Account, AuditState, Fate};
use super::{listed, plural};

pub(super) fn check(case: &Case<'_>) -> Finding {
    if case.accounts.is_empty() && !case.history.kinds.any_promise() {
        return Finding::new(
            Check::ExactlyOnce,
            Part::Pass,
            "nothing was promised that could happen twice",
        );
    }
    if case.accounts.is_empty() {
        let part = if case.is_quiet() { Part::Pass } else { Part::Inconclusive };
        return Finding::new(Check::ExactlyOnce, part, "no promised write was attempted");
    }
    let fault = case.history.first_fault();
    let mut repeated = Vec::new();
    let mut early = fault.is_some();
    for account in &case.accounts {
        let kind = account.kind.as_str();
        for write in account.writes.iter().filter(|w| w.effects > 1) {
            let knows = match write.fate {
                Fate::Acknowledged => "acknowledged",
                Fate::Unknown => "outcome unknown",
                Fate::Failed => "reported as failed",
            };
            let (key, effects, at) = (write.key, write.effects, case.moment(write.done));
            repeated.push(format!("{kind} {key}: {effects} effects, {knows} {at}"));
            early &= fault.is_some_and(|fault| write.done < fault);
        }
        for (key, effects) in account.strangers.iter().filter(|(_, effects)| *effects > 1) {
            repeated.push(format!("{kind} {key}: {effects} effects, attempt not recorded"));
            early = false;
        }
    }
    let unread: Vec<&Account<'_>> =
        case.accounts.iter().filter(|a| a.audit != AuditState::Complete).collect();
    if !repeated.is_empty() {
        let summary = format!("{} with more than one effect", plural(repeated.len(), "write"));
        let mut finding = Finding::new(Check::ExactlyOnce, Part::Fail, summary);
        finding.predates_fault = early;
        return finding.with(listed(repeated));
    }
    if let Some(account) = unread.first() {
        let summary = format!(
            "{} writes were not read back, so their effects are not known",
            account.kind.as_str()
        );
        return Finding::new(Check::ExactlyOnce, Part::Inconclusive, summary);
    }
    let found = case.accounts.iter().flat_map(|a| &a.writes).filter(|w| w.effects == 1).count();
    let missing: usize = case.accounts.iter().map(|a| a.lost().count()).sum();
    let again = case.accounts.iter().flat_map(|a| &a.writes).filter(|w| w.repeats > 0).count();
    let again = match again {
        0 => String::new(),
        n => format!(", {n} of them sent again under their key"),
    };
    let summary = format!("{found} writes with one effect each{again}");
    Finding::new(Check::ExactlyOnce, Part::Pass, summary)
        .with((missing > 0).then(|| format!("{missing} lost, judged by no-lost-write")))
}
