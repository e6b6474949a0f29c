//! Traffic that stops.

use crate::journal::{Entry, Event};
use crate::verify::testing::*;
use crate::verify::{Check, Part};

/// A kill whose traffic stops for 2.5 s.
fn interrupted_traffic() -> Vec<Entry> {
    let mut entries = Scenario::new("kill").entries();
    entries.retain(|e| {
        as_op(e)
            .is_none_or(|op| op.kind.is_promise() || !(ms(5000)..ms(7500)).contains(&op.intended))
    });
    each_op(&mut entries, |op| {
        if op.kind.is_promise() && (ms(5000)..ms(7500)).contains(&op.intended) {
            (op.intended, op.done) = (op.intended + 2500 * MS, op.done + 2500 * MS);
        }
    });
    entries
}

#[test]
fn traffic_that_stops_for_a_while_is_inconclusive() {
    let found = judge_one(interrupted_traffic());
    only(&found, Check::Coverage, Part::Inconclusive, "nothing was sent for 2.5 s");
}

/// A `lab verify` in between judges its own experiments, and what it left out is no silence. What is
/// silent beyond that is.
#[test]
fn what_belongs_to_another_run_is_no_silence() {
    let with = |since: i64, until: i64| {
        let mut entries = interrupted_traffic();
        let after = entries.iter().position(|e| e.at >= ms(until)).unwrap();
        let left_out = Event::LeftOut { since: ms(since) };
        entries.insert(after, Entry { at: ms(until), event: left_out });
        judge_one(entries)
    };
    assert_eq!(of(&with(5000, 7500), Check::Coverage).part, Part::Pass);
    only(&with(5000, 5200), Check::Coverage, Part::Inconclusive, "nothing was sent for 2.3 s");
}
