//! Architectures that a flash crowd finds out: what each of them does for one, and for a thousand.

use crate::journal::{CrowdAnswered, Entry, Event};
use crate::spec::model::{Fault, FlashCrowd, Stage};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, SINCE_UP, Standing, Verdict};

/// An edge cache before two tasks in each of two zones. A crowd must be collapsed, and one that is
/// signed in must not empty itself into the database.
fn edge() -> Stage {
    let yaml = "
stage: stage-edge
title: An edge for tests
users: 1000
intent: To be judged.
regions: [{ name: eu, zones: [a, b] }]
tiers:
  cdn: { kind: cdn, origins: { pages: lb } }
  lb: { kind: load-balancer, targets: web, zones: { a: 1 } }
  web: { kind: service, zones: { a: 2, b: 2 } }
traffic: { entry: cdn, rate_per_s: 50 }
objectives: { availability_percent: 80, p99_ms: 500, rto_ms: 5000 }
experiments:
  crowd: { faults: [{ fault: flash-crowd }], expect: survives }
  control: { faults: [{ fault: flash-crowd }], expect: breaks, why: Nothing collapses. }
  cold: { faults: [{ fault: flash-crowd, signed_in: true }], expect: survives }
";
    serde_yaml::from_str(yaml).unwrap()
}

/// A crowd of a thousand that was collapsed, and whose value one task loaded.
fn good() -> CrowdAnswered {
    CrowdAnswered {
        id: String::new(),
        path: "/products/1?crowd=f1".into(),
        asked: 1000,
        in_flight: 1000,
        answered: 1000,
        good: 1000,
        origin_fetches: 1,
        loads: 1,
        p99_us: 700_000,
        max_us: 900_000,
    }
}

/// A good experiment in which this became of the crowd.
fn entries(name: &'static str, crowd: Option<CrowdAnswered>) -> Vec<Entry> {
    let signed_in = name == "cold";
    let what = Fault::FlashCrowd(FlashCrowd { signed_in, ..FlashCrowd::default() });
    let mut entries = Scenario { what, ..Scenario::new(name) }.outages(&[]).entries();
    let healed = |e: &Entry| matches!(e.event, Event::FaultHealed { .. });
    let at = entries.iter().position(healed).unwrap();
    if let Some(crowd) = crowd {
        let crowd = CrowdAnswered { id: format!("{name}-f1"), ..crowd };
        let moment = entries[at].at;
        entries.insert(at, Entry { at: moment, event: Event::CrowdAnswered(crowd) });
    }
    entries
}

fn judged_on(stage: Stage, entries: Vec<Entry>) -> ExperimentFindings {
    let mut journal = run([entries]);
    if let Event::RunStarted(head) = &mut journal[0].event {
        *head.stage = stage;
    }
    judge(&journal).unwrap().experiments.remove(0)
}

fn judged(name: &'static str, crowd: CrowdAnswered) -> ExperimentFindings {
    judged_on(edge(), entries(name, Some(crowd)))
}

fn checked(found: &ExperimentFindings, check: Check) -> bool {
    found.findings.iter().any(|f| f.check == check)
}

#[test]
fn a_crowd_that_was_collapsed_survives() {
    let found = judged("crowd", good());
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    let words = "1000 requests at once for a cold object: 1 origin fetch, and all were answered";
    says(&found, Check::RequestCollapsing, Part::Pass, words);
    assert!(!checked(&found, Check::CacheStampede), "the edge answered for it");
    let details = &of(&found, Check::RequestCollapsing).details;
    assert!(details[0].contains("p99 700 ms, longest 900 ms"), "{details:?}");
}

/// The edge cache without its lock: who comes while an object is fetched fetches it, too.
#[test]
fn an_edge_that_does_not_collapse_is_caught() {
    let crowd = CrowdAnswered { origin_fetches: 998, ..good() };
    let words = "1000 requests at once for a cold object: 998 origin fetches, 1 allowed";
    let found = judged("crowd", crowd.clone());
    only(&found, Check::RequestCollapsing, Part::Fail, words);
    assert_eq!((found.verdict, found.standing), (Verdict::Broke, Standing::Mismatch));
    let control = judged("control", crowd);
    assert_eq!((control.verdict, control.standing), (Verdict::Broke, Standing::AsExpected));
    assert_eq!(judged("control", good()).standing, Standing::Mismatch, "a control that survives");
}

