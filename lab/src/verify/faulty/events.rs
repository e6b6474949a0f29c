//! Topics and buses that do not tell everybody.

use crate::journal::{ControlEvent, Effect, Entry, Event, OpKind, QueueRead};
use crate::spec::model::Stage;
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, Verdict};

/// Orders go through a topic to those who send mails and to those who write down orders and, from a bus,
/// mails.
fn told() -> Stage {
    let tiers = "
web: { kind: service, database: db, aws: aws, events: { topic: orders, queue: order-mail }, zones: { a: 1, b: 1 } }
mailer: { kind: service, database: db, aws: aws, worker: { queue: order-mail, topic: orders, announce: shop }, zones: { a: 1, b: 1 } }
feed: { kind: service, database: db, aws: aws, worker: { queue: order-feed, job: record, topic: orders, bus: shop }, zones: { a: 1, b: 1 } }
db: { kind: postgres, coordination: etcd, zones: { a: 1, b: 1 } }
aws: { kind: aws, services: { sqs: ministack, sns: ministack, eventbridge: ministack, ses: ministack } }
";
    let mut stage = queued_stage();
    stage.tiers = serde_yaml::from_str(tiers).unwrap();
    stage
}

/// A good experiment in which all heard of every order but those that are left out.
fn judged(left_out: &[(Effect, &str)], read: &[Effect]) -> ExperimentFindings {
    judged_while(false, left_out, read)
}

fn judged_while(waits: bool, left_out: &[(Effect, &str)], read: &[Effect]) -> ExperimentFindings {
    judged_of(Scenario::new("kill").entries(), waits, left_out, read)
}

fn judged_of(
    mut entries: Vec<Entry>,
    waits: bool,
    left_out: &[(Effect, &str)],
    read: &[Effect],
) -> ExperimentFindings {
    let mut orders = Vec::new();
    each_key(&mut entries, OpKind::ORDER, |found| orders.extend(found.iter().cloned()));
    let at = entries[entries.len() - 1].at;
    for effect in read {
        let mut keys = orders.clone();
        keys.retain(|(key, _)| !left_out.contains(&(*effect, key.as_str())));
        for event in [
            Event::AuditEffects { effect: *effect, keys },
            Event::AuditEffectsEnd { effect: *effect, waited_ms: 1 },
        ] {
            entries.insert(entries.len() - 1, Entry { at, event });
        }
    }
    for queue in ["order-mail", "order-feed"] {
        let visible = u64::from(waits);
        let read =
            QueueRead { queue: queue.into(), visible, outbox: Some(0), ..Default::default() };
        entries.insert(entries.len() - 1, Entry { at, event: Event::QueueRead(read) });
    }
    let mut journal = run([entries]);
    if let Event::RunStarted(head) = &mut journal[0].event {
        *head.stage = told();
    }
    judge(&journal).unwrap().experiments.remove(0)
}

const ALL: [Effect; 3] = [Effect::MAIL, Effect::ORDER_RECORDED, Effect::MAIL_RECORDED];

#[test]
fn all_that_are_told_have_heard() {
    says(&judged(&[], &ALL), Check::Events, Part::Pass, "all that are told heard of 71");
}

#[test]
fn an_order_or_a_mail_that_nobody_heard_of_is_named() {
    for effect in [Effect::ORDER_RECORDED, Effect::MAIL_RECORDED] {
        let found = judged(&[(effect, "kill-000301")], &ALL);
        says(&found, Check::Events, Part::Fail, "of 71 acknowledged orders: 1 event not heard of");
        let what = effect.as_str();
        let line = format!("order kill-000301: acknowledged, and no {what} followed");
        assert_eq!(of(&found, Check::Events).details, [line]);
        assert_eq!(found.verdict, Verdict::Broke);
    }
}

#[test]
fn what_an_emulator_forgot_is_nobodys_failure() {
    let mut entries = Scenario::new("kill").entries();
    for (at, since) in [(100, -60_000), (6500, 6500)] {
        let (node, since) = ("aws-ministack".into(), ms(since));
        let event = Event::Control(ControlEvent::Began { node, since });
        entries.insert(2, Entry { at: ms(at), event });
    }
    let found = judged_of(entries, false, &[(Effect::ORDER_RECORDED, "kill-000301")], &ALL);
    let words = "what it held is gone; of 71 acknowledged orders: 1 event not heard of";
    says(&found, Check::Events, Part::Inconclusive, words);
}

#[test]
fn what_still_waits_is_late_and_not_lost() {
    let found = judged_while(true, &[(Effect::ORDER_RECORDED, "kill-000301")], &ALL);
    says(&found, Check::Events, Part::Inconclusive, "1 event not heard of yet");
}

#[test]
fn what_was_not_read_back_proves_nothing() {
    let found = judged(&[], &[Effect::MAIL, Effect::ORDER_RECORDED]);
    says(&found, Check::Events, Part::Inconclusive, "the effect mail-recorded was never read back");
}

#[test]
fn a_stage_in_which_nobody_hears_of_orders_is_not_asked() {
    let found = judge_one(Scenario::new("kill").entries());
    assert!(!found.findings.iter().any(|f| f.check == Check::Events));
}
