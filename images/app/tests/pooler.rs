//! The shop behind poolers, where the next statement may meet another connection.

mod support;

use support::app::App;
use support::load::{Load, Outcome, assert_kept};
use support::pgbouncer::PgBouncer;
use support::postgres::Postgres;

const PROXY: (&str, &str) = ("DATABASE_PROXY", "on");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_share_few_and_a_killed_server_loses_nothing() {
    let mut db = Postgres::start(&[]).await;
    // Two poolers lead to the same server.
    let poolers = [PgBouncer::start(&db, 3).await, PgBouncer::start(&db, 3).await];
    let ports = [poolers[0].port, poolers[1].port];
    let env = [PROXY, ("POOL_SIZE", "16"), ("RETRY_BUDGET_MS", "20000")];
    let app = App::launch_on(&ports, &env);
    app.ready().await;
    let http = app.http();
    let load = Load::start(&http, 16, "p-").await;
    load.acknowledges(300).await;
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'shop'";
    let connections: i64 = db.admin("shop").await.query_one(sql, &[]).await.expect("a row").get(0);
    assert!((1..=6).contains(&connections), "{connections} connections");
    db.kill();
    db.restart(&[]).await;
    load.acknowledges(100).await;
    let outcomes = load.finish().await;
    assert_kept(&outcomes, &http.effects("order", "p-").await);
    http.assert_conserved().await;
    let failed: Vec<_> = outcomes.iter().filter(|(_, o)| *o != Outcome::Acknowledged).collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_the_shop_does_works_behind_a_pooler() {
    let db = Postgres::start(&[]).await;
    let replica = db.standby(&[]).await;
    let pooler = PgBouncer::start(&db, 2).await;
    let replicas = format!("127.0.0.1:{}", replica.port);
    let app = App::launch_on(&[pooler.port], &[PROXY, ("REPLICA_HOSTS", &replicas)]);
    app.ready().await;
    let http = app.http();
    let author = http.author().await;
    for version in 1..20 {
        let written = http.write_profile(&author, version).await;
        assert_eq!(written.status, 200, "{written:?}");
        let read = http.get_from(&author.path(), written.header("x-position")).await;
        assert_eq!(read.json()["version"], version);
    }
    for (key, status) in [("k-1", 201), ("k-1", 200), ("k-2", 201)] {
        assert_eq!(http.order(&author.token, key, 1, 1).await.status, status);
    }
    assert_eq!(http.get("/orders/k-1").await.status, 200);
    for (key, status) in [("p-1", 201), ("p-1", 200)] {
        let post = serde_json::json!({ "topic": "t", "body": "b" });
        assert_eq!(http.post("/posts", &author.token, key, &post).await.status, status);
        assert_eq!(http.post("/posts", "", &format!("{key}-g"), &post).await.status, status);
    }
    assert_eq!(http.get("/posts?topic=t").await.status, 200);
    assert_eq!(http.effects("order", "k-").await, [("k-1".into(), 1), ("k-2".into(), 1)]);
    http.assert_conserved().await;
}
