//! Architectures that break a promise about data.

use crate::journal::{Entry, Event, InvariantRead, Ledger, OpKind, Outcome, Stands};
use crate::verify::testing::*;
use crate::verify::{Check, Part, Standing, Verdict};

#[test]
fn a_good_journal_survives() {
    let found = judge_one(Scenario::new("kill").entries());
    assert_eq!((found.verdict, found.standing), (Verdict::Survived, Standing::AsExpected));
    assert!(found.findings.iter().all(|f| f.part == Part::Pass), "{:#?}", found.findings);
    assert!(found.reasons.is_empty());
    let lost = found.measured.lost.unwrap();
    assert_eq!((lost.count, lost.oldest_age), (0, None));
}

/// Asynchronous replication: the last commits before the fault never reached the new primary.
#[test]
fn async_replication_loses_the_last_writes() {
    let mut entries = Scenario::new("kill").entries();
    // Orders are every 120 ms from 20 ms on: the last two before 3000 ms are due at 2780 and 2900.
    each_key(&mut entries, OpKind::ORDER, |keys| {
        keys.retain(|(k, _)| k != "kill-000139" && k != "kill-000145");
    });
    let found = judge_one(entries);
    only(&found, Check::NoLostWrite, Part::Fail, "2 of 142 acknowledged writes lost");
    assert_eq!((found.verdict, found.standing), (Verdict::Broke, Standing::Mismatch));
    let lost = found.measured.lost.clone().unwrap();
    // Acknowledged 11 ms after 2780 ms.
    assert_eq!((lost.count, lost.oldest_age), (2, Some(209 * MS)));
    let details = &of(&found, Check::NoLostWrite).details;
    let wanted = "lost order kill-000139: acknowledged 0.209 s before the fault";
    assert!(details.iter().any(|d| d == wanted), "{details:#?}");
    assert!(found.reasons[0].starts_with("no-lost-write: 2 of"));
}

/// A paused primary wakes up, acknowledges, and is rewound.
#[test]
fn a_zombie_that_acknowledges_is_caught() {
    let mut entries = Scenario::new("kill").entries();
    each_key(&mut entries, OpKind::POST, |keys| keys.retain(|(k, _)| k != "kill-000303"));
    let found = judge_one(entries);
    only(&found, Check::NoLostWrite, Part::Fail, "1 of 142 acknowledged writes lost");
    assert!(found.measured.lost.unwrap().oldest_age.unwrap() < 0, "lost after the fault");
}

#[test]
fn losses_within_the_objective_are_allowed_and_reported() {
    let mut entries = run([Scenario::new("kill").entries()]);
    each_key(&mut entries, OpKind::POST, |keys| keys.retain(|(k, _)| k != "kill-000003"));
    if let Event::RunStarted(head) = &mut entries[0].event {
        head.stage.objectives.rpo_writes = 1;
    }
    let found = judge(&entries).unwrap().experiments.remove(0);
    says(&found, Check::NoLostWrite, Part::Pass, "1 lost, 1 allowed");
    says(&found, Check::ExactlyOnce, Part::Pass, "one effect each");
    assert_eq!(found.verdict, Verdict::Survived);
}

#[test]
fn at_most_twenty_losses_are_listed() {
    let mut entries = Scenario::new("kill").entries();
    each_key(&mut entries, OpKind::ORDER, Vec::clear);
    let found = judge_one(entries);
    let details = &of(&found, Check::NoLostWrite).details;
    assert_eq!(details.iter().filter(|d| d.starts_with("lost order")).count(), 20);
    assert!(details.iter().any(|d| d.ends_with(" more")), "{details:#?}");
}

/// The retry carries a new idempotency key inside, so the order is paid twice.
#[test]
fn a_double_effect_is_caught() {
    let mut entries = Scenario::new("kill").entries();
    each_key(&mut entries, OpKind::ORDER, |keys| {
        for (key, effects) in keys {
            *effects += u32::from(key == "kill-000301");
        }
    });
    let found = judge_one(entries);
    only(&found, Check::ExactlyOnce, Part::Fail, "1 write with more than one effect");
    assert_eq!(found.verdict, Verdict::Broke);
}

#[test]
fn an_unknown_write_may_be_there_or_not_but_never_twice() {
    for (effects, part) in [(0, Part::Pass), (1, Part::Pass), (2, Part::Fail)] {
        let mut entries = Scenario::new("kill").entries();
        each_key(&mut entries, OpKind::ORDER, |keys| {
            if keys[0].0 == "kill-000001" {
                keys.push(("kill-000151".into(), effects));
            }
        });
        let found = judge_one(entries);
        assert_eq!(of(&found, Check::ExactlyOnce).part, part, "{effects} effects");
        says(&found, Check::NoLostWrite, Part::Pass, "none lost");
        let recovered = format!("{} recovered", effects.min(1));
        let details = &of(&found, Check::NoLostWrite).details;
        assert!(details.iter().any(|d| d.contains(&recovered)), "{details:#?}");
    }
}

