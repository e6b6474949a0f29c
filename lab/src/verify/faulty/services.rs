//! Architectures in which one greedy client, or one slow dependency, is everybody's trouble.

use crate::journal::{Entry, Event, FloodEnded, Op, Outcome};
use crate::spec::model::{Fault, Flood, SlowDependency, Stage};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, SINCE_UP, Standing, Verdict};

/// A gateway of two nodes before everything: 10 a second for each client, 20 at once.
fn gateway() -> Stage {
    let yaml = "
stage: stage-gateway
title: A gateway for tests
users: 1000
intent: To be judged.
regions: [{ name: eu, zones: [a, b] }]
tiers:
  gateway:
    kind: api-gateway
    upstream: lb
    zones: { a: 1, b: 1 }
    total: { rate_per_s: 1000, burst: 500 }
    client: { rate_per_s: 10, burst: 20 }
  lb: { kind: load-balancer, targets: web, zones: { a: 1 } }
  web: { kind: service, zones: { a: 2, b: 2 } }
traffic: { entry: gateway, rate_per_s: 50 }
objectives: { availability_percent: 80, p99_ms: 500, rto_ms: 5000 }
experiments:
  flood: { faults: [{ fault: flood }], expect: survives }
  control: { faults: [{ fault: flood }], expect: breaks, why: Nobody throttles. }
  slow: { faults: [{ fault: slow-dependency }], expect: survives }
";
    serde_yaml::from_str(yaml).unwrap()
}

/// One client, 100 requests a second for three seconds, of which what the bucket has was let through.
fn good() -> FloodEnded {
    FloodEnded {
        id: String::new(),
        clients: 1,
        lasted_us: 3_000_000,
        sent: 300,
        passed: 50,
        throttled: 250,
        failed: 0,
    }
}

fn flooded(name: &'static str, flood: FloodEnded) -> Vec<Entry> {
    let what = Fault::Flood(Flood::default());
    let mut entries = Scenario { what, ..Scenario::new(name) }.outages(&[]).entries();
    let healed = |e: &Entry| matches!(e.event, Event::FaultHealed { .. });
    let at = entries.iter().position(healed).unwrap();
    let flood = FloodEnded { id: format!("{name}-f1"), ..flood };
    let moment = entries[at].at;
    entries.insert(at, Entry { at: moment, event: Event::FloodEnded(flood) });
    entries
}

fn judged(stage: Stage, entries: Vec<Entry>) -> ExperimentFindings {
    let mut journal = run([entries]);
    if let Event::RunStarted(head) = &mut journal[0].event {
        *head.stage = stage;
    }
    judge(&journal).unwrap().experiments.remove(0)
}

/// The same stage with its gateway taken away.
fn without_gateway() -> Stage {
    let mut stage = gateway();
    stage.tiers.shift_remove("gateway");
    stage.traffic.entry = "lb".into();
    stage
}

#[test]
fn a_greedy_client_that_is_throttled_hurts_nobody() {
    let found = judged(gateway(), flooded("flood", good()));
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    let words = "1 client sent 300 requests in 3.0 s: 50 passed, 250 refused, 0 failed; 50 \
                 may pass, and nobody else was refused";
    says(&found, Check::Throttling, Part::Pass, words);
}

/// A gateway whose buckets leak.
#[test]
fn a_greedy_client_that_gets_more_than_its_bucket_has_is_caught() {
    let flood = FloodEnded { passed: 56, throttled: 244, ..good() };
    let found = judged(gateway(), flooded("flood", flood.clone()));
    only(&found, Check::Throttling, Part::Fail, "50 may pass");
    let clients = FloodEnded { clients: 2, ..flood };
    says(&judged(gateway(), flooded("flood", clients)), Check::Throttling, Part::Pass, "100 may");
}

/// One bucket for everybody: who floods has others refused.
#[test]
fn others_who_are_refused_are_caught() {
    let mut entries = flooded("flood", good());
    each_op(&mut entries, |op| {
        if !op.kind.is_write() && op.intended == ms(4040) {
            (op.outcome, op.detail) = (crate::journal::Outcome::Fail, "429".into());
        }
    });
    let found = judged(gateway(), entries);
    says(&found, Check::Throttling, Part::Fail, "refused as well: 1 request of others");
}

/// What a spike by hand used up an hour ago is not the flood's doing.
#[test]
fn a_refusal_before_the_flood_says_nothing_about_it() {
    let refused = |at: i64| {
        let mut entries = flooded("flood", good());
        let mut left = 1;
        each_op(&mut entries, |op| {
            if op.intended > ms(at) && left > 0 {
                (op.outcome, op.detail, left) = (Outcome::Fail, "429".into(), 0);
            }
        });
        of(&judged(gateway(), entries), Check::Throttling).part
    };
    assert_eq!(refused(1000), Part::Pass);
    assert_eq!(refused(4000), Part::Fail);
}

#[test]
fn without_a_gateway_nobody_is_throttled() {
    let flood = FloodEnded { passed: 300, throttled: 0, ..good() };
    let control = judged(without_gateway(), flooded("control", flood.clone()));
    only(&control, Check::Throttling, Part::Fail, "no API gateway and no front door limits them");
    assert_eq!((control.verdict, control.standing), (Verdict::Broke, Standing::AsExpected));
    let by_hand = judged(without_gateway(), flooded(SINCE_UP, flood));
    assert!(by_hand.findings.iter().all(|f| f.check != Check::Throttling), "nobody promised it");
}

