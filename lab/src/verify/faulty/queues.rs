//! Architectures that lose or repeat what follows from an order, and queues that do not come to rest.

use proptest::prelude::*;

use crate::journal::{
    ControlEvent, DeadLetter, Effect, Entry, Event, Op, OpKind, Outcome, Phase, QueueRead,
    bad_message,
};
use crate::spec::model::{Fault, PoisonMessage};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, Verdict};

const QUEUE: &str = "order-mail";

fn poison(messages: Option<u16>) -> Fault {
    Fault::PoisonMessage(PoisonMessage { messages, ..PoisonMessage::default() })
}

fn read(dead: &[DeadLetter]) -> QueueRead {
    let (queue, dead) = (QUEUE.into(), dead.to_vec());
    QueueRead { queue, outbox: Some(0), dead, refused: Some(4), ..Default::default() }
}

fn letter(id: &str, body: &str) -> DeadLetter {
    DeadLetter::new(id.into(), body)
}

/// A scenario in which every acknowledged order has one mail and the queue is at rest at the end.
pub(super) fn mailed(scenario: &Scenario) -> Vec<Entry> {
    let mut entries = scenario.entries();
    let mut keys = Vec::new();
    each_key(&mut entries, OpKind::ORDER, |found| keys.extend(found.iter().cloned()));
    let end = entries.pop().unwrap();
    let at = end.at;
    let effect = Effect::MAIL;
    for event in [
        Event::QueueRead(read(&[])),
        Event::AuditEffects { effect, keys },
        Event::AuditEffectsEnd { effect, waited_ms: 1200 },
    ] {
        entries.push(Entry { at, event });
    }
    entries.push(end);
    let before = Entry { at: entries[1].at, event: Event::QueueRead(read(&[])) };
    entries.insert(2, before);
    entries
}

pub(super) fn judged(entries: Vec<Entry>) -> ExperimentFindings {
    let mut run = run([entries]);
    if let Event::RunStarted(head) = &mut run[0].event {
        *head.stage = queued_stage();
    }
    judge(&run).unwrap().experiments.remove(0)
}

pub(super) fn each_mail(entries: &mut [Entry], change: impl Fn(&mut Vec<(String, u32)>)) {
    for entry in entries {
        if let Event::AuditEffects { keys, .. } = &mut entry.event {
            change(keys);
        }
    }
}

/// The queue as it was read at the end.
fn last_read(entries: &mut [Entry]) -> &mut QueueRead {
    let reads = entries.iter_mut().filter_map(|entry| match &mut entry.event {
        Event::QueueRead(read) => Some(read),
        _ => None,
    });
    reads.last().unwrap()
}

#[test]
fn a_journal_in_which_every_order_has_its_mail_survives() {
    let found = judged(mailed(&Scenario::new("kill")));
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    let orders = "71 acknowledged orders with one mail each";
    says(&found, Check::EffectExactlyOnce, Part::Pass, orders);
    says(&found, Check::Queue, Part::Pass, "nothing is left to do");
}

#[test]
fn a_stage_without_mail_and_queue_is_not_asked_for_them() {
    let found = judge_one(Scenario::new("kill").entries());
    let asked = |check| found.findings.iter().any(|f| f.check == check);
    assert!(!asked(Check::EffectExactlyOnce) && !asked(Check::Queue));
}

/// A worker that acknowledges before the effect, and dies between the two.
#[test]
fn a_lost_mail_is_caught() {
    let mut entries = mailed(&Scenario::new("kill"));
    each_mail(&mut entries, |keys| {
        keys.retain(|(key, _)| key != "kill-000301");
        for (key, sent) in keys {
            // Intended, and never sent.
            *sent -= u32::from(key == "kill-000307");
        }
    });
    let found = judged(entries);
    let words = "of 71 acknowledged orders: 2 without a mail";
    only(&found, Check::EffectExactlyOnce, Part::Fail, words);
    assert_eq!(found.verdict, Verdict::Broke);
    let details = &of(&found, Check::EffectExactlyOnce).details;
    let lost = "order kill-000301: acknowledged, and no mail followed";
    assert!(details.iter().any(|d| d.starts_with(lost)), "{details:#?}");
}

