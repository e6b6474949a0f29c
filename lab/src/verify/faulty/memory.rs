//! Emulators that lose what they hold: nobody else is to blame, and nothing else is excused.

use super::queues::{each_mail, judged, mailed};
use crate::journal::{ControlEvent, Entry, Event, OpKind, Outcome, Phase};
use crate::spec::model::Fault;
use crate::verify::testing::*;
use crate::verify::{Check, Part, Verdict};

/// Order 301 is acknowledged 6.02 s after the start.
const LOST: &str = "kill-000301";

fn began(entries: &mut Vec<Entry>, at: i64, since: i64) {
    let node = "aws-ministack".to_owned();
    let event = Event::Control(ControlEvent::Began { node, since: ms(since) });
    entries.insert(2, Entry { at: ms(at), event });
}

/// A journal in which one order has no mail, and the emulator's program was started at these moments.
fn without_a_mail(starts: &[i64]) -> Vec<Entry> {
    let mut entries = mailed(&Scenario::new("kill"));
    each_mail(&mut entries, |keys| keys.retain(|(key, _)| key != LOST));
    began(&mut entries, 100, -60_000);
    for start in starts {
        began(&mut entries, (*start).max(200), *start);
    }
    entries
}

#[test]
fn what_an_emulator_forgot_is_nobodys_failure_and_the_emulator_is_named() {
    let found = judged(without_a_mail(&[6500]));
    let words = "aws-ministack started anew at 00:00:06 UTC: what it held is gone; of 71 acknowledged \
                 orders: 1 without a mail";
    only(&found, Check::EffectExactlyOnce, Part::Inconclusive, words);
    assert_eq!(found.verdict, Verdict::Inconclusive);
    let details = &of(&found, Check::EffectExactlyOnce).details;
    assert!(
        details[0].starts_with("order kill-000301: acknowledged, and no mail followed, but aws-")
    );
}

/// The good twin: the emulator was there all the time, or was asked again.
#[test]
fn a_mail_is_lost_when_the_emulator_remembers() {
    let words = "of 71 acknowledged orders: 1 without a mail";
    only(&judged(without_a_mail(&[])), Check::EffectExactlyOnce, Part::Fail, words);
    only(&judged(without_a_mail(&[-60_000])), Check::EffectExactlyOnce, Part::Fail, words);
}

#[test]
fn an_order_long_after_the_new_start_is_not_excused() {
    let found = judged(without_a_mail(&[-30_000]));
    says(&found, Check::EffectExactlyOnce, Part::Fail, "1 without a mail");
}

#[test]
fn an_order_whose_message_was_seen_to_be_handled_is_not_excused() {
    let mut entries = without_a_mail(&[9000]);
    says(
        &judged(entries.clone()),
        Check::EffectExactlyOnce,
        Part::Inconclusive,
        "1 without a mail",
    );
    let reads = |e: &&Entry| matches!(e.event, Event::QueueRead(_));
    let mut empty = entries.iter().find(reads).cloned().unwrap();
    empty.at = ms(7000);
    let audit = entries.iter().position(|e| e.event == Event::Phase { phase: Phase::Audit });
    entries.insert(audit.unwrap(), empty);
    // It is looked for from ten seconds before the new start on, as nobody saw it go.
    let gone = ControlEvent::Detected { node: "aws-ministack".into(), how: "ended".into() };
    entries.insert(2, Entry { at: ms(8900), event: Event::Control(gone) });
    says(&judged(entries), Check::EffectExactlyOnce, Part::Fail, "1 without a mail");
}

#[test]
fn two_mails_of_one_order_are_not_excused() {
    let mut entries = without_a_mail(&[6500]);
    each_mail(&mut entries, |keys| keys[0].1 = 2);
    let words = "1 with more than one, 1 without a mail, which an emulator forgot";
    says(&judged(entries), Check::EffectExactlyOnce, Part::Fail, words);
}

#[test]
fn what_the_database_lost_is_not_excused() {
    let mut entries = without_a_mail(&[6500]);
    each_key(&mut entries, OpKind::ORDER, |keys| keys.retain(|(key, _)| key != "kill-000307"));
    let found = judged(entries);
    says(&found, Check::NoLostWrite, Part::Fail, "1 of 142 acknowledged writes lost");
    assert_eq!(found.verdict, Verdict::Broke);
}

/// An outage keeps what the service holds; a fault that ends the program is what was asked for.
#[test]
fn only_a_fault_that_ends_the_program_is_held_to_what_it_did() {
    let with = |fault: &str| {
        let fault: Fault = serde_yaml::from_str(fault).unwrap();
        let mut entries = without_a_mail(&[4000]);
        for entry in &mut entries {
            if let Event::FaultPlanned { fault: planned, nodes, .. } = &mut entry.event {
                (*planned, *nodes) = (fault.clone(), vec!["aws-ministack".into()]);
            }
        }
        of(&judged(entries), Check::EffectExactlyOnce).part
    };
    assert_eq!(with("{ fault: outage, service: sqs }"), Part::Inconclusive);
    assert_eq!(with("{ fault: kill-task, tier: aws }"), Part::Fail);
}

/// Carts in a table of the emulator cannot be changed while that is away.
#[test]
fn what_failed_while_the_emulator_was_away_shows_nothing() {
    let judged = |starts: &[i64]| {
        let mut scenario = Scenario::new("since-up").outages(&[]);
        scenario.fault = None;
        let mut entries = mailed(&scenario);
        each_op(&mut entries, |op| {
            let away = op.intended >= ms(3000) && op.kind == OpKind::ADD_TO_CART;
            let down = (ms(3000)..ms(6000)).contains(&op.intended) && !op.kind.is_promise();
            if away || down {
                op.outcome = Outcome::Fail;
            }
        });
        began(&mut entries, 100, -60_000);
        for start in starts {
            began(&mut entries, *start, *start);
        }
        judged(entries)
    };
    says(&judged(&[]), Check::Availability, Part::Fail, "% of 500 operations succeeded");
    let found = judged(&[6000]);
    says(&found, Check::Availability, Part::Inconclusive, "but aws-ministack started anew at");
    assert_eq!(found.verdict, Verdict::Inconclusive, "{:#?}", found.findings);
}
