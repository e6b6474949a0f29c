//! Had every acknowledged order exactly one mail, however often its message came? (Jepsen's
//! "total-queue", from the order to the effect.)
//!
//! *Lost*: an order was acknowledged, and no mail was sent until the limit of waiting for it.
//! *Twice*: more than one was. *Unexpected*: a mail of an order that certainly failed or was never
//! placed. An order of unknown outcome may have a mail or none. Messages that came twice and had one
//! effect are what a queue may do: they are counted. A mail whose message an emulator may have forgotten,
//! because it lost its memory, is not known to be lost by anybody else. Mails that could not be read back, and an
//! experiment without an acknowledged order, are inconclusive. So are workers that were killed when no
//! message came a second time.

use crate::journal::{Effect, OpKind};
use crate::spec::model::{Fault, Job};

use super::super::findings::{Check, Finding, Part};
use super::super::history::{FaultRecord, KeyAudit};
use super::super::judge::Case;
use super::super::memory::Messages;
use super::super::writes::{Account, Fate, Write};
use super::{listed, plural};

/// Nothing where orders are followed by no mail.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.stage.mails() {
        return None;
    }
    let finding =
        |part, summary: String| Some(Finding::new(Check::EffectExactlyOnce, part, summary));
    let none = || {
        let part = if case.is_quiet() { Part::Pass } else { Part::Inconclusive };
        finding(part, "no order was acknowledged, so no mail was due".into())
    };
    let orders = case.accounts.iter().find(|a| a.kind == OpKind::Order);
    let Some(orders) = orders else { return none() };
    let Some(mails) = case.history.effects.get(&Effect::Mail) else {
        if orders.acknowledged() == 0 {
            return none();
        }
        return finding(Part::Inconclusive, "the mails were never read back".into());
    };
    let wrong = Wrong::of(case, orders, mails);
    let part = match (wrong.is_nothing(), mails.complete) {
        (true, true) if orders.acknowledged() == 0 => return none(),
        (false, _) => Part::Fail,
        (true, true) if wrong.forgotten > 0 => Part::Inconclusive,
        (true, true) => Part::Pass,
        (true, false) => Part::Inconclusive,
    };
    let summary = match (part, mails.failed) {
        _ if wrong.is_nothing() && wrong.forgotten > 0 => wrong.forgotten_summary(orders),
        (Part::Inconclusive, Some(reason)) => format!("reading the mails back failed: {reason}"),
        (Part::Inconclusive, None) => "reading the mails back did not come to its end".into(),
        _ => wrong.summary(orders),
    };
    let repeats = case.history.effects.get(&Effect::MailRepeat);
    let (part, summary) = with_repeats(case, repeats, part, summary);
    let mut found = Finding::new(Check::EffectExactlyOnce, part, summary);
    found.predates_fault = part == Part::Fail && wrong.early;
    Some(found.with(listed(wrong.lines)))
}

/// Counts the messages that came again, which a queue may do. After workers were killed some must have:
/// otherwise none of them had a message in hand, and nothing was shown.
fn with_repeats(
    case: &Case<'_>,
    repeats: Option<&KeyAudit<'_>>,
    part: Part,
    summary: String,
) -> (Part, String) {
    // Only those who send mails, and know one that comes again, count.
    let is_hunt = |f: &FaultRecord<'_>| match f.fault {
        Some(Fault::KillWorker(fault)) => {
            let hit = case.stage.queue_of(fault.tier.as_deref());
            hit.is_some_and(|queue| queue.worker.job == Job::Mail && queue.worker.dedupe)
        }
        _ => false,
    };
    let hunted = !case.since_up && case.history.faults.iter().any(is_hunt);
    let again = repeats.filter(|read| read.complete).map(|read| read.effects.values().sum::<u32>());
    match (part, again) {
        (Part::Pass, None) if hunted => {
            (Part::Inconclusive, format!("{summary}, and nobody said whether a message came again"))
        }
        (Part::Pass, Some(0)) if hunted => (
            Part::Inconclusive,
            format!("{summary}, and no message came again: no worker was killed with one in hand"),
        ),
        (_, None | Some(0)) => (part, summary),
        (_, Some(again)) => {
            (part, format!("{summary}; {} came again", plural(again as usize, "message")))
        }
    }
}

