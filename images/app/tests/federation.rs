//! Functions with databases of their own: each holds its own data, and is lost alone.

mod support;

use serde_json::json;
use support::app::{App, Http};
use support::postgres::Postgres;
use support::until;

struct Federated {
    catalogue: Postgres,
    users: Postgres,
    forum: Postgres,
}

impl Federated {
    async fn start() -> Self {
        let start = || Postgres::start(&[]);
        let (catalogue, users, forum) = tokio::join!(start(), start(), start());
        Self { catalogue, users, forum }
    }

    async fn app(&self, env: &[(&str, &str)]) -> App {
        let users = format!("127.0.0.1:{}", self.users.port);
        let forum = format!("127.0.0.1:{}", self.forum.port);
        let mut all =
            vec![("USERS_DATABASE_HOSTS", users.as_str()), ("FORUM_DATABASE_HOSTS", &forum)];
        all.extend(env);
        App::start(&[&self.catalogue], &all).await
    }
}

async fn rows(server: &Postgres, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    server.admin("shop").await.query_one(&sql, &[]).await.expect("a count").get(0)
}

async fn post(http: &Http, token: &str, key: &str) -> u16 {
    let body = json!({ "topic": "news", "body": format!("post {key}") });
    http.post("/posts", token, key, &body).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_function_has_its_data_in_its_own_database() {
    let databases = Federated::start().await;
    let app = databases.app(&[]).await;
    let http = app.http();
    let author = http.author().await;
    assert_eq!(http.write_profile(&author, 1).await.status, 200);
    assert_eq!(http.order(&author.token, "o-1", 3, 2).await.status, 201);
    assert_eq!(http.order(&author.token, "o-1", 3, 2).await.status, 200, "the same order again");
    let put = json!({ "product": 7, "quantity": 4 });
    assert_eq!(http.post("/cart", &author.token, "", &put).await.status, 200);
    assert_eq!(post(&http, &author.token, "p-1").await, 201);
    assert_eq!(post(&http, "", "p-2").await, 201, "guests may write");

    let Federated { catalogue, users, forum } = &databases;
    for (table, expected) in [
        ("users", [0, 1, 0]),
        ("sessions", [0, 1, 0]),
        ("profiles", [0, 1, 0]),
        ("orders", [1, 0, 0]),
        ("cart_lines", [1, 0, 0]),
        ("posts", [0, 0, 2]),
    ] {
        let found =
            [rows(catalogue, table).await, rows(users, table).await, rows(forum, table).await];
        assert_eq!(found, expected, "{table} in catalogue, users and forum");
    }
    let bearer = format!("Bearer {}", author.token);
    let cart = http.send("GET", "/cart", &[("authorization", &bearer)], "").await.unwrap();
    assert_eq!(cart.json()["items"][0]["quantity"], 4);
    assert_eq!(http.effects("order", "o-").await, [("o-1".to_owned(), 1)]);
    assert_eq!(http.effects("post", "p-").await, [("p-1".to_owned(), 1), ("p-2".to_owned(), 1)]);
    let by = "SELECT user_id::text FROM posts WHERE key = 'p-1'";
    let by: String = forum.admin("shop").await.query_one(by, &[]).await.expect("a post").get(0);
    assert_eq!(by, author.user_id);
    http.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_nobody_has_opens_no_other_database() {
    let databases = Federated::start().await;
    let app = databases.app(&[]).await;
    let http = app.http();
    assert_eq!(http.order("nobody", "o-1", 3, 2).await.status, 401);
    assert_eq!(post(&http, "nobody", "p-1").await, 401);
    let put = json!({ "product": 7, "quantity": 4 });
    assert_eq!(http.post("/cart", "nobody", "", &put).await.status, 401);
    assert_eq!(
        rows(&databases.forum, "posts").await + rows(&databases.catalogue, "orders").await,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_needs_none_of_a_lost_database_goes_on() {
    let mut databases = Federated::start().await;
    let app = databases.app(&[("RETRY_BUDGET_MS", "500")]).await;
    let http = app.http();
    let author = http.author().await;

    databases.forum.kill();
    assert_eq!(post(&http, &author.token, "p-1").await, 503);
    assert_eq!(http.order(&author.token, "o-1", 3, 1).await.status, 201);
    assert_eq!(http.write_profile(&author, 1).await.status, 200);
    until("the task says that it serves", || async {
        (http.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    app.until_metric("shop_function_primary_known{function=\"forum\"}", 0.0).await;
    databases.forum.restart(&[]).await;
    until("posts are written again", || async {
        (post(&http, &author.token, "p-2").await == 201).then_some(())
    })
    .await;

    databases.catalogue.kill();
    let lost = http.order(&author.token, "o-2", 3, 1).await;
    assert_eq!((lost.status, lost.effect.as_deref()), (503, Some("none")), "{lost:?}");
    assert_eq!(http.write_profile(&author, 2).await.status, 200);
    assert_eq!(post(&http, &author.token, "p-3").await, 201);
    databases.catalogue.restart(&[]).await;
    until("orders are taken again", || async {
        (http.order(&author.token, "o-3", 3, 1).await.status == 201).then_some(())
    })
    .await;

    databases.users.kill();
    let lost = http.order(&author.token, "o-4", 3, 1).await;
    assert_eq!(
        (lost.status, lost.effect.as_deref()),
        (503, Some("none")),
        "nobody knows who it is"
    );
    assert_eq!(http.get("/products").await.status, 200);
    assert_eq!(post(&http, "", "p-4").await, 201, "guests need no session");
    http.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_reads_its_own_writes_of_every_function() {
    let databases = Federated::start().await;
    let replica = databases.users.standby(&[]).await;
    let hosts = format!("127.0.0.1:{}", replica.port);
    let app =
        databases.app(&[("USERS_REPLICA_HOSTS", &hosts), ("REPLICA_MAX_LAG_MS", "600000")]).await;
    let http = app.http();
    let author = http.author().await;
    assert_eq!(http.write_profile(&author, 1).await.status, 200);
    until("a replica of the users serves", || async {
        (http.get(&author.path()).await.header("x-read-from") == "replica").then_some(())
    })
    .await;
    let sql = "SELECT pg_wal_replay_pause()";
    replica.admin("shop").await.batch_execute(sql).await.expect("a pause");
    let written = http.write_profile(&author, 2).await;
    let position = written.header("x-position-users");
    assert_ne!(position, "", "{written:?}");
    assert_eq!(written.header("x-position"), "", "the catalogue was not asked");

    let read = |header: &'static str| {
        let (http, path) = (http.clone(), author.path());
        async move { http.send("GET", &path, &[(header, position)], "").await.unwrap() }
    };
    let own = read("x-position-users").await;
    assert_eq!((own.json()["version"].as_i64(), own.header("x-read-from")), (Some(2), "primary"));
    // A position of another database says nothing about this one.
    let other = read("x-position-forum").await;
    assert_eq!(
        (other.json()["version"].as_i64(), other.header("x-read-from")),
        (Some(1), "replica")
    );
}
