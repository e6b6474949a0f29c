//! Architectures that let users wait, or fail them.

use crate::journal::{ControlEvent, Event, Op, OpKind, Outcome};
use crate::spec::model::{Fault, LoseZone};
use crate::verify::recovery::Recovery;
use crate::verify::testing::*;
use crate::verify::{Check, Part, Standing, Verdict};

#[test]
fn recovery_is_measured_with_its_parts() {
    let found = judge_one(Scenario::new("kill").entries());
    let rto = found.measured.rto.clone().unwrap();
    // Operation 225 is due at 4500 ms and done 7 ms later. It is a post, hence a write as well; the
    // writes before it are all bad.
    assert_eq!(rto.all, Recovery::Back(1507 * MS));
    assert_eq!(rto.writes, Some(Recovery::Back(1507 * MS)));
    assert_eq!(rto.worst, rto.all);
    assert_eq!(rto.detect, Some(400 * MS));
    assert_eq!(rto.recover, Some(800 * MS));
    assert_eq!(rto.reroute, Some(rto.worst.after().unwrap() - 1200 * MS));
    says(&found, Check::Recovery, Part::Pass, "back after 1.5");
}

#[test]
fn writes_that_come_back_later_than_reads_decide() {
    let mut entries = Scenario::new("kill").entries();
    each_op(&mut entries, |op| {
        if op.kind.is_write() && (ms(4500)..ms(5500)).contains(&op.intended) {
            op.outcome = Outcome::Fail;
        }
    });
    // What failed for certain must not be found.
    for kind in [OpKind::ORDER, OpKind::POST] {
        each_key(&mut entries, kind, |keys| {
            keys.retain(|(k, _)| !("kill-000225".."kill-000275").contains(&k.as_str()));
        });
    }
    let rto = judge_one(entries).measured.rto.unwrap();
    assert!(rto.writes.unwrap().after().unwrap() >= 2500 * MS, "{rto:?}");
    assert_eq!(rto.worst, rto.all.worse(rto.writes.unwrap()));
}

#[test]
fn a_recovery_later_than_promised_is_caught() {
    let mut scenario = Scenario::new("kill").outages(&[(3000, 8200)]);
    scenario.end = 40_000;
    only(&judge_one(scenario.entries()), Check::Recovery, Part::Fail, "(objective 5.00 s)");
}

/// Only the heal at 18 s brings service back.
#[test]
fn recovery_by_the_heal_alone_is_late() {
    let mut scenario = Scenario::new("kill").outages(&[(3000, 18_000)]);
    (scenario.heal, scenario.end) = (18_000, 30_000);
    let found = judge_one(scenario.entries());
    says(&found, Check::Recovery, Part::Fail, "back after 15.0");
    assert_eq!(found.verdict, Verdict::Broke);
}

/// The old primary rejoins and takes the new one with it.
#[test]
fn a_second_dip_at_the_heal_is_not_recovery() {
    let mut scenario = Scenario::new("kill").outages(&[(3000, 4000), (12_000, 13_000)]);
    (scenario.heal, scenario.end) = (12_000, 30_000);
    only(&judge_one(scenario.entries()), Check::Recovery, Part::Fail, "back after 10.0");
}

#[test]
fn no_recovery_at_all_is_caught() {
    let found = judge_one(Scenario::new("kill").outages(&[(3000, 10_000)]).entries());
    says(&found, Check::Recovery, Part::Fail, "not recovered within 6.98 s");
    says(&found, Check::Availability, Part::Fail, "30.00 %");
    assert_eq!(found.verdict, Verdict::Broke);
}

#[test]
fn traffic_that_ends_before_the_objective_is_inconclusive() {
    let mut scenario = Scenario::new("kill").outages(&[(3000, 10_000)]);
    (scenario.end, scenario.heal) = (6000, 5000);
    let found = judge_one(scenario.entries());
    says(&found, Check::Recovery, Part::Inconclusive, "lengthen settle_ms");
}

#[test]
fn a_recovery_in_the_last_moment_is_inconclusive() {
    let mut scenario = Scenario::new("zone").outages(&[(3000, 9500)]);
    scenario.what = Fault::LoseZone(LoseZone::default());
    let found = judge_one(scenario.entries());
    says(&found, Check::Recovery, Part::Inconclusive, "traffic ended too soon");
}

#[test]
fn a_fault_that_nobody_noticed_has_no_recovery_time() {
    let found = judge_one(Scenario::new("kill").outages(&[]).entries());
    assert_eq!(found.measured.rto.as_ref().unwrap().worst, Recovery::NotHit);
    says(&found, Check::Recovery, Part::Pass, "no operation noticed the fault");
    assert_eq!(found.verdict, Verdict::Survived);
}

