//! The balancer with a real nginx. Where there is one (in the image `lb`, for instance):
//! `TEST-BINARY balancer::tests::real_nginx --ignored`

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::health::State;
use super::super::view::View;
use super::super::{BalancerConfig, BalancerError, run_until};
use super::config;
use crate::journal::{Event, Op};
use crate::load::testing::{Behaviour, Server, get, good, refusing};

pub(super) struct Balancing {
    pub site: SocketAddr,
    pub status: SocketAddr,
    dir: tempfile::TempDir,
    end: oneshot::Sender<()>,
    task: JoinHandle<Result<(), BalancerError>>,
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

pub(super) async fn start(
    targets: &[SocketAddr],
    change: impl FnOnce(&mut BalancerConfig),
) -> Balancing {
    let numbers: Vec<u8> = (1..).take(targets.len()).collect();
    let mut config = config(&numbers);
    for (target, address) in config.targets.iter_mut().zip(targets) {
        target.address = *address;
    }
    let dir = tempfile::tempdir().unwrap();
    config.nginx_conf_dir = dir.path().into();
    (config.listen, config.status_port, config.nginx_status_port) =
        (free_port().await, free_port().await, free_port().await);
    config.health_check.interval_ms = 50;
    config.health_check.timeout_ms = 200;
    change(&mut config);
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let (site, status) = (local(config.listen), local(config.status_port));
    let (end, ended) = oneshot::channel();
    let task = tokio::spawn(async move { run_until(&config, async { drop(ended.await) }).await });
    let balancing = Balancing { site, status, dir, end, task };
    let limit = Instant::now() + Duration::from_secs(10);
    while tokio::net::TcpStream::connect(status).await.is_err() {
        assert!(Instant::now() < limit, "the view is not served");
    }
    // Answered only once nginx is ready.
    assert_eq!(get(status, "/healthz").await.0, 200);
    balancing
}

impl Balancing {
    fn upstreams(&self) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join("upstreams.conf")).ok()
    }

    fn uses(&self, server: SocketAddr) -> bool {
        self.upstreams().is_some_and(|text| text.contains(&server.to_string()))
    }

    async fn view(&self) -> View {
        serde_json::from_str(&get(self.status, "/targets").await.1).unwrap()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + Duration::from_secs(10);
        while !is_so(self) {
            assert!(Instant::now() < limit, "{what}: not within 10 s");
            assert!(!self.task.is_finished(), "{what}: the balancer ended");
            // Also a pause, in which the others have the processor.
            self.view().await;
        }
    }

    pub async fn until_healthy(&self) {
        let limit = Instant::now() + Duration::from_secs(10);
        while !self.view().await.targets.iter().all(|t| t.state == State::Healthy) {
            assert!(Instant::now() < limit, "not all targets are healthy");
        }
    }

    pub async fn end(self) -> Result<(), BalancerError> {
        self.end.send(()).unwrap();
        self.task.await.unwrap()
    }
}