/// Workers that were killed with nothing in hand show nothing.
#[test]
fn workers_that_were_killed_in_vain_prove_nothing() {
    let with = |repeats: Option<u32>| {
        let mut scenario = Scenario::new("kill");
        scenario.what = serde_yaml::from_str("{ fault: kill-worker }").unwrap();
        let mut entries = mailed(&scenario);
        let (at, effect) = (entries[entries.len() - 1].at, Effect::MAIL_REPEAT);
        let keys: Vec<(String, u32)> =
            repeats.map(|n| ("kill-000007".into(), n)).into_iter().collect();
        if repeats.is_some() {
            for event in [
                Event::AuditEffects { effect, keys },
                Event::AuditEffectsEnd { effect, waited_ms: 1 },
            ] {
                entries.insert(entries.len() - 1, Entry { at, event });
            }
        }
        judged(entries)
    };
    let (check, open) = (Check::EffectExactlyOnce, Part::Inconclusive);
    says(
        &with(Some(3)),
        check,
        Part::Pass,
        "71 acknowledged orders with one mail each; 3 messages",
    );
    says(&with(Some(0)), check, open, "no worker was killed with one in hand");
    says(&with(None), check, open, "nobody said whether a message came again");
}

/// A worker that does not know that a message came before.
#[test]
fn a_second_mail_is_caught() {
    let mut entries = mailed(&Scenario::new("kill"));
    each_mail(&mut entries, |keys| {
        keys.iter_mut().for_each(|(key, sent)| {
            *sent += u32::from(key == "kill-000301");
        })
    });
    only(&judged(entries), Check::EffectExactlyOnce, Part::Fail, "1 with more than one");
}

/// Mail that is sent before the order's transaction is committed.
#[test]
fn a_mail_of_an_order_that_failed_or_never_was_is_caught() {
    let mut scenario = Scenario::new("kill");
    scenario.bad = Outcome::Fail;
    for key in ["kill-000151", "kill-nobody"] {
        let mut entries = mailed(&scenario);
        each_mail(&mut entries, |keys| keys.push((key.into(), 1)));
        only(&judged(entries), Check::EffectExactlyOnce, Part::Fail, "1 with one that was not due");
    }
}

#[test]
fn an_order_of_unknown_outcome_may_have_a_mail_or_none_but_never_two() {
    for (sent, part) in [(0, Part::Pass), (1, Part::Pass), (2, Part::Fail)] {
        let mut entries = mailed(&Scenario::new("kill"));
        each_mail(&mut entries, |keys| keys.push(("kill-000151".into(), sent)));
        assert_eq!(of(&judged(entries), Check::EffectExactlyOnce).part, part, "{sent} mails");
    }
}

#[test]
fn a_loss_before_the_fault_is_not_blamed_on_it() {
    let mut entries = mailed(&Scenario::new("kill"));
    each_mail(&mut entries, |keys| keys.retain(|(key, _)| key != "kill-000001"));
    assert!(of(&judged(entries), Check::EffectExactlyOnce).predates_fault);
}

#[test]
fn mails_without_evidence_are_inconclusive() {
    let part = Part::Inconclusive;
    let mut entries = mailed(&Scenario::new("kill"));
    remove(&mut entries, |e| matches!(e, Event::AuditEffectsEnd { .. }));
    only(&judged(entries), Check::EffectExactlyOnce, part, "did not come to its end");

    let mut entries = mailed(&Scenario::new("kill"));
    remove(&mut entries, |e| {
        matches!(e, Event::AuditEffects { .. } | Event::AuditEffectsEnd { .. })
    });
    only(&judged(entries.clone()), Check::EffectExactlyOnce, part, "never read back");
    let end = entries.len() - 1;
    let failed = Event::AuditFailed { what: "mails".into(), reason: "503".into() };
    entries.insert(end, Entry { at: entries[end].at, event: failed });
    only(&judged(entries), Check::EffectExactlyOnce, part, "failed: 503");

    let mut entries = mailed(&Scenario::new("kill"));
    each_op(&mut entries, |op| {
        if op.kind == OpKind::ORDER {
            op.outcome = Outcome::Unknown;
        }
    });
    says(&judged(entries), Check::EffectExactlyOnce, part, "no order was acknowledged");
}