#[test]
fn a_repeated_write_is_one_attempt_and_acknowledged_if_any_was() {
    let mut entries = Scenario::new("kill").entries();
    let mut again = Vec::new();
    for entry in entries.iter().filter(|e| as_op(e).is_some_and(|op| op.key.is_some())) {
        let mut entry = entry.clone();
        each_op(std::slice::from_mut(&mut entry), |op| op.outcome = Outcome::Fail);
        again.push(entry);
    }
    // Failed repetitions of acknowledged writes make neither phantoms nor new attempts. They count
    // as failed operations, so only the data checks are asked.
    let at = entries.len() - 10;
    entries.splice(at..at, again);
    let found = judge_one(entries);
    says(&found, Check::NoLostWrite, Part::Pass, "142 acknowledged writes read back, none lost");
    says(&found, Check::ExactlyOnce, Part::Pass, "142 writes");
}

#[test]
fn a_write_reported_as_failed_and_found_is_a_phantom() {
    let mut scenario = Scenario::new("kill");
    scenario.bad = Outcome::Fail;
    let mut entries = scenario.entries();
    each_key(&mut entries, OpKind::ORDER, |keys| {
        if keys[0].0 == "kill-000001" {
            keys.push(("kill-000151".into(), 1));
        }
    });
    only(&judge_one(entries), Check::NoLostWrite, Part::Fail, "1 phantom write");
}

#[test]
fn a_write_nobody_attempted_is_a_phantom_except_from_the_running_canary() {
    for (name, part) in [("kill", Part::Fail), ("since-up", Part::Pass)] {
        let mut entries = Scenario::new(name).entries();
        each_key(&mut entries, OpKind::POST, |keys| keys.push((format!("{name}-later"), 1)));
        assert_eq!(of(&judge_one(entries), Check::NoLostWrite).part, part, "{name}");
    }
}

#[test]
fn keys_of_others_are_left_out() {
    let mut entries = Scenario::new("kill").entries();
    let mut foreign = entries.iter().find(|e| as_op(e).is_some_and(|o| o.key.is_some())).cloned();
    each_op(foreign.as_mut_slice(), |op| op.key = Some("canary-1".into()));
    entries.splice(2..2, foreign);
    each_key(&mut entries, OpKind::POST, |keys| keys.push(("canary-2".into(), 3)));
    assert_eq!(judge_one(entries).verdict, Verdict::Survived);
}

#[test]
fn promises_that_were_never_read_back_are_inconclusive() {
    let mut entries = Scenario::new("kill").entries();
    remove(&mut entries, |e| {
        matches!(e, Event::AuditKeys { .. } | Event::AuditKeysEnd { .. } | Event::AuditLedger(_))
    });
    let found = judge_one(entries);
    says(&found, Check::NoLostWrite, Part::Inconclusive, "order writes were never read back");
    says(&found, Check::ExactlyOnce, Part::Inconclusive, "order writes were not read back");
    says(&found, Check::Conserved, Part::Inconclusive, "never read");
    assert_eq!((found.verdict, found.measured.lost), (Verdict::Inconclusive, None));
}

#[test]
fn a_final_read_without_its_end_is_inconclusive() {
    let mut entries = Scenario::new("kill").entries();
    remove(&mut entries, |e| matches!(e, Event::AuditKeysEnd { kind: OpKind::POST }));
    each_key(&mut entries, OpKind::POST, |keys| drop(keys.pop()));
    let found = judge_one(entries);
    says(&found, Check::NoLostWrite, Part::Inconclusive, "post writes did not come to its end");
}

#[test]
fn a_failed_final_read_is_inconclusive_and_a_repeated_one_counts_once() {
    let failure = |what: &str| Event::AuditFailed { what: what.into(), reason: "503".into() };
    let mut entries = Scenario::new("kill").entries();
    let end = entries.len() - 1;
    let at = entries[end].at;
    entries.insert(end, Entry { at, event: failure("order keys") });
    let found = judge_one(entries);
    says(&found, Check::NoLostWrite, Part::Inconclusive, "read of order writes failed: 503");
    says(&found, Check::Conserved, Part::Pass, "3 invariants hold");

    let mut entries = Scenario::new("kill").entries();
    let first = entries.iter().position(|e| matches!(e.event, Event::AuditKeys { .. })).unwrap();
    let half = entries[first].clone();
    let failed = Entry { at: half.at, event: failure("order keys") };
    entries.splice(first..first, [half, failed]);
    assert_eq!(judge_one(entries).verdict, Verdict::Survived);
}

#[test]
fn an_acknowledgement_after_the_final_read_began_proves_no_loss() {
    let mut entries = Scenario::new("kill").entries();
    each_op(&mut entries, |op| {
        if op.key.as_deref() == Some("kill-000499") {
            op.kind = OpKind::POST;
            op.done = ms(10_150);
        }
    });
    each_key(&mut entries, OpKind::ORDER, |keys| keys.retain(|(k, _)| k != "kill-000499"));
    let found = judge_one(entries);
    only(&found, Check::NoLostWrite, Part::Inconclusive, "after the final read had begun");
}

