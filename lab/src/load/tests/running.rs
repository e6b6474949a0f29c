//! Stopping, aborting, bounds and pacing.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::super::handle::{LoadError, start, to_channel};
use super::super::testing::{Behaviour, Server, good};
use super::{TIMEOUT, config, run};
use crate::journal::{Event, Outcome};

#[tokio::test]
async fn no_target_is_an_error() {
    let result = start(config(&[], 1, 50, 1), Box::new(|_| ()));
    assert!(matches!(result, Err(LoadError::NoTargets)));
}

#[tokio::test]
async fn stop_ends_an_endless_plan_and_reports_everything() {
    let server = Server::start(good).await;
    let mut config = config(&[server.address], 200, 50, 0);
    config.plan.duration = None;
    let (sender, mut events) = mpsc::unbounded_channel();
    let load = start(config, to_channel(sender)).unwrap();
    let mut ops = 0;
    while ops < 20 {
        ops += u64::from(matches!(events.recv().await.unwrap(), Event::Op(_)));
    }
    let live = load.live();
    assert!(live.rate_per_s > 0 && live.success_share == Some(1.0) && live.p99.is_some());
    let summary = load.stop().await.unwrap();
    while let Some(event) = events.recv().await {
        ops += u64::from(matches!(event, Event::Op(_)));
    }
    assert_eq!(summary.sent, ops);
    assert_eq!((summary.ok, summary.histogram.len()), (summary.sent, summary.sent));
}

#[tokio::test]
async fn stop_waits_for_what_is_under_way() {
    let server = Server::start(|_| Behaviour::Hang).await;
    let mut config = config(&[server.address], 100, 100, 0);
    config.plan.duration = None;
    let load = start(config, Box::new(|_| ())).unwrap();
    let limit = Instant::now() + Duration::from_secs(10);
    while server.seen().is_empty() {
        assert!(Instant::now() < limit, "nothing was sent");
        tokio::task::yield_now().await;
    }
    let asked = Instant::now();
    let summary = load.stop().await.unwrap();
    assert!(summary.sent > 0 && summary.fail == summary.sent, "{summary:?}");
    assert!(asked.elapsed() < TIMEOUT + Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn dropping_the_handle_reports_what_was_under_way_as_unknown() {
    let server = Server::start(|request| match request.line.as_str() {
        "POST /sessions" => good(request),
        _ => Behaviour::Hang,
    })
    .await;
    let mut config = config(&[server.address], 100, 0, 0);
    config.plan.duration = None;
    config.timeout = Duration::from_secs(3600);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let load = start(config, to_channel(sender)).unwrap();
    let limit = Instant::now() + Duration::from_secs(10);
    while !server.seen().iter().any(|r| r.line == "POST /orders") {
        assert!(Instant::now() < limit, "nothing was sent");
        tokio::task::yield_now().await;
    }
    drop(load);
    let mut ops = Vec::new();
    while let Some(event) = receiver.recv().await {
        let Event::Op(op) = event else { panic!("{event:?}") };
        ops.push(op);
    }
    assert!(!ops.is_empty());
    assert!(ops.iter().all(|op| op.outcome == Outcome::Unknown), "{ops:?}");
    assert!(ops.iter().all(|op| op.detail == "cut off by the generator"), "{ops:?}");
}

#[tokio::test]
async fn what_is_under_way_is_bounded_and_the_rest_fails_as_dropped() {
    let server = Server::start(|_| Behaviour::Hang).await;
    let mut config = config(&[server.address], 500, 100, 400);
    config.max_in_flight = Some(10);
    let (ops, summary) = run(config).await;
    // The time-out is longer than the plan, so the first ten hold their places to the end.
    assert_eq!(summary.sent, 10);
    let dropped: Vec<_> = ops.iter().filter(|op| op.detail.starts_with("dropped")).collect();
    assert_eq!((summary.dropped, dropped.len()), (ops.len() as u64 - 10, ops.len() - 10));
    assert!(dropped.len() > 100 && dropped.iter().all(|op| op.outcome == Outcome::Fail));
    assert!(server.seen().len() <= 10, "dropped operations are not sent");
}

#[tokio::test]
async fn a_silent_service_makes_operations_fail_but_drops_none() {
    let server = Server::start(|_| Behaviour::Hang).await;
    // Longer than the time-out, so that what times out has to make room for what follows; the bound
    // has half a time-out to spare, which a busy machine may need.
    let mut config = config(&[server.address], 300, 100, 1800);
    config.timeout = Duration::from_millis(1500);
    let (ops, summary) = run(config).await;
    assert_eq!((summary.dropped, summary.fail), (0, ops.len() as u64));
}

#[tokio::test]
async fn latency_counts_from_the_intended_start() {
    let server = Server::start(good).await;
    // A sink that stalls the generator once, as a stop of the whole machine would.
    let mut config = config(&[server.address], 500, 100, 600);
    config.timeout = Duration::from_secs(5);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut stalled = false;
    let sink = move |op| {
        if !std::mem::replace(&mut stalled, true) {
            std::thread::sleep(Duration::from_millis(300));
        }
        drop(sender.send(op));
    };
    let summary = start(config, Box::new(sink)).unwrap().finished().await.unwrap();
    let mut late = 0;
    while let Some(event) = receiver.recv().await {
        let Event::Op(op) = event else { panic!("{event:?}") };
        late += u32::from(op.done - op.intended > 100_000);
    }
    // Those due in the first two thirds of the stall: about 100.
    assert!(late > 50, "only {late} of {} show the stall", summary.sent);
}

#[tokio::test]
async fn arrivals_are_paced_finer_than_a_millisecond() {
    let server = Server::start(good).await;
    // A busy machine is late now and then; timers of a millisecond are late every time.
    let mut seen = Vec::new();
    for _ in 0..10 {
        let mut config = config(&[server.address], 200, 100, 1000);
        config.timeout = Duration::from_secs(5);
        let (ops, summary) = run(config).await;
        // On a quiet machine this is about 0.3 ms; timers of a millisecond would make it 1 ms more.
        let fastest = summary.histogram.value_at_quantile(0.1);
        if (150..250).contains(&ops.len()) && fastest < 1000 {
            return;
        }
        seen.push((ops.len(), fastest));
    }
    panic!("never paced finely; operations and fastest tenth in us: {seen:?}");
}
