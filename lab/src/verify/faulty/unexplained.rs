//! Labs in which something happens that no fault explains, long after one that was healed.

use crate::journal::{ControlEvent, Entry, Event, Outcome};
use crate::spec::model::{Fault, KillCache};
use crate::verify::testing::*;
use crate::verify::{Check, Part, Verdict};

/// A cache that is killed by hand after 3 s, away for 1.5 s and healed after 6 s; two minutes later the
/// database fails over, and service is away for so long.
fn failover_nobody_injected(away_ms: i64) -> Vec<Entry> {
    let mut scenario =
        Scenario::new("since-up").outages(&[(3000, 4500), (130_000, 130_000 + away_ms)]);
    scenario.what = Fault::KillCache(KillCache::default());
    (scenario.end, scenario.every) = (180_000, 50);
    let mut entries = scenario.entries();
    for entry in &mut entries {
        match &mut entry.event {
            Event::FaultPlanned { nodes, .. } => *nodes = vec!["cache-a1".into()],
            Event::Control(ControlEvent::Detected { node, .. }) => *node = "cache-a1".into(),
            _ => {}
        }
    }
    remove(&mut entries, |e| matches!(e, Event::Control(ControlEvent::Promoted { .. })));
    let how = "no answer within 300 ms".to_owned();
    let seen = [
        (4400, ControlEvent::Recovered { node: "cache-a1".into() }),
        (130_200, ControlEvent::Detected { node: "db-a1".into(), how }),
        (131_100, ControlEvent::Promoted { node: "db-b1".into() }),
    ];
    add(&mut entries, seen);
    entries
}

fn add(entries: &mut Vec<Entry>, seen: impl IntoIterator<Item = (i64, ControlEvent)>) {
    let end = entries.len() - 1;
    let seen =
        seen.into_iter().map(|(at, event)| Entry { at: ms(at), event: Event::Control(event) });
    entries.splice(end..end, seen);
}

#[test]
fn an_outage_belongs_to_a_fault_only_while_that_or_its_recovery_lasts() {
    let found = judge_one(failover_nobody_injected(1500));
    says(&found, Check::Recovery, Part::Pass, "back after 1.5");
    assert!(found.measured.rto.as_ref().unwrap().worst.after().unwrap() < 2000 * MS);
    let told = "promotion of db-b1 that no fault explains, 128.100 s after the fault (and 1 more)";
    says(&found, Check::Unexplained, Part::Pass, told);
    let details = &of(&found, Check::Unexplained).details;
    assert!(
        details[0].starts_with("loss of db-a1 (no answer within 300 ms), 127.200 s"),
        "{details:?}"
    );
    assert!(details[1].ends_with("users were not served well for 1.50 s"), "{details:?}");
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
}

#[test]
fn what_no_fault_explains_is_told_where_nobody_injected_anything() {
    let mut entries = Scenario::quiet().entries();
    add(&mut entries, [(5000, ControlEvent::Promoted { node: "db-b1".into() })]);
    let found = judge_one(entries);
    let told = "promotion of db-b1 that no fault explains, 5.000 s after the start";
    says(&found, Check::Unexplained, Part::Pass, told);
    assert!(of(&found, Check::Unexplained).details[0].ends_with("users noticed nothing"));
    assert_eq!(found.verdict, Verdict::Survived);
}

#[test]
fn what_a_fault_explains_is_no_news() {
    let asked = |found: &crate::verify::ExperimentFindings| {
        found.findings.iter().any(|f| f.check == Check::Unexplained)
    };
    assert!(!asked(&judge_one(Scenario::new("since-up").entries())));
    assert!(!asked(&judge_one(Scenario::new("kill").entries())));
    assert!(!asked(&judge_one(Scenario::quiet().entries())));
}

#[test]
fn a_node_that_comes_back_late_belongs_to_the_fault() {
    let mut entries = failover_nobody_injected(0);
    let back = |e: &Event| matches!(e, Event::Control(ControlEvent::Recovered { .. }));
    remove(&mut entries, back);
    let node = || "cache-a1".to_owned();
    // It is seen to be back 50 s after the heal, and service suffers from that.
    add(&mut entries, [(56_000, ControlEvent::Recovered { node: node() })]);
    each_op(&mut entries, |op| {
        if (ms(56_000)..ms(57_000)).contains(&op.intended) {
            op.outcome = Outcome::Unknown;
        }
    });
    says(&judge_one(entries), Check::Recovery, Part::Fail, "back after 54.0");
}

#[test]
fn what_no_fault_explains_is_judged_as_steady_traffic() {
    let found = judge_one(failover_nobody_injected(45_000));
    says(&found, Check::Recovery, Part::Pass, "back after 1.5");
    says(&found, Check::Availability, Part::Fail, "operations succeeded outside of outages");
    assert_eq!(found.verdict, Verdict::Broke, "{:#?}", found.findings);
}

#[test]
fn a_recovery_that_goes_on_belongs_to_the_fault() {
    // Not back for longer than anybody waits: all of it is the fault's.
    let mut entries = failover_nobody_injected(1500);
    each_op(&mut entries, |op| {
        if (ms(4500)..ms(60_000)).contains(&op.intended) {
            op.outcome = Outcome::Unknown;
        }
    });
    let found = judge_one(entries);
    says(&found, Check::Recovery, Part::Fail, "back after 57.0");
}
