//! Clients that repeat what they do not know, and what came of it.

use crate::journal::{Entry, Event, OpKind, Outcome};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, Verdict};

/// The order of this key was in doubt, and its client sent it again.
fn repeated(key: &str, outcome: Outcome, effects: u32) -> Vec<Entry> {
    let mut entries = Scenario::new("kill").entries();
    let found = entries.iter_mut().find_map(|entry| match &mut entry.event {
        Event::Op(op) if op.key.as_deref() == Some(key) => {
            op.outcome = Outcome::Unknown;
            Some((entry.at, op.clone()))
        }
        _ => None,
    });
    let (at, mut op) = found.unwrap();
    (op.intended, op.done, op.outcome) = (at + 1000 * MS, at + 1010 * MS, outcome);
    let later = entries.iter().position(|entry| entry.at >= op.done).unwrap();
    entries.insert(later, Entry { at: op.done, event: Event::Repeated(op) });
    each_key(&mut entries, OpKind::ORDER, |keys| {
        for (_, count) in keys.iter_mut().filter(|(k, _)| k == key) {
            *count = effects;
        }
        keys.retain(|(_, count)| *count > 0);
    });
    entries
}

#[test]
fn a_repetition_with_one_effect_is_counted_and_users_are_served_by_the_first_try() {
    let found = judge_one(repeated("kill-000301", Outcome::Ok, 1));
    let repeated = "with one effect each, 1 of them sent again under their key";
    says(&found, Check::ExactlyOnce, Part::Pass, repeated);
    assert_eq!(found.verdict, Verdict::Survived);
    let total = |found: &ExperimentFindings| {
        let all = found.measured.total();
        all.ok + all.fail + all.unknown
    };
    let plain = judge_one(Scenario::new("kill").entries());
    assert_eq!(total(&found), total(&plain), "a repetition is no further operation");
}

/// An application without idempotency carries the repetition out a second time.
#[test]
fn a_repetition_with_an_effect_of_its_own_is_caught() {
    let found = judge_one(repeated("kill-000301", Outcome::Ok, 2));
    only(&found, Check::ExactlyOnce, Part::Fail, "1 write with more than one effect");
    assert_eq!(found.verdict, Verdict::Broke);
}

/// What was in doubt is promised when the repetition is acknowledged.
#[test]
fn a_repetition_that_was_acknowledged_and_is_gone_is_lost() {
    let found = judge_one(repeated("kill-000301", Outcome::Ok, 0));
    only(&found, Check::NoLostWrite, Part::Fail, "1 of 142 acknowledged writes lost");
    let found = judge_one(repeated("kill-000301", Outcome::Unknown, 0));
    says(&found, Check::NoLostWrite, Part::Pass, "none lost");
}
