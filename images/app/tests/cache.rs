//! Results kept in Redis: never older than promised, never all loaded at once, never needed.

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::app::{Answer, App, Http};
use support::postgres::Postgres;
use support::redis::Redis;
use support::until;

fn list(servers: &[&Redis]) -> String {
    servers.iter().map(|s| format!("127.0.0.1:{}", s.port)).collect::<Vec<_>>().join(",")
}

/// A shop with this cache, once it is connected.
async fn start(db: &Postgres, cache: &Redis, env: &[(&str, &str)]) -> App {
    let hosts = list(&[cache]);
    let mut all = vec![("CACHE_HOSTS", hosts.as_str())];
    all.extend(env);
    let app = App::start(&[db], &all).await;
    connected(&app).await;
    app
}

async fn connected(app: &App) {
    until("the cache is connected", || async {
        (app.metric("shop_cache_up").await == 1.0).then_some(())
    })
    .await;
}

fn seen(answer: &Answer) -> (u16, &str) {
    (answer.status, answer.header("x-cache"))
}

fn stock(answer: &Answer) -> i64 {
    answer.json()["stock"].as_i64().unwrap_or_else(|| panic!("{answer:?}"))
}

async fn set_stock(db: &Postgres, stock: i64) {
    let sql = format!("UPDATE products SET stock = {stock} WHERE id = 1");
    db.admin("shop").await.batch_execute(&sql).await.expect("an update");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_is_kept_for_its_time_and_no_longer() {
    let (db, cache) = (Postgres::start(&[]).await, Redis::start().await);
    let ttl = 3000;
    let app = start(&db, &cache, &[("CACHE_TTL_MS", "3000")]).await;
    let http = app.http();
    let first = http.get("/products/1").await;
    assert_eq!(seen(&first), (200, "miss"));
    let again = http.get("/products/1").await;
    assert_eq!((seen(&again), &again.text), ((200, "hit"), &first.text));
    assert_eq!(seen(&http.get("/products?page=2").await), (200, "miss"));
    assert_eq!(seen(&http.get("/").await), (200, "miss"));
    assert_eq!(seen(&http.get("/products").await), (200, "hit"), "the page shares it");
    assert_eq!(http.get("/products/201").await.status, 404);

    set_stock(&db, 5).await;
    let began = Instant::now();
    until("the new value is shown", || async {
        let read = http.get("/products/1").await;
        let age: u64 = read.header("x-age-ms").parse().expect("an age");
        assert!(age < ttl || read.header("x-cache") == "stale", "{read:?}");
        (stock(&read) == 5).then_some(())
    })
    .await;
    assert!(began.elapsed() < Duration::from_millis(ttl + 1000), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wrote_is_not_shown_what_was_kept_before() {
    let (db, cache) = (Postgres::start(&[]).await, Redis::start().await);
    let env = [("CACHE_TTL_MS", "600000")];
    let app = start(&db, &cache, &env).await;
    let careless = start(&db, &cache, &[env[0], ("READ_YOUR_WRITES", "off")]).await;
    let http = app.http();
    let token = http.guest().await;
    for number in 1..5 {
        let before = stock(&http.get("/products/1").await);
        let order = http.order(&token, &format!("k-{number}"), 1, 1).await;
        let position = order.header("x-position").to_owned();
        assert_eq!(stock(&http.get("/products/1").await), before, "others are shown the old one");
        let read = careless.http().get_from("/products/1", &position).await;
        assert_eq!(stock(&read), before, "without the habit the client is shown the old one");
        let own = http.get_from("/products/1", &position).await;
        assert_eq!((stock(&own), seen(&own)), (before - 1, (200, "miss")));
        let again = http.get_from("/products/1", own.header("x-position")).await;
        assert_eq!((stock(&again), seen(&again)), (before - 1, (200, "hit")));
    }
    // A new post makes the list of its topic old, for everybody.
    let post = json!({ "topic": "t", "body": "b" });
    for number in 1..3 {
        assert_eq!(http.post("/posts", "", &format!("p-{number}"), &post).await.status, 201);
        let list = http.get("/posts?topic=t").await;
        assert_eq!(list.json()["posts"].as_array().map(Vec::len), Some(number));
    }
}

/// Many readers of one missing value, on two tasks, while the database is slow: the loads, and how
/// many of the answers say that they caused one. In each task so many loads must have begun before
/// the first of them ends.
async fn stampede(env: &[(&str, &str)], begun: f64) -> (f64, f64) {
    let (db, cache) = (Postgres::start(&[]).await, Redis::start().await);
    // However slow this machine is, nobody gives up while the table is locked.
    let mut patient = vec![("STATEMENT_TIMEOUT_MS", "20000"), ("RETRY_BUDGET_MS", "40000")];
    patient.extend(env);
    let tasks = [start(&db, &cache, &patient).await, start(&db, &cache, &patient).await];
    let admin = db.admin("shop").await;
    let lock = "BEGIN; LOCK TABLE products IN ACCESS EXCLUSIVE MODE";
    admin.batch_execute(lock).await.expect("a lock");
    let readers: Vec<_> = (0..60)
        .map(|number| {
            let http = tasks[number % 2].http();
            tokio::spawn(async move { http.get("/products/1").await })
        })
        .collect();
    for task in &tasks {
        until("all readers wait", || async {
            let waiting = task.metric("shop_requests_in_flight").await >= 31.0;
            (waiting && task.metric("shop_cache_loads_total").await >= begun).then_some(())
        })
        .await;
    }
    admin.batch_execute("COMMIT").await.expect("an unlock");
    let mut misses = 0.0;
    for reader in readers {
        let answer = reader.await.expect("an answer");
        let (status, cache) = seen(&answer);
        assert_eq!(status, 200);
        assert!(["hit", "miss", "joined"].contains(&cache), "{cache}");
        misses += f64::from(cache == "miss");
    }
    let loads = tasks[0].metric("shop_cache_loads_total").await
        + tasks[1].metric("shop_cache_loads_total").await;
    (loads, misses)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_cache_is_filled_once_and_not_by_everybody() {
    let (loads, misses) = stampede(&[], 0.0).await;
    assert!((1.0..=2.0).contains(&loads), "{loads} loads");
    assert!(loads >= misses, "{misses} say that they caused one of {loads} loads");
    let (loads, misses) = stampede(&[("STAMPEDE_PROTECTION", "off")], 30.0).await;
    assert_eq!((loads, misses), (60.0, 60.0), "without protection everybody loads");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_cache_the_database_serves() {
    let (db, mut cache) = (Postgres::start(&[]).await, Redis::start().await);
    let app = start(&db, &cache, &[]).await;
    let http = app.http();
    http.get("/products/1").await;
    assert_eq!(seen(&http.get("/products/1").await), (200, "hit"));
    cache.kill();
    for _ in 0..20 {
        assert_eq!(seen(&http.get("/products/1").await), (200, "off"));
    }
    assert_eq!(http.get("/readyz").await.status, 200);
    cache.restart().await;
    until("the cache is used again", || async {
        (seen(&http.get("/products/1").await) == (200, "hit")).then_some(())
    })
    .await;
    let off = App::start(&[&db], &[("CACHE_HOSTS", &list(&[&cache])), ("CACHE", "off")]).await;
    assert_eq!(seen(&off.http().get("/products/1").await), (200, "off"));
}

/// The slowest of many reads with a frozen cache, once the first few have met it.
async fn slowest_with_frozen_cache(http: &Http) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..30 {
        let began = Instant::now();
        assert_eq!(seen(&http.get("/products/1").await), (200, "off"));
        if number >= 10 {
            slowest = slowest.max(began.elapsed());
        }
    }
    slowest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_cache_is_left_alone() {
    let (db, cache) = (Postgres::start(&[]).await, Redis::start().await);
    // A read of a silent cache takes three commands of this.
    let patience = ("CACHE_TIMEOUT_MS", "300");
    let guarded = start(&db, &cache, &[patience]).await;
    let exposed = start(&db, &cache, &[patience, ("CIRCUIT_BREAKER", "off")]).await;
    cache.freeze();
    slowest_with_frozen_cache(&guarded.http()).await;
    assert!(guarded.metric("shop_cache_breaker_opened_total").await >= 1.0);
    assert_eq!(guarded.metric("shop_cache_breaker_open").await, 1.0);
    let slow = slowest_with_frozen_cache(&exposed.http()).await;
    assert!(slow >= Duration::from_millis(300), "every read waits for it: {slow:?}");
    assert_eq!(exposed.metric("shop_cache_breaker_opened_total").await, 0.0);
    cache.thaw();
    until("the cache is used again", || async {
        (seen(&guarded.http().get("/products/1").await) == (200, "hit")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_database_old_values_are_better_than_none() {
    let (mut db, cache) = (Postgres::start(&[]).await, Redis::start().await);
    let ttl = ("CACHE_TTL_MS", "200");
    let budget = ("RETRY_BUDGET_MS", "2000");
    let app = start(&db, &cache, &[ttl, budget]).await;
    let strict = start(&db, &cache, &[ttl, budget, ("SERVE_STALE", "off")]).await;
    let kept = app.http().get("/products/1").await;
    db.kill();
    until("the value is past its time", || async {
        let read = app.http().get("/products/1").await;
        assert_eq!((read.status, &read.text), (200, &kept.text));
        (read.header("x-cache") == "stale").then_some(())
    })
    .await;
    let refused = strict.http().get("/products/1").await;
    assert_eq!((refused.status, refused.effect.as_deref()), (503, Some("none")));
    let refused = app.http().get("/products/2").await;
    assert_eq!((refused.status, refused.effect.as_deref()), (503, Some("none")));
    // A client that saw more than was kept is not shown it.
    let ahead = app.http().get_from("/products/1", "FF-FFFFFF").await;
    assert_eq!(ahead.status, 503, "{ahead:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sentinels_choice_is_followed() {
    let (db, mut old) = (Postgres::start(&[]).await, Redis::start().await);
    let new = old.replica().await;
    let sentinels = [old.sentinel().await, old.sentinel().await, old.sentinel().await];
    until("the Sentinels know each other and the replica", || async {
        let known = sentinels[0].ask("SENTINEL MASTER cache").await;
        let others = sentinels[0].ask("SENTINEL CKQUORUM cache").await;
        (known.contains("num-slaves\r\n$1\r\n1") && others.contains("OK 3")).then_some(())
    })
    .await;
    let hosts = list(&[&sentinels[0], &sentinels[1], &sentinels[2]]);
    let app = App::start(&[&db], &[("CACHE_SENTINELS", &hosts)]).await;
    connected(&app).await;
    let http = app.http();
    http.get("/products/1").await;
    assert_eq!(seen(&http.get("/products/1").await), (200, "hit"));
    old.kill();
    until("the new primary is used", || async {
        let read = http.get("/products/1").await;
        assert_eq!(read.status, 200);
        (read.header("x-cache") == "hit").then_some(())
    })
    .await;
    assert!(new.ask("ROLE").await.contains("master"));
    assert!(app.metric("shop_cache_connects_total").await >= 2.0);
}
