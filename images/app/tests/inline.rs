//! Mail inside the request: what a slow mail service does to orders, and to everybody else.

mod support;

use std::time::{Duration, Instant};

use support::app::App;
use support::aws::Emulator;
use support::postgres::Postgres;

/// A task that sends mail itself, with so few slots that a test can fill them.
async fn task(db: &Postgres, emulator: &Emulator, more: &[(&str, &str)]) -> App {
    let settings = emulator.settings();
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    let own = [("MAIL", "ses"), ("MAIL_INLINE", "on"), ("REQUEST_SLOTS", "8")];
    let env: Vec<(&str, &str)> = settings.chain(own).chain(more.iter().copied()).collect();
    let app = App::start(&[db], &env).await;
    // The emulator loads a service when it is first asked, which takes longer than a mail may.
    assert!(emulator.subjects(&app.http()).await.is_empty());
    app
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_waits_for_its_mail_and_stands_without_it() {
    let (db, emulator) = (Postgres::start(&[]).await, Emulator::start().await);
    let app = task(&db, &emulator, &[("MAIL_TIMEOUT_MS", "1500")]).await;
    let http = app.http();
    let token = http.guest().await;
    assert_eq!(http.order(&token, "i-1", 1, 1).await.status, 201);
    assert_eq!(http.mails("i-").await, [("i-1".into(), 1)]);
    assert_eq!(http.order(&token, "i-1", 1, 1).await.status, 200, "a repetition sends nothing");
    assert_eq!(emulator.subjects(&http).await, ["Your order i-1"]);

    emulator.freeze();
    let began = Instant::now();
    assert_eq!(http.order(&token, "i-2", 1, 1).await.status, 201);
    assert!(began.elapsed() >= Duration::from_millis(1500), "it waited for the mail service");
    assert_eq!(http.mails("i-").await, [("i-1".into(), 1)], "the mail is lost");
    assert_eq!(app.metric("shop_inline_mails_lost_total").await, 1.0);
    assert_eq!(http.effects("order", "i-").await.len(), 2);
}

/// Orders fill what they may while the mail service hangs; whether a page is still served at once.
async fn pages_are_served_while_mail_hangs(bulkhead: &str) -> bool {
    let (db, emulator) = (Postgres::start(&[]).await, Emulator::start().await);
    let more = [("BULKHEAD", bulkhead), ("MAIL_TIMEOUT_MS", "60000")];
    let app = task(&db, &emulator, &more).await;
    let http = app.http();
    let token = http.guest().await;
    emulator.freeze();
    let orders: Vec<_> = (0..12)
        .map(|n| {
            let (http, token) = (http.clone(), token.clone());
            tokio::spawn(async move { http.order(&token, &format!("b-{n}"), 1, 1).await })
        })
        .collect();
    let kept_apart = bulkhead == "on";
    let full =
        if kept_apart { "shop_slots_free{of=\"mail\"}" } else { "shop_slots_free{of=\"all\"}" };
    app.until_metric(full, 0.0).await;
    let page = tokio::time::timeout(Duration::from_secs(2), http.get("/products/1")).await;
    assert_eq!(http.get("/healthz").await.status, 200, "probes are answered always");
    emulator.thaw();
    for order in orders {
        let status = order.await.expect("an answer").status;
        assert!(matches!(status, 201 | 503), "{status}");
    }
    page.is_ok_and(|answer| answer.status == 200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_bulkhead_browsing_goes_on() {
    assert!(pages_are_served_while_mail_hangs("on").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_bulkhead_everything_waits_for_the_mail_service() {
    assert!(!pages_are_served_while_mail_hangs("off").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_is_ready_when_its_first_order_can_have_its_mail() {
    let (db, mut emulator) = (Postgres::start(&[]).await, Emulator::planned());
    let settings = emulator.settings();
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    let own = [("MAIL", "ses"), ("MAIL_INLINE", "on")];
    let app = App::launch(&[&db], &settings.chain(own).collect::<Vec<_>>());
    let http = app.http();
    support::until("the task waits for the mail service alone", || async {
        let answer = http.try_get("/readyz").await.ok()?;
        answer.text.contains("does not know the sender").then_some(())
    })
    .await;
    emulator.launch().await;
    app.ready().await;
    assert_eq!(http.order(&http.guest().await, "f-1", 1, 1).await.status, 201);
    assert_eq!(http.mails("f-").await, [("f-1".into(), 1)]);
}

/// An outage of the mail service makes no task useless.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_starts_without_the_mail_service_is_ready_later() {
    let (db, emulator) = (Postgres::start(&[]).await, Emulator::planned());
    let settings = emulator.settings();
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    let own = [("MAIL", "ses"), ("MAIL_INLINE", "on")];
    let app = App::launch(&[&db], &settings.chain(own).collect::<Vec<_>>());
    app.ready().await;
    assert_eq!(app.http().order(&app.http().guest().await, "l-1", 1, 1).await.status, 201);
}
