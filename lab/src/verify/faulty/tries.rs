//! Experiments that were tried more than once.

use crate::journal::{Entry, Event, OpKind};
use crate::verify::testing::forum::judge_run;
use crate::verify::testing::*;
use crate::verify::verdict::can_be_repeated;
use crate::verify::{Check, ExperimentFindings, Finding, Part, Verdict};

/// The experiment `kill`, a minute after the one before.
fn nth(n: i64) -> Vec<Entry> {
    Scenario { start: n * 60_000, ..Scenario::new("kill") }.entries()
}

/// One whose fault was not shown to be there.
fn unconfirmed(n: i64) -> Vec<Entry> {
    without_proof(nth(n))
}

fn without_proof(mut entries: Vec<Entry>) -> Vec<Entry> {
    for entry in &mut entries {
        if let Event::FaultConfirmed { id, .. } = &entry.event {
            let (id, reason) = (id.clone(), "it still answers".into());
            entry.event = Event::FaultUnconfirmed { id, reason };
        }
    }
    entries
}

fn with_a_lost_order(mut entries: Vec<Entry>) -> Vec<Entry> {
    each_key(&mut entries, OpKind::ORDER, |keys| keys.retain(|(k, _)| k != "kill-000145"));
    entries
}

fn verdicts(tries: impl IntoIterator<Item = Vec<Entry>>) -> Vec<ExperimentFindings> {
    judge(&run(tries)).unwrap().experiments
}

#[test]
fn a_later_try_takes_the_place_of_one_that_proved_nothing_and_says_so() {
    let found = verdicts([unconfirmed(0), nth(1)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].verdict, Verdict::Survived);
    let earlier: Vec<_> = found[0].earlier.iter().map(|t| t.reasons[0].as_str()).collect();
    assert!(matches!(earlier[..], [one] if one.contains("it still answers")), "{earlier:?}");
    assert!(found[0].earlier[0].ended_at <= found[0].started_at);
}

#[test]
fn a_later_try_that_proves_nothing_either_leaves_the_experiment_inconclusive() {
    let found = verdicts([unconfirmed(0), unconfirmed(1), unconfirmed(2)]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].verdict, found[0].earlier.len()), (Verdict::Inconclusive, 2));
}

#[test]
fn a_later_try_does_not_undo_what_an_earlier_one_proved() {
    for decided in [nth(0), with_a_lost_order(nth(0)), with_a_lost_order(unconfirmed(0))] {
        let first = verdicts([decided.clone()])[0].clone();
        let found = verdicts([decided, nth(1)]);
        assert_eq!((found.len(), &found[0]), (2, &first));
    }
}

/// A lost write in an experiment that is to break, or one that was cut short, is open as a verdict; it
/// stays in the report all the same.
#[test]
fn what_was_lost_is_never_replaced() {
    let control = |n: i64| Scenario { start: n * 60_000, ..Scenario::new("control") }.entries();
    let mut lost = control(0);
    each_key(&mut lost, OpKind::ORDER, |keys| keys.retain(|(k, _)| k != "control-000145"));
    let found = verdicts([without_proof(lost), control(1)]);
    assert_eq!((found.len(), found[0].verdict), (2, Verdict::Inconclusive));
    let mut cut_short = nth(0);
    cut_short.retain(|e| !matches!(e.event, Event::ExperimentEnded { .. }));
    assert_eq!(verdicts([cut_short, nth(1)]).len(), 2);
}

#[test]
fn what_was_lost_within_its_budget_is_not_replaced_either() {
    let mut generous = stage();
    generous.objectives.rpo_writes = 5;
    let found = judge_run(generous, [with_a_lost_order(unconfirmed(0)), nth(1)]).experiments;
    assert_eq!((found.len(), found[0].verdict), (2, Verdict::Inconclusive));
}

/// Nobody will ever look for those writes again.
#[test]
fn what_was_not_read_back_is_never_replaced() {
    let mut unread = nth(0);
    for entry in &mut unread {
        if matches!(entry.event, Event::AuditKeysEnd { kind: OpKind::ORDER }) {
            let (what, reason) = ("orders".to_owned(), "no answer".to_owned());
            entry.event = Event::AuditFailed { what, reason };
        }
    }
    let found = verdicts([unread, nth(1)]);
    assert_eq!((found.len(), found[0].verdict), (2, Verdict::Inconclusive));
}

#[test]
fn what_was_shown_wrongly_is_never_replaced() {
    let finding = |check, part| Finding::new(check, part, "said");
    let open = finding(Check::SteadyState, Part::Inconclusive);
    let can = |finding| can_be_repeated(Verdict::Inconclusive, &[open.clone(), finding]);
    for shown in [Check::SessionGuarantees, Check::CacheCoherence] {
        assert!(!can(finding(shown, Part::Fail)), "{shown:?}");
        assert!(can(finding(shown, Part::Inconclusive)), "{shown:?}: too few reads to tell");
    }
    for promised in [Check::EffectExactlyOnce, Check::Queue, Check::Conserved, Check::ExactlyOnce] {
        assert!(!can(finding(promised, Part::Inconclusive)), "{promised:?}");
        assert!(can(finding(promised, Part::Pass)), "{promised:?}");
    }
    assert!(can(finding(Check::Latency, Part::Fail)), "a slow machine");
    assert!(!can_be_repeated(Verdict::Survived, &[]) && !can_be_repeated(Verdict::Broke, &[]));
}

/// What happened in one experiment says nothing about another one.
#[test]
fn another_experiment_replaces_nothing() {
    let control = Scenario { start: 60_000, ..Scenario::new("control") };
    assert_eq!(verdicts([unconfirmed(0), control.entries(), nth(2)]).len(), 3);
}