#[test]
fn acknowledged_writes_without_a_key_are_inconclusive() {
    let mut entries = Scenario::new("kill").entries();
    each_op(&mut entries, |op| {
        if op.key.as_deref() == Some("kill-000001") {
            op.key = None;
        }
    });
    each_key(&mut entries, OpKind::ORDER, |keys| keys.retain(|(k, _)| k != "kill-000001"));
    only(&judge_one(entries), Check::NoLostWrite, Part::Inconclusive, "had no key");
}

#[test]
fn money_that_vanishes_is_caught() {
    type Change = fn(&mut Ledger);
    let cases: [(Change, &str); 5] = [
        (|l| l.debit_cents += 1250, "ledger: 124650 == 123400 is not so"),
        (|l| l.unbalanced_orders.push("kill-000001".into()), "orders: kill-000001"),
        (|l| l.incomplete_orders.push("kill-000007".into()), "kill-000007"),
        (|l| l.wrong_stock.push("p17".into()), "stock: p17"),
        (|l| l.entries = 0, "ledger: there is no entry"),
    ];
    for (change, words) in cases {
        let mut entries = Scenario::new("kill").entries();
        change_ledger(&mut entries, change);
        only(&judge_one(entries), Check::Conserved, Part::Fail, words);
    }
}

#[test]
fn a_stock_of_nothing_is_inconclusive() {
    let mut entries = Scenario::new("kill").entries();
    change_ledger(&mut entries, |l| l.products = 0);
    only(&judge_one(entries), Check::Conserved, Part::Inconclusive, "no product was read");
}

#[test]
fn what_an_earlier_experiment_left_wrong_is_not_blamed_on_the_next() {
    let mut first = Scenario::new("kill").entries();
    change_ledger(&mut first, |l| l.wrong_stock.push("p17".into()));
    let scenario = Scenario { start: 20_000, ..Scenario::new("control") };
    let mut second = scenario.entries();
    change_ledger(&mut second, |l| l.wrong_stock.push("p17".into()));
    let found = judge_all([first.clone(), second.clone()]);
    assert_eq!(found.experiments[0].verdict, Verdict::Broke);
    only(&found.experiments[1], Check::Conserved, Part::Inconclusive, "already wrong before");
    assert_eq!(found.experiments[1].standing, Standing::Inconclusive);

    change_ledger(&mut second, |l| l.wrong_stock.push("p18".into()));
    let found = judge_all([first, second]);
    only(&found.experiments[1], Check::Conserved, Part::Fail, "stock: p18");
}

/// Invariants as runs of today have them.
fn with_invariants(reads: &[(&str, Stands, &str, &[&str])]) -> Vec<Entry> {
    let mut entries = Scenario::new("kill").entries();
    let read = |(name, stands, says, offenders): &(&str, Stands, &str, &[&str])| InvariantRead {
        name: (*name).into(),
        stands: *stands,
        says: (*says).into(),
        offenders: offenders.iter().map(|id| (*id).to_owned()).collect(),
    };
    let invariants: Vec<InvariantRead> = reads.iter().map(read).collect();
    for entry in &mut entries {
        if matches!(entry.event, Event::AuditLedger(_)) {
            entry.event = Event::AuditInvariants { invariants: invariants.clone() };
        }
    }
    entries
}

#[test]
fn an_invariant_that_is_broken_is_named_with_its_offenders() {
    let holds: (&str, Stands, &str, &[&str]) = ("orders", Stands::Holds, "", &[]);
    let broken = with_invariants(&[holds, ("stock", Stands::Broken, "3 == 4 is not so", &[])]);
    only(&judge_one(broken), Check::Conserved, Part::Fail, "stock: 3 == 4 is not so");
    let named = with_invariants(&[holds, ("stock", Stands::Broken, "", &["p17", "p18"])]);
    let found = judge_one(named);
    only(&found, Check::Conserved, Part::Fail, "stock: p17");
    assert_eq!(of(&found, Check::Conserved).details, ["stock: p18"]);
    says(&judge_one(with_invariants(&[holds])), Check::Conserved, Part::Pass, "1 invariant hold");
}

#[test]
fn an_invariant_that_says_nothing_is_neither_green_nor_red() {
    let unread = with_invariants(&[("stock", Stands::Unread, "status 503", &[])]);
    let words = "`stock` could not be read: status 503";
    only(&judge_one(unread), Check::Conserved, Part::Inconclusive, words);
    let unmet = with_invariants(&[("ledger", Stands::Unmet, "0 > 0 is not so", &[])]);
    only(&judge_one(unmet), Check::Conserved, Part::Inconclusive, "`ledger` says nothing yet");
    let none = with_invariants(&[]);
    only(&judge_one(none), Check::Conserved, Part::Inconclusive, "no invariant was read");
}
