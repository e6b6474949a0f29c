//! The shop while its database fails: nothing acknowledged is lost, nothing happens twice.

mod support;

use std::time::Duration;

use serde_json::json;
use support::app::{App, Http};
use support::load::{Load, Outcome, Writes, assert_kept};
use support::postgres::Postgres;
use support::until;
use tokio::time::Instant;

/// No server has this name, so commits wait for it.
const NOBODY: &str = "nobody";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_database_loses_nothing_and_repeats_nothing() {
    let mut db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[]).await;
    let load = Load::start(&app.http(), 8, "k-").await;
    for _ in 0..3 {
        load.acknowledges(100).await;
        db.kill();
        db.restart(&[]).await;
    }
    load.acknowledges(100).await;
    let outcomes = load.finish().await;
    assert_kept(&outcomes, &app.http().effects("order", "k-").await);
    app.http().assert_conserved().await;
    // The outages are shorter than the budget, so that users notice none of them.
    let failed: Vec<_> = outcomes.iter().filter(|(_, o)| *o != Outcome::Acknowledged).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_retries_users_notice_what_happened() {
    let mut db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[("RETRIES", "off")]).await;
    let load = Load::start(&app.http(), 8, "n-").await;
    load.acknowledges(100).await;
    db.kill();
    db.restart(&[]).await;
    load.acknowledges(100).await;
    let outcomes = load.finish().await;
    assert!(outcomes.iter().any(|(_, o)| *o != Outcome::Acknowledged));
    assert_kept(&outcomes, &app.http().effects("order", "n-").await);
    app.http().assert_conserved().await;
}

/// Places an order while commits wait for a standby that is not there, and lets them go after
/// the shop has tried again.
async fn order_with_unanswered_commit(db: &Postgres, http: &Http, key: &str) -> u16 {
    let token = http.guest().await;
    db.set("synchronous_standby_names", NOBODY).await;
    let order = tokio::spawn({
        let (http, key) = (http.clone(), key.to_owned());
        async move { http.order(&token, &key, 1, 1).await.status }
    });
    until("the commit was tried again", || async {
        let metrics = http.get("/metrics").await.text;
        let line = metrics.lines().find(|l| l.starts_with("shop_db_retries_total "))?;
        let retries: u32 = line.split(' ').nth(1)?.parse().ok()?;
        (retries >= 2).then_some(())
    })
    .await;
    db.set("synchronous_standby_names", "").await;
    order.await.expect("an answer")
}

