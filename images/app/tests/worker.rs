//! What a worker's habits are worth: when it dies, when the mail service is out, when it ends.

mod support;

use std::cell::RefCell;

use support::app::App;
use support::aws::Emulator;
use support::queues::Site;
use support::{signal, until};

/// Waits until a process that is to end has ended; whether it did so in an orderly way.
async fn end_of(app: App) -> bool {
    let app = RefCell::new(app);
    let ended = || app.borrow_mut().child().try_wait().expect("a child");
    until("the process ends", || async { ended() }).await.success()
}

/// An order whose first worker dies between effect and acknowledgement; how many mails it has.
async fn mails_after_a_death_in_between(dedupe: &str) -> Vec<(String, u64)> {
    let site = Site::start().await;
    let web = site.web(&[]).await;
    let http = web.http();
    let dedupe = ("WORKER_DEDUPE", dedupe);
    let dying = site.worker(&[dedupe, ("WORKER_CRASH_BETWEEN", "on")]).await;
    assert_eq!(http.order(&http.guest().await, "h-1", 1, 1).await.status, 201);
    assert!(!end_of(dying).await);
    assert_eq!(http.mails("h-").await, [("h-1".into(), 1)]);
    let next = site.worker(&[dedupe]).await;
    next.until_metric("shop_worker_acknowledged_total", 1.0).await;
    site.settled(&http, "order-events").await;
    http.mails("h-").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_comes_again_has_no_second_effect() {
    assert_eq!(mails_after_a_death_in_between("on").await, [("h-1".into(), 1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_deduplication_it_has_one() {
    assert_eq!(mails_after_a_death_in_between("off").await, [("h-1".into(), 2)]);
}

/// An order whose first worker dies while it sends the mail; how many mails it has when a second
/// worker has taken all messages that are left.
async fn mails_after_a_death_before_the_effect(ack: &str) -> u64 {
    let (site, service) = (Site::start().await, Emulator::start().await);
    let endpoint = format!("http://127.0.0.1:{}", service.port);
    let mail = [("MAIL", "ses"), ("AWS_ENDPOINT_URL_SES", &*endpoint), ("WORKER_ACK", ack)];
    let web = site.web(&[]).await;
    let http = web.http();
    service.freeze();
    let mut dying = site.worker(&[&mail[..], &[("MAIL_TIMEOUT_MS", "60000")]].concat()).await;
    assert_eq!(http.order(&http.guest().await, "b-1", 1, 1).await.status, 201);
    until("the mail is intended", || async {
        (http.mails("b-").await == [("b-1".into(), 0)]).then_some(())
    })
    .await;
    dying.child().kill().expect("a process to kill");
    dying.child().wait().expect("a dead process");
    // As if the time of the dead worker were over.
    let lapse = "UPDATE mails SET sending_until = now()";
    site.db.admin("shop").await.batch_execute(lapse).await.expect("an update");
    service.thaw();
    let _next = site.worker(&mail).await;
    site.settled(&http, "order-events").await;
    let again: Vec<(String, u64)> =
        if ack == "after" { vec![("b-1".into(), 1)] } else { Vec::new() };
    assert_eq!(http.later("mail-repeat", "b-").await, again);
    http.mails("b-").await[0].1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_acknowledged_after_its_effect_is_never_lost() {
    assert_eq!(mails_after_a_death_before_the_effect("after").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_acknowledged_before_its_effect_is_lost_with_its_worker() {
    assert_eq!(mails_after_a_death_before_the_effect("before").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_mail_service_makes_no_dead_letters() {
    let (site, service) = (Site::start().await, Emulator::start().await);
    let endpoint = format!("http://127.0.0.1:{}", service.port);
    let few = ("QUEUE_MAX_RECEIVES", "2");
    let mail =
        [("MAIL", "ses"), ("AWS_ENDPOINT_URL_SES", &*endpoint), ("MAIL_TIMEOUT_MS", "200"), few];
    let web = site.web(&[few]).await;
    let worker = site.worker(&mail).await;
    let http = web.http();
    let token = http.guest().await;
    assert_eq!(http.order(&token, "s-1", 1, 1).await.status, 201);
    until("the mail is sent", || async {
        (service.subjects(&http).await == ["Your order s-1"]).then_some(())
    })
    .await;

    service.freeze();
    assert_eq!(http.order(&token, "s-2", 1, 1).await.status, 201);
    // Many times as long as a message that nobody holds would take to become a dead letter.
    until("the mail was tried again and again", || async {
        (worker.metric("shop_worker_tries_failed_total").await >= 12.0).then_some(())
    })
    .await;
    assert_eq!(worker.metric("shop_worker_received_total").await, 2.0, "it stays in hand");
    service.thaw();
    site.settled(&http, "order-events").await;
    assert_eq!(http.mails("s-").await, [("s-1".into(), 1), ("s-2".into(), 1)]);
    assert_eq!(http.later("mail-repeat", "s-").await, [], "one message, however often it is tried");
    assert_eq!(web.metric("shop_queue_dead_lettered").await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_signal_to_end_is_followed_after_the_mail_in_hand() {
    let (site, service) = (Site::start().await, Emulator::start().await);
    let endpoint = format!("http://127.0.0.1:{}", service.port);
    let web = site.web(&[]).await;
    let mut worker = site
        .worker(&[
            ("MAIL", "ses"),
            ("AWS_ENDPOINT_URL_SES", &*endpoint),
            ("MAIL_TIMEOUT_MS", "60000"),
            ("QUEUE_VISIBILITY_S", "30"),
        ])
        .await;
    let http = web.http();
    service.freeze();
    assert_eq!(http.order(&http.guest().await, "e-1", 1, 1).await.status, 201);
    until("the mail is intended", || async {
        (http.mails("e-").await == [("e-1".into(), 0)]).then_some(())
    })
    .await;
    signal(worker.child().id(), "TERM");
    let port = worker.port;
    until("the worker takes no more requests", || async {
        tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err().then_some(())
    })
    .await;
    service.thaw();
    assert!(end_of(worker).await, "an orderly end");
    assert_eq!(http.mails("e-").await, [("e-1".into(), 1)]);
    assert_eq!(service.subjects(&http).await, ["Your order e-1"]);
    site.settled(&http, "order-events").await;
}
