//! Did every queue come to rest, with no dead letters but those that must be there?
//!
//! At the end nothing may wait in an outbox or a queue, or be in hand. A message that a fault made
//! unreadable must be in the dead-letter queue by then, and nothing else that was not there before the
//! fault; and it must have been given out as often as the queue allows before it went there
//! (`maxReceiveCount`), as its workers have counted. A queue that was not looked at is inconclusive. In `since-up` the canary goes on, so that
//! something always waits, and dead letters of faults that are not in it are of earlier runs.

use std::collections::BTreeSet;

use crate::journal::{ControlEvent, DeadLetter, Micros, Phase, QueueRead};
use crate::spec::model::{BAD_MESSAGES, Fault, Kind, Stage};

use super::super::findings::{Check, Finding, Part};
use super::super::history::FaultRecord;
use super::super::judge::Case;
use super::super::memory::{Lapse, Messages};
use super::{listed, plural};

/// Nothing where no worker takes a queue.
pub(super) fn check(case: &Case<'_>) -> Option<Finding> {
    let queues = case.stage.queues();
    if queues.is_empty() {
        return None;
    }
    let memory = Messages::of(case.history, case.stage);
    let (mut wrong, mut unknown, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for queue in &queues {
        let name = queue.worker.queue.as_str();
        match reads(case, name) {
            Err(why) => unknown.push(format!("queue {name}: {why}")),
            Ok((_, end)) if end.outbox.is_none() && !case.since_up && has_outbox(case.stage) => {
                unknown.push(format!("queue {name}: nobody said how much waits in the outbox"));
            }
            Ok((before, end)) => {
                let look = Look { case, tier: queue.tier, before, end, memory: &memory };
                unknown.extend(look.forgotten().map(|what| format!("queue {name}: {what}")));
                wrong.extend(look.wrong().into_iter().map(|what| format!("queue {name}: {what}")));
                match look.refusals(queue.worker.max_receives) {
                    Some((Part::Fail, what)) => wrong.push(format!("queue {name}: {what}")),
                    Some((Part::Inconclusive, what)) => {
                        unknown.push(format!("queue {name}: {what}"));
                    }
                    Some((Part::Pass, what)) => said.push(format!("{name}: {what}")),
                    None => {}
                }
                said.push(format!("{name} after {} ms", end.waited_ms));
            }
        }
    }
    let finding = |part, summary: String| Finding::new(Check::Queue, part, summary);
    Some(if let Some(first) = wrong.first() {
        finding(Part::Fail, first.clone()).with(listed(wrong.split_off(1))).with(unknown)
    } else if let Some(first) = unknown.first() {
        finding(Part::Inconclusive, first.clone()).with(unknown.split_off(1))
    } else {
        finding(Part::Pass, format!("nothing is left to do: {}", said.join(", ")))
    })
}

fn plural_of(messages: u64) -> String {
    plural(usize::try_from(messages).unwrap_or(usize::MAX), "message")
}

/// Whether the demo application writes events: those of others are not known to wait anywhere.
fn has_outbox(stage: &Stage) -> bool {
    let publishes =
        |kind: &Kind| matches!(kind, Kind::Service(s) if s.is_ours() && s.events.is_some());
    stage.tiers.values().any(|tier| publishes(&tier.kind))
}

/// The last look before the first fault (or before the end, without one), and the last of all.
fn reads<'a>(
    case: &Case<'a>,
    name: &str,
) -> Result<(Option<&'a QueueRead>, &'a QueueRead), String> {
    let of = || case.history.queues.iter().filter(|(_, queue, _)| *queue == name);
    let audit = case.history.phase(Phase::Audit).unwrap_or(Micros::MAX);
    let known =
        |read: Option<&(Micros, &'a str, Result<&'a QueueRead, &'a str>)>, when: &str| match read {
            None => Err(format!("it was not looked at {when}")),
            Some((.., Err(reason))) => Err(format!("it could not be looked at {when}: {reason}")),
            Some((.., Ok(read))) => Ok(*read),
        };
    let end = known(of().rfind(|(at, ..)| *at >= audit), "at the end")?;
    if case.since_up {
        // What the experiments of an earlier run left is no part of what happened since.
        let left =
            of().filter(|(at, ..)| *at < audit).filter_map(|(.., read)| read.ok()).next_back();
        return Ok((left, end));
    }
    let until = case.history.first_fault().unwrap_or(audit);
    let before = known(of().rfind(|(at, ..)| *at < until), "before the fault")?;
    Ok((Some(before), end))
}

struct Look<'c, 'a> {
    case: &'c Case<'a>,
    tier: &'c str,
    before: Option<&'c QueueRead>,
    end: &'c QueueRead,
    memory: &'c Messages<'a>,
}

