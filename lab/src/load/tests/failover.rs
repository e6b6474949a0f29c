//! Several addresses, stale connections and lost sessions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::super::client::{Client, Failure};
use super::super::request::Call;
use super::super::site::Site;
use super::super::testing::{Behaviour, Server, good, refusing};
use super::{config, run, run_all};
use crate::journal::Outcome;

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn a_refusing_address_costs_nothing() {
    let server = Server::start(good).await;
    let (ops, summary) = run(config(&[refusing().await, server.address], 200, 50, 400)).await;
    assert!(ops.iter().all(|op| op.outcome == Outcome::Ok), "{ops:?}");
    assert!(summary.sent > 50);
}

#[tokio::test]
async fn traffic_is_spread_over_all_addresses() {
    let (a, b) = (Server::start(good).await, Server::start(good).await);
    run(config(&[a.address, b.address], 300, 100, 400)).await;
    let (at_a, at_b) = (a.seen().len(), b.seen().len());
    assert!(at_a.abs_diff(at_b) <= 1, "{at_a} and {at_b}");
}

#[tokio::test]
async fn what_one_address_may_have_is_not_sent_to_another() {
    let breaking = Server::start(|_| Behaviour::Reset).await;
    let other = Server::start(good).await;
    let client = Client::new(&Site::from(&[breaking.address, other.address][..]));
    let write = Call { method: hyper::Method::POST, ..Call::get("/sessions".into()) };
    let mut lost = 0;
    for _ in 0..4 {
        lost += usize::from(client.send(&write, soon()).await.is_err());
    }
    // The two of them take turns.
    assert_eq!((lost, breaking.seen().len(), other.seen().len()), (2, 2, 2));
}

#[tokio::test]
async fn a_silent_address_is_avoided_after_one_time_out() {
    let silent = Server::start(|_| Behaviour::Hang).await;
    let other = Server::start(good).await;
    let client = Client::new(&Site::from(&[other.address, silent.address][..]));
    let call = Call::get("/products/1".into());
    let end = Instant::now() + Duration::from_millis(1100);
    let first = client.send(&call, end).await.map(|reply| reply.status);
    assert!(matches!(first, Err(Failure::Lost(_))), "{first:?}");
    for _ in 0..4 {
        assert_eq!(client.send(&call, soon()).await.map(|reply| reply.status), Ok(200));
    }
    assert_eq!((silent.seen().len(), other.seen().len()), (1, 4));
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = Server::start(good).await;
    let client = Client::new(&Site::from(&[server.address][..]));
    for _ in 0..20 {
        let reply = client.send(&Call::get("/products/1".into()), soon()).await;
        assert_eq!(reply.map(|reply| reply.status), Ok(200));
    }
    assert_eq!((server.seen().len(), server.connections()), (20, 1));
}

#[tokio::test]
async fn connections_closed_while_idle_are_replaced() {
    // Closes after each answer without saying so: every reuse meets a closed connection.
    let closing = Server::start(|_| Behaviour::AnswerAndClose(200, "{}".into())).await;
    let client = Client::new(&Site::from(&[closing.address][..]));
    let call = Call::get("/products/1".into());
    for n in 0..20 {
        match client.send(&call, soon()).await {
            Ok(reply) => assert_eq!(reply.status, 200),
            // The close may cross the next request; that is in doubt and must not be repeated.
            Err(Failure::Lost(_)) => {}
            Err(not_sent) => panic!("{n}: {not_sent:?}"),
        }
    }
    assert!(closing.seen().len() <= 20, "a request was repeated");
}

#[tokio::test]
async fn a_refused_session_leads_to_a_new_one() {
    let sign_ins = AtomicU32::new(0);
    let server = Server::start(move |request| match request.line.as_str() {
        "POST /sessions" => {
            let n = sign_ins.fetch_add(1, Ordering::Relaxed);
            Behaviour::Answer(201, "", format!(r#"{{"token":"t{n}","user_id":"u"}}"#))
        }
        _ if request.head.contains("authorization: bearer t0") => {
            Behaviour::Answer(401, "", "{}".into())
        }
        _ => good(request),
    })
    .await;
    let mut config = config(&[server.address], 100, 0, 400);
    config.plan.workload = super::super::testing::shop_with(0, 1);
    let (ops, _) = run(config).await;
    let refused = ops.iter().filter(|op| op.detail == "401").count();
    assert!(refused >= 1 && ops.iter().any(|op| op.outcome == Outcome::Ok), "{ops:?}");
    assert!(ops.iter().all(|op| op.outcome == Outcome::Ok || op.detail == "401"), "{ops:?}");
    let sign_ins = server.seen().iter().filter(|r| r.line == "POST /sessions").count();
    assert_eq!(sign_ins, 2, "one session, and one after it was refused");
}

#[tokio::test]
async fn promises_carry_their_key() {
    let server = Server::start(good).await;
    let (ops, repeats, _) = run_all(config(&[server.address], 200, 0, 200)).await;
    let seen = server.seen();
    for key in ops.iter().filter_map(|op| op.key.as_deref()) {
        let header = format!("idempotency-key: {key}\r\n");
        let times = seen.iter().filter(|r| format!("{}\r\n", r.head).contains(&header)).count();
        let again = repeats.iter().filter(|op| op.key.as_deref() == Some(key)).count();
        assert_eq!(times, 1 + again, "{key}");
    }
}