#[test]
fn a_queue_that_does_not_come_to_rest_is_caught() {
    type Change = fn(&mut QueueRead);
    let cases: [(Change, &str); 3] = [
        (|r| r.visible = 3, "3 wait, 0 are in hand"),
        (|r| r.in_flight = 1, "0 wait, 1 are in hand"),
        (|r| r.outbox = Some(2), "2 in the outbox"),
    ];
    for (change, words) in cases {
        let mut entries = mailed(&Scenario::new("kill"));
        change(last_read(&mut entries));
        only(&judged(entries), Check::Queue, Part::Fail, words);
    }
}

#[test]
fn a_dead_letter_that_could_have_been_handled_is_caught_and_an_old_one_is_not_blamed() {
    let mut entries = mailed(&Scenario::new("kill"));
    let order = r#"{"event":"order-placed","order_key":"kill-000007"}"#;
    last_read(&mut entries).dead = vec![letter("m1", order)];
    only(&judged(entries.clone()), Check::Queue, Part::Fail, "1 dead letter that should have been");
    for entry in &mut entries {
        if let Event::QueueRead(read) = &mut entry.event {
            read.dead = vec![letter("m1", order)];
        }
    }
    says(&judged(entries), Check::Queue, Part::Pass, "nothing is left to do");
}

#[test]
fn messages_that_nobody_can_handle_must_all_be_dead_letters() {
    let mut scenario = Scenario::new("kill");
    scenario.what = poison(Some(2));
    let bad = |n| letter(&format!("m{n}"), &bad_message("kill-f1", n));
    let with = |dead: &[DeadLetter]| {
        let mut entries = mailed(&scenario);
        last_read(&mut entries).dead = dead.to_vec();
        last_read(&mut entries).refused = Some(4 + 2 * RECEIVES);
        judged(entries)
    };
    says(&with(&[bad(1), bad(2)]), Check::Queue, Part::Pass, "nothing is left to do");
    says(&with(&[bad(1)]), Check::Queue, Part::Fail, "1 of 2 messages that nobody can handle");
    says(&with(&[]), Check::Queue, Part::Fail, "0 of 2 messages");
    let other = letter("m3", &bad_message("another", 1));
    says(&with(&[bad(1), bad(2), other]), Check::Queue, Part::Fail, "1 dead letter that");
}

/// How often the queue of the stage gives a message out.
const RECEIVES: u64 = 5;

/// A queue that puts a message away at its first failure.
#[test]
fn messages_that_became_dead_letters_too_soon_are_caught() {
    let mut scenario = Scenario::new("kill");
    scenario.what = poison(Some(2));
    let with = |refused: Option<u64>, restarted: bool| {
        let mut entries = mailed(&scenario);
        let bad = |n| letter(&format!("m{n}"), &bad_message("kill-f1", n));
        last_read(&mut entries).dead = vec![bad(1), bad(2)];
        last_read(&mut entries).refused = refused;
        if restarted {
            let event = Event::Control(ControlEvent::Replaced { node: "mailer-a1".into() });
            entries.insert(entries.len() - 1, Entry { at: ms(5000), event });
        }
        judged(entries)
    };
    let all = 2 * RECEIVES;
    says(&with(Some(4 + all), false), Check::Queue, Part::Pass, "nothing is left to do");
    let early =
        "2 messages became dead letters after 9 refusals, and each may be given out 5 times";
    says(&with(Some(4 + all - 1), false), Check::Queue, Part::Fail, early);
    says(&with(Some(2), true), Check::Queue, Part::Inconclusive, "may have been started again");
    says(&with(None, false), Check::Queue, Part::Pass, "nothing is left to do");
}

#[test]
fn a_queue_that_was_not_looked_at_is_inconclusive() {
    let part = Part::Inconclusive;
    let entries = mailed(&Scenario::new("kill"));
    let reads: Vec<usize> =
        (0..entries.len()).filter(|n| matches!(entries[*n].event, Event::QueueRead(_))).collect();
    for (n, words) in reads.into_iter().zip(["not looked at before the fault", "at the end"]) {
        let mut without = entries.clone();
        let at = without.remove(n).at;
        only(&judged(without.clone()), Check::Queue, part, words);
        let unread = Event::QueueUnread { queue: QUEUE.into(), reason: "no answer".into() };
        without.insert(n, Entry { at, event: unread });
        only(&judged(without), Check::Queue, part, "no answer");
    }
}

