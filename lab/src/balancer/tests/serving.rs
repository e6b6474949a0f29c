//! The view over HTTP.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::super::Weights;
use super::super::client::BalancerClient;
use super::super::health::{Fleet, State};
use super::super::numbers::Shared;
use super::super::view::{Interface, View, serve};
use super::super::weights::Order;
use super::config;
use crate::load::testing::{Behaviour, Server, get, refusing};

fn interface(
    view: watch::Receiver<View>,
    nginx_status_port: u16,
) -> (Interface, mpsc::Receiver<Order>) {
    let (orders, ordered) = mpsc::channel(1);
    let numbers = Shared::default();
    (Interface { view, numbers, throttled: None, orders, nginx_status_port }, ordered)
}

#[test]
fn the_view_says_who_is_used_and_why() {
    let config = config(&[1, 2, 3]);
    let mut fleet = Fleet::new(&config);
    fleet.observe(0, Ok(()));
    fleet.observe(1, Err("status 503".into()));
    fleet.observe(1, Err("refused".into()));
    let view = View::of(&config, &fleet, &Weights::new());
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
    let (publish, latest) = watch::channel(View::of(&config, &fleet, &Weights::new()));
    let server = tokio::spawn(serve(listener, interface(latest, nginx.address.port()).0));

    for passed in [None, Some(Ok(())), Some(Err("refused".to_owned()))] {
        if let Some(result) = passed {
            fleet.observe(0, result);
        }
        let expected = View::of(&config, &fleet, &Weights::new());
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
    let (_publish, latest) =
        watch::channel(View::of(&config, &Fleet::new(&config), &Weights::new()));
    let server = tokio::spawn(serve(listener, interface(latest, refusing().await.port()).0));
    let began = Instant::now();
    assert_eq!(get(address, "/healthz").await.0, 503);
    assert!(began.elapsed() < Duration::from_secs(5));
    server.abort();
}

#[tokio::test]
async fn shares_are_ordered_and_numbers_read_over_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!() };
    let config = config(&[1]);
    let (_publish, latest) =
        watch::channel(View::of(&config, &Fleet::new(&config), &Weights::new()));
    let (interface, mut ordered) = interface(latest, 1);
    interface.numbers.count(&config.targets, "10.0.0.1:8080|500|0.004");
    let server = tokio::spawn(serve(listener, interface));
    let client = BalancerClient::new(address);
    let taken = tokio::spawn(async move {
        let mut seen = Vec::new();
        for answer in [Ok(()), Err("there is no target".to_owned())] {
            let order = ordered.recv().await.unwrap();
            seen.push(order.weights);
            order.done.send(answer).unwrap();
        }
        seen
    });
    let weights: Weights = [("web-1".to_owned(), 9)].into();
    assert_eq!(client.weigh(&weights).await, Ok(()));
    let refused = client.weigh(&Weights::new()).await.unwrap_err();
    assert!(refused.contains("400") && refused.contains("there is no target"), "{refused}");
    assert_eq!(taken.await.unwrap(), [weights, Weights::new()]);
    assert_eq!(client.numbers().await.unwrap()["web-1"].errors, 1);
    assert_eq!(client.view().await.unwrap().targets[0].weight, 1);
    server.abort();
}