impl Look<'_, '_> {
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let QueueRead { visible, in_flight, outbox, waited_ms, .. } = self.end;
        if !self.end.is_drained() && !self.case.since_up {
            let outbox = outbox.map_or(String::new(), |n| format!(", {n} in the outbox"));
            wrong.push(format!(
                "after {waited_ms} ms {visible} wait, {in_flight} are in hand{outbox}"
            ));
        }
        let before = self.before.into_iter().flat_map(|read| &read.dead);
        let known: BTreeSet<&str> = before.map(|letter| letter.id.as_str()).collect();
        let new: Vec<&DeadLetter> =
            self.end.dead.iter().filter(|letter| !known.contains(letter.id.as_str())).collect();
        if self.forgetful().is_none() {
            wrong.extend(self.astray());
        }
        let unexpected: Vec<&&DeadLetter> = new.iter().filter(|l| !self.is_expected(l)).collect();
        if !unexpected.is_empty() {
            let many = plural(unexpected.len(), "dead letter");
            let first = unexpected.first().map_or("", |letter| letter.says.as_str());
            wrong.push(format!("{many} that should have been handled, such as {first}"));
        }
        wrong
    }

    /// Messages that nobody can handle and that are no dead letters.
    fn astray(&self) -> Vec<String> {
        let astray = self.bad_messages().filter_map(|(fault, sent)| {
            // All that are there: a run since may have looked at them before. No two faults have one id.
            let of_it = |l: &&DeadLetter| l.fault.as_deref() == Some(fault.id);
            let there = self.end.dead.iter().filter(of_it).count();
            let many = plural(sent.into(), "message");
            (there != usize::from(sent))
                .then(|| format!("{there} of {many} that nobody can handle are dead letters"))
        });
        astray.collect()
    }

    /// The emulator that lost what it held after such messages were sent.
    fn forgetful(&self) -> Option<&Lapse<'_>> {
        self.bad_messages().find_map(|(fault, _)| self.memory.forgotten(fault.injected_at?))
    }

    /// What would be wrong, had the emulator not lost what it held.
    fn forgotten(&self) -> Option<String> {
        let lapse = self.forgetful()?;
        self.astray().first().map(|what| format!("{}; {what}", lapse.in_words()))
    }

    /// Whether messages that nobody can handle were given out as often as they may be, before they became
    /// dead letters. Nothing without such messages. A worker that was started again counts from nothing.
    fn refusals(&self, max_receives: u16) -> Option<(Part, String)> {
        let sent: u64 = self.bad_messages().map(|(_, sent)| u64::from(sent)).sum();
        if sent == 0 || self.case.since_up {
            return None;
        }
        let due = sent * u64::from(max_receives);
        let counted = self.before.and_then(|read| read.refused).zip(self.end.refused);
        // Functions that have ended do not say it, nor workers of somebody else's making.
        let (before, end) = counted?;
        let is_own =
            |node: &str| node.strip_prefix(self.tier).is_some_and(|rest| rest.starts_with('-'));
        let bad = |f: &FaultRecord<'_>| matches!(f.fault, Some(Fault::PoisonMessage(_)));
        let restarted = !self.case.history.faults.iter().all(bad)
            || self.case.history.controls.iter().any(|(_, event)| match event {
                ControlEvent::Replaced { node } => is_own(node),
                ControlEvent::Scaled { tier, .. } => tier == self.tier,
                _ => false,
            });
        let refused = end.saturating_sub(before);
        if refused < due
            && let Some(lapse) = self.forgetful()
        {
            return Some((Part::Inconclusive, lapse.in_words()));
        }
        Some(match refused >= due {
            true => (Part::Pass, format!("{refused} refusals of {}", plural_of(sent))),
            false if restarted => (
                Part::Inconclusive,
                "a worker that refused messages may have been started again".into(),
            ),
            false => (
                Part::Fail,
                format!(
                    "{} became dead letters after {refused} refusals, and each may be given out \
                     {max_receives} times",
                    plural_of(sent)
                ),
            ),
        })
    }

    /// The faults that put messages into this queue which nobody can handle, and how many. One that
    /// did not take effect has its own check.
    fn bad_messages(&self) -> impl Iterator<Item = (&FaultRecord<'_>, u16)> {
        self.case.history.faults.iter().filter_map(|record| match record.fault {
            Some(Fault::PoisonMessage(fault)) if record.evidence.is_some() => {
                let hit = self.case.stage.queue_of(fault.tier.as_deref());
                let own = hit.is_some_and(|queue| queue.tier == self.tier);
                own.then_some((record, fault.messages.unwrap_or(BAD_MESSAGES)))
            }
            _ => None,
        })
    }

    fn is_expected(&self, letter: &DeadLetter) -> bool {
        let Some(fault) = letter.fault.as_deref() else { return false };
        self.case.since_up || self.case.history.faults.iter().any(|f| f.id == fault)
    }
}
