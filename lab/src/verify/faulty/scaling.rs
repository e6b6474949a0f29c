//! Scaling groups under a spike: one that grows and shrinks unnoticed, and those that do not.

use crate::journal::{ControlEvent, Entry, Event, Outcome};
use crate::spec::model::{Fault, Stage};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, Verdict};

fn group() -> Stage {
    let yaml = "
stage: stage-group
title: A group for tests
users: 1000
intent: To be judged.
regions: [{ name: eu, zones: [a, b] }]
tiers:
  web: { kind: service, zones: { a: 1, b: 1 }, scaling: { max: 8, target_per_s: 20 } }
traffic: { entry: web, rate_per_s: 50 }
objectives: { availability_percent: 80, p99_ms: 500, rto_ms: 5000 }
experiments:
  spike: { faults: [{ fault: spike, factor: 4 }], expect: survives }
  kill: { faults: [{ fault: kill-task, tier: web }], expect: survives }
";
    serde_yaml::from_str(yaml).unwrap()
}

fn fault(yaml: &str) -> Fault {
    serde_yaml::from_str(yaml).unwrap()
}

/// A spike from 3 s to 6 s, for which the group grows at 4 s; it shrinks at 14 s, and traffic ends at 20 s.
fn entries(from: u16, most: u16, least: u16) -> Vec<Entry> {
    let what = fault("{ fault: spike, factor: 4 }");
    let scenario = Scenario { what, end: 20_000, ..Scenario::new("spike") }.outages(&[]);
    let mut entries = scenario.entries();
    for (ms, from, to) in [(4000, from, most), (14_000, most, least)] {
        let (tier, why) = ("web".to_owned(), "the load".to_owned());
        if from != to {
            let event = Event::Control(ControlEvent::Scaled { tier, from, to, why });
            entries.insert(entries.len() - 1, Entry { at: START + ms * MS, event });
        }
    }
    entries
}

fn judged(entries: Vec<Entry>) -> ExperimentFindings {
    let mut journal = run([entries]);
    if let Event::RunStarted(head) = &mut journal[0].event {
        *head.stage = group();
    }
    judge(&journal).unwrap().experiments.remove(0)
}

#[test]
fn a_group_that_grows_and_shrinks_unnoticed_is_proven() {
    let found = judged(entries(2, 8, 2));
    let scaling = of(&found, Check::Scaling);
    assert_eq!(scaling.part, Part::Pass, "{scaling:?}");
    assert!(scaling.summary.starts_with("web grew to 8 and shrank to 2 tasks"), "{scaling:?}");
    assert_eq!(found.verdict, Verdict::Survived);
}

#[test]
fn a_group_that_did_not_grow_or_not_shrink_proves_nothing() {
    let found = judged(entries(2, 2, 2));
    only(&found, Check::Scaling, Part::Inconclusive, "no group grew");
    let found = judged(entries(2, 8, 8));
    only(&found, Check::Scaling, Part::Inconclusive, "web grew to 8 and was not seen to shrink");
}

#[test]
fn a_request_that_fails_because_a_task_ends_is_named() {
    let mut entries = entries(2, 8, 2);
    let late = START + 15_000 * MS;
    let op = entries.iter_mut().find_map(|e| match &mut e.event {
        Event::Op(op) if op.intended >= late => Some(op),
        _ => None,
    });
    op.unwrap().outcome = Outcome::Unknown;
    let found = judged(entries);
    assert_eq!(of(&found, Check::Scaling).part, Part::Fail);
    assert_eq!(found.verdict, Verdict::Broke);
}

/// A second of slow answers at the begin of the fault.
fn slow(mut entries: Vec<Entry>) -> Vec<Entry> {
    for entry in &mut entries {
        if let Event::Op(op) = &mut entry.event
            && (START + 3000 * MS..START + 4000 * MS).contains(&op.intended)
        {
            op.done = op.intended + 600 * MS;
            entry.at = op.done;
        }
    }
    entries
}

#[test]
fn more_traffic_does_not_excuse_slow_answers_and_a_failure_does() {
    let found = judged(slow(entries(2, 8, 2)));
    assert_eq!(of(&found, Check::Latency).part, Part::Fail, "{:?}", of(&found, Check::Latency));
    let what = fault("{ fault: kill-task, tier: web }");
    let kill = Scenario { what, end: 20_000, ..Scenario::new("kill") }.outages(&[]);
    let found = judged(slow(kill.entries()));
    assert_eq!(of(&found, Check::Latency).part, Part::Pass, "{:?}", of(&found, Check::Latency));
}