#[test]
fn each_edge_node_may_ask_once() {
    let mut stage = edge();
    let zones = &mut stage.tiers.get_mut("cdn").unwrap().zones;
    zones.extend([("a".to_owned(), 1), ("b".to_owned(), 1)]);
    let of = |origin_fetches| {
        let crowd = CrowdAnswered { origin_fetches, ..good() };
        judged_on(stage.clone(), entries("crowd", Some(crowd)))
    };
    says(&of(2), Check::RequestCollapsing, Part::Pass, "2 origin fetches");
    says(&of(3), Check::RequestCollapsing, Part::Fail, "3 origin fetches, 2 allowed");
}

/// One fetch that fails, and the others wait in vain.
#[test]
fn a_crowd_that_is_not_answered_is_caught() {
    let crowd = CrowdAnswered { good: 997, ..good() };
    let found = judged("crowd", crowd);
    only(
        &found,
        Check::RequestCollapsing,
        Part::Fail,
        "1 origin fetch, and only 997 answered well",
    );
    let crowd = CrowdAnswered { good: 0, answered: 0, origin_fetches: 0, ..good() };
    says(&judged("crowd", crowd), Check::RequestCollapsing, Part::Fail, "only 0 answered well");
}

#[test]
fn a_crowd_that_was_none_shows_nothing() {
    let of = |crowd| judged("crowd", crowd);
    let apart = CrowdAnswered { in_flight: 499, origin_fetches: 400, ..good() };
    let words = "only 499 of 1000 requests for /products/1?crowd=f1 were under way";
    only(&of(apart), Check::RequestCollapsing, Part::Inconclusive, words);
    let half = CrowdAnswered { in_flight: 500, ..good() };
    says(&of(half), Check::RequestCollapsing, Part::Pass, "1 origin fetch");
    let warm = CrowdAnswered { origin_fetches: 0, ..good() };
    only(
        &of(warm),
        Check::RequestCollapsing,
        Part::Inconclusive,
        "somebody had asked for it before",
    );
    let found = judged_on(edge(), entries("crowd", None));
    only(&found, Check::RequestCollapsing, Part::Inconclusive, "was not written down");
    assert_eq!(found.verdict, Verdict::Inconclusive);
}

/// Two crowds: the worse one decides.
#[test]
fn the_worst_of_several_crowds_decides() {
    let mut all = entries("crowd", Some(good()));
    let id = || "crowd-f2".to_owned();
    let second: Vec<Entry> = all
        .iter()
        .filter_map(|e| {
            let event = match &e.event {
                Event::FaultPlanned { fault, nodes, heal, .. } => Event::FaultPlanned {
                    id: id(),
                    fault: fault.clone(),
                    nodes: nodes.clone(),
                    heal: heal.clone(),
                },
                Event::FaultInjected { .. } => Event::FaultInjected { id: id() },
                Event::FaultConfirmed { evidence, .. } => {
                    Event::FaultConfirmed { id: id(), evidence: evidence.clone() }
                }
                Event::CrowdAnswered(crowd) => Event::CrowdAnswered(CrowdAnswered {
                    id: id(),
                    origin_fetches: 7,
                    ..crowd.clone()
                }),
                Event::FaultHealed { .. } => Event::FaultHealed { id: id() },
                Event::HealConfirmed { evidence, .. } => {
                    Event::HealConfirmed { id: id(), evidence: evidence.clone() }
                }
                _ => return None,
            };
            Some(Entry { at: e.at, event })
        })
        .collect();
    let end = all.pop().unwrap();
    all.extend(second);
    all.push(end);
    let found = judged_on(edge(), all);
    only(&found, Check::RequestCollapsing, Part::Fail, "7 origin fetches, 1 allowed");
    assert_eq!(of(&found, Check::RequestCollapsing).details.len(), 2);
}

