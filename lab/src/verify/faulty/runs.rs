//! Runs that prove nothing, negative controls, and what happened since `lab up`.

use crate::journal::{Entry, Event, OpKind, Outcome};
use crate::spec::model::{Fault, KillTask};
use crate::verify::testing::*;
use crate::verify::{Check, JudgeError, Part, Standing, Verdict};

fn broken_control() -> Scenario {
    let mut scenario = Scenario::new("control").outages(&[(3000, 18_000)]);
    (scenario.heal, scenario.end) = (18_000, 25_000);
    scenario
}

#[test]
fn a_negative_control_that_breaks_is_as_declared() {
    let found = judge_one(broken_control().entries());
    assert_eq!((found.verdict, found.standing), (Verdict::Broke, Standing::AsExpected));
    assert!(found.reasons.iter().any(|r| r.starts_with("recovery: back after 15.")));
}

#[test]
fn the_same_declared_to_survive_is_a_mismatch() {
    let mut scenario = broken_control();
    scenario.name = "kill";
    let found = judge_all([scenario.entries()]);
    assert_eq!(found.experiments[0].standing, Standing::Mismatch);
    assert_eq!(found.exit_code(), 1);
}

#[test]
fn a_negative_control_that_survives_says_why_that_matters() {
    let found = judge_all([Scenario::new("control").entries()]);
    let control = &found.experiments[0];
    assert_eq!((control.verdict, control.standing), (Verdict::Survived, Standing::Mismatch));
    assert!(control.reasons[0].contains("One server has no successor."), "{:?}", control.reasons);
    assert_eq!(found.exit_code(), 1);
}

#[test]
fn a_control_in_a_lab_that_was_broken_before_is_inconclusive() {
    let mut scenario = broken_control();
    scenario.outage.push((500, 1500));
    let found = judge_one(scenario.entries());
    says(&found, Check::SteadyState, Part::Inconclusive, "was not healthy before kill-primary");
    assert_eq!((found.verdict, found.standing), (Verdict::Inconclusive, Standing::Inconclusive));
    assert!(found.reasons[0].starts_with("steady-state:"), "{:?}", found.reasons);
}

#[test]
fn a_lab_that_was_slow_before_is_not_healthy() {
    let mut entries = Scenario::new("kill").entries();
    each_op(&mut entries, |op| {
        if (ms(1000)..ms(1500)).contains(&op.intended) {
            op.done = op.intended + 600 * MS;
        }
    });
    says(&judge_one(entries), Check::SteadyState, Part::Inconclusive, "took longer than 500 ms");
}

#[test]
fn what_hung_before_the_fault_and_never_came_back_is_not_healthy_either() {
    let mut entries = Scenario::new("control").outages(&[]).entries();
    each_op(&mut entries, |op| {
        if (ms(1000)..ms(2000)).contains(&op.intended) && !op.kind.is_promise() {
            (op.done, op.outcome) = (op.intended + 6000 * MS, Outcome::Unknown);
        }
    });
    says(&judge_one(entries), Check::SteadyState, Part::Inconclusive, "was not healthy");
}

#[test]
fn a_control_is_not_broken_by_what_happened_before_its_fault() {
    let mut entries = Scenario::new("control").entries();
    each_key(&mut entries, OpKind::ORDER, |keys| {
        for (key, effects) in keys {
            *effects += u32::from(key == "control-000001");
        }
    });
    let found = judge_one(entries.clone());
    assert!(of(&found, Check::ExactlyOnce).predates_fault);
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert!(found.reasons[0].contains("already so before the fault"), "{:?}", found.reasons);
    for entry in &mut entries {
        if let Event::ExperimentStarted { experiment, .. } | Event::ExperimentEnded { experiment } =
            &mut entry.event
        {
            *experiment = "kill".into();
        }
    }
    assert_eq!(judge_one(entries).verdict, Verdict::Broke);
}

fn rename(entry: &mut Entry, from: &str, to: &str) {
    let text = serde_json::to_string(entry).unwrap().replace(from, to);
    *entry = serde_json::from_str(&text).unwrap();
}

