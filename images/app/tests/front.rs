//! The web tier apart from the application tier: what it passes on, and what it makes of load balancers
//! that fail.

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::app::{Answer, App};
use support::balancer::{Balancer, Does, NOT_NOW};
use support::free_port;
use support::postgres::Postgres;

const GOOD: Does = Does::Answers("200 OK");

async fn write(front: &App) -> Answer {
    front.http().post("/cart", "t", "k", &json!({ "product": 1, "quantity": 1 })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_are_made_here_and_the_rest_is_passed_on() {
    let db = Postgres::start(&[]).await;
    // With a list of replicas the application tier follows positions; there is nobody at this one.
    let replica = format!("127.0.0.1:{}", free_port());
    let api = App::start(&[&db], &[("NODE_NAME", "api-a1"), ("REPLICA_HOSTS", &replica)]).await;
    let front = App::front(&[api.port], &[]);
    front.ready().await;
    let http = front.http();
    let page = http.get("/?page=2").await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("Served by web-a1") && page.text.contains("/?page=3"), "{page:?}");
    assert!(page.header("cache-control").starts_with("public, max-age=2"), "{page:?}");
    assert!(!page.header("x-position").is_empty(), "{page:?}");
    assert_eq!(http.get("/?page=0").await.status, 400, "the application tier's own refusal");

    let token = http.guest().await;
    let placed = http.order(&token, "f-1", 1, 1).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert!(placed.header("set-cookie").starts_with("position="), "{placed:?}");
    assert_eq!(placed.header("cache-control"), "private, no-store");
    assert_eq!(http.order(&token, "f-1", 1, 1).await.status, 200, "the key was passed on");
    assert_eq!(http.effects("order", "f-").await, [("f-1".into(), 1)]);
    let read = http.get_from("/orders/f-1", placed.header("x-position")).await;
    assert_eq!((read.status, read.header("x-read-from")), (200, "primary"), "{read:?}");
    assert_eq!(http.order("wrong", "f-2", 1, 1).await.status, 401);
    let long = json!({ "topic": "t", "body": "x".repeat(70_000) });
    assert_eq!(http.post("/posts", "", "f-3", &long).await.status, 413);

    assert_eq!(front.metric("shop_api_retries_total").await, 0.0);
    drop(api);
    let gone = http.get("/readyz").await;
    assert!(matches!(gone.status, 200 | 503), "{gone:?}");
    support::until("it says that it cannot serve", || async {
        (http.get("/readyz").await.status == 503).then_some(())
    })
    .await;
    assert_eq!(http.get("/healthz").await.status, 200, "it lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_notices_a_load_balancer_that_is_gone() {
    let live = Balancer::start(&[GOOD]).await;
    let front = App::front(&[free_port(), live.port], &[]);
    front.ready().await;
    for _ in 0..20 {
        assert_eq!(front.http().get("/cart").await.status, 200);
        assert_eq!(write(&front).await.status, 200);
    }
    assert!(front.metric("shop_api_breaker_opened_total").await >= 1.0);
    let tried = front.metric("shop_api_retries_total").await;
    assert!(tried >= 5.0, "{tried}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_without_answer_is_sent_once_and_a_read_again() {
    let balancer = Balancer::start(&[Does::HangsUp]).await;
    let front = App::front(&[balancer.port], &[]);
    support::until("it answers", || async { front.http().try_get("/healthz").await.ok() }).await;
    let lost = write(&front).await;
    assert_eq!((lost.status, lost.effect.as_deref()), (504, Some("unknown")), "{lost:?}");
    assert_eq!(balancer.requests(), 1, "nobody knows what became of it");
    let read = front.http().get("/cart").await;
    assert_eq!((read.status, read.effect.as_deref()), (503, Some("none")), "{read:?}");
    assert_eq!(balancer.requests(), 4, "three tries");
    let quiet = App::front(&[balancer.port], &[("RETRIES", "off")]);
    support::until("it answers", || async { quiet.http().try_get("/healthz").await.ok() }).await;
    assert_eq!(quiet.http().get("/cart").await.status, 503);
    assert_eq!(balancer.requests(), 5, "one try");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_no_effect_is_tried_again() {
    let balancer = Balancer::start(&[NOT_NOW, GOOD, NOT_NOW, GOOD, NOT_NOW]).await;
    let front = App::front(&[balancer.port], &[]);
    support::until("it answers", || async { front.http().try_get("/healthz").await.ok() }).await;
    assert_eq!(write(&front).await.status, 200);
    assert_eq!(front.http().get("/cart").await.status, 200);
    assert_eq!(balancer.requests(), 4);
    let never = write(&front).await;
    assert_eq!((never.status, never.effect.as_deref()), (503, Some("none")), "{never:?}");
    assert_eq!(balancer.requests(), 7, "three tries");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_leaves_a_silent_load_balancer_and_a_write_does_not() {
    let silent = Balancer::start(&[Does::Waits]).await;
    let live = Balancer::start(&[GOOD]).await;
    let both = [silent.port, live.port];
    let front = App::front(&both, &[("API_TIMEOUT_MS", "3000")]);
    support::until("it answers", || async { front.http().try_get("/healthz").await.ok() }).await;
    for _ in 0..2 {
        let began = Instant::now();
        assert_eq!(front.http().get("/cart").await.status, 200);
        assert!(began.elapsed() < Duration::from_millis(2900), "{:?}", began.elapsed());
    }
    let (one, other) = (write(&front).await, write(&front).await);
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 504], "{one:?} {other:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_serve_is_refused_at_once() {
    let front = App::front(&[free_port(), free_port()], &[("RETRIES", "off")]);
    support::until("it answers", || async { front.http().try_get("/healthz").await.ok() }).await;
    for _ in 0..12 {
        let refused = write(&front).await;
        assert_eq!((refused.status, refused.effect.as_deref()), (503, Some("none")), "{refused:?}");
    }
    assert!(front.metric("shop_api_not_asked_total").await >= 1.0);
}
