//! Service that was not healthy before the fault, and then was; a lab that is not whole after it.

use crate::journal::{Entry, Event};
use crate::verify::testing::*;
use crate::verify::{Check, Part, Verdict};

/// A machine that was busy for a moment before the fault: the traffic was begun anew, and the report says so.
#[test]
fn traffic_that_was_begun_anew_is_told() {
    let mut entries = Scenario::new("kill").entries();
    let why = "2 operations of 158 took longer than 250 ms".to_owned();
    entries.insert(1, Entry { at: entries[0].at, event: Event::Unsteady { why } });
    let found = judge_one(entries);
    let details = &of(&found, Check::SteadyState).details;
    assert_eq!(details, &["begun anew, because 2 operations of 158 took longer than 250 ms"]);
    assert_eq!(found.verdict, Verdict::Survived);
}

fn not_whole(mut entries: Vec<Entry>) -> Vec<Entry> {
    let (at, why) =
        (entries[entries.len() - 2].at, "the lab is not whole: db-b1: no standby".into());
    entries.insert(
        entries.len() - 1,
        Entry { at, event: Event::NotWhole { why, nodes: vec!["db-b1".into()] } },
    );
    entries
}

/// Users are served, and the next loss would not be survived any more.
#[test]
fn a_lab_that_is_not_whole_afterwards_has_not_recovered() {
    let found = judge_one(not_whole(Scenario::new("kill").entries()));
    only(&found, Check::Recovery, Part::Fail, "all is healed, and the lab is not whole");
    assert_eq!(found.verdict, Verdict::Broke);
}

/// Then it is the lab that did not undo its fault.
#[test]
fn what_was_not_seen_to_be_healed_is_not_the_architectures_fault() {
    let mut entries = not_whole(Scenario::new("kill").entries());
    entries.retain(|entry| !matches!(entry.event, Event::HealConfirmed { .. }));
    let found = judge_one(entries);
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

/// Docker or the control plane that did not answer says nothing about the architecture.
#[test]
fn what_the_lab_itself_lacks_is_not_the_architectures_fault() {
    let mut entries = not_whole(Scenario::new("kill").entries());
    for entry in &mut entries {
        if let Event::NotWhole { nodes, .. } = &mut entry.event {
            nodes.clear();
        }
    }
    let found = judge_one(entries);
    only(&found, Check::FaultEffect, Part::Inconclusive, "after the heal, the lab is not whole");
}

/// A control that is declared to break has to do so by what its users see.
#[test]
fn a_control_does_not_break_by_what_is_missing_afterwards() {
    let found = judge_one(not_whole(Scenario::new("control").entries()));
    assert_eq!(of(&found, Check::FaultEffect).part, Part::Inconclusive);
    assert_eq!(found.verdict, Verdict::Inconclusive);
}