/// The outage takes the evidence with it; the violation is proven all the same.
#[test]
fn gaps_that_the_outage_tears_do_not_hide_what_is_proven() {
    let mut entries = broken_control().outages(&[(3000, 25_000)]).entries();
    remove(&mut entries, |e| matches!(e, Event::AuditKeysEnd { .. } | Event::AuditLedger(_)));
    let found = judge_one(entries);
    says(&found, Check::NoLostWrite, Part::Inconclusive, "did not come to its end");
    says(&found, Check::Recovery, Part::Fail, "not recovered within");
    assert_eq!((found.verdict, found.standing), (Verdict::Broke, Standing::AsExpected));
}

#[test]
fn a_fault_without_evidence_is_inconclusive_by_name() {
    type Is = fn(&Event) -> bool;
    let cases: [(Is, &str); 4] = [
        (
            |e| matches!(e, Event::FaultInjected { .. }),
            "kill-primary on db-a1 was planned and never",
        ),
        (|e| matches!(e, Event::FaultConfirmed { .. }), "the effect of kill-primary on db-a1"),
        (|e| matches!(e, Event::FaultHealed { .. }), "kill-primary on db-a1 was never healed"),
        (|e| matches!(e, Event::HealConfirmed { .. }), "the heal of kill-primary on db-a1"),
    ];
    for (is, words) in cases {
        for scenario in [Scenario::new("kill"), broken_control()] {
            let mut entries = scenario.entries();
            remove(&mut entries, is);
            let found = judge_one(entries);
            says(&found, Check::FaultEffect, Part::Inconclusive, words);
            assert_eq!(found.verdict, Verdict::Inconclusive, "{words}");
        }
    }
}

#[test]
fn an_unconfirmed_fault_says_why() {
    let mut entries = Scenario::new("kill").entries();
    for entry in &mut entries {
        if let Event::FaultConfirmed { id, .. } = &entry.event {
            let (id, reason) = (id.clone(), "db-a1 still answers".into());
            entry.event = Event::FaultUnconfirmed { id, reason };
        }
    }
    only(&judge_one(entries), Check::FaultEffect, Part::Inconclusive, "db-a1 still answers");
}

#[test]
fn a_fault_that_ended_by_itself_proves_nothing() {
    let mut entries = Scenario::new("kill").entries();
    let heal = entries.iter().position(|e| matches!(e.event, Event::FaultHealed { .. })).unwrap();
    let Event::FaultHealed { id } = &entries[heal].event else { unreachable!() };
    let event = Event::FaultEnded { id: id.clone(), reason: "db-a1 runs again".into() };
    entries.insert(heal, Entry { at: entries[heal].at, event });
    let words = "ended before its heal: db-a1 runs again";
    only(&judge_one(entries), Check::FaultEffect, Part::Inconclusive, words);
}

#[test]
fn evidence_read_after_the_heal_is_none() {
    let mut entries = Scenario::new("kill").entries();
    let at = entries.iter().position(|e| matches!(e.event, Event::FaultConfirmed { .. })).unwrap();
    let late = entries.remove(at);
    let heal = entries.iter().position(|e| matches!(e.event, Event::FaultHealed { .. })).unwrap();
    entries.insert(heal + 1, late);
    only(&judge_one(entries), Check::FaultEffect, Part::Inconclusive, "is not confirmed");
}

