//! The shop as its users see it, on a healthy database.

mod support;

use serde_json::{Value, json};
use support::app::{App, command};
use support::load::{Load, Outcome, assert_kept};
use support::postgres::Postgres;
use support::{signal, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_has_its_effect_once_however_often_it_comes() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[]).await;
    let http = app.http();
    let token = http.guest().await;

    let first = http.order(&token, "k-1", 7, 3).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = http.order(&token, "k-1", 7, 3).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    let price = http.get("/products/7").await.json()["price_cents"].as_i64().unwrap();
    assert_eq!(first.json()["total_cents"], price * 3);

    // At the same time too.
    let twins = futures::future::join_all((0..8).map(|_| http.order(&token, "k-2", 8, 1))).await;
    let created = twins.iter().filter(|a| a.status == 201).count();
    let replayed = twins.iter().filter(|a| a.status == 200).count();
    assert_eq!((created, replayed), (1, 7), "{twins:?}");

    let other_body = http.order(&token, "k-1", 7, 4).await;
    assert_eq!(other_body.status, 422, "{other_body:?}");
    let other_user = http.order(&http.guest().await, "k-1", 7, 3).await;
    assert_eq!(other_user.status, 422, "{other_user:?}");

    assert_eq!(http.effects("order", "k-").await, [("k-1".into(), 1), ("k-2".into(), 1)]);
    assert_eq!(http.get("/products/7").await.json()["stock"], 1_000_000 - 3);
    assert_eq!(http.assert_conserved().await, 4);
    let read = http.get("/orders/k-1").await.json();
    assert_eq!(read["order_id"], first.json()["order_id"]);
    assert_eq!(read["items"], json!([{ "product": 7, "quantity": 3, "price_cents": price }]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_refused_without_effect() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[]).await;
    let http = app.http();
    let token = http.guest().await;
    let admin = db.admin("shop").await;
    let few = "UPDATE products SET stock = 2, initial_stock = 2 WHERE id = 9";
    admin.batch_execute(few).await.unwrap();

    // One product is there, the other is not: neither moves.
    let items = |a: Value, b: Value| json!({ "items": [a, b] });
    let (fine, short) =
        (json!({"product": 8, "quantity": 1}), json!({"product": 9, "quantity": 3}));
    let order = |key: &'static str, body: Value| {
        let (http, token) = (http.clone(), token.clone());
        async move { http.post("/orders", &token, key, &body).await.status }
    };
    assert_eq!(order("r-1", items(fine.clone(), short)).await, 409);
    let absent = json!({ "product": 201, "quantity": 1 });
    assert_eq!(order("r-2", items(fine.clone(), absent)).await, 404);
    assert_eq!(order("r-3", json!({ "items": [] })).await, 400);
    assert_eq!(order("r-4", json!({ "item": fine })).await, 400);
    assert_eq!(order("", json!({ "items": [fine] })).await, 400);
    assert_eq!(http.order("no-such-token", "r-5", 8, 1).await.status, 401);
    assert_eq!(http.order("", "r-5", 8, 1).await.status, 401);
    assert_eq!(http.send("POST", "/orders", &[], "{").await.unwrap().status, 401);
    assert_eq!(http.get("/nowhere").await.json()["error"], "there is nothing here");
    assert_eq!(http.get("/cart?x").await.status, 401);
    assert_eq!(http.send("DELETE", "/cart", &[], "").await.unwrap().status, 405);
    assert_eq!(http.get("/audit/writes?kind=other").await.status, 400);

    assert_eq!(http.effects("order", "").await, []);
    assert_eq!(http.assert_conserved().await, 0);
    // A refused key is free: the same order succeeds once there is enough.
    assert_eq!(http.order(&token, "r-1", 9, 2).await.status, 201);
    assert_eq!(http.order(&token, "r-6", 9, 1).await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_at_the_same_time_conserve_money_and_stock() {
    let db = Postgres::start(&[]).await;
    // Two tasks, started at the same time on an empty database.
    let second = App::launch(&[&db], &[]);
    let first = App::start(&[&db], &[]).await;
    until("the second is ready", || async {
        second.http().try_get("/readyz").await.is_ok_and(|a| a.status == 200).then_some(())
    })
    .await;
    let one = Load::start(&first.http(), 8, "c-1-").await;
    let two = Load::start(&second.http(), 8, "c-2-").await;
    one.acknowledges(200).await;
    two.acknowledges(200).await;
    let mut outcomes = one.finish().await;
    outcomes.extend(two.finish().await);

    assert!(outcomes.iter().all(|(_, o)| *o == Outcome::Acknowledged), "{outcomes:?}");
    assert_kept(&outcomes, &first.http().effects("order", "c-").await);
    let entries = first.http().assert_conserved().await;
    assert_eq!(entries, 2 * outcomes.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_finds_damage() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[]).await;
    let http = app.http();
    let token = http.guest().await;
    for (key, product) in [("a-1", 1), ("a-2", 2), ("a-3", 3), ("a-4", 4)] {
        assert_eq!(http.order(&token, key, product, 1).await.status, 201);
    }
    let damage = "UPDATE products SET stock = stock - 1 WHERE id = 4; \
        DELETE FROM ledger_entries USING orders o WHERE o.id = order_id AND o.key = 'a-1'; \
        DELETE FROM ledger_entries USING orders o \
            WHERE o.id = order_id AND o.key = 'a-2' AND credit_cents > 0; \
        UPDATE order_lines SET quantity = 2 FROM orders o WHERE o.id = order_id AND o.key = 'a-3'";
    db.admin("shop").await.batch_execute(damage).await.unwrap();

    let ledger = http.get("/audit/ledger").await.json();
    let names = |list: &str, what: &str| {
        let found = ledger[list].as_array().unwrap().iter();
        found.filter(|text| text.as_str().unwrap().contains(what)).count()
    };
    assert_ne!(ledger["debit_cents"], ledger["credit_cents"]);
    assert_eq!(names("incomplete_orders", "key a-1") + names("incomplete_orders", "key a-2"), 2);
    assert_eq!(names("unbalanced_orders", "key a-3"), 1, "{ledger}");
    assert_eq!(
        names("wrong_stock", "product 3") + names("wrong_stock", "product 4"),
        2,
        "{ledger}"
    );
    let effects: Vec<u64> = http.effects("order", "a-").await.iter().map(|(_, n)| *n).collect();
    assert_eq!(effects, [0, 0, 0, 1], "damaged orders have no complete effect");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_sessions_carts_and_posts() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[]).await;
    let http = app.http();
    let ann = json!({ "name": "ann", "password": "correct horse" });
    assert_eq!(http.post("/users", "", "", &ann).await.status, 201);
    assert_eq!(http.post("/users", "", "", &ann).await.status, 409);
    let wrong = json!({ "name": "ann", "password": "wrong horse" });
    assert_eq!(http.post("/sessions", "", "", &wrong).await.status, 401);
    let session = http.post("/sessions", "", "", &ann).await;
    let token = session.json()["token"].as_str().unwrap().to_owned();

    let put = |product: i64, quantity: i64| {
        let (http, token) = (http.clone(), token.clone());
        let line = json!({ "product": product, "quantity": quantity });
        async move { http.post("/cart", &token, "", &line).await.status }
    };
    assert_eq!((put(3, 1).await, put(3, 4).await, put(5, 1).await), (200, 200, 200));
    assert_eq!((put(201, 1).await, put(3, 0).await), (404, 400));
    let bearer = format!("Bearer {token}");
    let authorization = [("authorization", bearer.as_str())];
    let cart = || http.send("GET", "/cart", &authorization, "");
    let items = cart().await.unwrap().json()["items"].clone();
    assert_eq!((&items[0]["product"], &items[0]["quantity"]), (&json!(3), &json!(4)));
    assert_eq!(http.order(&token, "u-1", 3, 4).await.status, 201);
    let left = cart().await.unwrap().json()["items"].clone();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["product"]), (1, &json!(5)));

    let hello = json!({ "topic": "rust", "body": "hello" });
    let written = http.post("/posts", "", "p-1", &hello).await;
    assert_eq!(written.status, 201, "{written:?}");
    let again = http.post("/posts", "", "p-1", &hello).await;
    assert_eq!((again.status, again.json()), (200, written.json()));
    let other = json!({ "topic": "rust", "body": "bye" });
    assert_eq!(http.post("/posts", "", "p-1", &other).await.status, 422);
    assert_eq!(http.post("/posts", &token, "p-2", &other).await.status, 201);
    assert_eq!(http.post("/posts", "no-such-token", "p-3", &other).await.status, 401);
    assert_eq!(http.post("/posts", "", "", &other).await.status, 400);
    let posts = http.get("/posts?topic=rust").await.json();
    assert_eq!(
        (&posts["posts"][0]["body"], &posts["posts"][1]["body"]),
        (&json!("bye"), &json!("hello"))
    );
    assert_eq!(http.effects("post", "p-").await, [("p-1".into(), 1), ("p-2".into(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_and_probes() {
    let mut db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[("NODE_NAME", "web-a1")]).await;
    let http = app.http();
    let page = http.get("/products?page=10").await.json();
    assert_eq!(page["products"].as_array().unwrap().len(), 20);
    assert_eq!((&page["products"][19]["id"], &page["next"]), (&json!(200), &json!(null)));
    assert_eq!(http.get("/products").await.json()["next"], 2);
    assert_eq!(http.get("/products/201").await.status, 404);
    assert_eq!(http.get("/products?page=0").await.status, 400);
    let html = http.get("/").await.text;
    assert!(html.contains("<table>") && html.contains("web-a1"), "{html}");
    let metrics = http.get("/metrics").await.text;
    let counted = "shop_requests_total{method=\"GET\",route=\"/products/{id}\",status=\"4xx\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let sql = "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'web-a1'";
    assert!(db.admin("shop").await.query_one(sql, &[]).await.unwrap().get::<_, bool>(0));

    db.kill();
    let reason = until("not ready without a database", || async {
        let answer = http.get("/readyz").await;
        (answer.status == 503).then(|| answer.json()["error"].clone())
    })
    .await;
    assert!(!reason.as_str().unwrap().is_empty());
    assert_eq!(http.get("/healthz").await.status, 200);
    db.restart(&[]).await;
    until("ready again", || async { (http.get("/readyz").await.status == 200).then_some(()) })
        .await;
    // The tables vanish (the server was replaced by an empty one): they are made again.
    let wipe = "DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION shop";
    db.admin("shop").await.batch_execute(wipe).await.unwrap();
    until("the tables are missed", || async {
        (http.get("/readyz").await.status == 503).then_some(())
    })
    .await;
    until("ready again", || async { (http.get("/readyz").await.status == 200).then_some(()) })
        .await;
    assert_eq!(http.get("/products/1").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_signal_to_end_is_followed_after_the_requests_in_progress() {
    let db = Postgres::start(&[]).await;
    let mut app = App::start(&[&db], &[]).await;
    let http = app.http();
    let token = http.guest().await;
    // A lock keeps the order waiting.
    let admin = db.admin("shop").await;
    admin.batch_execute("BEGIN; UPDATE products SET stock = stock WHERE id = 1").await.unwrap();
    let order = tokio::spawn(async move { http.order(&token, "s-1", 1, 1).await.status });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    until("the order waits", || async {
        let row = db.admin("shop").await.query_one(waits, &[]).await.unwrap();
        (row.get::<_, i64>(0) > 0).then_some(())
    })
    .await;
    signal(app.child().id(), "TERM");
    let port = app.port;
    until("no new requests are taken", || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err().then_some(())
    })
    .await;
    admin.batch_execute("COMMIT").await.unwrap();
    assert_eq!(order.await.unwrap(), 201);
    let app = std::cell::RefCell::new(app);
    let status =
        until("the process ends", || async { app.borrow_mut().child().try_wait().unwrap() }).await;
    assert!(status.success(), "{status}");
}

#[test]
fn a_bad_setting_ends_with_2_and_its_name() {
    let mut command = command();
    command.env("DATABASE_USER", "shop").env("DATABASE_NAME", "shop");
    command.env("DATABASE_HOSTS", "10.0.1.5:5432").env("RETRIES", "maybe");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("RETRIES") && log.contains("on or off"), "{log}");
}
