//! From an order to its mail: the outbox, the queue and the worker.

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::app::App;
use support::load::{Load, Outcome, assert_kept};
use support::postgres::Postgres;
use support::queues::Site;
use support::until;

/// Fails unless every order that was acknowledged has exactly one mail.
fn assert_mailed(outcomes: &[(String, Outcome)], mails: &[(String, u64)]) {
    assert_kept(outcomes, mails);
    assert!(mails.iter().all(|(_, sent)| *sent == 1), "{mails:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_queue_loses_no_mail_and_stops_no_order() {
    let site = Site::start().await;
    let tasks = [site.web(&[]).await, site.web(&[]).await];
    let worker = site.worker(&[]).await;
    worker.until_metric("shop_queue_up", 1.0).await;
    let first = Load::start(&tasks[0].http(), 2, "o-1-").await;
    let second = Load::start(&tasks[1].http(), 2, "o-2-").await;
    first.acknowledges(20).await;
    second.acknowledges(20).await;

    site.emulator.freeze();
    first.acknowledges(20).await;
    second.acknowledges(20).await;
    until("events wait, and the queue is known to be out", || async {
        let waiting = tasks[0].try_metric("shop_outbox_backlog").await?;
        let up = tasks[0].try_metric("shop_queue_up").await?;
        (waiting > 0.0 && up == 0.0).then_some(())
    })
    .await;
    assert!(tasks[0].metric("shop_outbox_oldest_seconds").await > 0.0);
    assert_eq!(worker.http().get("/readyz").await.status, 200, "an outage does not kill it");
    site.emulator.thaw();

    let mut outcomes = first.finish().await;
    outcomes.extend(second.finish().await);
    site.settled(&tasks[0].http(), "order-events").await;
    assert_mailed(&outcomes, &tasks[0].http().mails("o-").await);
    tasks[1].until_metric("shop_outbox_oldest_seconds", 0.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_loses_no_mail() {
    let site = Site::start().await;
    let web = site.web(&[]).await;
    let mut worker = site.worker(&[]).await;
    let load = Load::start(&web.http(), 4, "d-").await;
    load.acknowledges(20).await;
    worker.child().kill().unwrap();
    worker.child().wait().unwrap();
    load.acknowledges(20).await;
    let next = site.worker(&[]).await;
    load.acknowledges(20).await;
    let outcomes = load.finish().await;
    site.settled(&web.http(), "order-events").await;
    assert_mailed(&outcomes, &web.http().mails("d-").await);
    assert!(next.metric("shop_worker_effects_total").await > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_passes_events_on_to_every_queue() {
    let site = Site::start().await;
    let topic = ("EVENTS_TOPIC", "orders");
    let web = site.web(&[topic]).await;
    let worker = site.worker(&[topic]).await;
    let other = site.worker(&[topic, ("EVENTS_QUEUE", "others")]).await;
    until("the other queue is there", || async {
        (other.try_metric("shop_queue_up").await == Some(1.0)).then_some(())
    })
    .await;
    let http = web.http();
    let token = http.guest().await;
    // What is published before somebody is subscribed is not for them.
    until("both have received an event", || async {
        let order = http.order(&token, &format!("t-{}", rand::random::<u32>()), 1, 1).await;
        assert_eq!(order.status, 201, "{order:?}");
        let received = "shop_worker_received_total";
        let counts = (worker.metric(received).await, other.metric(received).await);
        (counts.0 > 0.0 && counts.1 > 0.0).then_some(())
    })
    .await;
    site.settled(&http, "order-events").await;
    site.settled(&http, "others").await;
    let (orders, mails) = (http.effects("order", "t-").await, http.mails("t-").await);
    assert_eq!(orders, mails, "one mail each, whoever took the event");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_events_an_order_writes_nothing_more() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[]).await;
    let http = app.http();
    assert_eq!(http.order(&http.guest().await, "n-1", 1, 1).await.status, 201);
    let told = "SELECT count(*) FROM outbox";
    assert_eq!(db.admin("shop").await.query_one(told, &[]).await.unwrap().get::<_, i64>(0), 0);
    let metrics = http.get("/metrics").await.text;
    assert!(!metrics.contains("shop_outbox") && !metrics.contains("shop_queue"), "{metrics}");
    assert_eq!(http.mails("").await, []);
    assert_eq!(http.get("/audit/effects?kind=order").await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_order_has_one_event() {
    let site = Site::start().await;
    let web = site.web(&[]).await;
    let worker = site.worker(&[]).await;
    let http = web.http();
    let token = http.guest().await;
    let twins = futures::future::join_all((0..8).map(|_| http.order(&token, "r-1", 8, 1))).await;
    assert!(twins.iter().all(|answer| answer.status < 300), "{twins:?}");
    let refused = http.order(&token, "r-2", 999, 1).await;
    assert_eq!(refused.status, 404, "{refused:?}");
    site.settled(&http, "order-events").await;
    assert_eq!(http.mails("r-").await, [("r-1".into(), 1)]);
    assert_eq!(worker.metric("shop_worker_received_total").await, 1.0);
    let told = "SELECT order_key, sent_at IS NOT NULL FROM outbox";
    let rows = site.db.admin("shop").await.query(told, &[]).await.unwrap();
    let rows: Vec<(String, bool)> = rows.iter().map(|r| (r.get(0), r.get(1))).collect();
    assert_eq!(rows, [("r-1".to_owned(), true)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_handle_goes_to_the_dead_letters_by_itself() {
    let site = Site::start().await;
    let few = ("QUEUE_MAX_RECEIVES", "2");
    let web = site.web(&[few]).await;
    let worker = site.worker(&[few]).await;
    worker.until_metric("shop_queue_up", 1.0).await;
    let http = web.http();
    let token = http.guest().await;
    for key in ["p-1", "p-poison!-2", "p-3"] {
        assert_eq!(http.order(&token, key, 1, 1).await.status, 201);
    }
    site.emulator.post(&http, "order-events", "this is no event").await;
    worker.until_metric("shop_queue_dead_lettered", 2.0).await;
    site.settled(&http, "order-events").await;
    assert_eq!(http.mails("p-").await, [("p-1".into(), 1), ("p-3".into(), 1)]);
    assert_eq!(worker.metric("shop_worker_refused_total").await, 4.0, "two receives of each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_answers_probes_and_nothing_else() {
    let site = Site::start().await;
    let worker = site.worker(&[("NODE_NAME", "worker-a1")]).await;
    let http = worker.http();
    assert_eq!(http.get("/healthz").await.status, 200);
    for path in ["/", "/products", "/audit/writes?kind=order"] {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
    assert_eq!(http.post("/orders", "", "", &json!({})).await.status, 404);
    assert!(worker.try_metric("shop_outbox_sent_total").await.is_none(), "it passes nothing on");
}

/// The database hangs while a message is in hand, for longer than the queue keeps it from others, so often
/// that it would be a dead letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_makes_no_dead_letters() {
    let site = Site::start().await;
    let (short, few) = (("QUEUE_VISIBILITY_S", "1"), ("QUEUE_MAX_RECEIVES", "2"));
    let web = site.web(&[short, few]).await;
    let patient = [("RETRY_BUDGET_MS", "30000"), ("STATEMENT_TIMEOUT_MS", "30000")];
    let worker = site.worker(&[short, few, patient[0], patient[1]]).await;
    worker.until_metric("shop_queue_up", 1.0).await;
    let http = web.http();
    let token = http.guest().await;
    let admin = site.db.admin("shop").await;
    admin.batch_execute("BEGIN; LOCK TABLE mails IN ACCESS EXCLUSIVE MODE").await.unwrap();
    assert_eq!(http.order(&token, "h-1", 1, 1).await.status, 201);
    worker.until_metric("shop_worker_received_total", 1.0).await;
    // Given out twice, and dead after 3 s at most, were it not kept.
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(6) {
        assert_eq!(site.emulator.messages(&http, "order-events-dead").await, 0);
        assert_eq!(worker.metric("shop_worker_received_total").await, 1.0, "it came again");
    }
    admin.batch_execute("COMMIT").await.unwrap();
    site.settled(&http, "order-events").await;
    assert_eq!(http.mails("h-").await, [("h-1".into(), 1)]);
}
