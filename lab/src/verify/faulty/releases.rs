//! Releases that take over badly, and bad ones that are not rolled back.

use crate::journal::{ControlEvent, Entry, Event, Outcome};
use crate::spec::model::{Deploy, DeployRelease, Fault, Kind, ShiftStep, Stage};
use crate::verify::testing::*;
use crate::verify::{Check, ExperimentFindings, Part, Verdict};

fn released(bake_s: u32) -> Stage {
    let yaml = "
stage: stage-released
title: Releases for tests
users: 1000
intent: To be judged.
regions: [{ name: eu, zones: [a, b] }]
tiers:
  lb: { kind: load-balancer, targets: web, zones: { a: 1 } }
  web: { kind: service, zones: { a: 2, b: 2 }, release: v1, releases: { v1: {}, v2: {} } }
traffic: { entry: lb, rate_per_s: 50 }
objectives: { availability_percent: 80, p99_ms: 500, rto_ms: 5000 }
experiments:
  good: { faults: [{ fault: deploy, release: v2 }], expect: survives }
  bad: { faults: [{ fault: bad-deploy, release: v2 }], expect: survives }
";
    let mut stage: Stage = serde_yaml::from_str(yaml).unwrap();
    let Kind::Service(web) = &mut stage.tiers["web"].kind else { panic!() };
    let steps = vec![ShiftStep { percent: 100, bake_s }];
    web.deploy = Some(Box::new(Deploy { steps, ..Deploy::default() }));
    stage
}

fn stayed() -> ControlEvent {
    ControlEvent::Deployed { tier: "web".into(), release: "v2".into() }
}

fn rolled_back() -> ControlEvent {
    let (tier, release, to) = ("web".into(), "v2".into(), "v1".into());
    ControlEvent::RolledBack { tier, release, to, why: "errors".into(), by_hand: false }
}

/// An experiment of ten seconds in which so many requests failed while this became of the deploy,
/// which began after 3 s and was healed after 6 s.
fn judged(name: &'static str, end: Option<ControlEvent>, failed: usize) -> ExperimentFindings {
    judged_with(name, end, failed, 1)
}

/// The same with a deploy that is watched for so long.
fn judged_with(
    name: &'static str,
    end: Option<ControlEvent>,
    failed: usize,
    bake_s: u32,
) -> ExperimentFindings {
    let version = DeployRelease { tier: None, release: "v2".into() };
    let what = if name == "good" { Fault::Deploy(version) } else { Fault::BadDeploy(version) };
    let mut entries = Scenario { what, ..Scenario::new(name) }.outages(&[]).entries();
    let mut left = failed;
    each_op(&mut entries, |op| {
        if op.intended > ms(3500) && !op.kind.is_write() && left > 0 {
            op.outcome = Outcome::Fail;
            left -= 1;
        }
    });
    if let Some(end) = end {
        let healed = |e: &Entry| matches!(e.event, Event::FaultHealed { .. });
        let at = entries.iter().position(healed).unwrap();
        entries.insert(at, Entry { at: ms(5000), event: Event::Control(end) });
    }
    let mut journal = run([entries]);
    if let Event::RunStarted(head) = &mut journal[0].event {
        *head.stage = released(bake_s);
    }
    judge(&journal).unwrap().experiments.remove(0)
}

#[test]
fn a_good_release_that_takes_over_without_an_error_survives() {
    let found = judged("good", Some(stayed()), 0);
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    says(&found, Check::Release, Part::Pass, "v2 took over; none of");
}

#[test]
fn one_request_that_fails_is_too_many_for_a_good_release() {
    let found = judged("good", Some(stayed()), 1);
    says(&found, Check::Release, Part::Fail, "v2 took over; 1 of");
    assert_eq!(found.verdict, Verdict::Broke);
    let found = judged("good", Some(rolled_back()), 0);
    says(&found, Check::Release, Part::Fail, "is good and was rolled back: errors");
}

/// What another fault breaks later is not the release's doing.
#[test]
fn what_fails_after_the_next_fault_is_not_blamed_on_a_good_release() {
    let with_fault = |at: i64| {
        let version = DeployRelease { tier: None, release: "v2".into() };
        let what = Fault::Deploy(version);
        let scenario = Scenario { what, end: 14_000, ..Scenario::new("good") }.outages(&[]);
        let mut entries = scenario.entries();
        each_op(&mut entries, |op| {
            if op.intended > ms(8000) && op.intended < ms(8100) {
                op.outcome = Outcome::Unknown;
            }
        });
        let healed = |e: &Entry| matches!(e.event, Event::FaultHealed { .. });
        let n = entries.iter().position(healed).unwrap();
        entries.insert(n, Entry { at: ms(5000), event: Event::Control(stayed()) });
        let end = entries.pop().unwrap();
        entries.push(Entry { at: ms(at), event: Event::FaultInjected { id: "other".into() } });
        entries.push(end);
        let mut journal = run([entries]);
        if let Event::RunStarted(head) = &mut journal[0].event {
            *head.stage = released(1);
        }
        of(&judge(&journal).unwrap().experiments[0], Check::Release).part
    };
    assert_eq!(with_fault(7900), Part::Pass);
    assert_eq!(with_fault(9000), Part::Fail, "the other one had not begun");
}

#[test]
fn a_bad_release_is_rolled_back_by_itself_before_one_percent_notice() {
    let found = judged("bad", Some(rolled_back()), 1);
    assert_eq!(found.verdict, Verdict::Survived, "{:#?}", found.findings);
    says(
        &found,
        Check::Release,
        Part::Pass,
        "rolled back by itself after 2.0 s (errors); 1 of 150",
    );
    // 1 % of 150 requests is one and a half.
    let found = judged("bad", Some(rolled_back()), 2);
    says(&found, Check::Release, Part::Fail, "2 of 150 requests failed (1.33 %)");
}

/// What is found out soon is not worse than what is found out late.
#[test]
fn the_share_is_that_of_the_requests_of_a_whole_deploy() {
    let found = judged_with("bad", Some(rolled_back()), 2, 5);
    says(&found, Check::Release, Part::Pass, "2 of 250 requests failed (0.80 %)");
    let found = judged_with("bad", Some(rolled_back()), 3, 5);
    says(&found, Check::Release, Part::Fail, "3 of 250 requests failed (1.20 %)");
}

#[test]
fn a_bad_release_that_stays_is_red_even_when_nobody_notices() {
    let found = judged("bad", Some(stayed()), 0);
    says(&found, Check::Release, Part::Fail, "v2 is bad and was not rolled back");
    assert_eq!(found.verdict, Verdict::Broke);
}

/// Ctrl-C while the first share is watched.
#[test]
fn a_deploy_that_was_interrupted_shows_nothing() {
    for name in ["good", "bad"] {
        let mut end = rolled_back();
        let ControlEvent::RolledBack { by_hand, .. } = &mut end else { panic!() };
        *by_hand = true;
        only(&judged(name, Some(end), 0), Check::Release, Part::Inconclusive, "was interrupted");
    }
}

#[test]
fn a_deploy_of_which_nothing_is_written_down_is_inconclusive() {
    for name in ["good", "bad"] {
        let found = judged(name, None, 0);
        only(&found, Check::Release, Part::Inconclusive, "is not known");
    }
}
