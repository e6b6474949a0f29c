//! Nodes that were killed for want of memory, which no fault of ours does.

use crate::journal::{ControlEvent, Entry, Event, OpKind};
use crate::spec::model::Expectation;
use crate::verify::testing::*;
use crate::verify::{Check, Part, Verdict};

fn killed(entries: &mut Vec<Entry>) {
    let at = entries.iter().position(|e| matches!(e.event, Event::FaultHealed { .. })).unwrap();
    let event = ControlEvent::OutOfMemory { node: "db-a1".into(), limit_mib: Some(192) };
    let entry = Entry { at: entries[at].at, event: Event::Control(event) };
    entries.insert(at, entry);
}

#[test]
fn what_it_led_to_is_blamed_on_it() {
    let mut entries = Scenario::new("kill").entries();
    killed(&mut entries);
    each_key(&mut entries, OpKind::ORDER, |keys| keys.retain(|(k, _)| k != "kill-000139"));
    let found = judge_one(entries);
    says(&found, Check::Memory, Part::Fail, "db-a1 was killed for want of memory (limit 192 MiB)");
    assert_eq!(found.verdict, Verdict::Broke);
    assert!(found.reasons[0].starts_with("memory: db-a1 was killed"), "{:?}", found.reasons);
}

#[test]
fn it_is_told_when_nobody_noticed_too() {
    let mut entries = Scenario::new("kill").entries();
    killed(&mut entries);
    let found = judge_one(entries);
    says(&found, Check::Memory, Part::Pass, "db-a1 was killed for want of memory (limit 192 MiB)");
    assert_eq!(found.verdict, Verdict::Survived);
}

#[test]
fn a_negative_control_that_broke_may_have_broken_by_it() {
    let mut entries = run([Scenario::new("kill").entries()]);
    killed(&mut entries);
    each_key(&mut entries, OpKind::ORDER, |keys| keys.retain(|(k, _)| k != "kill-000139"));
    if let Event::RunStarted(head) = &mut entries[0].event {
        head.stage.experiments["kill"].expect = Expectation::Breaks;
    }
    let found = crate::verify::judge(&entries).unwrap().experiments.remove(0);
    assert_eq!(found.verdict, Verdict::Inconclusive);
    assert!(found.reasons[0].contains("killed for want of memory"), "{:?}", found.reasons);
}
