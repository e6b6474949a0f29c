//! Events that go to more than one place: two queues on one topic, and a bus whose rule fills a queue.

mod support;

use support::queues::Site;
use support::until;

/// The kinds of events that were heard of an order, sorted, and how often each came again.
async fn heard(site: &Site, key: &str) -> Vec<(String, i32)> {
    let sql = "SELECT kind, repeats FROM domain_events WHERE order_key = $1 ORDER BY kind";
    let rows = site.db.admin("shop").await.query(sql, &[&key]).await.expect("rows");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_tiers_of_workers_hear_of_an_order_and_one_of_them_through_the_bus_of_its_mail() {
    let site = Site::start().await;
    let topic = ("EVENTS_TOPIC", "orders");
    let feed = site
        .worker(&[
            topic,
            ("EVENTS_QUEUE", "feed"),
            ("EVENTS_BUS", "shop"),
            ("WORKER_JOB", "record"),
        ])
        .await;
    // It subscribes and makes the rule before it asks for messages.
    feed.until_metric("shop_queue_up", 1.0).await;
    until("the feed asks for messages", || async {
        let rules = site.emulator.events(&feed.http(), "ListRules", "shop").await?;
        let topics = site.emulator.subscribed(&feed.http()).await;
        (rules["Rules"][0]["Name"] == "feed" && topics.contains(":feed")).then_some(())
    })
    .await;
    let mailer = site.worker(&[topic, ("WORKER_ANNOUNCE", "shop")]).await;
    let web = site.web(&[topic]).await;
    let http = web.http();
    assert_eq!(http.order(&http.guest().await, "f-1", 1, 1).await.status, 201);
    until("both events are heard of", || async {
        (heard(&site, "f-1").await.len() == 2).then_some(())
    })
    .await;
    let expected = [("mail-sent".to_owned(), 0), ("order-placed".to_owned(), 0)];
    assert_eq!(heard(&site, "f-1").await, expected);
    assert_eq!(http.mails("f-").await, [("f-1".into(), 1)]);
    for kind in ["order-recorded", "mail-recorded"] {
        assert_eq!(http.later(kind, "f-").await, [("f-1".into(), 1)], "{kind}");
        assert_eq!(http.later(kind, "g-").await, [], "{kind}");
    }
    assert_eq!(http.later("mail-repeat", "f-").await, []);

    // What comes again is counted, and is no second event.
    let event = r#"{"event":"order-placed","order_key":"f-1"}"#;
    site.emulator.post(&http, "feed", event).await;
    until("the repetition is counted", || async {
        (heard(&site, "f-1").await[1].1 == 1).then_some(())
    })
    .await;
    assert_eq!(mailer.metric("shop_worker_effects_total").await, 1.0);
    assert_eq!(http.later("order-recorded", "f-").await, [("f-1".into(), 1)]);
}
