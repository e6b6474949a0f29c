//! Clients repeat what they do not know.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

use super::super::testing::{Behaviour, Request, Server, good};
use super::{TIMEOUT, config, run_all};
use crate::journal::{Op, Outcome};

fn key(request: &Request) -> Option<String> {
    let line = request.head.lines().find_map(|line| line.strip_prefix("idempotency-key: "));
    line.map(str::to_owned)
}

/// How often each key arrived.
fn arrivals(server: &Server) -> BTreeMap<String, usize> {
    server.seen().iter().filter_map(key).fold(BTreeMap::new(), |mut all, key| {
        *all.entry(key).or_default() += 1;
        all
    })
}

fn keys(ops: &[Op], wanted: impl Fn(&Op) -> bool) -> BTreeSet<String> {
    ops.iter().filter(|op| wanted(op)).filter_map(|op| op.key.clone()).collect()
}

#[tokio::test]
async fn a_keyed_write_in_doubt_is_sent_again_with_its_key() {
    let seen = Mutex::new(BTreeSet::new());
    // Each key is lost once, and answered the second time.
    let server = Server::start(move |request| match key(request) {
        Some(key) if seen.lock().unwrap().insert(key.clone()) => Behaviour::Reset,
        _ => good(request),
    })
    .await;
    let (ops, repeats, summary) = run_all(config(&[server.address], 100, 0, 400)).await;
    let unknown = keys(&ops, |op| op.outcome == Outcome::Unknown);
    assert!(unknown.len() > 5, "{}", unknown.len());
    assert_eq!(keys(&repeats, |op| op.outcome == Outcome::Ok), unknown);
    assert_eq!(repeats.len(), unknown.len(), "what is known is not sent a third time");
    assert_eq!(summary.repeated, repeats.len() as u64);
    assert_eq!(summary.sent, ops.len() as u64, "the first try counts");
    assert!(arrivals(&server).values().all(|count| *count == 2), "{:?}", arrivals(&server));
}

#[tokio::test]
async fn now_and_then_a_client_loses_a_good_answer() {
    let server = Server::start(good).await;
    let (ops, repeats, _) = run_all(config(&[server.address], 100, 0, 400)).await;
    let third = ops.iter().filter(|op| op.key.is_some()).map(number).collect::<BTreeSet<_>>();
    let third = third.into_iter().nth(2).unwrap();
    assert_eq!(repeats.iter().map(number).collect::<Vec<_>>(), [third]);
    assert!(ops.iter().all(|op| op.outcome == Outcome::Ok), "the answer was good");
}

fn number(op: &Op) -> u64 {
    op.key.as_deref().unwrap().rsplit_once('-').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn a_repetition_goes_over_a_connection_of_its_own() {
    let server = Server::start(good).await;
    // One user after the other: a single connection is enough for all first tries.
    let quiet = config(&[server.address], 30, 0, 1000);
    let (_, repeats, _) = run_all(quiet).await;
    assert_eq!(repeats.len(), 1);
    let before = server.connections();
    let (_, repeats, _) = run_all(config(&[server.address], 30, 100, 1000)).await;
    assert!(repeats.is_empty(), "reads are not repeated");
    assert!(before >= 2, "{before} connections");
}

#[tokio::test]
async fn what_certainly_had_no_effect_is_not_sent_again() {
    let refuses = |request: &Request| match key(request) {
        Some(_) => Behaviour::Answer(503, "x-effect: none\r\n", "{}".into()),
        None => good(request),
    };
    let server = Server::start(refuses).await;
    let (ops, repeats, _) = run_all(config(&[server.address], 100, 0, 300)).await;
    assert!(ops.iter().any(|op| op.key.is_some()));
    assert!(repeats.is_empty(), "{repeats:?}");
}

#[tokio::test]
async fn the_end_of_the_traffic_is_the_last_chance_and_nobody_waits_out_a_pause() {
    let hangs = |request: &Request| match key(request) {
        Some(_) => Behaviour::Hang,
        None => good(request),
    };
    let server = Server::start(hangs).await;
    let begun = Instant::now();
    let (ops, repeats, _) = run_all(config(&[server.address], 100, 0, 300)).await;
    let unknown = keys(&ops, |op| op.outcome == Outcome::Unknown);
    assert_eq!(keys(&repeats, |op| op.outcome == Outcome::Unknown), unknown);
    assert_eq!(repeats.len(), unknown.len(), "once");
    // The first try and its repetition wait for their answer; the machine may be slow.
    assert!(begun.elapsed() < TIMEOUT * 2 + TIMEOUT, "{:?}", begun.elapsed());
}