pub(super) fn ok(body: &'static str) -> impl Fn(&crate::load::testing::Request) -> Behaviour {
    move |_| Behaviour::Answer(200, "", body.into())
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_dead_target_costs_no_request_and_is_taken_out() {
    let (a, b) = (Server::start(ok("a")).await, Server::start(ok("b")).await);
    let balancing = start(&[a.address, b.address], |_| ()).await;
    let dead = a.address;
    balancing.until_healthy().await;
    for n in 0..400 {
        if n == 100 {
            a.stop();
        }
        assert_eq!(get(balancing.site, "/").await.0, 200, "request {n}");
    }
    balancing.until("the dead one is out", |b| !b.uses(dead)).await;
    assert!(balancing.uses(b.address));
    let view = balancing.view().await;
    assert!(!view.failing_open && !view.targets[0].in_service && view.targets[1].in_service);
    assert_eq!(get(balancing.status, "/healthz").await.0, 200);
    balancing.end().await.unwrap();
}

/// A reload closes idle connections of clients, and a request that crosses such a close is lost.
/// nginx 1.26 has no directive against that; anything beyond it would be our fault.
#[tokio::test]
#[ignore = "needs nginx"]
async fn a_change_of_targets_costs_at_most_a_request_that_crosses_the_reload() {
    const CHANGES: usize = 5;
    use crate::load::{LoadConfig, start as start_load, to_channel};
    use crate::spec::workload::Plan;
    let well = Arc::new(AtomicBool::new(true));
    let is_well = Arc::clone(&well);
    let a = Server::start(move |request| match request.line.as_str() {
        "GET /healthz" if !is_well.load(Ordering::Relaxed) => {
            Behaviour::Answer(503, "", "no".into())
        }
        _ => good(request),
    })
    .await;
    let b = Server::start(good).await;
    let balancing = start(&[a.address, b.address], |_| ()).await;
    balancing.until_healthy().await;
    let plan = Plan {
        seed: 1,
        rate_per_s: 300,
        workload: crate::load::testing::shop_with(50, 4),
        duration: None,
        ramp: Duration::ZERO,
        key_prefix: "run".into(),
    };
    let load = LoadConfig {
        plan,
        site: (&[balancing.site][..]).into(),
        name: None,
        timeout: Duration::from_secs(6),
        max_in_flight: None,
    };
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let load = start_load(load, to_channel(sender)).unwrap();
    let address = a.address;
    for _ in 0..CHANGES {
        well.store(false, Ordering::Relaxed);
        balancing.until("it is out", |b| !b.uses(address)).await;
        well.store(true, Ordering::Relaxed);
        balancing.until("it is back", |b| b.uses(address)).await;
    }
    let summary = load.stop().await.unwrap();
    let mut failed = Vec::new();
    while let Some(event) = events.recv().await {
        let Event::Op(op) = event else { continue };
        failed.extend((op.detail != "200").then_some(op));
    }
    let crossed = |op: &Op| op.detail.contains("closed before") || op.detail.contains("reset");
    assert!(failed.iter().all(crossed), "{failed:?}");
    assert!(failed.len() <= 2 * CHANGES, "{} sent, but {failed:?}", summary.sent);
    assert!(summary.sent > 100, "{} sent", summary.sent);
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn when_all_fail_all_are_used_and_users_get_json() {
    let (one, two) = (refusing().await, refusing().await);
    let balancing = start(&[one, two], |_| ()).await;
    let (status, body) = get(balancing.site, "/").await;
    assert_eq!(status, 502);
    assert!(body.starts_with(r#"{"error":"#), "{body}");
    assert!(balancing.uses(one) && balancing.uses(two));
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_write_that_was_sent_reaches_one_target_only() {
    use crate::load::testing::post;
    let script = |r: &crate::load::testing::Request| match r.line.as_str() {
        "GET /healthz" => Behaviour::Answer(200, "", "ok".into()),
        _ => Behaviour::Reset,
    };
    let (a, b) = (Server::start(script).await, Server::start(script).await);
    let balancing = start(&[a.address, b.address], |_| ()).await;
    assert_eq!(post(balancing.site, "/sessions").await, 502);
    let posts = |s: &Server| s.seen().iter().filter(|r| r.line.starts_with("POST")).count();
    assert_eq!(posts(&a) + posts(&b), 1);
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_write_that_two_dead_targets_did_not_take_reaches_a_third() {
    use crate::load::testing::post;
    let c = Server::start(ok("c")).await;
    let targets = [refusing().await, refusing().await, c.address];
    let balancing = start(&targets, |c| c.health_check.interval_ms = 0).await;
    assert_eq!(post(balancing.site, "/sessions").await, 200);
    assert_eq!(c.seen().iter().filter(|r| r.line.starts_with("POST")).count(), 1);
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn without_checks_a_dead_target_stays() {
    let a = Server::start(ok("a")).await;
    let dead = refusing().await;
    let balancing = start(&[a.address, dead], |c| c.health_check.interval_ms = 0).await;
    for _ in 0..50 {
        get(balancing.site, "/").await;
    }
    assert!(balancing.uses(dead));
    assert!(!balancing.view().await.checked);
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn the_balancer_ends_with_nginx() {
    let a = Server::start(ok("a")).await;
    let balancing = start(&[a.address], |_| ()).await;
    let pid = std::fs::read_to_string(balancing.dir.path().join("nginx.pid")).unwrap();
    assert!(Path::new("/proc").join(pid.trim()).exists());
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    // Not with KILL: its workers would outlive the test.
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ended = balancing.task.await.unwrap();
    assert!(matches!(ended, Err(BalancerError::NginxDied(_))), "{ended:?}");
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn shares_are_kept_across_a_restart_and_answers_are_counted_by_target() {
    use super::super::Weights;
    use super::super::client::BalancerClient;
    let (a, b) = (Server::start(ok("a")).await, Server::start(good).await);
    let balancing = start(&[a.address, b.address], |_| ()).await;
    balancing.until_healthy().await;
    let SocketAddr::V4(status) = balancing.status else { panic!() };
    let client = BalancerClient::new(status);
    let shares: Weights = [("web-1".to_owned(), 3), ("web-2".to_owned(), 1)].into();
    client.weigh(&shares).await.unwrap();
    balancing.until("nginx has them", |b| b.upstreams().unwrap().contains("weight=3")).await;
    // Until the old worker ends, it shares them out as before.
    let limit = Instant::now() + Duration::from_secs(10);
    let mut counted = [0, 0];
    loop {
        let before = counted;
        for _ in 0..80 {
            assert_eq!(get(balancing.site, "/").await.0, 200);
        }
        while counted[0] + counted[1] < before[0] + before[1] + 80 {
            let numbers = client.numbers().await.unwrap();
            counted = ["web-1", "web-2"].map(|name| numbers.get(name).map_or(0, |n| n.requests));
            assert!(Instant::now() < limit, "not all are counted: {numbers:?}");
        }
        let first = counted[0] - before[0];
        if (57..=63).contains(&first) {
            break;
        }
        assert!(Instant::now() < limit, "{first} of 80 at a share of three quarters");
    }
    let nobody: Weights = [("web-1".to_owned(), 0)].into();
    client.weigh(&nobody).await.unwrap();
    balancing.until("it has nothing", |balancing| !balancing.uses(a.address)).await;
    assert!(client.weigh(&[("web-9".to_owned(), 1)].into()).await.is_err());
    let kept = std::fs::read_to_string(balancing.dir.path().join("weights.json")).unwrap();
    assert_eq!(kept, r#"{"web-1":0}"#);
    balancing.end().await.unwrap();
}

#[tokio::test]
#[ignore = "needs nginx"]
async fn a_recorded_request_is_told_under_the_trace_that_it_is_passed_on_with() {
    let collector = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let std::net::SocketAddr::V4(at) = collector.local_addr().unwrap() else { panic!() };
    let a = Server::start(ok("a")).await;
    let balancing = start(&[a.address], |config| {
        config.span_log = Some(crate::balancer::SpanLog {
            collector: at,
            sample_percent: 100.0,
            service: "lb".into(),
            node: "lb-a1".into(),
            peers: [("targets".to_owned(), "web".to_owned())].into(),
        });
    })
    .await;
    // Checks are not told, nor is what the balancer asks nginx itself.
    assert_eq!(get(balancing.site, "/healthz").await.0, 200);
    assert_eq!(get(balancing.site, "/products").await.0, 200);
    let mut told = [0; 4096];
    let waiting = tokio::time::timeout(Duration::from_secs(10), collector.recv(&mut told));
    let length = waiting.await.expect("a datagram").unwrap();
    let text = String::from_utf8_lossy(&told[..length]).into_owned();
    let line: serde_json::Value =
        serde_json::from_str(&text[text.find('{').expect("an object")..]).unwrap();
    let part = |name: &str| line[name].as_str().unwrap().to_owned();
    assert_eq!(
        (part("path"), part("peer"), part("status")),
        ("/products".into(), "web".into(), "200".into())
    );
    let passed_on = format!("traceparent: 00-{}-{}-01", part("trace"), part("call"));
    let seen = a.seen();
    let request = seen.iter().find(|r| r.line == "GET /products").expect("the request");
    assert!(request.head.contains(&passed_on), "no {passed_on} in {}", request.head);
    balancing.end().await.unwrap();
}
