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

/// Nobody knows what the fault left behind: that is no survival.
#[test]
fn a_lab_that_is_not_whole_afterwards_is_inconclusive() {
    let mut entries = Scenario::new("kill").entries();
    let (at, why) =
        (entries[entries.len() - 2].at, "the lab is not whole: db-b1: no standby".into());
    entries.insert(entries.len() - 1, Entry { at, event: Event::NotWhole { why } });
    let found = judge_one(entries);
    only(&found, Check::FaultEffect, Part::Inconclusive, "after the heal, the lab is not whole");
    assert_eq!(found.verdict, Verdict::Inconclusive);
}