/// Nobody answered who knows what waits in the outbox.
#[test]
fn an_outbox_that_was_not_looked_at_is_inconclusive() {
    let mut entries = mailed(&Scenario::new("kill"));
    last_read(&mut entries).outbox = None;
    only(&judged(entries), Check::Queue, Part::Inconclusive, "how much waits in the outbox");
}

/// What the experiments of an earlier run left behind is known when what happened since is judged.
#[test]
fn a_dead_letter_of_an_earlier_run_is_not_blamed_on_what_came_after() {
    let order = r#"{"event":"order-placed","order_key":"verify-000007"}"#;
    for (before, part) in [(vec![letter("m1", order)], Part::Pass), (vec![], Part::Fail)] {
        let mut entries = mailed(&Scenario::new("since-up"));
        last_read(&mut entries).dead = vec![letter("m1", order)];
        let first = entries.iter_mut().find_map(|entry| match &mut entry.event {
            Event::QueueRead(read) => Some(read),
            _ => None,
        });
        first.unwrap().dead = before;
        assert_eq!(of(&judged(entries), Check::Queue).part, part);
    }
}

/// A second `lab verify` knows the bad messages from the first one's last look, and they are still there.
#[test]
fn bad_messages_that_were_looked_at_before_are_found_again() {
    let found = |before: bool| {
        let mut scenario = Scenario::new("since-up");
        scenario.what = poison(Some(1));
        let mut entries = mailed(&scenario);
        let bad = letter("m1", &bad_message("since-up-f1", 0));
        last_read(&mut entries).dead = vec![bad.clone()];
        let first = entries.iter_mut().find_map(|entry| match &mut entry.event {
            Event::QueueRead(read) => Some(read),
            _ => None,
        });
        first.unwrap().dead = if before { vec![bad] } else { Vec::new() };
        of(&judged(entries), Check::Queue).part
    };
    assert_eq!((found(false), found(true)), (Part::Pass, Part::Pass));
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![3 => Just(Outcome::Ok), 1 => Just(Outcome::Fail), 1 => Just(Outcome::Unknown)]
}

/// A journal of a few orders, and of how many mails each had.
fn small(orders: &[(Outcome, u32)]) -> Vec<Entry> {
    let at = |time: usize, event| Entry { at: ms(time as i64), event };
    let started = Event::ExperimentStarted { experiment: "kill".into(), key_prefix: "k".into() };
    let mut entries = vec![at(0, started)];
    for (n, (outcome, _)) in orders.iter().enumerate() {
        let intended = ms(10 * n as i64);
        let op = Op {
            kind: OpKind::ORDER,
            key: Some(format!("k{n}")),
            intended,
            done: intended + MS,
            outcome: *outcome,
            detail: String::new(),
            session: None,
            values: Default::default(),
            listed: None,
            caches: None,
        };
        entries.push(Entry { at: op.done, event: Event::Op(op) });
    }
    let effect = Effect::MAIL;
    let keys = orders.iter().enumerate().map(|(n, (_, mails))| (format!("k{n}"), *mails)).collect();
    entries.push(at(500, Event::Phase { phase: Phase::Audit }));
    entries.push(at(600, Event::AuditEffects { effect, keys }));
    entries.push(at(600, Event::AuditEffectsEnd { effect, waited_ms: 0 }));
    entries.push(at(700, Event::ExperimentEnded { experiment: "kill".into() }));
    entries
}

proptest! {
    #[test]
    fn the_check_of_mails_agrees_with_its_definition(
        orders in prop::collection::vec((outcome(), 0u32..3), 1..7),
    ) {
        let found = judged(small(&orders));
        let finding = of(&found, Check::EffectExactlyOnce);
        let bad = |(outcome, mails): &(Outcome, u32)| match outcome {
            Outcome::Ok => *mails != 1,
            Outcome::Fail => *mails > 0,
            Outcome::Unknown => *mails > 1,
        };
        let wrong = orders.iter().filter(|order| bad(order)).count();
        let acknowledged = orders.iter().any(|(outcome, _)| *outcome == Outcome::Ok);
        let expected = match (wrong, acknowledged) {
            (1.., _) => Part::Fail,
            (0, true) => Part::Pass,
            (0, false) => Part::Inconclusive,
        };
        prop_assert_eq!(finding.part, expected, "{:#?}", finding);
        prop_assert_eq!(finding.details.len(), wrong, "{:#?}", finding);
    }
}