#[test]
fn a_declared_fault_that_was_never_planned_is_inconclusive() {
    let mut entries = Scenario::new("kill").outages(&[]).entries();
    remove(&mut entries, |e| serde_json::to_string(e).unwrap().contains("fault-"));
    remove(&mut entries, |e| matches!(e, Event::HealConfirmed { .. }));
    let found = judge_one(entries);
    says(&found, Check::FaultEffect, Part::Inconclusive, "kill-primary is declared and was never");
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

#[test]
fn a_lost_write_counts_even_when_the_fault_is_not_confirmed() {
    let mut entries = Scenario::new("kill").entries();
    remove(&mut entries, |e| matches!(e, Event::FaultConfirmed { .. }));
    each_key(&mut entries, OpKind::ORDER, |keys| drop(keys.pop()));
    assert_eq!(judge_one(entries).verdict, Verdict::Broke);
}

#[test]
fn nothing_sent_is_inconclusive() {
    let mut entries = Scenario::new("kill").entries();
    remove(&mut entries, |e| matches!(e, Event::Op(_) | Event::AuditKeys { .. }));
    let found = judge_one(entries);
    says(&found, Check::Coverage, Part::Inconclusive, "nothing was sent");
    says(&found, Check::Availability, Part::Inconclusive, "no operation");
    says(&found, Check::Latency, Part::Inconclusive, "no operation");
    says(&found, Check::Recovery, Part::Inconclusive, "nothing was sent after the fault");
    says(&found, Check::NoLostWrite, Part::Inconclusive, "no promised write");
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

#[test]
fn too_few_successes_of_one_kind_are_inconclusive() {
    let mut entries = Scenario::new("kill").entries();
    let mut left = 9;
    entries.retain(|e| match as_op(e).map(|op| op.kind) {
        Some(OpKind::ADD_TO_CART) => {
            left -= 1;
            left >= 0
        }
        _ => true,
    });
    only(&judge_one(entries), Check::Coverage, Part::Inconclusive, "add-to-cart operations");
}

#[test]
fn promises_on_one_side_of_the_fault_only_are_inconclusive() {
    for (before, words) in [(true, "acknowledged before"), (false, "attempted after")] {
        let mut entries = Scenario::new("kill").entries();
        entries.retain(|e| match as_op(e) {
            Some(op) => !op.kind.is_promise() || (op.intended >= ms(3000)) == before,
            None => true,
        });
        let kept: Vec<String> =
            entries.iter().filter_map(as_op).filter_map(|op| op.key.clone()).collect();
        for kind in [OpKind::ORDER, OpKind::POST] {
            each_key(&mut entries, kind, |keys| keys.retain(|(k, _)| kept.contains(k)));
        }
        only(&judge_one(entries), Check::Coverage, Part::Inconclusive, words);
    }
}

#[test]
fn an_experiment_without_its_end_is_inconclusive() {
    let mut entries = broken_control().entries();
    entries.pop();
    let next = Scenario { start: 40_000, ..Scenario::new("kill") };
    let found = judge_all([entries, next.entries()]);
    says(&found.experiments[0], Check::Completed, Part::Inconclusive, "cut short");
    assert_eq!(found.experiments[0].verdict, Verdict::Inconclusive);
    assert_eq!(found.experiments[1].verdict, Verdict::Survived);
    assert_eq!(found.exit_code(), 3);
}

#[test]
fn a_run_without_its_end_or_without_experiments_is_never_green() {
    let mut entries = run([Scenario::new("kill").entries()]);
    assert_eq!(judge(&entries).unwrap().exit_code(), 0);
    entries.pop();
    assert_eq!(judge(&entries).unwrap().exit_code(), 3);
    assert_eq!(judge(&run([])).unwrap().exit_code(), 3);
}

#[test]
fn a_mismatch_outweighs_what_is_inconclusive() {
    let mut open = Scenario { start: 20_000, ..Scenario::new("kill") }.entries();
    remove(&mut open, |e| matches!(e, Event::FaultConfirmed { .. }));
    assert_eq!(judge_all([open.clone()]).exit_code(), 3);
    assert_eq!(judge_all([Scenario::new("control").entries(), open]).exit_code(), 1);
}

#[test]
fn journals_that_cannot_be_judged_say_why() {
    assert_eq!(judge(&[]), Err(JudgeError::Empty));
    let experiment = Scenario::new("kill").entries();
    assert_eq!(judge(&experiment), Err(JudgeError::NoHead));
    let stranger = Scenario { name: "stranger", ..Scenario::new("kill") };
    let found = judge(&run([stranger.entries()]));
    assert!(matches!(found, Err(JudgeError::UnknownExperiment { .. })), "{found:?}");
    let mut entries = run([experiment]);
    remove(&mut entries, |e| matches!(e, Event::ExperimentStarted { .. }));
    assert!(matches!(judge(&entries), Err(JudgeError::WrongEnd { .. })));
}

#[test]
fn since_up_without_a_fault_is_judged_by_its_invariants() {
    let found = judge_one(Scenario::quiet().entries());
    assert_eq!(found.verdict, Verdict::Survived);
    let checks: Vec<Check> = found.findings.iter().map(|f| f.check).collect();
    use Check::{Availability, Conserved, ExactlyOnce, NoLostWrite};
    assert_eq!(checks, [NoLostWrite, Conserved, ExactlyOnce, Availability]);
    assert_eq!(found.measured.rto, None);
}

#[test]
fn a_young_canary_is_only_inconclusive_after_a_fault() {
    let mut quiet = Scenario::quiet().entries();
    remove(&mut quiet, |e| matches!(e, Event::Op(_) | Event::AuditKeys { .. }));
    assert_eq!(judge_one(quiet).verdict, Verdict::Survived);

    let mut hit = Scenario::new("since-up");
    hit.every = 400;
    let found = judge_one(hit.entries());
    says(&found, Check::SteadyState, Part::Inconclusive, "too few");
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

#[test]
fn a_fault_by_hand_is_judged_like_the_experiment_with_the_same_fault() {
    // 4 s are too long for the stage (3 s) and short enough for `kill` (5 s).
    let mut scenario = Scenario::new("since-up").outages(&[(3000, 7000)]);
    (scenario.heal, scenario.end) = (8000, 60_000);
    let found = judge_one(scenario.entries());
    assert_eq!(found.objectives.rto_ms, 5000);
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    scenario.what = Fault::KillTask(KillTask::default());
    let found = judge_one(scenario.entries());
    only(&found, Check::Recovery, Part::Fail, "(objective 3.00 s)");
}

#[test]
fn a_short_history_is_not_unavailable_because_of_its_outage() {
    let mut scenario = Scenario::new("since-up").outages(&[(3000, 5900)]);
    scenario.end = 8000;
    let found = judge_one(scenario.entries());
    says(&found, Check::Availability, Part::Pass, "100.00 % of");
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    assert!(found.measured.availability_percent.unwrap() < 70.0);
}

/// Two faults by hand, half a minute apart.
fn two_by_hand(second_outage: (i64, i64)) -> Vec<Entry> {
    let mut scenario = Scenario::new("since-up").outages(&[(3000, 4500), second_outage]);
    scenario.end = 50_000;
    let mut entries = scenario.entries();
    let mut again: Vec<Entry> = entries
        .iter()
        .filter(|e| serde_json::to_string(e).unwrap().contains("since-up-f1"))
        .cloned()
        .collect();
    for entry in &mut again {
        entry.at += 30_000 * MS;
        rename(entry, "since-up-f1", "since-up-f2");
    }
    let end = entries.len() - 2;
    entries.splice(end..end, again);
    entries
}

#[test]
fn faults_by_hand_far_apart_have_a_recovery_each() {
    let found = judge_one(two_by_hand((33_000, 34_000)));
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    assert!(found.measured.rto.unwrap().worst.after().unwrap() < 2000 * MS);
    let found = judge_one(two_by_hand((33_000, 39_000)));
    only(&found, Check::Recovery, Part::Fail, "back after 6.0");
}

#[test]
fn a_second_fault_by_hand_does_not_excuse_the_first() {
    let mut entries = two_by_hand((4500, 50_000));
    each_op(&mut entries, |op| {
        if op.outcome == Outcome::Ok && op.intended >= ms(4500) {
            op.outcome = Outcome::Unknown;
        }
    });
    let found = judge_one(entries);
    says(&found, Check::SteadyState, Part::Pass, "healthy");
    says(&found, Check::Recovery, Part::Fail, "not recovered within");
    assert_eq!(found.verdict, Verdict::Broke);
}

#[test]
fn the_canary_needs_few_operations_of_each_kind_but_enough_writes() {
    let thin = |keep: usize| {
        let mut entries = Scenario::new("since-up").entries();
        let mut posts = 0;
        entries.retain(|e| match as_op(e).map(|op| op.kind) {
            Some(OpKind::ADD_TO_CART | OpKind::ORDER) => false,
            // Most of them would have been sent within the outage; spread what is left.
            Some(OpKind::POST) => {
                posts += 1;
                posts % (83 / keep) == 0
            }
            _ => true,
        });
        let kept: Vec<String> =
            entries.iter().filter_map(as_op).filter_map(|op| op.key.clone()).collect();
        each_key(&mut entries, OpKind::ORDER, Vec::clear);
        each_key(&mut entries, OpKind::POST, |keys| keys.retain(|(k, _)| kept.contains(k)));
        judge_one(entries)
    };
    assert_eq!(of(&thin(20), Check::Coverage).part, Part::Pass);
    says(&thin(8), Check::Coverage, Part::Inconclusive, "write operations succeeded");
}