/// What is not as it should be.
#[derive(Default)]
struct Wrong {
    lost: usize,
    twice: usize,
    unexpected: usize,
    /// Without a mail, because an emulator lost what it held.
    forgotten: usize,
    /// Which one.
    by: Option<String>,
    lines: Vec<String>,
    /// All of it is of orders that were over before the first fault.
    early: bool,
}

impl Wrong {
    fn of(case: &Case<'_>, orders: &Account<'_>, mails: &KeyAudit<'_>) -> Self {
        let fault = case.history.first_fault();
        let memory = Messages::of(case.history, case.stage);
        let mut wrong = Self { early: fault.is_some(), ..Self::default() };
        let mut effects = mails.effects.clone();
        for order in &orders.writes {
            let sent = effects.remove(order.key).unwrap_or(0);
            let Some(what) = wrong.count(orders, mails, &memory, (order, sent)) else { continue };
            wrong.early &= fault.is_some_and(|fault| order.done < fault);
            let moment = case.moment(order.done);
            wrong.lines.push(format!("order {}: {what}; it ended {moment}", order.key));
        }
        // The canary goes on while its orders are read back.
        let own = |key: &&str| key.starts_with(case.history.key_prefix) && !case.since_up;
        for (key, sent) in effects.into_iter().filter(|(key, sent)| own(key) && *sent > 0) {
            wrong.unexpected += 1;
            wrong.early = false;
            wrong.lines.push(format!("order {key}: {sent} sent, and it was never placed"));
        }
        wrong
    }

    /// What is wrong with the mails of one order, if anything is.
    fn count(
        &mut self,
        orders: &Account<'_>,
        mails: &KeyAudit<'_>,
        memory: &Messages<'_>,
        (order, sent): (&Write<'_>, u32),
    ) -> Option<String> {
        let late = matches!((order.acknowledged_at, orders.audit_began.or(mails.began)),
            (Some(acknowledged), Some(read)) if acknowledged >= read);
        match (order.fate, sent) {
            (_, 2..) => {
                self.twice += 1;
                Some(format!("{} sent", plural(sent as usize, "mail")))
            }
            (Fate::Acknowledged, 0) if !late && mails.complete => {
                let what = "acknowledged, and no mail was sent";
                let Some(lapse) = memory.forgotten(order.acknowledged_at.unwrap_or(order.done))
                else {
                    self.lost += 1;
                    return Some(what.into());
                };
                self.forgotten += 1;
                self.by.get_or_insert_with(|| lapse.in_words());
                Some(format!("{what}, but {}", lapse.in_words()))
            }
            (Fate::Failed, 1) => {
                self.unexpected += 1;
                Some("reported as failed, and a mail was sent".into())
            }
            _ => None,
        }
    }

    fn is_nothing(&self) -> bool {
        self.lost + self.twice + self.unexpected == 0
    }

    fn forgotten_summary(&self, orders: &Account<'_>) -> String {
        let (many, by) =
            (plural(orders.acknowledged(), "acknowledged order"), self.by.as_deref().unwrap_or(""));
        format!("{by}; of {many}: {} without a mail", self.forgotten)
    }

    fn summary(&self, orders: &Account<'_>) -> String {
        let many = plural(orders.acknowledged(), "acknowledged order");
        if self.is_nothing() {
            return format!("{many} with one mail each");
        }
        let parts = [
            (self.lost, "without a mail"),
            (self.twice, "with more than one"),
            (self.unexpected, "with one that was not due"),
            (self.forgotten, "without a mail, which an emulator forgot"),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("of {many}: {}", parts.join(", "))
    }
}