/// The same limit at the front door of an edge cache: 20 at once, then 10 in a second.
#[test]
fn a_front_door_limits_as_well() {
    let mut stage = without_gateway();
    let yaml = "
kind: cdn
origins: { pages: lb }
front_door: { client_rate: { limit: 20, window_s: 2 } }
";
    stage.tiers.insert("cdn".into(), serde_yaml::from_str(yaml).unwrap());
    let found = judged(stage.clone(), flooded("flood", good()));
    says(&found, Check::Throttling, Part::Pass, "50 may pass");
    let flood = FloodEnded { passed: 60, throttled: 240, ..good() };
    only(&judged(stage, flooded("flood", flood)), Check::Throttling, Part::Fail, "50 may pass");
}

#[test]
fn a_flood_that_is_none_shows_nothing() {
    let few = FloodEnded { sent: 99, passed: 50, throttled: 49, ..good() };
    let found = judged(gateway(), flooded("flood", few));
    only(&found, Check::Throttling, Part::Inconclusive, "too few to judge by");
    let modest = FloodEnded { sent: 150, passed: 50, throttled: 0, ..good() };
    let found = judged(gateway(), flooded("flood", modest));
    only(&found, Check::Throttling, Part::Inconclusive, "they sent no more than they may");
    let mut entries = flooded("flood", good());
    remove(&mut entries, |event| matches!(event, Event::FloodEnded(_)));
    let found = judged(gateway(), entries);
    only(&found, Check::Throttling, Part::Inconclusive, "was not written down");
}

/// A slow dependency from 3 s to 8 s; `change` is done to every read that is due meanwhile, with its
/// number.
fn slow(change: impl Fn(usize, &mut Op)) -> ExperimentFindings {
    let what = Fault::SlowDependency(SlowDependency::default());
    let scenario = Scenario { what, heal: 8000, end: 12_000, every: 10, ..Scenario::new("slow") };
    let mut entries = scenario.outages(&[]).entries();
    let mut number = 0;
    each_op(&mut entries, |op| {
        if !op.kind.is_write() && (ms(3000)..ms(8000)).contains(&op.intended) {
            change(number, op);
            number += 1;
        }
    });
    judged(gateway(), entries)
}

#[test]
fn a_slow_dependency_that_nobody_notices_is_isolated() {
    let found = slow(|_, _| {});
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    let words = "reads' p99 11 ms before mail was slow and 11 ms meanwhile (150 and 250 reads), 21 ms \
                 allowed";
    says(&found, Check::Isolation, Part::Pass, words);
    // A fifth more is allowed, ten milliseconds at least, and two reads of 250 may be as slow as they like.
    let found = slow(|n, op| op.done += if n < 2 { 400 * MS } else { 2 * MS });
    says(&found, Check::Isolation, Part::Pass, "13 ms meanwhile");
}

/// What waits for mail takes the places of what does not: no bulkhead.
#[test]
fn reads_that_wait_for_mail_are_caught() {
    let found = slow(|n, op| op.done += if n % 50 == 0 { 300 * MS } else { 0 });
    only(&found, Check::Isolation, Part::Fail, "307 ms meanwhile");
    assert_eq!((found.verdict, found.standing), (Verdict::Broke, Standing::Mismatch));
}

#[test]
fn what_a_busy_machine_does_as_well_is_no_verdict() {
    let found = slow(|_, op| op.done += 40 * MS);
    only(&found, Check::Isolation, Part::Inconclusive, "a busy machine does as much");
    let found = slow(|_, op| op.done += 12 * MS);
    only(&found, Check::Isolation, Part::Inconclusive, "23 ms meanwhile");
    let found = slow(|_, op| op.done += 70 * MS);
    only(&found, Check::Isolation, Part::Fail, "81 ms meanwhile");
}

#[test]
fn too_few_reads_are_no_verdict() {
    let what = Fault::SlowDependency(SlowDependency::default());
    let entries = Scenario { what, ..Scenario::new("slow") }.outages(&[]).entries();
    let found = judged(gateway(), entries);
    only(&found, Check::Isolation, Part::Inconclusive, "too few to compare");
}

/// By hand, hours may lie between two faults: what an earlier one did to reads is no measure for this one.
#[test]
fn a_slow_dependency_by_hand_is_compared_with_the_time_just_before_it() {
    let what = Fault::SlowDependency(SlowDependency::default());
    let scenario = Scenario {
        what,
        fault: Some(40_000),
        heal: 45_000,
        end: 50_000,
        every: 10,
        ..Scenario::new("since-up")
    };
    let mut entries = scenario.outages(&[]).entries();
    each_op(&mut entries, |op| {
        let is_in = |from, to| (ms(from)..ms(to)).contains(&op.intended);
        if !op.kind.is_write() && (is_in(1000, 6000) || is_in(40_000, 45_000)) {
            op.done += 300 * MS;
        }
    });
    assert_eq!(of(&judged(gateway(), entries), Check::Isolation).part, Part::Fail);
}
