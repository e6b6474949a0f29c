//! Stand-stills of the machine excuse what is slow, and nothing that is wrong.

use super::*;
use crate::journal::{Entry, Event, OpKind};
use crate::verify::testing::*;
use crate::verify::{Check, Part, Standing, Verdict};

/// A second dip, in which everything is answered late; it makes the recovery too late.
fn two_dips(name: &'static str) -> Vec<Entry> {
    let mut scenario = Scenario::new(name);
    scenario.end = 14_000;
    let mut entries = scenario.entries();
    each_op(&mut entries, |op| {
        if (ms(9000)..ms(9400)).contains(&op.intended) {
            op.done = op.intended + 600 * MS;
        }
    });
    entries
}

/// The same with a stand-still, in milliseconds from the start.
fn with_stall(mut entries: Vec<Entry>, from: i64, to: i64) -> Vec<Entry> {
    let event = ControlEvent::Stalled { part: StalledPart::Disk, since: ms(from) };
    let at = entries.iter().position(|e| e.at > ms(to)).unwrap();
    entries.insert(at, Entry { at: ms(to), event: Event::Control(event) });
    entries
}

#[test]
fn a_dip_while_the_machine_stood_still_shows_neither() {
    says(&judge_one(two_dips("kill")), Check::Recovery, Part::Fail, "back after 6.4");
    let found = judge_one(with_stall(two_dips("kill"), 9000, 9400));
    only(&found, Check::Recovery, Part::Inconclusive, "writes to the disk hung for 0.4 s");
    assert_eq!((found.verdict, found.standing), (Verdict::Inconclusive, Standing::Inconclusive));
}

#[test]
fn a_stand_still_at_another_time_excuses_nothing() {
    let found = judge_one(with_stall(two_dips("kill"), 6500, 6900));
    only(&found, Check::Recovery, Part::Fail, "back after 6.4");
}

#[test]
fn what_failed_is_not_excused_by_a_slow_machine() {
    let mut scenario = Scenario::new("kill").outages(&[(3000, 11_000)]);
    scenario.end = 14_000;
    let found = judge_one(with_stall(scenario.entries(), 3000, 11_000));
    says(&found, Check::Recovery, Part::Fail, "back after 8.0");
}

/// The generator stood still as well, and sent nothing; what it holds back because too many wait for an
/// answer is another matter.
#[test]
fn what_the_generator_was_too_late_to_send_is_excused() {
    let dropped = |why: &str| {
        let mut entries = Scenario { end: 14_000, ..Scenario::new("kill") }.entries();
        each_op(&mut entries, |op| {
            if op.key.is_none() && (ms(9000)..ms(10_000)).contains(&op.intended) {
                (op.outcome, op.detail) = (Outcome::Fail, why.to_owned());
            }
        });
        judge_one(with_stall(entries, 9000, 10_000))
    };
    only(&dropped(Op::TOO_LATE), Check::Recovery, Part::Inconclusive, "writes to the disk hung");
    only(&dropped(Op::TOO_MANY), Check::Recovery, Part::Fail, "back after");
}

#[test]
fn nothing_lost_is_excused() {
    let mut entries = with_stall(Scenario::new("kill").entries(), 3000, 9000);
    each_key(&mut entries, OpKind::ORDER, |keys| drop(keys.pop()));
    says(&judge_one(entries), Check::NoLostWrite, Part::Fail, "lost");
}

#[test]
fn a_negative_control_must_break_without_the_machine_s_help() {
    let found = judge_one(with_stall(two_dips("control"), 9000, 9400));
    assert_ne!(found.standing, Standing::AsExpected, "{:?}", found.reasons);
}

#[test]
fn without_a_failure_nothing_is_judged_again() {
    let found = judge_one(with_stall(Scenario::new("kill").entries(), 7000, 7400));
    assert_eq!(found.verdict, Verdict::Survived);
}