/// What is no edge cache passes all of them on. That breaks where it is declared, and is nobody's
/// fault where somebody only tried it.
#[test]
fn a_stage_without_an_edge_cache_breaks_where_that_is_declared() {
    let mut stage = edge();
    stage.tiers.shift_remove("cdn");
    stage.traffic.entry = "lb".into();
    let crowd = CrowdAnswered { origin_fetches: 1000, loads: 1000, ..good() };
    let control = judged_on(stage.clone(), entries("control", Some(crowd.clone())));
    only(&control, Check::RequestCollapsing, Part::Fail, "1000 origin fetches, 1 allowed");
    assert_eq!(control.standing, Standing::AsExpected);
    let by_hand = judged_on(stage, entries(SINCE_UP, Some(crowd.clone())));
    assert!(!checked(&by_hand, Check::RequestCollapsing), "{:#?}", by_hand.findings);
    assert_eq!(by_hand.verdict, Verdict::Survived);
    let at_the_edge = judged_on(edge(), entries(SINCE_UP, Some(crowd)));
    says(&at_the_edge, Check::RequestCollapsing, Part::Fail, "1 allowed");
}

#[test]
fn each_task_may_load_a_cold_value_once() {
    let of = |loads| judged("cold", CrowdAnswered { loads, origin_fetches: 1000, ..good() });
    let words = "1000 signed-in requests for a value that no cache had: 4 loads from the database, 4 \
                 allowed";
    let found = of(4);
    says(&found, Check::CacheStampede, Part::Pass, words);
    assert_eq!(found.verdict, Verdict::Survived);
    assert!(!checked(&found, Check::RequestCollapsing), "the edge was not asked");
    let warm = of(0);
    only(&warm, Check::CacheStampede, Part::Inconclusive, "somebody had loaded it before");
}

/// Cache-aside as it is usually written: who misses loads.
#[test]
fn a_cache_without_stampede_protection_is_caught() {
    let of = |crowd| judged("cold", CrowdAnswered { origin_fetches: 1000, ..crowd });
    let crowd = CrowdAnswered { loads: 187, ..good() };
    let words = "no cache had: 187 loads from the database, 4 allowed";
    let found = of(crowd);
    only(&found, Check::CacheStampede, Part::Fail, words);
    assert_eq!(found.standing, Standing::Mismatch);
    says(&of(CrowdAnswered { loads: 5, ..good() }), Check::CacheStampede, Part::Fail, "5 loads");
    // What was refused was not loaded, and is no better for it.
    let refused = CrowdAnswered { loads: 3, good: 200, ..good() };
    only(&of(refused), Check::CacheStampede, Part::Fail, "and only 200 answered well");
    let apart = CrowdAnswered { in_flight: 40, ..good() };
    only(&of(apart), Check::CacheStampede, Part::Inconclusive, "only 40 of 1000 requests");
}

#[test]
fn who_sends_a_crowd_to_a_stage_without_a_cache_is_told_nothing_new() {
    let crowd = CrowdAnswered { loads: 1000, ..good() };
    let what = Fault::FlashCrowd(FlashCrowd { signed_in: true, ..FlashCrowd::default() });
    let by_hand = |stage: &str| {
        let mut journal = entries(SINCE_UP, Some(crowd.clone()));
        for entry in &mut journal {
            if let Event::FaultPlanned { fault, .. } = &mut entry.event {
                *fault = what.clone();
            }
        }
        judged_on(crate::spec::load(stage).unwrap().0, journal)
    };
    assert!(!checked(&by_hand("stage-10k"), Check::CacheStampede));
    says(&by_hand("stage-100k"), Check::CacheStampede, Part::Fail, "6 allowed");
}

/// Without a cache in the stage every request is a load, whoever serves it.
#[test]
fn the_built_in_stages_allow_a_load_to_each_of_their_tasks() {
    for (name, allowed) in
        [("stage-100k", "6 allowed"), ("stage-10k", "6 allowed"), ("stage-1", "1 allowed")]
    {
        let mut stage = crate::spec::load(name).unwrap().0;
        stage.experiments = edge().experiments;
        let crowd = CrowdAnswered { loads: 1000, ..good() };
        let found = judged_on(stage, entries("cold", Some(crowd)));
        says(&found, Check::CacheStampede, Part::Fail, allowed);
    }
}
