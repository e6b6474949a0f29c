//! Has everybody who is to hear of an order heard of it? (The lost part of Jepsen's "total-queue", for
//! those who are told through a topic or a bus.)
//!
//! An order that was acknowledged must have been written down by the workers that hear of orders, and its
//! mail by those that hear of mails, once all queues are empty. What was not read back is inconclusive, and
//! so is what an emulator may have forgotten that lost its memory.

use crate::journal::{Effect, Micros, OpKind, QueueRead};

use super::super::findings::{Check, Finding, Part};
use super::super::judge::Case;
use super::super::memory::Messages;
use super::super::writes::{Account, Fate};
use super::{listed, plural};

/// Nothing where nobody hears of orders.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let heard = [
        (Effect::OrderRecorded, case.stage.records_orders(), "the order"),
        (Effect::MailRecorded, case.stage.mails() && case.stage.records_mails(), "its mail"),
    ];
    let heard: Vec<_> = heard.into_iter().filter(|(_, is_told, _)| *is_told).collect();
    if heard.is_empty() {
        return None;
    }
    let finding = |part, summary: String| Finding::new(Check::Events, part, summary);
    let orders = case.accounts.iter().find(|a| a.kind == OpKind::Order);
    let Some(orders) = orders.filter(|orders| orders.acknowledged() > 0) else {
        let part = if case.is_quiet() { Part::Pass } else { Part::Inconclusive };
        return Some(finding(part, "no order was acknowledged that anybody could hear of".into()));
    };
    let memory = Messages::of(case.history, case.stage);
    let (mut lost, mut forgotten, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for (effect, _, what) in heard {
        match case.history.effects.get(&effect).filter(|read| read.complete) {
            Some(read) => {
                for (at, line) in missing(orders, |key| read.effects.contains_key(key), what) {
                    match memory.forgotten(at) {
                        Some(lapse) => forgotten.push(format!("{line}, but {}", lapse.in_words())),
                        None => lost.push(line),
                    }
                }
            }
            None => unread.push(format!("nobody said who heard of {what}")),
        }
    }
    let many = plural(orders.acknowledged(), "acknowledged order");
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

/// Acknowledged orders that nobody heard of, and when they were acknowledged. One of the canary that came while orders were read back may
/// still be on its way.
fn missing(
    orders: &Account<'_>,
    heard: impl Fn(&str) -> bool,
    what: &str,
) -> Vec<(Micros, String)> {
    let late = |at| orders.audit_began.is_some_and(|began| at >= began);
    let due = orders.writes.iter().filter(|order| {
        order.fate == Fate::Acknowledged && !order.acknowledged_at.is_none_or(late)
    });
    let lost = due.filter(|order| !heard(order.key));
    lost.map(|order| {
        let line = format!("order {}: acknowledged, and nobody heard of {what}", order.key);
        (order.acknowledged_at.unwrap_or(order.done), line)
    })
    .collect()
}
