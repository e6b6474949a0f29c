//! Carts in a table, and the front end in a bucket.

mod support;

use serde_json::json;
use support::app::{Answer, App, Http};
use support::aws::Emulator;
use support::postgres::Postgres;
use support::until;

fn env<'a>(
    settings: &'a [(&'static str, String); 3],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let settings = settings.iter().map(|(name, value)| (*name, value.as_str()));
    settings.chain(more.iter().copied()).collect()
}

const IN_TABLE: (&str, &str) = ("CARTS", "dynamodb");

async fn put(http: &Http, token: &str, product: i64, quantity: i64) -> Answer {
    http.post("/cart", token, "", &json!({ "product": product, "quantity": quantity })).await
}

async fn cart(http: &Http, token: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    http.send("GET", "/cart", &[("authorization", &bearer)], "").await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_of_a_cart_is_lost() {
    let (db, emulator) = (Postgres::start(&[]).await, Emulator::start().await);
    let settings = emulator.settings();
    let env = env(&settings, &[IN_TABLE]);
    let tasks = [App::start(&[&db], &env).await, App::start(&[&db], &env).await];
    let http = tasks[0].http();
    let token = http.guest().await;
    assert_eq!(cart(&http, &token).await.json()["items"], json!([]));
    let puts = (1..=16_i64).map(|product| {
        let (http, token) = (tasks[usize::from(product % 2 == 0)].http(), token.clone());
        async move { put(&http, &token, product, product).await.status }
    });
    let statuses = futures::future::join_all(puts).await;
    assert_eq!(statuses, vec![200; 16]);
    let full = cart(&tasks[1].http(), &token).await.json();
    let items = full["items"].as_array().expect("items");
    let products: Vec<i64> = items.iter().map(|i| i["product"].as_i64().unwrap()).collect();
    assert_eq!(products, (1..=16).collect::<Vec<_>>());
    let total: i64 = items
        .iter()
        .map(|i| i["quantity"].as_i64().unwrap() * i["price_cents"].as_i64().unwrap())
        .sum();
    assert_eq!(full["total_cents"], total);
    let conflicts = tasks[0].metric("shop_carts_conflicts_total").await
        + tasks[1].metric("shop_carts_conflicts_total").await;
    assert!(conflicts > 0.0, "the updates never met, so nothing was tested");

    assert_eq!(put(&http, &token, 201, 1).await.status, 404);
    assert_eq!(put(&http, "nobody", 1, 1).await.status, 401);
    assert_eq!(cart(&http, "nobody").await.status, 401);
    assert_eq!(http.order(&token, "c-1", 7, 7).await.status, 201);
    let left = cart(&http, &token).await.json();
    assert_eq!(left["items"].as_array().map(Vec::len), Some(15), "what was ordered is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_table_only_carts_fail_and_say_how() {
    let (db, mut emulator) = (Postgres::start(&[]).await, Emulator::start().await);
    let settings = emulator.settings();
    let app = App::start(&[&db], &env(&settings, &[IN_TABLE])).await;
    let http = app.http();
    let token = http.guest().await;
    assert_eq!(put(&http, &token, 1, 1).await.status, 200);
    let seen = |answer: &Answer| (answer.status, answer.effect.clone());
    emulator.freeze();
    assert_eq!(seen(&cart(&http, &token).await), (503, Some("none".into())));
    assert_eq!(http.get("/readyz").await.status, 200);
    assert_eq!(http.order(&token, "f-1", 2, 1).await.status, 201, "the order stands");
    emulator.thaw();
    assert_eq!(cart(&http, &token).await.status, 200);
    emulator.kill();
    assert_eq!(seen(&put(&http, &token, 1, 3).await), (503, Some("none".into())));
    assert_eq!(http.get("/products/1").await.status, 200);
    // It comes back empty: the table is made again.
    emulator.launch().await;
    assert_eq!(put(&http, &token, 1, 3).await.status, 200);
    assert_eq!(cart(&http, &token).await.json()["items"][0]["quantity"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_front_end_is_published_whole_and_by_version() {
    let (db, mut emulator) = (Postgres::start(&[]).await, Emulator::planned());
    let settings = emulator.settings();
    let env = env(&settings, &[("ASSETS_BUCKET", "assets")]);
    // Without the bucket the tasks serve all the same.
    let tasks = [App::start(&[&db], &env).await, App::start(&[&db], &env).await];
    let http = tasks[0].http();
    assert_eq!(tasks[0].metric("shop_assets_published").await, 0.0);
    let page = http.get("/").await;
    let start = page.text.find("/assets/v").expect("a versioned address");
    let version = page.text[start + "/assets/".len()..].split('/').next().expect("a version");
    let script = http.get(&format!("/assets/{version}/app.js")).await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript"));
    assert_eq!(script.header("cache-control"), "public, max-age=86400, immutable");
    assert_eq!(http.get("/assets/v0/app.js").await.status, 404);

    emulator.launch().await;
    for task in &tasks {
        until("the front end is published", || async {
            (task.metric("shop_assets_published").await == 1.0).then_some(())
        })
        .await;
    }
    let bucket = http.on_port(emulator.port);
    let current = bucket.get("/assets/assets/current").await;
    assert_eq!(current.json(), json!({ "version": version }));
    let stored = bucket.get(&format!("/assets/assets/{version}/app.js")).await;
    assert_eq!((stored.status, &stored.text), (200, &script.text));
    assert_eq!(stored.header("cache-control"), script.header("cache-control"));
    let image = bucket.get(&format!("/assets/assets/{version}/products/200.svg")).await;
    assert_eq!((image.status, image.header("content-type")), (200, "image/svg+xml"));
    assert!(page.text.contains(&format!("/assets/{version}/products/1.svg")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_say_who_may_keep_them() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[("PAGE_TTL_S", "7")]).await;
    let http = app.http();
    let short = "public, max-age=7, stale-while-revalidate=35, stale-if-error=300";
    for path in ["/", "/products", "/products/1", "/posts?topic=t", "/leaderboard"] {
        assert_eq!(http.get(path).await.header("cache-control"), short, "{path}");
    }
    for path in ["/products/999", "/metrics", "/readyz", "/orders/none", "/nowhere"] {
        assert_eq!(http.get(path).await.header("cache-control"), "private, no-store", "{path}");
    }
    let token = http.guest().await;
    assert_eq!(cart(&http, &token).await.header("cache-control"), "private, no-store");
    let own = http.get_from("/products/1", "1-1").await;
    assert_eq!(own.header("cache-control"), "private, no-store");
}
