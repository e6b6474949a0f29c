//! Each way to misbehave leads to the outcome it proves, for reads and for writes.

use super::super::testing::{Behaviour, Request, Server, good, refusing};
use super::{config, run};
use crate::journal::{Op, Outcome};

/// Everything but the sign-in misbehaves.
fn shop(behaviour: Behaviour) -> impl Fn(&Request) -> Behaviour + Send + Sync {
    move |request| match request.line.as_str() {
        "POST /sessions" => good(request),
        _ => behaviour.clone(),
    }
}

async fn ops(behaviour: Behaviour) -> Vec<Op> {
    let server = Server::start(shop(behaviour)).await;
    let (ops, summary) = run(config(&[server.address], 200, 50, 300)).await;
    assert_eq!(summary.sent, ops.len() as u64);
    ops
}

#[track_caller]
fn expect(ops: &[Op], read: Outcome, write: Outcome, detail: &str) {
    let (writes, reads): (Vec<&Op>, Vec<&Op>) = ops.iter().partition(|op| op.kind.is_write());
    assert!(reads.len() > 5 && writes.len() > 5, "{} reads {} writes", reads.len(), writes.len());
    for op in reads {
        assert_eq!(op.outcome, read, "{op:?}");
    }
    for op in writes {
        assert_eq!(op.outcome, write, "{op:?}");
    }
    for op in ops {
        assert!(op.detail.contains(detail), "{op:?} lacks {detail:?}");
        assert!(op.done >= op.intended, "{op:?}");
        assert_eq!(op.key.is_some(), op.kind.is_promise(), "{op:?}");
    }
}

#[tokio::test]
async fn good_answers_are_ok() {
    let ops = ops(Behaviour::Answer(200, "", "{}".into())).await;
    expect(&ops, Outcome::Ok, Outcome::Ok, "200");
}

#[tokio::test]
async fn a_proxy_that_lost_its_target_proves_nothing() {
    let ops = ops(Behaviour::Answer(502, "", "{}".into())).await;
    expect(&ops, Outcome::Fail, Outcome::Unknown, "502");
}

#[tokio::test]
async fn a_clean_failure_is_certain() {
    let ops = ops(Behaviour::Answer(503, "x-effect: none\r\n", "{}".into())).await;
    expect(&ops, Outcome::Fail, Outcome::Fail, "503");
}

#[tokio::test]
async fn a_doubtful_failure_is_unknown() {
    let ops = ops(Behaviour::Answer(504, "x-effect: unknown\r\n", "{}".into())).await;
    expect(&ops, Outcome::Fail, Outcome::Unknown, "504");
}

#[tokio::test]
async fn a_clean_failure_cut_short_is_still_certain() {
    let ops = ops(Behaviour::CutShort(503, "x-effect: none\r\n")).await;
    expect(&ops, Outcome::Fail, Outcome::Fail, "503");
}

#[tokio::test]
async fn a_success_cut_short_is_no_success() {
    let ops = ops(Behaviour::CutShort(200, "")).await;
    expect(&ops, Outcome::Fail, Outcome::Unknown, "200, then");
}

#[tokio::test]
async fn a_reset_after_the_request_is_unknown() {
    let ops = ops(Behaviour::Reset).await;
    expect(&ops, Outcome::Fail, Outcome::Unknown, "");
}

#[tokio::test]
async fn silence_is_unknown() {
    let ops = ops(Behaviour::Hang).await;
    expect(&ops, Outcome::Fail, Outcome::Unknown, "no answer in time");
}

#[tokio::test]
async fn nobody_listening_is_certain() {
    let (ops, _) = run(config(&[refusing().await], 200, 50, 300)).await;
    expect(&ops, Outcome::Fail, Outcome::Fail, "connect refused");
}

#[tokio::test]
async fn a_failed_sign_in_fails_the_write_before_it_is_sent() {
    let server = Server::start(|request| match request.line.as_str() {
        "POST /sessions" => Behaviour::Answer(504, "x-effect: unknown\r\n", String::new()),
        _ => good(request),
    })
    .await;
    let (ops, _) = run(config(&[server.address], 200, 0, 200)).await;
    assert!(ops.iter().all(|op| op.outcome == Outcome::Fail), "{ops:?}");
    assert!(ops.iter().all(|op| op.detail == "not sent: sign-in: 504"), "{ops:?}");
    assert!(server.seen().iter().all(|request| request.line == "POST /sessions"));
}
