//! A task whose capacity is declared: what is beyond it is refused, and what does not come from users
//! takes nothing of it.

mod support;

use support::app::App;
use support::postgres::Postgres;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_beyond_the_capacity_is_refused_and_probes_are_answered() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[("CAPACITY_PER_S", "1")]).await;
    let http = app.http();
    // One a second, of which two seconds' worth may come at once and one second's worth waits: of so
    // many at the same time a machine would have to be 9 s late to serve all.
    let asked = (0..12).map(|_| http.get("/products/1"));
    let answers = futures::future::join_all(asked).await;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(served >= 1 && !refused.is_empty() && served + refused.len() == 12, "{answers:?}");
    assert!(refused[0].text.contains("more requests than this task can serve"), "{refused:?}");
    assert_eq!(app.metric("shop_capacity_refused_total").await, refused.len() as f64);

    for path in ["/healthz", "/audit/effects?kind=mail&prefix=x"] {
        let asked = (0..12).map(|_| http.get(path));
        let answers = futures::future::join_all(asked).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{path}: {answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_one_everything_is_served() {
    let db = Postgres::start(&[]).await;
    let app = App::start(&[&db], &[]).await;
    let http = app.http();
    let answers = futures::future::join_all((0..12).map(|_| http.get("/products/1"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
}
