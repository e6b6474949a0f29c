//! Reads on replicas: nobody sees less than they wrote or saw before.

mod support;

use support::app::{Answer, App, Author, Http};
use support::postgres::Postgres;
use support::until;

/// Long enough that no replica of these tests is ever too late.
const PATIENT: (&str, &str) = ("REPLICA_MAX_LAG_MS", "600000");

fn hosts(servers: &[&Postgres]) -> String {
    servers.iter().map(|s| format!("127.0.0.1:{}", s.port)).collect::<Vec<_>>().join(",")
}

async fn start(primary: &[&Postgres], replicas: &[&Postgres], env: &[(&str, &str)]) -> App {
    let hosts = hosts(replicas);
    let mut all = vec![("REPLICA_HOSTS", hosts.as_str())];
    all.extend(env);
    let app = App::start(primary, &all).await;
    for replica in replicas {
        let name = format!("shop_replica_fit{{replica=\"127.0.0.1:{}\"}}", replica.port);
        if app.http().get("/metrics").await.text.contains(&name) {
            until("the replica is used", || async {
                (app.metric(&name).await == 1.0).then_some(())
            })
            .await;
        }
    }
    app
}

async fn sql(server: &Postgres, statement: &str) {
    server.admin("shop").await.batch_execute(statement).await.expect("a statement");
}

/// Writes a version; the position it was written at.
async fn wrote(http: &Http, author: &Author, version: i64) -> String {
    let answer = http.write_profile(author, version).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("x-position").to_owned()
}

fn version(answer: &Answer) -> i64 {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["version"].as_i64().expect("a version")
}

