//! The view over HTTP.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;

use super::super::health::{Fleet, State};
use super::super::view::{View, serve};
use super::config;
use crate::load::testing::{Behaviour, Server, get, refusing};

#[test]
fn the_view_says_who_is_used_and_why() {
    let config = config(&[1, 2, 3]);
    let mut fleet = Fleet::new(&config);
    fleet.observe(0, Ok(()));
    fleet.observe(1, Err("status 503".into()));
    fleet.observe(1, Err("refused".into()));
    let view = View::of(&config, &fleet);
    assert!(view.checked && !view.failing_open);
    let told: Vec<_> = view
        .targets
        .iter()
        .map(|t| (t.name.as_str(), t.state, t.in_service, t.last_probe.as_deref(), t.streak))
        .collect();
    assert_eq!(
        told,
        [
            ("web-1", State::Healthy, true, Some("ok"), 1),
            ("web-2", State::Unhealthy, false, Some("refused"), 2),
            ("web-3", State::Initial, false, None, 0),
        ]
    );
}

#[tokio::test]
async fn the_latest_view_is_served() {
    let nginx = Server::start(|_| Behaviour::Answer(200, "", "Active connections: 1".into())).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = config(&[1]);
    let mut fleet = Fleet::new(&config);
    let (publish, latest) = watch::channel(View::of(&config, &fleet));
    let server = tokio::spawn(serve(listener, latest, nginx.address.port()));

    for passed in [None, Some(Ok(())), Some(Err("refused".to_owned()))] {
        if let Some(result) = passed {
            fleet.observe(0, result);
        }
        let expected = View::of(&config, &fleet);
        publish.send_replace(expected.clone());
        let (status, body) = get(address, "/targets").await;
        assert_eq!((status, serde_json::from_str::<View>(&body).unwrap()), (200, expected));
    }
    assert_eq!(get(address, "/healthz").await.0, 200);
    assert_eq!(get(address, "/other").await.0, 404);
    server.abort();
}

#[tokio::test]
async fn without_nginx_the_balancer_is_not_healthy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = config(&[1]);
    let (_publish, latest) = watch::channel(View::of(&config, &Fleet::new(&config)));
    let server = tokio::spawn(serve(listener, latest, refusing().await.port()));
    let began = Instant::now();
    assert_eq!(get(address, "/healthz").await.0, 503);
    assert!(began.elapsed() < Duration::from_secs(5));
    server.abort();
}
