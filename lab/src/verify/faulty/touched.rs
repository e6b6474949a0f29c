//! Labs that somebody else touched while they were judged.

use crate::journal::{ControlEvent, Entry, Event};
use crate::verify::testing::*;
use crate::verify::verdict::can_be_repeated;
use crate::verify::{Check, Part, Verdict};

/// What the control plane saw in the middle of an experiment.
fn with(mut entries: Vec<Entry>, event: ControlEvent) -> Vec<Entry> {
    let middle = entries.len() / 2;
    let at = entries[middle].at;
    entries.insert(middle, Entry { at, event: Event::Control(event) });
    entries
}

#[test]
fn who_was_removed_is_named_and_nothing_is_proven() {
    let removed = || ControlEvent::Removed { node: "web-b1".into() };
    let found = judge_one(with(Scenario::new("kill").entries(), removed()));
    assert_eq!(found.verdict, Verdict::Inconclusive);
    let said = &of(&found, Check::Untouched).summary;
    assert!(said.starts_with("web-b1 was removed by somebody else (") && said.contains(" UTC, "));
    assert!(found.reasons[0].contains("web-b1 was removed"), "{:?}", found.reasons);
    assert!(!can_be_repeated(found.verdict, &found.findings), "it would lack it once more");
}

#[test]
fn what_was_lost_with_what_somebody_else_removed_is_not_blamed_on_the_stage() {
    let mut entries = Scenario::new("kill").entries();
    each_key(&mut entries, crate::journal::OpKind::ORDER, |keys| {
        keys.retain(|(k, _)| k != "kill-000145");
    });
    let removed = ControlEvent::Removed { node: "db-a1".into() };
    assert_eq!(judge_one(entries.clone()).verdict, Verdict::Broke);
    assert_eq!(judge_one(with(entries, removed)).verdict, Verdict::Inconclusive);
}

#[test]
fn a_fault_that_nobody_wrote_down_is_told() {
    let what = "a packet filter".to_owned();
    let stray = ControlEvent::Stray { node: "web-a1".into(), what };
    let found = judge_one(with(Scenario::new("kill").entries(), stray));
    let said = "a packet filter on web-a1, undone: no fault on record explains it";
    only(&found, Check::Untouched, Part::Inconclusive, said);
}
