//! Had every acknowledged write exactly one of each effect that was promised to follow, however often its
//! message came? (Jepsen's "total-queue", from the write to the effect.)
//!
//! *Lost*: a write was acknowledged, and its effect did not come until the limit of waiting for it.
//! *Twice*: it came more than once. *Unexpected*: an effect of a write that certainly failed or was never
//! sent. A write of unknown outcome may have one or none. Messages that came twice and had one effect are
//! what a queue may do: they are counted. An effect whose message an emulator may have forgotten, because it
//! lost its memory, is not known to be lost by anybody else. Effects that could not be read back, and an
//! experiment without an acknowledged write, are inconclusive. So are workers that were killed when no
//! message came a second time.

use crate::journal::{Effect, OpKind};
use crate::spec::model::{Fault, Job};

use super::super::findings::{Check, Finding, Part};
use super::super::history::{FaultRecord, KeyAudit};
use super::super::judge::Case;
use super::super::memory::Messages;
use super::super::writes::{Account, Fate, Write};
use super::{listed, plural};

/// Nothing where no effect is promised of which it is told how often it came; the worst of several.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let counted = case.history.kinds.consequences().filter(|(.., promise)| promise.is_counted());
    counted.map(|(kind, effect, _)| of_effect(case, kind, effect)).max_by_key(|f| f.part)
}

fn of_effect(case: &Case<'_>, kind: OpKind, effect: Effect) -> Finding {
    let finding = |part, summary: String| Finding::new(Check::EffectExactlyOnce, part, summary);
    let (write, what) = (kind.as_str(), effect.as_str());
    let none = || {
        let part = if case.is_quiet() { Part::Pass } else { Part::Inconclusive };
        finding(part, format!("no {write} was acknowledged, so no {what} was due"))
    };
    let account = case.accounts.iter().find(|a| a.kind == kind);
    let Some(account) = account else { return none() };
    let Some(read) = case.history.effects.get(&effect) else {
        if account.acknowledged() == 0 {
            return none();
        }
        return finding(Part::Inconclusive, format!("the effect {what} was never read back"));
    };
    let wrong = Wrong::of(case, account, (what, read));
    let part = match (wrong.is_nothing(), read.complete) {
        (true, true) if account.acknowledged() == 0 => return none(),
        (false, _) => Part::Fail,
        (true, true) if wrong.forgotten > 0 => Part::Inconclusive,
        (true, true) => Part::Pass,
        (true, false) => Part::Inconclusive,
    };
    let summary = match (part, read.failed) {
        _ if wrong.is_nothing() && wrong.forgotten > 0 => wrong.forgotten_summary(account, what),
        (Part::Inconclusive, Some(reason)) => format!("reading {what} back failed: {reason}"),
        (Part::Inconclusive, None) => format!("reading {what} back did not come to its end"),
        _ => wrong.summary(account, what),
    };
    let repeats = case.history.effects.get(&Effect::again(effect));
    let (part, summary) = with_repeats(case, repeats, part, summary);
    let mut found = Finding::new(Check::EffectExactlyOnce, part, summary);
    found.predates_fault = part == Part::Fail && wrong.early;
    found.with(listed(wrong.lines))
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
    /// Without it, because an emulator lost what it held.
    forgotten: usize,
    /// Which one.
    by: Option<String>,
    lines: Vec<String>,
    /// All of it is of writes that were over before the first fault.
    early: bool,
}

impl Wrong {
    fn of(case: &Case<'_>, account: &Account<'_>, (what, read): (&str, &KeyAudit<'_>)) -> Self {
        let kind = account.kind.as_str();
        let fault = case.history.first_fault();
        let memory = Messages::of(case.history, case.stage);
        let mut wrong = Self { early: fault.is_some(), ..Self::default() };
        let mut effects = read.effects.clone();
        for write in &account.writes {
            let came = effects.remove(write.key).unwrap_or(0);
            let counted = wrong.count(account, (what, read), &memory, (write, came));
            let Some(says) = counted else { continue };
            wrong.early &= fault.is_some_and(|fault| write.done < fault);
            let moment = case.moment(write.done);
            wrong.lines.push(format!("{kind} {}: {says}; it ended {moment}", write.key));
        }
        // The canary goes on while its writes are read back.
        let own = |key: &&str| key.starts_with(case.history.key_prefix) && !case.since_up;
        for (key, came) in effects.into_iter().filter(|(key, came)| own(key) && *came > 0) {
            wrong.unexpected += 1;
            wrong.early = false;
            wrong.lines.push(format!("{kind} {key}: {came} of {what}, and it was never sent"));
        }
        wrong
    }

    /// What is wrong with the effect of one write, if anything is.
    fn count(
        &mut self,
        account: &Account<'_>,
        (what, read): (&str, &KeyAudit<'_>),
        memory: &Messages<'_>,
        (write, came): (&Write<'_>, u32),
    ) -> Option<String> {
        let late = matches!((write.acknowledged_at, account.audit_began.or(read.began)),
            (Some(acknowledged), Some(began)) if acknowledged >= began);
        match (write.fate, came) {
            (_, 2..) => {
                self.twice += 1;
                Some(format!("{came} of {what}"))
            }
            (Fate::Acknowledged, 0) if !late && read.complete => {
                let says = format!("acknowledged, and no {what} followed");
                let Some(lapse) = memory.forgotten(write.acknowledged_at.unwrap_or(write.done))
                else {
                    self.lost += 1;
                    return Some(says);
                };
                self.forgotten += 1;
                self.by.get_or_insert_with(|| lapse.in_words());
                Some(format!("{says}, but {}", lapse.in_words()))
            }
            (Fate::Failed, 1) => {
                self.unexpected += 1;
                Some(format!("reported as failed, and {what} followed"))
            }
            _ => None,
        }
    }

    fn is_nothing(&self) -> bool {
        self.lost + self.twice + self.unexpected == 0
    }

    fn forgotten_summary(&self, account: &Account<'_>, what: &str) -> String {
        let (many, by) = (acknowledged(account), self.by.as_deref().unwrap_or(""));
        format!("{by}; of {many}: {} without a {what}", self.forgotten)
    }

    fn summary(&self, account: &Account<'_>, what: &str) -> String {
        let many = acknowledged(account);
        if self.is_nothing() {
            return format!("{many} with one {what} each");
        }
        let parts = [
            (self.lost, format!("without a {what}")),
            (self.twice, "with more than one".to_owned()),
            (self.unexpected, "with one that was not due".to_owned()),
            (self.forgotten, format!("without a {what}, which an emulator forgot")),
        ];
        let parts: Vec<String> =
            parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("of {many}: {}", parts.join(", "))
    }
}

fn acknowledged(account: &Account<'_>) -> String {
    plural(account.acknowledged(), &format!("acknowledged {}", account.kind.as_str()))
}
