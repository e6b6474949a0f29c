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
use crate::journal::Op;
use crate::load::testing::{Behaviour, Server, get, good, refusing};

struct Balancing {
    site: SocketAddr,
    status: SocketAddr,
    dir: tempfile::TempDir,
    end: oneshot::Sender<()>,
    task: JoinHandle<Result<(), BalancerError>>,
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn start(targets: &[SocketAddr], change: impl FnOnce(&mut BalancerConfig)) -> Balancing {
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

    async fn until_healthy(&self) {
        let limit = Instant::now() + Duration::from_secs(10);
        while !self.view().await.targets.iter().all(|t| t.state == State::Healthy) {
            assert!(Instant::now() < limit, "not all targets are healthy");
        }
    }

    async fn end(self) -> Result<(), BalancerError> {
        self.end.send(()).unwrap();
        self.task.await.unwrap()
    }
}

fn ok(body: &'static str) -> impl Fn(&crate::load::testing::Request) -> Behaviour {
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
    use crate::load::{LoadConfig, Plan, start as start_load, to_channel};
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
        read_percent: 50,
        profile_percent: 0,
        duration: None,
        ramp: Duration::ZERO,
        key_prefix: "run".into(),
    };
    let load = LoadConfig {
        plan,
        targets: vec![balancing.site],
        timeout: Duration::from_secs(6),
        users: 4,
        max_in_flight: None,
    };
    let (sender, mut ops) = tokio::sync::mpsc::unbounded_channel();
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
    while let Some(op) = ops.recv().await {
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