async fn replayed(http: &Http, author: &Author, wanted: i64) {
    until("the replica has replayed the version", || async {
        let read = http.get(&author.path()).await;
        (read.header("x-read-from") == "replica" && version(&read) == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_sees_what_it_wrote_and_others_may_see_less() {
    let primary = Postgres::start(&[]).await;
    let replica = primary.standby(&[]).await;
    let app = start(&[&primary], &[&replica], &[PATIENT]).await;
    let careless = start(&[&primary], &[&replica], &[PATIENT, ("READ_YOUR_WRITES", "off")]).await;
    let http = app.http();
    let author = http.author().await;
    wrote(&http, &author, 1).await;
    replayed(&http, &author, 1).await;
    sql(&replica, "SELECT pg_wal_replay_pause()").await;
    let position = wrote(&http, &author, 2).await;

    let own = http.get_from(&author.path(), &position).await;
    assert_eq!((version(&own), own.header("x-read-from")), (2, "primary"));
    let cookie = format!("a=b; position={position}");
    let headers = [("cookie", cookie.as_str())];
    let own = http.send("GET", &author.path(), &headers, "").await.unwrap();
    assert_eq!(version(&own), 2, "the cookie says as much as the header");
    assert!(own.header("set-cookie").starts_with("position="), "{own:?}");

    let others = http.get(&author.path()).await;
    assert_eq!((version(&others), others.header("x-read-from")), (1, "replica"));
    assert_eq!(others.header("set-cookie"), "", "what is for everybody carries no cookie");
    // Without the habit, the client is shown less than it wrote.
    let own = careless.http().get_from(&author.path(), &position).await;
    assert_eq!((version(&own), own.header("x-read-from")), (1, "replica"));

    sql(&replica, "SELECT pg_wal_replay_resume()").await;
    until("the replica serves the position", || async {
        let own = http.get_from(&author.path(), &position).await;
        assert_eq!(version(&own), 2);
        (own.header("x-read-from") == "replica").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_read_is_at_least_the_write_before_it() {
    let primary = Postgres::start(&[]).await;
    let replicas = [primary.standby(&[]).await, primary.standby(&[]).await];
    let all = [&replicas[0], &replicas[1], &primary];
    let one = start(&[&primary], &all[..2], &[]).await;
    // This one is told of the primary among the replicas too.
    let two = App::start(&[&primary], &[("REPLICA_HOSTS", &hosts(&all))]).await;
    let clients = (0..4).map(|_| async {
        let tasks = [one.http(), two.http()];
        let author = tasks[0].author().await;
        for number in 1..=50 {
            let position = wrote(&tasks[0], &author, number).await;
            let read = tasks[1].get_from(&author.path(), &position).await;
            assert_eq!(version(&read), number);
        }
    });
    futures::future::join_all(clients).await;
    assert!(two.metric("shop_reads_total{served_by=\"replica\"}").await > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_never_goes_back_in_time_between_replicas() {
    let primary = Postgres::start(&[]).await;
    let (quick, slow) = (primary.standby(&[]).await, primary.standby(&[]).await);
    let app = start(&[&primary], &[&quick, &slow], &[PATIENT]).await;
    let http = app.http();
    let author = http.author().await;
    wrote(&http, &author, 1).await;
    for _ in 0..4 {
        replayed(&http, &author, 1).await;
    }
    sql(&slow, "SELECT pg_wal_replay_pause()").await;
    wrote(&http, &author, 2).await;
    // A stranger is sent to either replica and may see both versions in any order.
    until("a stranger sees either version", || async {
        let (a, b) = (http.get(&author.path()).await, http.get(&author.path()).await);
        (version(&a) != version(&b)).then_some(())
    })
    .await;
    // Who keeps the position that came with an answer does not.
    let mut position = String::new();
    let mut newest = 0;
    for _ in 0..50 {
        let read = http.get_from(&author.path(), &position).await;
        assert!(version(&read) >= newest, "back from {newest}: {read:?}");
        newest = version(&read);
        position = read.header("x-position").to_owned();
        if newest == 1 {
            position.clear();
        }
    }
    assert_eq!(newest, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_replica_is_left_out_and_an_idle_primary_makes_none_late() {
    let primary = Postgres::start(&[]).await;
    let replica = primary.standby(&[]).await;
    let app = start(&[&primary], &[&replica], &[("REPLICA_MAX_LAG_MS", "300")]).await;
    let http = app.http();
    let author = http.author().await;
    wrote(&http, &author, 1).await;
    replayed(&http, &author, 1).await;
    let late = "SELECT now() - pg_last_xact_replay_timestamp() > interval '1 s'";
    until("the last commit is a second old", || async {
        let row = replica.admin("shop").await.query_one(late, &[]).await.expect("a row");
        row.get::<_, bool>(0).then_some(())
    })
    .await;
    assert_eq!(http.get(&author.path()).await.header("x-read-from"), "replica");

    sql(&replica, "SELECT pg_wal_replay_pause()").await;
    wrote(&http, &author, 2).await;
    until("the late replica is left out", || async {
        let read = http.get(&author.path()).await;
        (read.header("x-read-from") == "primary" && version(&read) == 2).then_some(())
    })
    .await;
    sql(&replica, "SELECT pg_wal_replay_resume()").await;
    replayed(&http, &author, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_replica_is_not_noticed_and_a_dead_primary_only_by_those_ahead() {
    let mut primary = Postgres::start(&[]).await;
    let mut first = primary.standby(&[]).await;
    let second = primary.standby(&[]).await;
    let env = [PATIENT, ("RETRY_BUDGET_MS", "1000")];
    let app = start(&[&primary], &[&first, &second], &env).await;
    let http = app.http();
    let author = http.author().await;
    let seen = wrote(&http, &author, 1).await;
    for _ in 0..4 {
        replayed(&http, &author, 1).await;
    }
    first.kill();
    for _ in 0..20 {
        assert_eq!(version(&http.get_from(&author.path(), &seen).await), 1);
    }
    sql(&second, "SELECT pg_wal_replay_pause()").await;
    let ahead = wrote(&http, &author, 2).await;
    primary.kill();
    for _ in 0..20 {
        let read = http.get_from(&author.path(), &seen).await;
        assert_eq!((version(&read), read.header("x-read-from")), (1, "replica"));
    }
    let read = http.get_from(&author.path(), &ahead).await;
    assert_eq!((read.status, read.effect.as_deref()), (503, Some("none")), "{read:?}");
    // "There is none" is not believed of a replica either.
    assert_eq!(http.get("/users/1/profile").await.status, 503);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_a_replica_on_the_old_timeline_serves_no_new_position() {
    let mut old = Postgres::start(&[]).await;
    let new = old.standby(&[]).await;
    let stuck = old.standby(&[]).await;
    let all = [&old, &new, &stuck];
    let app = start(&all[..2], &all[1..], &[PATIENT]).await;
    let http = app.http();
    let author = http.author().await;
    wrote(&http, &author, 1).await;
    for _ in 0..4 {
        replayed(&http, &author, 1).await;
    }
    // One replica has more of the old log than the one that is promoted.
    sql(&new, "SELECT pg_wal_replay_pause()").await;
    sql(&old, "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000000))").await;
    let end = "SELECT pg_current_wal_flush_lsn()::text";
    let end: String = old.admin("shop").await.query_one(end, &[]).await.expect("a row").get(0);
    until("the replica has it", || async {
        let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn");
        let row = stuck.admin("shop").await.query_one(&sql, &[]).await.expect("a row");
        row.get::<_, bool>(0).then_some(())
    })
    .await;
    old.kill();
    sql(&new, "SELECT pg_wal_replay_resume()").await;
    sql(&new, "SELECT pg_promote()").await;
    for number in 2..30 {
        let position = wrote(&http, &author, number).await;
        let read = http.get_from(&author.path(), &position).await;
        assert_eq!((version(&read), read.header("x-read-from")), (number, "primary"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_split_the_primary_serves_all_reads() {
    let primary = Postgres::start(&[]).await;
    let replica = primary.standby(&[]).await;
    let app = start(&[&primary], &[&replica], &[("READ_SPLIT", "off")]).await;
    for _ in 0..10 {
        let read = app.http().get("/products/1").await;
        assert_eq!((read.status, read.header("x-read-from")), (200, "primary"));
    }
    let plain = App::start(&[&primary], &[]).await;
    let read = plain.http().get("/products/1").await;
    assert_eq!((read.header("x-read-from"), read.header("x-position")), ("", ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_of_a_profile_only_grow() {
    let primary = Postgres::start(&[]).await;
    let app = App::start(&[&primary], &[]).await;
    let http = app.http();
    let (ann, bob) = (http.author().await, http.author().await);
    assert_eq!(http.get(&ann.path()).await.status, 404);
    for (number, status) in [(1, 200), (3, 200), (3, 200), (2, 409), (0, 400)] {
        assert_eq!(http.write_profile(&ann, number).await.status, status, "version {number}");
    }
    let read = http.get(&ann.path()).await;
    assert_eq!((version(&read), read.json()["about"].as_str()), (3, Some("version 3")));
    let forged = Author { token: bob.token, user_id: ann.user_id.clone() };
    assert_eq!(http.write_profile(&forged, 4).await.status, 403);
    let nobody = Author { token: "none".into(), user_id: ann.user_id };
    assert_eq!(http.write_profile(&nobody, 4).await.status, 401);
}
