//! The front door with a real nginx. Where there is one (in the image `nginx`, for instance):
//! `TEST-BINARY balancer::front_door::tests --ignored`

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{FrontDoorConfig, RuleConfig, View, run_until};
use crate::load::testing::get;
use crate::spec::model::RuleAction;

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Every second request is marked by nginx, and each mark is counted once.
#[tokio::test]
#[ignore = "needs nginx"]
async fn what_nginx_sends_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().display().to_string();
    let [site, status_port, counter_port, nginx_status_port] =
        [free_port().await, free_port().await, free_port().await, free_port().await];
    let conf = format!(
        "daemon off; pid {folder}/pid; events {{}} http {{ access_log off;
        client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
        uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
        map $uri $matched {{ /bad \"bad \"; default \"\"; }}
        log_format door '$remote_addr $matched';
        server {{ listen 127.0.0.1:{site};
            access_log syslog:server=127.0.0.1:{counter_port},nohostname,tag=front_door door if=$matched;
            location / {{ return 204; }} location /bad {{ return 403; }} }}
        server {{ listen 127.0.0.1:{nginx_status_port}; location / {{ stub_status; }} }} }}"
    );
    std::fs::write(dir.path().join("conf"), conf).unwrap();
    let config = FrontDoorConfig {
        nginx_conf: dir.path().join("conf"),
        folder: dir.path().into(),
        nginx: "nginx".into(),
        status_port,
        counter_port,
        nginx_status_port,
        rules: vec![RuleConfig { name: "bad".into(), action: RuleAction::Block }],
    };
    let (end, ended) = oneshot::channel::<()>();
    let running =
        tokio::spawn(async move { run_until(&config, async { drop(ended.await) }).await });
    let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let limit = Instant::now() + Duration::from_secs(10);
    while tokio::net::TcpStream::connect(local(site)).await.is_err() {
        assert!(Instant::now() < limit, "nginx does not listen");
    }
    for _ in 0..20 {
        assert_eq!(get(local(site), "/good").await.0, 204);
        assert_eq!(get(local(site), "/bad").await.0, 403);
    }
    loop {
        let (status, body) = get(local(status_port), "/front-door").await;
        assert_eq!(status, 200);
        let view: View = serde_json::from_str(&body).unwrap();
        if view.rules[0].matched == 20 {
            assert_eq!((view.refused, view.clients[0].1), (20, 20));
            assert!(view.requests >= 40, "{view:?}");
            break;
        }
        assert!(Instant::now() < limit, "{view:?}");
    }
    end.send(()).unwrap();
    running.await.unwrap().unwrap();
}