#[test]
fn a_node_that_came_back_counts_as_recovery_and_others_do_not() {
    let mut entries = Scenario::new("kill").entries();
    for entry in &mut entries {
        if let Event::Control(ControlEvent::Promoted { .. }) = entry.event {
            entry.event = Event::Control(ControlEvent::Replaced { node: "web-a1".into() });
        }
    }
    assert_eq!(judge_one(entries.clone()).measured.rto.unwrap().recover, None);
    for entry in &mut entries {
        if let Event::Control(ControlEvent::Replaced { .. }) = entry.event {
            entry.event = Event::Control(ControlEvent::Replaced { node: "db-a1".into() });
        }
    }
    assert_eq!(judge_one(entries).measured.rto.unwrap().recover, Some(800 * MS));
}

/// The control plane polls: it may note a promotion a moment after clients were served by it.
#[test]
fn a_promotion_noted_late_still_counts_and_other_events_do_not() {
    let late = |event: ControlEvent| {
        let mut entries = Scenario::new("kill").entries();
        for entry in &mut entries {
            if let Event::Control(ControlEvent::Promoted { .. }) = entry.event {
                (entry.at, entry.event) = (ms(4800), Event::Control(event.clone()));
            }
        }
        judge_one(entries).measured.rto.unwrap()
    };
    let rto = late(ControlEvent::Promoted { node: "db-b1".into() });
    assert_eq!((rto.recover, rto.reroute), (Some(1400 * MS), Some(0)));
    let rto = late(ControlEvent::Replaced { node: "db-a1".into() });
    assert_eq!((rto.recover, rto.reroute), (None, Some(1107 * MS)));
}

#[test]
fn what_the_control_plane_noted_counts_by_its_time_and_not_its_place() {
    let mut entries = run([Scenario::new("kill").entries()]);
    let (controls, mut rest): (Vec<_>, Vec<_>) =
        entries.drain(..).partition(|e| matches!(e.event, Event::Control(_)));
    rest.extend(controls);
    let found = judge(&rest).unwrap();
    assert_eq!(found.experiments[0].measured.rto.as_ref().unwrap().detect, Some(400 * MS));
}

/// A load balancer without health checks sends every other request into the void.
#[test]
fn half_of_the_requests_failing_is_not_service() {
    let mut entries = Scenario::new("kill").outages(&[]).entries();
    let mut n = 0;
    each_op(&mut entries, |op| {
        n += 1;
        if op.intended >= ms(3000) && n % 3 == 0 && !op.kind.is_promise() {
            op.outcome = Outcome::Fail;
        }
    });
    let found = judge_one(entries);
    says(&found, Check::Recovery, Part::Fail, "not back within 6.9");
    assert_eq!(found.verdict, Verdict::Broke);
}

#[test]
fn availability_below_the_objective_is_caught() {
    let mut scenario = Scenario::new("kill").outages(&[(3000, 5200)]);
    scenario.heal = 7000;
    let found = judge_one(scenario.entries());
    only(&found, Check::Availability, Part::Fail, "78.00 % of 500 operations");
}

#[test]
fn slow_answers_outside_of_the_outage_are_caught() {
    let mut entries = Scenario::new("kill").outages(&[]).entries();
    // Not one after another, so that no single second is bad enough to be an outage.
    let mut n = 0;
    each_op(&mut entries, |op| {
        n += 1;
        if op.intended >= ms(3000) && n % 45 == 0 {
            op.done = op.intended + 900 * MS;
        }
    });
    let found = judge_one(entries);
    only(&found, Check::Latency, Part::Fail, "p99 90");
}

#[test]
fn slow_answers_in_the_outage_are_left_to_recovery() {
    let mut entries = Scenario::new("kill").outages(&[]).entries();
    each_op(&mut entries, |op| {
        if (ms(3000)..ms(4000)).contains(&op.intended) {
            op.done = op.intended + 900 * MS;
        }
    });
    let found = judge_one(entries);
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    let latency = found.measured.latency.unwrap();
    assert!((7_000..=11_100).contains(&latency.p50), "{latency:?}");
    assert!((latency.p50..20_000).contains(&latency.p99), "{latency:?}");
    // 50 operations in the outage, and two until the first good write was done.
    assert_eq!(latency.count, 448);
}

#[test]
fn dropped_operations_are_failures_and_counted() {
    let mut scenario = Scenario::new("kill");
    scenario.bad = Outcome::Fail;
    let mut entries = scenario.entries();
    each_op(&mut entries, |op| {
        if op.outcome == Outcome::Fail {
            op.detail = format!("{}: 200 in flight", Op::DROPPED);
        }
    });
    let found = judge_one(entries);
    assert_eq!(found.measured.drops, 75);
    assert_eq!(found.measured.availability_percent, Some(85.0));
    assert_eq!(found.measured.longest_outage, 1500 * MS);
    assert_eq!(found.standing, Standing::AsExpected);
}