const QUICK: [(&str, &str); 2] = [("STATEMENT_TIMEOUT_MS", "300"), ("RETRY_BUDGET_MS", "20000")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unanswered_commit_is_repeated_without_a_second_effect() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &QUICK).await;
    let status = order_with_unanswered_commit(&db, &app.http(), "u-1").await;
    assert!(matches!(status, 200 | 201), "{status}");
    assert_eq!(app.http().effects("order", "u-").await, [("u-1".into(), 1)]);
    app.http().assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_idempotency_an_unanswered_commit_has_several_effects() {
    let db = Postgres::start(&[]).await;
    let env = [QUICK[0], QUICK[1], ("IDEMPOTENCY", "off")];
    let app = App::start(&[&db], &env).await;
    let http = app.http();
    // A client that repeats itself is not recognised either.
    let token = http.guest().await;
    for _ in 0..2 {
        assert_eq!(http.order(&token, "o-1", 2, 1).await.status, 201);
    }
    assert_eq!(http.effects("order", "o-").await, [("o-1".into(), 2)]);
    assert_eq!(http.order(&token, "", 2, 1).await.status, 201, "no key is needed");

    let status = order_with_unanswered_commit(&db, &http, "u-1").await;
    assert_eq!(status, 201);
    let effects = http.effects("order", "u-").await;
    assert!(effects[0].1 > 1, "{effects:?}");
    // Each of the effects is complete, so the books still balance.
    http.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_wait_for_the_standby_was_cancelled_is_not_acknowledged() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[("RETRY_BUDGET_MS", "1500")]).await;
    let http = app.http();
    let token = http.guest().await;
    db.set("synchronous_standby_names", NOBODY).await;
    let order = tokio::spawn({
        let (http, token) = (http.clone(), token.clone());
        async move { http.order(&token, "c-1", 1, 1).await }
    });
    // The server then acknowledges the commit, with a warning, although no standby has it.
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    let admin = db.admin("postgres").await;
    let mut cancelled = 0;
    until("the order is answered", || {
        let cancel = admin.query(cancel, &[]);
        cancelled += 1;
        let done = order.is_finished();
        async move {
            assert!(cancel.await.is_ok());
            done.then_some(())
        }
    })
    .await;
    let answer = order.await.expect("an answer");
    assert_eq!((answer.status, answer.effect.as_deref()), (504, Some("unknown")), "{answer:?}");
    // It is there all the same, and may be acknowledged once a confirmation is safe.
    assert_eq!(http.effects("order", "c-").await, [("c-1".into(), 1)]);
    db.set("synchronous_standby_names", "").await;
    assert_eq!(http.order(&token, "c-1", 1, 1).await.status, 200);
    assert_eq!(http.effects("order", "c-").await, [("c-1".into(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_are_not_answered_do_not_use_up_the_servers_connections() {
    let db = Postgres::start(&["max_connections=40"]).await;
    let env = [("STATEMENT_TIMEOUT_MS", "100"), ("RETRY_BUDGET_MS", "300"), ("POOL_SIZE", "4")];
    let app = App::start(&[&db], &env).await;
    let http = app.http();
    let load = Load::of(Writes::Posts, &http, 16, "w-").await;
    load.acknowledges(50).await;
    db.set("synchronous_standby_names", NOBODY).await;
    // Longer than 16 clients would take to fill 40 connections, each with a new one every 300 ms.
    let ends = Instant::now() + Duration::from_secs(3);
    let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'";
    let admin = db.admin("postgres").await;
    let most = std::cell::Cell::new(0_i64);
    let (reads, served) = (std::cell::Cell::new(0_u32), std::cell::Cell::new(0_u32));
    until("three seconds are over", || async {
        let row = admin.query_one(count, &[]).await.expect("a number");
        most.set(most.get().max(row.get(0)));
        reads.set(reads.get() + 1);
        served.set(served.get() + u32::from(http.get("/products/1").await.status == 200));
        (Instant::now() > ends).then_some(())
    })
    .await;
    assert!(most.get() <= 12, "{} connections", most.get());
    // Reads go on, because waiting writes do not hold all connections; some take longer than a
    // tenth of a second where the machine is slow.
    assert!(2 * served.get() > reads.get(), "{} of {} reads", served.get(), reads.get());
    db.set("synchronous_standby_names", "").await;
    load.acknowledges(50).await;
    let outcomes = load.finish().await;
    assert_kept(&outcomes, &http.effects("post", "w-").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_without_answer_is_reported_as_unknown() {
    let db = Postgres::start(&[]).await;
    let env = [("RETRIES", "off"), ("STATEMENT_TIMEOUT_MS", "300")];
    let app = App::start(&[&db], &env).await;
    let http = app.http();
    let token = http.guest().await;
    db.set("synchronous_standby_names", NOBODY).await;
    let post = json!({ "topic": "t", "body": "b" });
    for answer in [
        http.order(&token, "x-1", 1, 1).await,
        http.post("/posts", "", "x-1", &post).await,
        http.post("/cart", &token, "", &json!({ "product": 2, "quantity": 1 })).await,
    ] {
        let seen = (answer.status, answer.effect.as_deref());
        assert_eq!(seen, (504, Some("unknown")), "{answer:?}");
    }
    // This one waits for the row that the first order holds: it never gets to its commit.
    let waiting = http.order(&token, "x-2", 1, 1).await;
    assert_eq!((waiting.status, waiting.effect.as_deref()), (503, Some("none")), "{waiting:?}");
    db.set("synchronous_standby_names", "").await;
    assert_eq!(http.effects("order", "x-").await, [("x-1".into(), 1)]);
    assert_eq!(http.effects("post", "x-").await, [("x-1".into(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_freezes_and_wakes_up_after_the_failover_is_harmless() {
    let old = Postgres::start(&[]).await;
    let new = old.standby(&[]).await;
    old.set("synchronous_standby_names", "standby").await;
    let app = App::start(&[&old, &new], &[("RETRY_BUDGET_MS", "30000")]).await;
    let http = app.http();
    let load = Load::start(&http, 8, "z-").await;
    load.acknowledges(100).await;
    old.freeze();
    new.admin("postgres").await.batch_execute("SELECT pg_promote()").await.expect("a promotion");
    load.acknowledges(100).await;
    old.thaw();
    load.acknowledges(100).await;
    let outcomes = load.finish().await;
    assert_kept(&outcomes, &http.effects("order", "z-").await);
    http.assert_conserved().await;
    let failed: Vec<_> = outcomes.iter().filter(|(_, o)| *o != Outcome::Acknowledged).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_loses_nothing_and_the_old_primary_is_not_used_again() {
    let mut old = Postgres::start(&[]).await;
    let new = old.standby(&[]).await;
    old.set("synchronous_standby_names", "standby").await;
    let app = App::start(&[&old, &new], &[("RETRY_BUDGET_MS", "30000")]).await;
    let http = app.http();
    let load = Load::start(&http, 8, "f-").await;
    load.acknowledges(200).await;
    old.kill();
    new.admin("postgres").await.batch_execute("SELECT pg_promote()").await.expect("a promotion");
    load.acknowledges(100).await;

    // The old primary comes back, believes it is the primary, and waits for no standby any more.
    old.restart(&["synchronous_standby_names="]).await;
    let before = orders(&old).await;
    // The shop loses its connections and must choose between the two.
    let admin = new.admin("postgres").await;
    for _ in 0..3 {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'shop'";
        admin.batch_execute(end).await.expect("connections to end");
        load.acknowledges(50).await;
    }
    // A shop that starts now has no memory of the fail-over.
    let fresh = App::start(&[&old, &new], &[]).await;
    let second = Load::start(&fresh.http(), 2, "f-second-").await;
    second.acknowledges(20).await;
    let mut outcomes = load.finish().await;
    outcomes.extend(second.finish().await);
    assert_eq!(orders(&old).await, before, "the old primary took orders");
    assert_kept(&outcomes, &http.effects("order", "f-").await);
    http.assert_conserved().await;
    let failed: Vec<_> = outcomes.iter().filter(|(_, o)| *o != Outcome::Acknowledged).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

async fn orders(server: &Postgres) -> i64 {
    let row = server.admin("shop").await.query_one("SELECT count(*) FROM orders", &[]).await;
    row.expect("a number").get(0)
}
