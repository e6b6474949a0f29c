//! Has everybody heard of a write who is to hear of it? (The lost part of Jepsen's "total-queue", for those
//! who are told through a topic or a bus.)
//!
//! An acknowledged write must have had each effect that was promised to follow and that may come more than
//! once, when all queues are empty. What was not read back is inconclusive, and so is what an emulator may
//! have forgotten that lost its memory.

use crate::journal::{Micros, QueueRead};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::memory::Messages;
use super::super::writes::{Account, Fate};
use super::{listed, plural};

/// Nothing where no such effect is promised.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let promised = case.history.kinds.consequences();
    let heard: Vec<_> = promised.filter(|(.., promise)| !promise.is_counted()).collect();
    if heard.is_empty() {
        return None;
    }
    let finding = |part, summary: String| Finding::new(Check::Events, part, summary);
    let of = |kind| case.accounts.iter().find(|account: &&Account<'_>| account.kind == kind);
    let told: Vec<&Account<'_>> = case
        .accounts
        .iter()
        .filter(|account| heard.iter().any(|(kind, ..)| *kind == account.kind))
        .filter(|account| account.acknowledged() > 0)
        .collect();
    if told.is_empty() {
        let part = if case.is_quiet() { Part::Pass } else { Part::Inconclusive };
        let summary = "no write was acknowledged that anybody could hear of";
        return Some(finding(part, summary.into()));
    }
    let memory = Messages::of(case.history, case.stage);
    let (mut lost, mut forgotten, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, effect, _) in heard {
        let Some(account) = of(kind) else { continue };
        let what = effect.as_str();
        match case.history.effects.get(&effect).filter(|read| read.complete) {
            Some(read) => {
                for (at, line) in missing(account, |key| read.effects.contains_key(key), what) {
                    match memory.forgotten(at) {
                        Some(lapse) => forgotten.push(format!("{line}, but {}", lapse.in_words())),
                        None => lost.push(line),
                    }
                }
            }
            None => unread.push(format!("the effect {what} was never read back")),
        }
    }
    let many = many(&told);
    // What still waits is late, and not lost.
    let at_rest = case.stage.queues().iter().all(|queue| {
        let mut reads =
            case.history.queues.iter().filter(|(_, name, _)| *name == queue.worker.queue);
        reads.next_back().is_some_and(|(.., read)| read.is_ok_and(QueueRead::is_drained))
    });
    Some(if !lost.is_empty() && !at_rest {
        let summary = format!("of {many}: {} not heard of yet", plural(lost.len(), "event"));
        finding(Part::Inconclusive, summary).with(listed(lost))
    } else if !lost.is_empty() {
        let summary = format!("of {many}: {} not heard of", plural(lost.len(), "event"));
        finding(Part::Fail, summary).with(listed(lost)).with(listed(forgotten))
    } else if let (false, Some(lapse)) = (forgotten.is_empty(), memory.first()) {
        let lapse = lapse.in_words();
        let summary =
            format!("{lapse}; of {many}: {} not heard of", plural(forgotten.len(), "event"));
        finding(Part::Inconclusive, summary).with(listed(forgotten))
    } else if let Some(first) = unread.first() {
        finding(Part::Inconclusive, first.clone())
    } else {
        finding(Part::Pass, format!("all that are told heard of {many}"))
    })
}

/// `12 acknowledged writes`, by their kind where there is only one.
fn many(told: &[&Account<'_>]) -> String {
    let kind = match told {
        [only] => only.kind.as_str(),
        _ => "write",
    };
    let sum = told.iter().map(|account| account.acknowledged()).sum();
    plural(sum, &format!("acknowledged {kind}"))
}

/// Acknowledged writes that nobody heard of, and when they were acknowledged. One of the canary that came
/// while its writes were read back may still be on its way.
fn missing(
    account: &Account<'_>,
    heard: impl Fn(&str) -> bool,
    what: &str,
) -> Vec<(Micros, String)> {
    let late = |at| account.audit_began.is_some_and(|began| at >= began);
    let due = account.writes.iter().filter(|write| {
        write.fate == Fate::Acknowledged && !write.acknowledged_at.is_none_or(late)
    });
    let lost = due.filter(|write| !heard(write.key));
    lost.map(|write| {
        let kind = account.kind.as_str();
        let line = format!("{kind} {}: acknowledged, and no {what} followed", write.key);
        (write.acknowledged_at.unwrap_or(write.done), line)
    })
    .collect()
}
